# SPDX-License-Identifier: Apache-2.0
"""What comes of cards in the field: which is read, what is in one pocket, what a card that was read may do."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pistegate_edge.core import inputs as i
from pistegate_edge.core import prompts
from pistegate_edge.core.actions import (
    Action,
    IncidentCode,
    Lamp,
    Log,
    Read,
    RecordAdmission,
    RecordSettled,
    Release,
    Show,
)
from pistegate_edge.core.admission import admission
from pistegate_edge.core.handlers import attending, fingers
from pistegate_edge.core.now import Now
from pistegate_edge.core.presentation import Presentation
from pistegate_edge.core.reading import Unusable
from pistegate_edge.core.state import READ_DEADLINE_S, READ_TRIES, State
from pistegate_edge.core.telling import incident, refuse, told_refusal
from pistegate_edge.lane.core import words
from pistegate_protocol.decide import Refuse
from pistegate_protocol.events import Settled
from pistegate_protocol.reasons import Reason
from pistegate_protocol.signing import Medium, MediumKind
from pistegate_protocol.usage import Usage

if TYPE_CHECKING:
    from pistegate_edge.core.passage import Passage


def _card(uid: bytes) -> Medium:
    return Medium(MediumKind.CARD, uid)


def seen(p: "Passage", told: i.CardSeen, now: Now) -> list[Action]:
    """A card while nobody is at the lane."""
    presentation = p.presentations.seen(told.uid, now.mono)
    if presentation.spent or i.Fault.STARTING in p.faults:
        more = p.attended.still_there(told.uid, now.mono)
        return [Release(told.token), *_joined(p, [presentation]), *([more] if more else [])]
    if p.faults:
        presentation.spent = True
        return refuse(told.token, _card(told.uid), Reason.OUT_OF_SERVICE, now, lamp=Lamp.KEEP)
    if told.uid in p.judge.facts.lost and not p.gate.exit:
        presentation.spent = presentation.refused = True
        return refuse(told.token, _card(told.uid), Reason.CARD_LOST, now)
    p.token = told.token
    p.go(State.READING, now.mono + READ_DEADLINE_S)
    return [Read(told.token)]


def busy(p: "Passage", told: i.CardSeen, now: Now) -> list[Action]:
    """A card while somebody is at the lane: it is told to wait, once."""
    presentation = p.presentations.seen(told.uid, now.mono)
    actions: list[Action] = [Release(told.token), *_joined(p, [presentation])]
    if not presentation.spent and not presentation.told_wait:
        presentation.told_wait = True
        actions.append(Show(Lamp.KEEP, "prompt.wait"))
    return actions


def field(p: "Passage", told: i.FieldSeen, now: Now) -> list[Action]:
    """The whole field while nobody is at the lane."""
    actions = field_while_busy(p, told, now)
    for presentation in p.presentations.left_unread():
        presentation.spent = True
        actions += refuse(None, _card(presentation.uid), Reason.UNREADABLE, now)
    return actions + _strangers(p, told, now)


def field_while_busy(p: "Passage", told: i.FieldSeen, now: Now) -> list[Action]:
    """Who is there; a card beside one that was admitted is not used, and its guest is told so."""
    joined = _joined(p, p.presentations.looked(told.cards, now.mono))
    _strangers_seen(p, told, now)
    return joined


def _strangers_seen(p: "Passage", told: i.FieldSeen, now: Now) -> list[Presentation]:
    found = [p.presentations.seen(f"stranger {kind}".encode(), now.mono) for kind in told.strangers]
    for presentation in found:
        presentation.foreign = True
    return found


def _joined(p: "Passage", presentations: Sequence[Presentation]) -> list[Action]:
    """Cards that count with an admitted one: their guest is told once, with the words that help."""
    untold = [one for one in presentations if one.joined and not one.told]
    for presentation in untold:
        presentation.told = True
    if not untold:
        return []
    return [Show(Lamp.KEEP, "prompt.two_cards" if any(one.beside for one in untold) else "prompt.again")]


def _strangers(p: "Passage", told: i.FieldSeen, now: Now) -> list[Action]:
    """Cards that are no ski cards are told what to do, unless one of ours is there or may be."""
    ours = p.presentations.one_of_ours()
    if told.cards and not ours:
        return []  # one that may be ours is read first
    untold = [one for one in _strangers_seen(p, told, now) if not one.spent]
    for presentation in untold:
        presentation.spent = True
    if ours or not untold or p.faults:
        return []
    reason, key = Reason.FOREIGN_MEDIUM, prompts.strangers(told.strangers)
    return [Show(Lamp.REFUSE, key), *told_refusal(reason, None, now)]


def unread(p: "Passage", told: i.CardUnread, now: Now) -> list[Action]:
    """A card could not be read to its end."""
    if told.token != p.token:
        return []
    p.go(State.IDLE)
    presentation = p.presentations.seen(told.uid, now.mono)
    if told.problem is i.ReadProblem.FOREIGN:
        presentation.spent = presentation.foreign = True
        return [Log(f"card {told.uid.hex()} is none of ours: {told.detail}")]  # told when all the field is known
    presentation.failed_reads += 1
    if told.problem is i.ReadProblem.TORN and presentation.failed_reads < READ_TRIES:
        return [Log(f"card {told.uid.hex()} torn while read: {told.detail}"), Show(Lamp.KEEP, "prompt.reading")]
    presentation.spent = True
    torn = told.problem is i.ReadProblem.TORN
    reason = Reason.UNREADABLE if torn else Reason.CARD_KEY_REFUSED
    return refuse(None, _card(told.uid), reason, now, told.detail)


def read(p: "Passage", told: i.CardRead, now: Now) -> list[Action]:
    """A card was read: admitted, refused, or an attendant's."""
    if told.token != p.token:
        return [Release(told.token)]
    presentation = p.presentations.seen(told.uid, now.mono)
    presentation.spent = True
    medium = _card(told.uid)
    card = p.judge.believe(told, medium)
    if isinstance(card, Unusable):
        return _unusable(p, told.token, presentation, card.reason, now, card.detail, card.ticket)
    ticket = card.ticket
    actions: list[Action] = []
    if card.rolled_back:
        actions.append(incident(now, IncidentCode.CARD_ROLLED_BACK, card.rolled_back))
        if not p.gate.exit:
            reason = Reason.CARD_ROLLED_BACK
            return actions + _unusable(p, told.token, presentation, reason, now, card.rolled_back, ticket.claim.ticket)
    else:  # what an old image names settles nothing
        actions += _settle(p, medium, ticket.usage, now)
    today = now.wall.astimezone(p.gate.zone).date()
    decision = p.judge.decide(card, p.owed.of(ticket.usage.admission, now.mono, today), now)
    if attending.is_staff(p, card, decision):
        return actions + attending.staff(p, told, card, now)
    if p.attended.mode != words.NORMAL:
        return actions + not_now(p, told.token)
    if isinstance(decision, Refuse):
        if not card.rolled_back and decision.reason is not Reason.REVOKED:
            p.judge.shown(card)
        shown = prompts.refused(decision, p.gate.zone)
        return actions + _unusable(
            p, told.token, presentation, decision.reason, now, ticket=ticket.claim.ticket, shown=shown
        )
    asked = fingers.asked(p, medium, ticket.claim.ticket, now)
    if asked is not None:
        p.go(State.IDLE)
        return [*actions, Release(told.token), *asked]
    presentation.admitted = True
    p.current = admission(told.token, medium, card, decision, p.gate, now)
    p.go(State.COMMITTING)
    return [*actions, RecordAdmission(p.current.event, p.current.party)]


def not_now(p: "Passage", token: int) -> list[Action]:
    """No ticket is used while people go through without."""
    p.go(State.IDLE)
    return [Release(token), Show(Lamp.KEEP, f"lane.{p.attended.mode}")]


def _unusable(
    p: "Passage",
    token: int,
    presentation: Presentation,
    reason: Reason,
    now: Now,
    detail: str = "",
    ticket: int | None = None,
    shown: Mapping[str, object] | None = None,
) -> list[Action]:
    """A card of ours that is not admitted; the second one in a pocket is told to come alone."""
    p.go(State.IDLE)
    presentation.refused = True
    key = f"reason.{reason.value}"
    if p.presentations.other_refused(presentation.uid):
        key = f"reason.{Reason.TWO_CARDS.value}"
    return refuse(token, _card(presentation.uid), reason, now, detail, ticket, key=key, shown=shown)


def _settle(p: "Passage", medium: Medium, usage: Usage, now: Now) -> list[Action]:
    actions: list[Action] = []
    for told in p.unsettled.settle(medium.to_bytes(), usage.claim, usage.admission):
        for name in told.ended:
            p.owed.spend(name)
        event = Settled(now.wall_ms, told.admission.epoch, told.admission.seq, told.charged)
        actions.append(RecordSettled(event, told.ended))
    return actions


def stale_card(p: "Passage", told: i.CardRead, now: Now) -> list[Action]:
    """A card of a session that is over is let go."""
    return [Release(told.token)]


def stale(p: "Passage", told: i.CardUnread | i.CardWritten, now: Now) -> list[Action]:
    """A report of a session that is over."""
    return [Log(f"late report of reader session {told.token}: {told.detail or 'no detail'}")]


def reading_tick(p: "Passage", told: i.Tick, now: Now) -> list[Action]:
    """A reader that does not answer while it reads."""
    if p.deadline is None or now.mono < p.deadline:
        return []
    p.go(State.IDLE)
    return [Release(p.token), incident(now, IncidentCode.READER_SILENT, "no answer while reading a card")]
