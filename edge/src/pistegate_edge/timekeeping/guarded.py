# SPDX-License-Identifier: Apache-2.0
"""A clock whose wall time is the gate's own (doubt.py), over the one that the configuration names."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from pistegate_edge.clock import Clock
from pistegate_edge.core.now import Now
from pistegate_edge.timekeeping import words
from pistegate_edge.timekeeping.doubt import ClockDoubt
from pistegate_edge.timekeeping.told import Before, Standing
from pistegate_protocol.events import ClockState

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ALONE = timedelta(days=35)  # a gate works 30 days alone: nobody can tell how long it was off, but hardly for longer
DISTANT_MS = 253_402_214_400_000  # 9999-12-31; a clock beyond is read as this


class GuardedClock(Clock):
    """What is read before everything else: the journal's first event is dated by it."""

    def __init__(self, system: Clock, before: Before | None = None) -> None:
        super().__init__()
        self.boot_id, self.steady_id = system.boot_id, system.steady_id
        self._system = system
        self._doubt = ClockDoubt(system.reading(), system.sources(), before or Before())

    def monotonic(self) -> float:
        """See Clock."""
        return self._system.monotonic()

    def wall_ms(self) -> int:
        """See Clock."""
        return min(DISTANT_MS, max(0, self._doubt.now_ms(self._system.reading())))

    def now(self) -> Now:
        """See Clock."""
        mono, wall_ms = self.monotonic(), self.wall_ms()
        wall = _EPOCH + timedelta(milliseconds=wall_ms)
        standing = self.standing()
        if standing.trusted:
            return Now(mono, wall, wall_ms)
        error = ALONE if standing.error_ms is None else timedelta(milliseconds=standing.error_ms)
        return Now(mono, wall, wall_ms, trusted=False, latest=wall + min(error, ALONE))

    def standing(self) -> Standing:
        """Whether the time is trusted now."""
        return self._doubt.standing(self._system.reading())

    def look(self) -> None:
        """Ask what vouches for the wall clock."""
        self._doubt.look(self._system.reading(), self._system.sources())

    def signed(self, at_ms: int, error_ms: int) -> None:
        """See ClockDoubt."""
        self._doubt.signed(at_ms, error_ms, self._system.reading())

    def known(self, at_ms: int) -> None:
        """See ClockDoubt."""
        self._doubt.known(at_ms, self._system.reading())

    def take_word(self, directory: Path) -> bool:
        """Whether a technician accepted the system's clock since this was asked last; then it is taken."""
        if not words.taken(directory, self._system):
            return False
        self._doubt.accept(self._system.reading())
        return True

    def event(self) -> ClockState:
        """How the time stands, for the records."""
        reading, moved = self._system.reading(), self._doubt.take_moved()
        standing = self.standing()
        up = max(0, reading.steady_ms)
        return ClockState(
            self.wall_ms(), standing.trusted, standing.why.value, moved, self.steady_id, up, standing.error_ms
        )

    def steady_ms(self) -> int:
        """Of the steady clock, for round trips."""
        return self._system.reading().steady_ms

    def moved(self) -> bool:
        """Whether the time was set since the last event."""
        return self._doubt.has_moved

    @property
    def mark_ms(self) -> int | None:
        """See ClockDoubt."""
        return self._doubt.mark_ms
