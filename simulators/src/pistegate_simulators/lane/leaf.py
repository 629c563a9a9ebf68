# SPDX-License-Identifier: Apache-2.0
"""Flap and swing leaves with their motor: travel, limits, and what happens when a body is in the way.

`position` runs from 0 (shut) to 1 (open); a swing's from -1 (tip at x < 0) to 1. Two leaves shut the way from both
sides; a flap slides across it at x = 0, a swing turns through a quarter circle.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import pi, sin, tan
from typing import Any

from pistegate_edge.lane.core import words
from pistegate_simulators.lane.people import BEFORE_LEAF_MM, Person

LIMIT_SHARE = 0.015  # limit switches close so near to the end of the travel
LEAF_HALF_MM = 20  # half a leaf's thickness
SPRING_SLOWER = 2.0  # springs open a leaf without power in twice its travel time
START_MS = 30  # a motor with its gear begins to move so much after it is switched on
STAND_OFF_MM = 150  # what a guest leaves free between the body and where a leaf swings
FORCE_MM = 300  # on so much way a person who pushes by force has a leaf open


@dataclass(slots=True)
class Touch:
    """The leaf at a person: when, how long, and whether it was driven shut then."""

    person: int
    at_ms: int
    closing: bool
    for_ms: int = 0
    driven_ms: int = 0


class Leaf:
    """A pair of leaves with one motor. Widths and lengths in mm, times in ms."""

    def __init__(self, profile: dict[str, Any]) -> None:
        mechanics = profile.get("mechanics", {})
        self.swing = profile["kind"] == "swing"
        self.width = float(mechanics.get("lane_width_mm", 600))
        self.length = float(mechanics.get("leaf_mm", self.width / 2))
        self.heights = (float(mechanics.get("leaf_bottom_mm", 250)), float(mechanics.get("leaf_top_mm", 1000)))
        self.travel_ms = int(profile.get("travel_ms") or mechanics["travel_ms"])
        self.stall_after_ms = int(mechanics.get("stall_after_ms", 40))
        self.ups = profile.get("free_on_power_loss") == "ups"
        self.springs = profile.get("free_on_power_loss") == "spring"
        self.position = 0.0
        self.inputs = words.LIMIT_SHUT
        self.touches: list[Touch] = []
        self._pushed = False
        self._driven = 0
        self._driven_since = 0
        self._held_ms = 0

    def moving(self, outputs: int) -> bool:
        """Whether it would move by itself."""
        way = self._way(outputs)
        end = 0.0 if way == 0 else way
        return bool(outputs & (words.MOTOR_SHUT | words.MOTOR_OPEN_A | words.MOTOR_OPEN_B)) and self.position != end

    def span(self, width: float, position: float) -> tuple[float, float] | None:
        """Where along x a body of this width does not fit through."""
        share = abs(position)
        if not self.swing:
            return (-LEAF_HALF_MM, LEAF_HALF_MM) if self.width * share < width else None
        tip = self.length * sin(share * pi / 2)
        first = (self.length - width / 2) * tan(min(share, 0.999) * pi / 2)
        if share > 0.01 and first >= tip:
            return None
        lo, hi = first - LEAF_HALF_MM, tip + LEAF_HALF_MM
        return (lo, hi) if position >= 0 else (-hi, -lo)

    def wall(self, person: Person) -> float:
        """The u that this person cannot get beyond now."""
        span = self.span(person.body.width, self.position)
        if span is None:
            return person.u + 10_000
        near = span[0] if person.direction == 1 else -span[1]
        lo, hi = person.pressed()
        reach = hi if person.direction == 1 else -lo
        back = lo if person.direction == 1 else -hi
        if back > near:  # already past it
            return person.u + 10_000
        return person.u + max(0.0, near - reach)

    def back_wall(self, person: Person) -> float:
        """The u behind which this person cannot get now: a leaf that shut behind it."""
        span = self.span(person.body.width, self.position)
        if span is None:
            return person.u - 10_000
        lo, hi = person.pressed()
        reach, far = (lo, span[1]) if person.direction == 1 else (-hi, -span[0])
        front = hi if person.direction == 1 else -lo
        if front < far:  # on this side of it
            return person.u - 10_000
        return person.u - max(0.0, reach - far)

    def invites(self, person: Person) -> bool:
        """Whether a guest on the way walks on: there is room, or soon will be."""
        if self.span(person.body.width, self.position) is None:
            return True
        opening = bool(self._driven & (words.MOTOR_OPEN_A | words.MOTOR_OPEN_B))
        return opening and abs(self.position) > 0.25 and not self.swings_at(person)

    def stand_off(self, person: Person) -> float:
        """How far before x = 0 a guest stops: out of the way of a swing that stands on this side."""
        return self.length + STAND_OFF_MM if self.swings_at(person) else BEFORE_LEAF_MM

    def swings_at(self, person: Person) -> bool:
        """Whether a swing stands or moves on the side that this person comes from."""
        return self.swing and self.position * person.direction < -LIMIT_SHARE

    def forced(self, way: float) -> None:
        """A person pushes it open by force over so many mm; the brake slips."""
        side = -1 if self.swing and self.position < 0 else 1
        self.position = side * min(1.0, abs(self.position) + way / FORCE_MM)
        self._pushed = True

    def move(self, now: int, step_ms: int, outputs: int, power: bool, people: Iterable[Person]) -> None:
        """One step of the motor, and the sensors after it."""
        drive = outputs & (words.MOTOR_SHUT | words.MOTOR_OPEN_A | words.MOTOR_OPEN_B)
        if not power and not self.ups:
            drive = 0
        if drive != self._driven:
            self._driven, self._driven_since, self._held_ms = drive, now, 0
        wanted = self._next(now, step_ms, power)
        held = wanted != self.position and (self._pushed or self._held(now, step_ms, wanted, people))
        self._pushed = False
        self._held_ms = self._held_ms + step_ms if held and drive else 0
        if not held:
            self.position = wanted
        self.inputs = self._sensors()

    def _next(self, now: int, step_ms: int, power: bool) -> float:
        if self._driven and now - self._driven_since >= START_MS:
            return _towards(self.position, self._way(self._driven), step_ms / self.travel_ms)
        if not power and self.springs:
            side = -1.0 if self.position < 0 else 1.0
            return _towards(self.position, side, step_ms / (self.travel_ms * SPRING_SLOWER))
        return self.position

    def _way(self, drive: int) -> float:
        if drive & words.MOTOR_SHUT or not drive:
            return 0.0
        return -1.0 if self.swing and drive & words.MOTOR_OPEN_B else 1.0

    def _held(self, now: int, step_ms: int, wanted: float, people: Iterable[Person]) -> bool:
        """Whether somebody is in the leaf's way; notes the touch."""
        found = False
        closing = bool(self._driven & words.MOTOR_SHUT) and abs(wanted) < abs(self.position)
        for person in people:
            if abs(person.u) < self.length + 900 and self._meets(person, wanted):
                found = True
                self._note(now, step_ms, person.number, closing)
        return found

    def _meets(self, person: Person, wanted: float) -> bool:
        span = self.span(person.body.width, wanted)
        if span is None:
            return False
        lo, hi = person.pressed()
        if not (lo < span[1] and hi > span[0]):
            return False
        before = self.span(person.body.width, self.position)
        # One who stands at the leaf already is not met anew by a leaf that gives way.
        return before is None or abs(wanted) < abs(self.position) or not (lo < before[1] and hi > before[0])

    def _note(self, now: int, step_ms: int, number: int, closing: bool) -> None:
        for touch in reversed(self.touches):
            if touch.person == number and now - touch.at_ms - touch.for_ms <= 2 * step_ms:
                touch.for_ms = now - touch.at_ms
                touch.driven_ms += step_ms
                return
        self.touches.append(Touch(number, now, closing, 0, step_ms))

    def _sensors(self) -> int:
        word = words.STALL if self._held_ms >= self.stall_after_ms else 0
        if abs(self.position) <= LIMIT_SHARE:
            word |= words.LIMIT_SHUT
        elif self.position >= 1 - LIMIT_SHARE:
            word |= words.LIMIT_OPEN_A
        elif self.position <= -1 + LIMIT_SHARE:
            word |= words.LIMIT_OPEN_B
        return word


def _towards(position: float, end: float, step: float) -> float:
    return min(end, position + step) if end > position else max(end, position - step)
