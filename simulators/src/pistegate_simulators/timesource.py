# SPDX-License-Identifier: Apache-2.0
"""The outside time source of a simulated day: keeps the time page that gates and cloud read, like a GPS clock."""

import mmap
import time
from datetime import UTC, datetime
from pathlib import Path

from pistegate_protocol.timepage import PAGE_BYTES, TimePage, encode_page

_NS = 1_000_000_000


class TimeSource:
    """Writes one time page; `set` moves the wall clock and its speed (wall seconds per second)."""

    def __init__(self, path: Path, start: datetime, rate: float = 1.0) -> None:
        self.path = path
        path.write_bytes(bytes(PAGE_BYTES))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), PAGE_BYTES)
        self._page = TimePage(0, 0)
        self.set(start, rate)

    def now(self) -> datetime:
        """Wall time, aware UTC."""
        wall = self._page.wall_at(time.monotonic_ns())
        return datetime.fromtimestamp(wall // _NS, UTC).replace(microsecond=wall % _NS // 1000)

    def set(self, wall: datetime, rate: float) -> None:
        """From now on it is `wall`, running at `rate`."""
        wall_ns = int(wall.timestamp() * _NS)
        self._page = TimePage(time.monotonic_ns(), wall_ns, rate, self._page.serial + 1)
        self._memory[:] = encode_page(self._page)

    def slow_down(self, rate: float) -> None:
        """Go on from the present wall time at another speed."""
        self.set(self.now(), rate)

    def close(self) -> None:
        """Give the page back; readers keep the last one."""
        self._memory.close()
