# SPDX-License-Identifier: Apache-2.0
"""Virtual time: a heap of what is to happen, and each machine's clocks, which may be wrong."""

import heapq
import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256

from pistegate_edge.clock import Clock
from pistegate_edge.timekeeping.told import Reading, Sources

START = datetime(2026, 1, 15, 2, 0, tzinfo=UTC)  # 10:00 at the site
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_START_MS = int((START - _EPOCH).total_seconds() * 1000)
_SINCE_BOOT_S = 10.0  # that a machine has been up when its process starts


class Timeline:
    """`now`: virtual seconds since START. What is due at one time happens in the order in which it was planned."""

    def __init__(self) -> None:
        self.now = 0.0
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def at(self, when: float, what: Callable[[], None]) -> None:
        """Plan it; the past means now."""
        heapq.heappush(self._heap, (max(when, self.now), next(self._order), what))

    def after(self, seconds: float, what: Callable[[], None]) -> None:
        """Plan it so many seconds from now."""
        heapq.heappush(self._heap, (self.now + seconds, next(self._order), what))

    def run(self, until: float, done: Callable[[], bool] | None = None) -> bool:
        """Let everything happen that is due before `until`; True as soon as `done` says so."""
        while self._heap and self._heap[0][0] <= until:
            self.now, _, what = heapq.heappop(self._heap)
            what()
            if done is not None and done():
                return True
        self.now = until
        return False

    @property
    def wall_ms(self) -> int:
        """True wall time."""
        return _START_MS + int(self.now * 1000)


class MachineClock(Clock):
    """The clocks of one machine: monotonic since its boot, wall time off by `offset_ms`."""

    def __init__(self, timeline: Timeline, name: str) -> None:
        self._timeline = timeline
        self._name = name
        self._boots = 0
        self._booted = 0.0
        self.offset_ms = 0
        self.boot_id = ""
        self.booted()

    def booted(self) -> None:
        """The machine starts anew: its monotonic clock does too."""
        self._boots += 1
        self._booted = self._timeline.now
        self.boot_id = f"{self._name}-{self._boots}"
        self.steady_id = sha256(self.boot_id.encode()).digest()[:8]

    def monotonic(self) -> float:
        """See Clock."""
        return self._timeline.now - self._booted + _SINCE_BOOT_S

    def reading(self) -> Reading:
        """See Clock."""
        now = self._timeline.now  # written out: a gate reads it a hundred times for each passage
        return Reading(_START_MS + int(now * 1000) + self.offset_ms, int((now - self._booted + _SINCE_BOOT_S) * 1000))

    def sources(self) -> Sources:
        """Somebody vouches for the wall clock unless it was moved."""
        return Sources(outside=self.offset_ms == 0)

    def _wall_ns(self) -> int:
        return (self._timeline.wall_ms + self.offset_ms) * 1_000_000
