# SPDX-License-Identifier: Apache-2.0
"""Persons through the lane, and the outcome of each admission."""

from dataclasses import replace
from typing import TYPE_CHECKING

from pistegate_edge.core import inputs as i
from pistegate_edge.core.actions import (
    Action,
    IncidentCode,
    Log,
    RecordOutcome,
    RecordProgress,
)
from pistegate_edge.core.admission import Unfinished
from pistegate_edge.core.now import Now
from pistegate_edge.core.owed import Unsettled
from pistegate_edge.core.state import State
from pistegate_edge.core.telling import incident
from pistegate_protocol.events import Outcome, OutcomeKind
from pistegate_protocol.signing import MediumKind

if TYPE_CHECKING:
    from pistegate_edge.core.passage import Passage


def passed(p: "Passage", told: i.LanePassed, now: Now) -> list[Action]:
    """A person more is through."""
    current = p.admitted()
    if told.passed >= current.event.n:
        return []  # the outcome follows at once and tells it
    return [RecordProgress(current.epoch, current.seq, told.passed)]


def closed(p: "Passage", told: i.LaneClosed, now: Now) -> list[Action]:
    """The opening is over: the outcome."""
    current = p.admitted()
    p.current = None
    p.go(State.IDLE)
    kind = OutcomeKind.PASSED if told.passed else OutcomeKind.NOT_PASSED
    event = current.outcome(kind, told.passed, now)
    ticket = current.event.ticket if current.held is None and not current.event.exit else None
    owed = p.owe(current.name, current.event.n - told.passed, current.party, now, ticket)
    if current.event.reoffer_of is not None:
        p.owed.spend(current.event.reoffer_of)
    return [
        p.shown(),
        RecordOutcome(event, owed, spent=current.event.reoffer_of, memory=current.memory),
        Log(f"{kind.name.lower()} {told.passed} of {current.event.n} seq={current.seq}"),
    ]


def drained_pass(p: "Passage", told: i.LanePassed, now: Now) -> list[Action]:
    """A person through an opening of the last run."""
    last = p.unfinished[-1]
    if last.passed >= last.n:
        return [incident(now, IncidentCode.PASSES_BEYOND_ADMITTED, f"seq {last.seq}")]
    p.unfinished[-1] = replace(last, passed=last.passed + 1)
    return [RecordProgress(last.epoch, last.seq, last.passed + 1)]


def drained(p: "Passage", told: i.LaneClosed, now: Now) -> list[Action]:
    """What the last run left open is over."""
    p.go(State.IDLE)
    actions: list[Action] = []
    for left in p.unfinished[:-1]:
        actions += _interrupted(p, left, now)
    last = p.unfinished.pop()
    p.unfinished.clear()
    if not told.exact:
        return actions + _interrupted(p, last, now)
    if told.passed > last.n:
        code = IncidentCode.PASSES_BEYOND_ADMITTED
        actions.append(incident(now, code, f"seq {last.seq}"))
    exact = replace(last, passed=min(told.passed, last.n))
    return actions + _interrupted(p, exact, now, known=True)


def _interrupted(p: "Passage", last: Unfinished, now: Now, *, known: bool = False) -> list[Action]:
    """`known`: the lane counted on while nobody listened, so that who did not pass is known too."""
    left = last.n - last.passed
    unknown = 0 if known else left
    event = Outcome(now.wall_ms, last.epoch, last.seq, OutcomeKind.INTERRUPTED, last.passed, unknown)
    # Whether a card was charged is the card's to tell; of any other medium the admission itself is the charge.
    card = last.medium[0] == MediumKind.CARD
    if card:
        p.unsettled.add(Unsettled(last.name, last.prev, last.epoch, last.seq, last.medium, last.claim, last.reoffer_of))
    # Unknown persons are owed for 120 s only, of a party too: nobody knows that they did not pass.
    owed = p.owe(last.name, left, last.party if known else 1, now)
    line = f"interrupted admission seq={last.seq}: passed {last.passed} of {last.n}, unknown {unknown}"
    return [RecordOutcome(event, owed, unsettled=card), Log(line)]
