# SPDX-License-Identifier: Apache-2.0
"""Straight things that move through the beams of a lane: the smallest bodies that a counter can meet.

A Thing is an interval along the lane in one row of beams. What people really look like is the simulator's matter.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pistegate_edge.lane.core.words import ENTRY

LAYOUT = [[x, 750] for x in range(-420, 421, 120)] + [[x, 300] for x in (-240, -80, 80, 240)]
PROFILE: dict[str, Any] = {"beams": LAYOUT, "beam_debounce_ms": 12, "weather_ms": 20_000, "clear_ms": 2_000}
START_MM = -600  # the front of the first thing at time 0
STEP_MS = 5
CLOCK_MS = 100_000  # what the counter's clock says at time 0
REST_MS = 3_000  # after everything has left


@dataclass(frozen=True)
class Thing:
    """`length` mm long, at `speed` mm per ms, its front `behind` mm behind START_MM.

    `turn_at`: it goes back when its front is there (measured in its own direction). `stop_at` for `stop_ms`.
    `opens`: (from, to, by): while its front is between these ways walked, it is `by` mm farther ahead.
    """

    length: int
    speed: float = 0.8
    direction: str = ENTRY
    row: str = "hip"
    behind: int = 0
    turn_at: int | None = None
    stop_at: int | None = None
    stop_ms: int = 0
    opens: tuple[int, int, int] | None = None

    def front(self, now: int) -> float:
        """Where its front is, in its own direction."""
        way = self.speed * now
        start = START_MM - self.behind
        if self.stop_at is not None:
            until = (self.stop_at - start) / self.speed
            way = self.speed * (now if now < until else max(until, now - self.stop_ms))
        if self.turn_at is not None and start + way > self.turn_at:
            return 2 * self.turn_at - (start + way)
        if self.opens is not None and self.opens[0] <= way < self.opens[1]:
            return start + way + self.opens[2]
        return start + way

    def word(self, now: int, layout: list[list[int]]) -> int:
        """The beams that it is in."""
        front = self.front(now)
        found = 0
        for index, (x, z) in enumerate(layout):
            if (z >= 500) == (self.row == "hip"):
                along = x if self.direction == ENTRY else -x
                found |= (front - self.length <= along <= front) << index
        return found

    def gone(self, now: int) -> bool:
        """Whether it has left the beams for good."""
        front = self.front(now)
        if self.turn_at is not None:
            return front < START_MM and self.speed * now > self.turn_at - START_MM + self.behind
        return front - self.length > -START_MM


def walk(
    counter: Any,
    things: Iterable[Thing],
    *,
    covered: int = 0,
    blind: int = 0,
    layout: list[list[int]] = LAYOUT,
    watch: Callable[[int], object] | None = None,
) -> list[tuple[int, tuple[str, str]]]:
    """Step `counter` every 5 ms until all have left and rested; (ms, event)."""
    things = list(things)
    events = []
    now = 0
    last: int | None = None
    while last is None or now < last + REST_MS:
        word = covered
        for thing in things:
            word |= thing.word(now, layout) & ~blind
        events += [(now, event) for event in counter.step(CLOCK_MS + now, word)]
        if watch is not None:
            watch(now)
        if last is None and all(thing.gone(now) for thing in things):
            last = now
        now += STEP_MS
    return events
