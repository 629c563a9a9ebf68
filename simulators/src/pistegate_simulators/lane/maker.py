# SPDX-License-Identifier: Apache-2.0
"""A turnstile's own controller: takes unlock contacts, moves its mechanics by itself, answers with PASS contacts.

Pulse: a contact of at least `pulse_min_ms` gives one passage, or the controller's own time-out. Level: free while the
contact is held. A flap or swing of this sort has its maker's own safety sensors, which see every body.
"""

from collections.abc import Iterable
from typing import Any

from pistegate_edge.lane.core import words
from pistegate_simulators.lane.arms import Arms
from pistegate_simulators.lane.leaf import Leaf
from pistegate_simulators.lane.people import Person

CLEAR_MM = 150  # the maker's sensors hold the leaf open so far around a body


class MakersController:
    """Between the unlock contacts and the arms or leaf."""

    def __init__(self, profile: dict[str, Any], mechanism: Arms | Leaf) -> None:
        mechanics = profile.get("mechanics", {})
        self.mechanism = mechanism
        self.pulse = profile["drive"] == "pulse"
        self.pulse_min_ms = int(mechanics.get("pulse_min_ms", 100))
        self.timeout_ms = int(mechanics.get("controller_timeout_ms", 5000))
        self.contact_ms = int(mechanics.get("pass_ms", 60))
        self.inputs = 0
        self._since: list[int | None] = [None, None]
        self._taken = [False, False]
        self._until = [0, 0]
        self._contact_until = [0, 0]
        self._crossing: list[Person] = []

    def move(self, now: int, step_ms: int, outputs: int, power: bool, people: list[Person]) -> None:
        """One step of controller and mechanics."""
        for side, bit in enumerate((words.UNLOCK_A, words.UNLOCK_B)):
            self._listen(now, side, bool(outputs & bit) and not outputs & words.INHIBIT)
        free = [power and now < until for until in self._until]
        passed = (
            self._arms(step_ms, free, people)
            if isinstance(self.mechanism, Arms)
            else self._leaf(now, step_ms, free, power, people)
        )
        for side in passed:
            self._until[side] = 0
            self._contact_until[side] = now + self.contact_ms
        self.inputs = 0 if power else words.NOT_READY
        for side, bit in enumerate((words.PASS_A, words.PASS_B)):
            if power and now < self._contact_until[side]:
                self.inputs |= bit

    @property
    def busy_until(self) -> int:
        """When nothing more changes by time alone."""
        return max(*self._until, *self._contact_until)

    def _listen(self, now: int, side: int, level: bool) -> None:
        if not level:
            if not self.pulse and self._since[side] is not None:
                self._until[side] = 0
            self._since[side], self._taken[side] = None, False
            return
        since = self._since[side]
        if since is None:
            self._since[side] = since = now
        if not self.pulse:
            if now - since >= self.pulse_min_ms / 2:
                self._until[side] = now + 50
        elif now - since >= self.pulse_min_ms and not self._taken[side]:
            self._taken[side] = True
            self._until[side] = now + self.timeout_ms

    def _arms(self, step_ms: int, free: list[bool], people: list[Person]) -> list[int]:
        arms = self.mechanism
        assert isinstance(arms, Arms)
        arms.free = free
        arms.move(step_ms, True, people)
        return [] if arms.passing is None else [0 if arms.passing == 1 else 1]

    def _leaf(self, now: int, step_ms: int, free: list[bool], power: bool, people: Iterable[Person]) -> list[int]:
        leaf = self.mechanism
        assert isinstance(leaf, Leaf)
        people = list(people)
        drive = words.MOTOR_OPEN_A if free[0] else words.MOTOR_OPEN_B if free[1] else words.MOTOR_SHUT
        near = leaf.length + CLEAR_MM
        if drive == words.MOTOR_SHUT and any(p.trunk()[0] < near and p.trunk()[1] > -near for p in people):
            drive = 0
        leaf.move(now, step_ms, drive, power, people)
        return self._passed(people)

    def _passed(self, people: list[Person]) -> list[int]:
        """Sides of those whose trunk left the leaf behind in this step."""
        self._crossing = [p for p in self._crossing if not p.gone]
        sides = []
        for person in people:
            if person.rear > CLEAR_MM and person not in self._crossing:
                self._crossing.append(person)
                sides.append(0 if person.direction == 1 else 1)
        return sides
