# SPDX-License-Identifier: Apache-2.0
"""Whether the gate serves: reader, faults, facts from the cloud."""

from typing import TYPE_CHECKING

from pistegate_edge.core import inputs as i
from pistegate_edge.core.actions import (
    Action,
    IncidentCode,
    Log,
)
from pistegate_edge.core.now import Now
from pistegate_edge.core.state import State
from pistegate_edge.core.telling import incident

if TYPE_CHECKING:
    from pistegate_edge.core.passage import Passage


def reader_ready(p: "Passage", told: i.ReaderReady, now: Now) -> list[Action]:
    """The reader works."""
    return fault_changed(p, i.FaultChanged(i.Fault.READER, False), now)


def reader_lost(p: "Passage", told: i.ReaderLost, now: Now) -> list[Action]:
    """The reader failed; a card that it held is gone."""
    p.presentations.frozen()
    if p.state is State.READING:
        p.go(State.IDLE)
    known = i.Fault.READER in p.faults
    actions = fault_changed(p, i.FaultChanged(i.Fault.READER, True, told.detail), now)
    return actions if known else [*actions, incident(now, IncidentCode.READER_LOST, told.detail)]


def fault_changed(p: "Passage", told: i.FaultChanged, now: Now) -> list[Action]:
    """A reason to be out of service came or went."""
    if not p.standing.change(told.fault, told.present):
        return []
    state = p.service().replace("_", " ")
    line = Log(f"{state} ({told.detail})" if told.detail else state)
    if p.state is State.OPEN:
        return [line]  # the lamps belong to the passage; the base shows when it is over
    return [p.shown(), line]


def rung_changed(p: "Passage", told: i.RungChanged, now: Now) -> list[Action]:
    """Whom the gate can ask changed; it shows when nobody is at the lane."""
    p.standing.rung = told.rung
    return [p.shown()] if p.state is State.IDLE else []


def told_facts(p: "Passage", told: i.FactsArrived, now: Now) -> list[Action]:
    """The cloud told something newer."""
    p.judge.facts = told.facts
    return []


def nothing(p: "Passage", told: i.Tick, now: Now) -> list[Action]:
    """Nothing is due in this state."""
    return []
