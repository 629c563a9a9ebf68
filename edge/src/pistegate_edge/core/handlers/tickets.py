# SPDX-License-Identifier: Apache-2.0
"""What comes of media that carry no usage: codes, documents and fingers. What was used of them is in the journal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pistegate_edge.core import prompts
from pistegate_edge.core.actions import Action, Lamp, RecordAdmission, Show
from pistegate_edge.core.admission import admission
from pistegate_edge.core.handlers import fingers, reserving
from pistegate_edge.core.judge import ReadTicket
from pistegate_edge.core.now import Now
from pistegate_edge.core.state import State
from pistegate_edge.core.telling import refuse
from pistegate_edge.lane.core import words
from pistegate_protocol.decide import Admit, Decision, Refuse
from pistegate_protocol.reasons import PRIORITY, Reason

if TYPE_CHECKING:
    from pistegate_edge.core.passage import Passage

_NARROWNESS = {reason: rank for rank, reason in enumerate(PRIORITY, 1)}


def not_served(p: "Passage", now: Now) -> list[Action] | None:
    """What whoever presents something is told while no ticket is used here; None: tickets are."""
    if p.faults:
        return refuse(None, None, Reason.OUT_OF_SERVICE, now, lamp=Lamp.KEEP)
    if p.attended.mode != words.NORMAL:
        return [Show(Lamp.KEEP, f"lane.{p.attended.mode}")]
    return None


def decided(p: "Passage", tickets: Sequence[ReadTicket], now: Now, shown: str | bytes | None = None) -> list[Action]:
    """One medium's tickets: the first that admits is used, else the narrowest refusal is told. `shown`: of a code.

    To who has a ticket for tomorrow and one for another lift now, the other lift is told.
    """
    decisions = [(ticket, _decision(p, ticket, now)) for ticket in tickets]
    admitted = [(ticket, decision) for ticket, decision in decisions if isinstance(decision, Admit)]
    if admitted:
        first = admitted[0][0]
        asked = fingers.asked(p, first.medium, first.number, now, shown)
        if asked is not None:
            return asked
    refusals = [(ticket, decision) for ticket, decision in decisions if isinstance(decision, Refuse)]
    hub = reserving.begun(p, admitted, refusals, now)
    if hub is not None:
        return hub
    return begun(p, *admitted[0], now) if admitted else refused(p, refusals, now)


def refused(p: "Passage", refusals: Sequence[tuple[ReadTicket, Refuse]], now: Now) -> list[Action]:
    """None of one medium's tickets may be used: the narrowest refusal is told."""
    ticket, refusal = max(refusals, key=lambda each: _NARROWNESS.get(each[1].reason, 0))
    shown = prompts.refused(refusal, p.gate.zone)
    return refuse(None, ticket.medium, refusal.reason, now, ticket=ticket.number, shown=shown)


def begun(p: "Passage", ticket: ReadTicket, admit: Admit, now: Now, reserved: int = 0) -> list[Action]:
    """A ticket is admitted: its admission is made durable. `reserved`: the number of its reservation, 0 without one."""
    p.current = admission(None, ticket.medium, ticket.believed, admit, p.gate, now)
    p.current.reserved = reserved
    p.go(State.COMMITTING)
    return [RecordAdmission(p.current.event, p.current.party, p.current.tick)]


def _decision(p: "Passage", ticket: ReadTicket, now: Now) -> Decision:
    today = now.wall.astimezone(p.gate.zone).date()
    owed = p.owed.of(ticket.believed.ticket.usage.admission, now.mono, today)
    if ticket.replayed and owed is None:
        return Refuse(Reason.CODE_REPLAYED)
    return p.judge.decide(ticket.believed, owed, now)
