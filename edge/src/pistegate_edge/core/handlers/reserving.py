# SPDX-License-Identifier: Apache-2.0
"""The site's hub is asked before a ticket that carries no usage is used.

The gate decides twice: with what it knows itself, and, if that admits, with what the hub knows too. So nothing that the
hub says lets in whom this gate alone would refuse, but for owed persons whom this gate itself handed over to the hub.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pistegate_edge.core import inputs as i
from pistegate_edge.core.actions import Action, Decided, LetGo, Reserve
from pistegate_edge.core.handlers import tickets
from pistegate_edge.core.judge import Believed, ReadTicket
from pistegate_edge.core.now import Now
from pistegate_edge.core.owed import OwedEntry
from pistegate_edge.core.state import GRANT_S, State
from pistegate_protocol.decide import Admit, Owed, Refuse
from pistegate_protocol.elsewhere import gate_source, newer
from pistegate_protocol.reasons import Reason
from pistegate_protocol.usage import encode_counters

if TYPE_CHECKING:
    from pistegate_edge.core.passage import Passage

# What a ticket may be refused for whose persons are owed: what was used, and what is shown again.
OF_USE = frozenset(
    {
        Reason.PASSBACK,
        Reason.ALREADY_INSIDE,
        Reason.USED_UP,
        Reason.USED_UP_TODAY,
        Reason.DAYS_USED_UP,
        Reason.TIME_USED_UP,
        Reason.CODE_REPLAYED,
    }
)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """What waits for reservation `number`: a ticket, and what this gate alone made of it."""

    number: int
    ticket: ReadTicket
    alone: Admit | Refuse
    others: tuple[tuple[ReadTicket, Admit], ...] = ()


@dataclass(slots=True)
class Reserving:
    """`hub`: there is one to be asked. `handed`: ticket -> whom this gate owed and handed over."""

    hub: bool
    number: int = 0
    waiting: _Waiting | None = None
    handed: dict[int, OwedEntry] = field(default_factory=dict)


def begun(
    p: "Passage",
    admitted: Sequence[tuple[ReadTicket, Admit]],
    refused: Sequence[tuple[ReadTicket, Refuse]],
    now: Now,
) -> list[Action] | None:
    """Ask the hub; None: this needs none, or there is none."""
    if not p.reserving.hub:
        return None
    if admitted:
        ticket, admit = admitted[0]
        free = admit.exit or admit.reoffer_of is not None  # whoever leaves, and whom this gate still owes itself
        return None if free else _ask(p, ticket, admit, tuple(admitted[1:]), now)
    _prune(p, now)
    for ticket, refusal in refused:
        if refusal.reason in OF_USE and _handed(p, ticket.number) is not None:
            return _ask(p, ticket, refusal, (), now)
    return None


def _ask(
    p: "Passage", ticket: ReadTicket, alone: Admit | Refuse, others: tuple[tuple[ReadTicket, Admit], ...], now: Now
) -> list[Action]:
    p.reserving.number += 1
    number = p.reserving.number
    p.reserving.waiting = _Waiting(number, ticket, alone, others)
    p.go(State.RESERVING, now.mono + GRANT_S)
    if isinstance(alone, Refuse):
        return [Reserve(number, ticket.number, 0, b"")]
    return [Reserve(number, ticket.number, alone.charged, encode_counters(alone.usage))]


def granted(p: "Passage", told: i.Granted, now: Now) -> list[Action]:
    """Decided once more, with what the hub knows."""
    waiting = p.reserving.waiting
    if waiting is None or told.number != waiting.number:
        return []
    if (otherwise := tickets.not_served(p, now)) is not None:  # the lane was taken into somebody's hands meanwhile
        p.reserving.waiting = None
        p.go(State.IDLE)
        return [Decided(waiting.number), *otherwise]
    believed, owed = _offered(p, waiting, told)
    decision = p.judge.decide(believed, owed, now, told.elsewhere.without(gate_source(p.gate.gate)))
    if isinstance(decision, Admit) and not _within(waiting.alone, decision):
        decision = waiting.alone if isinstance(waiting.alone, Refuse) else Refuse(Reason.PASSBACK)
    p.reserving.waiting = None
    if isinstance(decision, Admit):
        if decision.reoffer_of is not None:
            p.reserving.handed.pop(waiting.ticket.number, None)
        return tickets.begun(p, replace(waiting.ticket, believed=believed), decision, now, waiting.number)
    over: list[Action] = [Decided(waiting.number)]
    if waiting.others:
        (ticket, admit), *rest = waiting.others
        return over + _ask(p, ticket, admit, tuple(rest), now)
    p.go(State.IDLE)
    return over + tickets.refused(p, [(waiting.ticket, decision)], now)


def _within(alone: Admit | Refuse, decision: Admit) -> bool:
    """Whether this gate alone would have let in as many, or owed them itself before it handed them over."""
    if isinstance(alone, Refuse):
        return decision.reoffer_of is not None
    return decision.reoffer_of is not None or decision.charged <= alone.charged


def _offered(p: "Passage", waiting: _Waiting, told: i.Granted) -> tuple[Believed, Owed | None]:
    """The ticket as if it named the admission whose owed persons the hub offers; no more of them than can be.

    Of its own counters too the gate takes the newer ones: its journal may be an old copy.
    """
    believed = waiting.ticket.believed
    known = told.elsewhere.usage(gate_source(p.gate.gate))
    if known is not None:
        own = believed.ticket.usage
        usage = replace(newer(own, known), claim=own.claim, admission=own.admission)
        believed = replace(believed, ticket=replace(believed.ticket, usage=usage))
    if told.owed is None:
        return believed, None
    most = believed.ticket.claim.party
    if isinstance(waiting.alone, Refuse):
        handed = _handed(p, waiting.ticket.number)
        most = 0 if handed is None else handed.persons
    owed = replace(told.owed, persons=min(told.owed.persons, most))
    usage = replace(believed.ticket.usage, admission=owed.admission)
    return replace(believed, ticket=replace(believed.ticket, usage=usage)), owed


def alone(p: "Passage", told: i.Alone, now: Now) -> list[Action]:
    """There is no answer: the gate decides with what it knows."""
    waiting = p.reserving.waiting
    if waiting is None or told.number != waiting.number:
        return []
    p.reserving.waiting = None
    otherwise = tickets.not_served(p, now)
    if isinstance(waiting.alone, Admit) and otherwise is None:
        return tickets.begun(p, waiting.ticket, waiting.alone, now, waiting.number)
    p.go(State.IDLE)
    if otherwise is None and isinstance(waiting.alone, Refuse):
        otherwise = tickets.refused(p, [(waiting.ticket, waiting.alone)], now)
    return [Decided(waiting.number), *(otherwise or [])]


def tick(p: "Passage", told: i.Tick, now: Now) -> list[Action]:
    """The hub was waited for long enough."""
    waiting = p.reserving.waiting
    if waiting is None or p.deadline is None or now.mono < p.deadline:
        return []
    return alone(p, i.Alone(waiting.number), now)


def late(p: "Passage", told: i.Granted | i.Alone, now: Now) -> list[Action]:
    """An answer that nobody waits for any more; that it was decided otherwise is told already."""
    return []


def taken(p: "Passage", told: i.OwedTaken, now: Now) -> list[Action]:
    """What the hub has stored becomes its own, but for whom this lane is letting in just now."""
    under_way = None if p.current is None else p.current.event.reoffer_of
    names = tuple(name for name in told.names if name != under_way)
    for name in names:
        entry = p.owed.entry(name)
        if entry is not None and entry.ticket is not None:
            p.reserving.handed[entry.ticket] = entry
        p.owed.spend(name)
    _prune(p, now)
    return [LetGo(names)] if names else []


def _handed(p: "Passage", ticket: int) -> OwedEntry | None:
    """Whom of this ticket the gate owed itself, and handed over."""
    return p.reserving.handed.get(ticket)


def _prune(p: "Passage", now: Now) -> None:
    today = now.wall.astimezone(p.gate.zone).date()
    handed = p.reserving.handed
    p.reserving.handed = {ticket: entry for ticket, entry in handed.items() if entry.holds(now.mono, today)}
