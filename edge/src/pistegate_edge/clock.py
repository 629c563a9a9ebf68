# SPDX-License-Identifier: Apache-2.0
"""The one place that reads time: wall time for rules, monotonic time for devices and deadlines."""

import mmap
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pistegate_edge.core.now import Now
from pistegate_edge.errors import ClockError
from pistegate_protocol.errors import CodecError
from pistegate_protocol.timepage import PAGE_BYTES, TimePage, decode_page

SYSTEM = "system"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_READ_TRIES = 50  # a writer needs microseconds for 40 bytes; half-written pages are met at most a few times in a row
_READ_PAUSE_S = 0.000_2
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Clock:
    """The system's clocks; monotonic readings compare within one boot, named by `boot_id`."""

    def __init__(self) -> None:
        self.boot_id = _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else ""

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

    def _wall_ns(self) -> int:
        return time.time_ns()


class PageClock(Clock):
    """Wall time from a page kept by an outside time source; ClockError when there is no valid page at start."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        try:
            with path.open("rb") as file:
                self._memory = mmap.mmap(file.fileno(), PAGE_BYTES, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise ClockError(f"clock.source {path}: no time page ({error}); is the time source running?") from error
        page = self._read()
        if page is None:
            raise ClockError(f"clock.source {path}: the page is not valid; is the time source running?")
        self._page = page

    def _wall_ns(self) -> int:
        # A page that stays unreadable later is no reason to stop: its last valid state goes on at its rate.
        self._page = self._read() or self._page
        return self._page.wall_at(time.monotonic_ns())

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
