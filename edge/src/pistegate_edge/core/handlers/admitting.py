# SPDX-License-Identifier: Apache-2.0
"""An admission on its way: durable, then on the card, then an open lane."""

from typing import TYPE_CHECKING

from pistegate_edge.core import inputs as i
from pistegate_edge.core.actions import (
    Action,
    Decided,
    IncidentCode,
    Lamp,
    Log,
    OpenLane,
    RecordOutcome,
    Show,
)
from pistegate_edge.core.handlers import cards
from pistegate_edge.core.now import Now
from pistegate_edge.core.state import WRITE_DEADLINE_S, State
from pistegate_edge.core.telling import incident, refuse
from pistegate_protocol.events import OutcomeKind
from pistegate_protocol.reasons import Reason
from pistegate_protocol.signing import Medium

if TYPE_CHECKING:
    from pistegate_edge.core.passage import Passage


def recorded(p: "Passage", told: i.AdmissionRecorded, now: Now) -> list[Action]:
    """The admission is durable: the card is told."""
    current = p.admitted()
    current.epoch, current.seq, current.name = told.epoch, told.seq, told.name
    if current.held is None:
        return [*opened(p), *([Decided(current.reserved)] if current.reserved else [])]
    p.go(State.WRITING, now.mono + WRITE_DEADLINE_S)
    return [current.write()]


def not_recorded(p: "Passage", told: i.AdmissionFailed, now: Now) -> list[Action]:
    """No room for the admission: nobody is admitted."""
    current = p.admitted()
    p.current = None
    p.go(State.IDLE)
    over: list[Action] = [Decided(current.reserved)] if current.reserved else []
    return over + refuse(current.held, Medium.from_bytes(current.event.medium), Reason.OUT_OF_SERVICE, now, told.detail)


def opened(p: "Passage") -> list[Action]:
    """Durable, and on the card where there is one: the lane opens, once."""
    current = p.admitted()
    p.go(State.OPEN)
    p.fingers.spend(current.event.ticket)
    line = f"admitted ticket {current.event.ticket} n={current.event.n} seq={current.seq}"
    return [OpenLane(current.event.n), current.shown, Log(line)]


def written(p: "Passage", told: i.CardWritten, now: Now) -> list[Action]:
    """How the card took it; only a confirmed card opens the lane."""
    current = p.admitted()
    if told.token != current.held:
        return cards.stale(p, told, now)
    p.presentations.seen(current.event.medium[1:], now.mono)
    if told.result is i.WriteResult.OK:
        current.proof = told.proof
        return opened(p)
    kind = OutcomeKind.CARD_VOID if told.result is i.WriteResult.VOID else OutcomeKind.CARD_UNCONFIRMED
    return [*unopened(p, kind, now), Log(f"card session {told.token}: {told.result} {told.detail}")]


def unopened(p: "Passage", kind: OutcomeKind, now: Now) -> list[Action]:
    """The card was not confirmed: the lane stays shut."""
    current = p.admitted()
    p.current = None
    p.go(State.IDLE)
    event = current.outcome(kind, 0, now)
    again = Show(Lamp.REFUSE, "prompt.again")
    if kind is OutcomeKind.CARD_VOID:
        return [again, RecordOutcome(event)]
    p.unsettled.add(current.unsettled())
    owed = p.owe(current.name, current.event.n, current.party, now)
    return [again, RecordOutcome(event, owed, unsettled=True)]


def writing_tick(p: "Passage", told: i.Tick, now: Now) -> list[Action]:
    """A reader that does not answer is a card that was not confirmed."""
    if p.deadline is None or now.mono < p.deadline:
        return []
    note = incident(now, IncidentCode.READER_SILENT, "no answer while writing a card")
    return [*unopened(p, OutcomeKind.CARD_UNCONFIRMED, now), note]
