# SPDX-License-Identifier: Apache-2.0
"""Lanes played in milliseconds: stories of input words, a tripod's arm, a leaf with a motor."""

from typing import Any

from lane_leaf_world import CounterDouble
from lane_profiles import profile
from lane_worlds import OPENS, sensors

from pistegate_edge.lane.core import words as w
from pistegate_edge.lane.core.leaf import LeafLane
from pistegate_edge.lane.core.tripod import TripodLane

Events = list[tuple[str, Any]]


def play(core: Any, now: int, story: list[tuple[int, int]], word: int = 0) -> Events:
    """Each (wait, input word) of the story, with a step at every deadline between, until nothing is due."""
    events: Events = []
    for wait, following in story:
        while core.deadline is not None and core.deadline < now + wait:
            wait -= core.deadline - now if core.deadline > now else 0
            now = max(now, core.deadline)
            events += core.step(now, word)
        now, word = now + wait, following
        events += core.step(now, word)
    while core.deadline is not None:
        now = max(now, core.deadline)
        events += core.step(now, word)
    return events


class ArmRig:
    """Our tripod with an arm that somebody turns."""

    def __init__(self, **changed: object) -> None:
        self.core = TripodLane(profile("tripod_own", **{"lease_ms_max": 100000, **changed}))
        self.now = 0
        self.quarters = 0
        self.word = w.ARM_HOME
        self.wait(100)

    def wait(self, ms: int) -> Events:
        """Time passes, a step each 5 ms."""
        events: Events = []
        for _ in range(0, ms, 5):
            self.now += 5
            up = self.word & w.ARM_HOME
            word = self.word & ~w.ARM_HOME | sensors(self.quarters) if up else self.word
            events += self.core.step(self.now, word)
        return events

    def input(self, bit: int, ms: int = 50) -> Events:
        """An input changes and stays."""
        self.word ^= bit
        return self.wait(ms)

    def push(self, *quarters: int, each_ms: int = 80) -> Events:
        """The arm goes to these quarters from home, one after the other."""
        events: Events = []
        for quarter in quarters:
            self.quarters = quarter
            events += self.wait(each_ms)
        return events

    def turn(self) -> Events:
        """A person goes in."""
        return self.push(1, 2, 3, 4)

    def open(self, persons: int = 1, direction: str = w.ENTRY, lease: int = 60000) -> Events:
        """The host opens."""
        return self.core.open(self.now, direction, persons, lease)


class LeafRig:
    """Our flap or swing gate: a leaf that takes travel_ms, limit switches, a motor that may be blocked.

    `place` is 0 shut, 1000 open on side A, -1000 on side B; `blocked_at` stalls the motor there.
    """

    def __init__(self, kind: str = "flap", **changed: object) -> None:
        self.profile = profile(kind + "_own", **{"lease_ms_max": 100000, **changed})
        self.counter = CounterDouble()
        self.core = LeafLane(self.profile, self.counter)
        self.now = 0
        self.place = 0
        self.word = 0
        self.blocked_at: int | None = None
        self.outputs: list[int] = []
        self.wait(100)

    def wait(self, ms: int) -> Events:
        """Time passes, a step each 5 ms."""
        events: Events = []
        for _ in range(0, ms, 5):
            self.now += 5
            stall = self._move()
            events += self.core.step(self.now, self.word | self._limits() | stall)
            if not self.outputs or self.outputs[-1] != self.core.outputs:
                self.outputs.append(self.core.outputs)
        return events

    def _move(self) -> int:
        step = 5000 // int(str(self.profile["travel_ms"]))
        outputs, place = self.core.outputs, self.place
        if outputs & w.MOTOR_OPEN_A:
            place = min(1000, place + step)
        elif outputs & w.MOTOR_OPEN_B:
            place = max(-1000, place - step)
        elif outputs & w.MOTOR_SHUT:
            place = max(0, place - step) if place > 0 else min(0, place + step)
        if self.blocked_at is not None and min(place, self.place) <= self.blocked_at < max(place, self.place):
            return w.STALL if outputs & (OPENS | w.MOTOR_SHUT) else 0
        self.place = place
        return 0

    def _limits(self) -> int:
        return {0: w.LIMIT_SHUT, 1000: w.LIMIT_OPEN_A, -1000: w.LIMIT_OPEN_B}.get(self.place, 0)

    def beam(self, blocked: bool) -> None:
        """Somebody is in the sweep."""
        self.word = self.word | w.BEAM[4] if blocked else self.word & ~w.BEAM[4]

    def through(self, direction: str = w.ENTRY, told: str = "through") -> Events:
        """The counter tells a person; a step with it."""
        self.counter.pending = [(told, direction)]
        self.core.deadline = 0
        return self.core.step(self.now, self.core._inputs)

    def open(self, persons: int = 1, direction: str = w.ENTRY, lease: int = 60000) -> Events:
        """The host opens."""
        return self.core.open(self.now, direction, persons, lease)
