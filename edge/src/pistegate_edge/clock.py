# SPDX-License-Identifier: Apache-2.0
"""The one place that reads time: wall time for rules, monotonic time for devices and deadlines."""

import mmap
import time
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from pistegate_edge.core.now import Now
from pistegate_edge.errors import ClockError
from pistegate_edge.timekeeping.sources import system_sources
from pistegate_edge.timekeeping.told import Reading, Sources
from pistegate_protocol.errors import CodecError
from pistegate_protocol.timepage import PAGE_BYTES, TimePage, decode_page

SYSTEM = "system"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_READ_TRIES = 50  # a writer needs microseconds for 40 bytes; half-written pages are met at most a few times in a row
_READ_PAUSE_S = 0.000_2
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Clock:
    """The system's clocks; monotonic readings compare within one boot, named by `boot_id`.

    `steady_id`: names the steady clock of `reading` as ClockState does; empty: it is this process's own.
    """

    def __init__(self) -> None:
        self.boot_id = _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else ""
        self.steady_id = sha256(self.boot_id.encode()).digest()[:8] if self.boot_id else b""

    def monotonic(self) -> float:
        """Seconds, never running back."""
        return time.monotonic()

    def wall_ms(self) -> int:
        """Milliseconds since 1970 UTC."""
        return self._wall_ns() // 1_000_000

    def wall(self) -> datetime:
        """Aware UTC."""
        return _EPOCH + timedelta(milliseconds=self.wall_ms())

    def now(self) -> Now:
        """Both readings at once."""
        wall_ms = self.wall_ms()
        return Now(self.monotonic(), _EPOCH + timedelta(milliseconds=wall_ms), wall_ms)

    def reading(self) -> Reading:
        """The wall clock beside one that runs on without steps, in suspension too."""
        return Reading(self.wall_ms(), time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000)

    def sources(self) -> Sources:
        """What vouches for the wall clock."""
        return system_sources()

    def _wall_ns(self) -> int:
        return time.time_ns()


class PageClock(Clock):
    """Wall time from a page kept by an outside time source; ClockError when there is no valid page at start."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.steady_id = b""
        self._stepped_ns = 0
        try:
            with path.open("rb") as file:
                self._memory = mmap.mmap(file.fileno(), PAGE_BYTES, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise ClockError(f"clock.source {path}: no time page ({error}); is the time source running?") from error
        page = self._read()
        if page is None:
            raise ClockError(f"clock.source {path}: the page is not valid; is the time source running?")
        self._page = page

    def reading(self) -> Reading:
        """Steady is the page's time without its steps: a source may change its rate."""
        wall_ns = self._wall_ns()
        return Reading(wall_ns // 1_000_000, (wall_ns - self._stepped_ns) // 1_000_000)

    def sources(self) -> Sources:
        """Whoever keeps the page is the site's time source."""
        return Sources(outside=True)

    def _wall_ns(self) -> int:
        # A page that stays unreadable later is no reason to stop: its last valid state goes on at its rate.
        page, now_ns = self._read() or self._page, time.monotonic_ns()
        if page != self._page:
            self._stepped_ns += page.wall_at(page.monotonic_ns) - self._page.wall_at(page.monotonic_ns)
            self._page = page
        return page.wall_at(now_ns)

    def _read(self) -> TimePage | None:
        for _ in range(_READ_TRIES):
            try:
                return decode_page(self._memory[:])
            except CodecError:
                time.sleep(_READ_PAUSE_S)
        return None


def open_clock(source: str) -> Clock:
    """The clock named by `[clock] source`."""
    return Clock() if source == SYSTEM else PageClock(Path(source))
