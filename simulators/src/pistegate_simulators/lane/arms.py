# SPDX-License-Identifier: Apache-2.0
"""A tripod's arms: one person pushes one arm through 120 degrees; the lock catches only where an arm stands across.

`angle` is 0..120 in the direction of the one who pushes. Past the dead point the springs finish the turn.
"""

from collections.abc import Iterable
from math import inf
from typing import Any

from pistegate_edge.lane.core import words
from pistegate_simulators.lane.people import Person

TURN_DEG = 120.0
TURN_MM = 480.0  # a person walks so far while pushing an arm through its turn
DEAD_POINT_DEG = 65.0  # springs pull the arm home on either side of it
HOME_DEG = 8.0
LEADING = (15.0, 75.0)  # sensor that leads in the direction of the turn
TRAILING = (45.0, 105.0)
PASS_DEG = 100.0  # a maker's controller closes its PASS contact here
FORCE_SLOWER = 1.6  # pushing against a lock that slips
LIFT_MS = 3000  # the attendant lifts a dropped arm so long after the magnet is back


class Arms:
    """The arms behind a lock for each direction; `turned` counts whole turns, [in, out]."""

    def __init__(self, profile: dict[str, Any]) -> None:
        mechanics = profile.get("mechanics", {})
        self.turn_ms = int(mechanics.get("arm_turn_ms", 550))
        self.play_deg = float(mechanics.get("arm_play_deg", 5))
        self.drop_ms = int(mechanics.get("arm_drop_ms", 350))
        self.angle = 0.0
        self.down = False
        self.turned = [0, 0]
        self.free = [False, False]
        self.inputs = words.ARM_HOME
        self.passing: int | None = None
        """Direction, 1 or -1, of a turn that reached its PASS point in this step."""
        self.pusher: Person | None = None
        self._direction = 1
        self._falling_ms = 0
        self._held_ms = 0

    @property
    def turning(self) -> bool:
        """Whether an arm is away from home."""
        return self.angle > 0

    def is_free(self, direction: int) -> bool:
        """Whether the lock lets an arm go this way."""
        return self.free[0 if direction == 1 else 1]

    def wall(self, person: Person) -> float:
        """The u that this person cannot get beyond now."""
        if self.down or person.arm_done or person.body.kind == "crawler" or person.stage == "back":
            return inf
        if self.pusher is not None and self.pusher is not person:
            return person.u - min(0.0, person.front + 60)  # waits for the arm behind
        reach = person.front
        if reach > 0 and self.pusher is not person:
            return person.u  # came too near an arm that has not yet come home
        slack = self.play_deg
        if self.is_free(person.direction) or self.angle > self.play_deg or person.does == "forces":
            slack = TURN_DEG
        return person.u + slack / TURN_DEG * TURN_MM - reach

    def speed(self, person: Person) -> float:
        """How fast this person can push at most, mm/s."""
        if self.pusher is not person:
            return inf
        pace = TURN_MM * 1000 / self.turn_ms
        return pace / FORCE_SLOWER if not self.is_free(person.direction) else pace

    def invites(self, person: Person) -> bool:
        """Whether a guest sees that the arm would give way."""
        return self.down or self.is_free(person.direction) or self.pusher is person or person.arm_done

    def move(self, step_ms: int, hold: bool, people: Iterable[Person]) -> None:
        """One step: who pushes, how far, and the sensors after it."""
        self.passing = None
        self._drop(step_ms, hold, people)
        if not self.down:
            self._push(people)
            self._spring(step_ms)
        self.inputs = self._sensors()

    def _drop(self, step_ms: int, hold: bool, people: Iterable[Person]) -> None:
        self._falling_ms = 0 if hold else self._falling_ms + step_ms
        if self._falling_ms >= self.drop_ms and not self.down:
            self.down = True
            if self.pusher is not None:
                self.pusher.arm_done = True
            self.angle, self.pusher = 0.0, None
        free = hold and self.down and not any(person.front > -250 and person.rear < 250 for person in people)
        self._held_ms = self._held_ms + step_ms if free else 0
        if self._held_ms >= LIFT_MS:
            self.down = False

    def _push(self, people: Iterable[Person]) -> None:
        if self.pusher is None:
            at_arm = [p for p in people if not p.arm_done and p.body.kind != "crawler" and 0 < p.front < TURN_MM]
            if not at_arm or self.angle > 0:
                return
            self.pusher = max(at_arm, key=lambda person: person.front)
            self._direction = self.pusher.direction
        pusher = self.pusher
        pushed = max(0.0, pusher.front / TURN_MM * TURN_DEG)
        if self.angle < DEAD_POINT_DEG:
            self.angle = min(pushed, TURN_DEG)
            if pushed <= 0:
                self.pusher = None

    def _spring(self, step_ms: int) -> None:
        if self.pusher is None:
            self.angle = max(0.0, self.angle - TURN_DEG * step_ms / self.turn_ms)
            return
        if self.angle < DEAD_POINT_DEG:
            return
        before = self.angle
        pushed = self.pusher.front / TURN_MM * TURN_DEG
        self.angle = max(self.angle + TURN_DEG * step_ms / (1.5 * self.turn_ms), min(pushed, TURN_DEG))
        if before < PASS_DEG <= self.angle:
            self.passing = self._direction
        if self.angle >= TURN_DEG:
            self.turned[0 if self._direction == 1 else 1] += 1
            self.pusher.arm_done = True
            self.angle, self.pusher = 0.0, None

    def _sensors(self) -> int:
        if self.down:
            return 0
        word = words.ARM_HOME if self.angle <= HOME_DEG or self.angle >= TURN_DEG - HOME_DEG else 0
        first, second = (words.ARM_A, words.ARM_B) if self._direction == 1 else (words.ARM_B, words.ARM_A)
        if LEADING[0] <= self.angle < LEADING[1]:
            word |= first
        if TRAILING[0] <= self.angle < TRAILING[1]:
            word |= second
        return word
