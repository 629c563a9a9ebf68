# SPDX-License-Identifier: Apache-2.0
"""The search itself is tested: each bug planted here turns exactly the property red that it breaks."""

from typing import Any

import pytest
from lane_leaf_world import LeafWorld
from lane_runs import BEAM, BOTH_WAYS
from lane_search import Broken, World, search
from lane_small import HOST, MODES, RESET, controller, counted, leaf, tripod
from lane_worlds import (
    COUNT,
    FREE_WAY,
    LEASE_HOLDS,
    NO_SPIN,
    ONE_CLOSED,
    OPENS_ONCE,
    SHUT_ON_PERSON,
)

from pistegate_edge.lane.core import arm, base
from pistegate_edge.lane.core import words as w
from pistegate_edge.lane.core.controller import ControllerLane
from pistegate_edge.lane.core.leaf import LeafLane
from pistegate_edge.lane.core.tripod import TripodLane

ENDS = "every opening ends"


class ShutsOnAPerson(LeafLane):
    """While it closes, it does not look at the beams."""

    def _event_closing(self, now: int, side: str) -> str:
        inputs, self._inputs = self._inputs, 0
        event = super()._event_closing(now, side)
        self._inputs = inputs
        return event


class ForgetsFireWhileShut(LeafLane):
    """Fire opens a leaf only if an opening is under way."""

    def _target(self, goal: str) -> str:
        return "" if goal == base.FREED else super()._target(goal)


class HoldsArmsWithoutPower(TripodLane):
    """Arms drop on fire, not on power loss."""

    def _freed(self) -> bool:
        return bool(self._contacts.word & w.FIRE)


class FireWaitsForTheGap(ControllerLane):
    """Between two persons fire unlocks nothing."""

    def _drive(self, now: int) -> None:
        super()._drive(now)
        if self._released is not None and now < self._released:
            self.outputs = 0


class CountsReleases(ControllerLane):
    """Both edges of PASS are persons."""

    def _edge(self, now: int, index: int) -> None:
        before = self._edges[index]._up
        super()._edge(now, index)
        if before and not self._edges[index]._up:
            self._through(now, w.ENTRY if index == 0 else w.EXIT)


class CountsAFallenRelay(ControllerLane):
    """PASS relays fall with the power: that is counted."""

    def _unready(self) -> bool:
        return False


class CountsHalfTurns(arm.Arm):
    """Half a turn is a person."""

    def _turn(self, quarters: int) -> str:
        told = super()._turn(quarters)
        return told or (arm.IN if self.quarters == arm.HALF else "")


class HalfTurns(TripodLane):
    """With that arm."""

    def __init__(self, profile: dict[str, object]) -> None:
        super().__init__(profile)
        self._arm = CountsHalfTurns()


class NoLease(ControllerLane):
    """The host's lease is not looked at."""

    def _begin(self, now: int, direction: str, persons: int, ticket: bool, lease: int | None) -> None:
        super()._begin(now, direction, persons, ticket, None)


class StaysOpenWhenLate(LeafLane):
    """Nobody came: the leaf waits for the next one."""

    def _target(self, goal: str) -> str:
        return super()._target(base.FREE if self.state == "open" and goal == base.SHUT else goal)


class LeafWithoutLease(LeafLane):
    """The lease's end is told, and the leaf stays as it is for the late time, and again."""

    def _busy(self) -> bool:
        return True

    def _target(self, goal: str) -> str:
        return super()._target(base.FREE if goal == base.CLOSE_LATE else goal)

    def _late(self, event: str, at: int) -> None:
        self._opening.late(event, at + 99, at + 99)


class PulsesAgain(ControllerLane):
    """A pulse that is over is followed by the next, whether somebody passed or not."""

    def _serve(self, now: int, goal: str) -> None:
        if self.state == "wait" and goal == base.OPEN:
            self._go("next")
            self._timer = now + self._gap_ms
            return
        super()._serve(now, goal)


class OneTooMany(TripodLane):
    """The solenoid lets go after one person more."""

    def _counted_in(self, now: int, direction: str) -> None:
        if self._opening.passed + 1 == self._opening.persons and self._opening.ticket:
            self._opening.persons += 1
        super()._counted_in(now, direction)


class OpensForOneWhoStands(LeafLane):
    """A shut leaf opens for whoever stands in the beams."""

    def _target(self, goal: str) -> str:
        target = super()._target(goal)
        return "a" if not target and self.state == "shut" and self._last == w.EXIT else target


class StopAlwaysCloses(LeafLane):
    """`stop` tells closed, opening or not."""

    def stop(self, now: int) -> Any:
        return [*super().stop(now), (w.CLOSED, 0)]


class FireLosesTheEnd(ControllerLane):
    """An opening that fire ended is never told."""

    def _end(self) -> None:
        told = list(self._told)
        super()._end()
        if self._freed():
            self._told = told


class DrainWithoutEnd(TripodLane):
    """The drain waits for a passage."""

    def drain(self, now: int) -> Any:
        events = super().drain(now)
        self._opening.until = None
        return events


class CountsTwice(LeafLane):
    """What the counter tells is told twice."""

    def _counter_told(self, now: int, told: str, direction: str) -> None:
        super()._counter_told(now, told, direction)
        super()._counter_told(now, told, direction)


class ForgottenDeadline(ControllerLane):
    """The end of a pulse is not among the deadlines: nobody calls in time."""

    def _timers(self) -> int | None:
        return None

    def _due(self, now: int) -> int | None:
        return None


class Restless(LeafLane):
    """A moment long past stays among the deadlines."""

    def _timers(self) -> int | None:
        return self._clear_at


class ClosesOnUnderFire(LeafLane):
    """A leaf that closes when fire begins goes on to close."""

    def _event_closing(self, now: int, side: str) -> str:
        freed = self._freed
        self._freed = lambda: False  # type: ignore[method-assign]
        event = super()._event_closing(now, "")
        self._freed = freed  # type: ignore[method-assign]
        return event


def nobody_pushes(world: LeafWorld) -> World:
    """No hands at the leaf."""
    world.hands = ()
    return world


BUGS: dict[str, tuple[str, World]] = {
    "shuts on a person": (SHUT_ON_PERSON, leaf("flap", (BEAM,), HOST, ShutsOnAPerson)),
    "forgets fire while shut": (FREE_WAY, leaf("swing", (w.FIRE,), HOST, ForgetsFireWhileShut)),
    "closes on under fire": (FREE_WAY, leaf("flap", (w.FIRE,), HOST, ClosesOnUnderFire)),
    "holds arms without power": (FREE_WAY, tripod((w.POWER_LOST,), HOST, HoldsArmsWithoutPower)),
    "fire waits for the gap": (FREE_WAY, controller((w.PASS_A, w.FIRE), HOST, FireWaitsForTheGap, gap_ms=2)),
    "counts releases": (COUNT, controller((w.PASS_A,), HOST, CountsReleases)),
    "counts a fallen relay": (COUNT, controller((w.PASS_A, w.NOT_READY), HOST, CountsAFallenRelay, ready_ms=1)),
    "counts half turns": (COUNT, tripod((), HOST, HalfTurns)),
    "counts twice": (COUNT, counted("flap", w.BEAM[:3], HOST, CountsTwice)),
    "no lease": (LEASE_HOLDS, controller((w.PASS_A,), HOST, NoLease, drive="level")),
    "leaf without a lease": (LEASE_HOLDS, leaf("flap", (BEAM,), HOST, LeafWithoutLease)),
    "stays open when late": (LEASE_HOLDS, nobody_pushes(leaf("flap", (BEAM,), HOST, StaysOpenWhenLate))),
    "pulses again": (OPENS_ONCE, controller((w.PASS_A,), HOST, PulsesAgain)),
    "one person too many": (OPENS_ONCE, tripod((), HOST, OneTooMany)),
    "opens for who stands there": (OPENS_ONCE, leaf("flap", (), HOST, OpensForOneWhoStands)),
    "stop always closes": (ONE_CLOSED, leaf("flap", (), HOST, StopAlwaysCloses)),
    "fire loses the end": (ONE_CLOSED, controller((w.FIRE,), BOTH_WAYS, FireLosesTheEnd)),
    "a drain without end": (ENDS, tripod((), MODES + RESET, DrainWithoutEnd)),
    "a forgotten deadline": (LEASE_HOLDS, controller((w.PASS_A,), HOST, ForgottenDeadline, pulse_ms=3)),
    "a deadline long past": (NO_SPIN, leaf("flap", (BEAM,), HOST, Restless)),
}


@pytest.mark.parametrize("bug", list(BUGS))
def test_planted_bug_turns_its_property_red(bug: str) -> None:
    """The search stops at it, names the property, and tells the way there."""
    name, world = BUGS[bug]
    with pytest.raises(Broken) as broken:
        search(world)
    assert broken.value.name == name, broken.value.__notes__
    assert broken.value.trace or name == ENDS


def test_every_property_has_a_planted_bug() -> None:
    """A check counts only if it was seen to fail."""
    properties = {SHUT_ON_PERSON, FREE_WAY, COUNT, LEASE_HOLDS, OPENS_ONCE, ONE_CLOSED, NO_SPIN, ENDS}
    assert {name for name, _ in BUGS.values()} == properties
