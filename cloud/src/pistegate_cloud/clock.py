# SPDX-License-Identifier: Apache-2.0
"""The one place where the cloud reads time: wall for rules and records, monotonic for waiting."""

import mmap
import os
import time
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from typing import Protocol

from pistegate_cloud.errors import SettingsError
from pistegate_protocol.errors import CodecError
from pistegate_protocol.timepage import PAGE_BYTES, decode_page

_READS = 100  # of a page before giving up; a writer is between two states for microseconds


class Clock(Protocol):
    """Two readings of time."""

    def wall_ms(self) -> int:
        """Milliseconds since 1970 UTC."""

    def monotonic(self) -> float:
        """Seconds that never go back; not affected by the wall clock."""


class SystemClock:
    """The machine's own clocks."""

    def wall_ms(self) -> int:
        """Milliseconds since 1970 UTC."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Seconds of CLOCK_MONOTONIC."""
        return time.monotonic()


class PageClock:
    """Wall time from an outside source's page (protocol timepage), mapped into memory."""

    def __init__(self, path: Path) -> None:
        try:
            with path.open("rb") as page:
                if os.fstat(page.fileno()).st_size < PAGE_BYTES:
                    raise SettingsError(f"{path} is no time page: it is shorter than {PAGE_BYTES} bytes")
                self._map = mmap.mmap(page.fileno(), PAGE_BYTES, access=mmap.ACCESS_READ)
        except OSError as error:
            raise SettingsError(f"time page {path} cannot be read ({error}): start the time source first") from error
        self.wall_ms()

    def wall_ms(self) -> int:
        """Milliseconds since 1970 UTC; SettingsError when the page stays unreadable."""
        for _ in range(_READS):
            try:
                page = decode_page(bytes(self._map[:PAGE_BYTES]))
            except CodecError:
                continue
            return page.wall_at(time.monotonic_ns()) // 1_000_000
        raise SettingsError("the time page holds no valid time: is the time source running?")

    def monotonic(self) -> float:
        """Seconds of CLOCK_MONOTONIC."""
        return time.monotonic()


def open_clock(source: str) -> Clock:
    """The clock named in the configuration: "system" or the path of a time page."""
    return SystemClock() if source == "system" else PageClock(Path(source))


def from_ms(milliseconds: int) -> datetime:
    """An aware UTC time."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def ms_of(time: datetime) -> int:
    """Milliseconds since 1970 of an aware time."""
    return int(time.timestamp() * 1000)


def local_day(milliseconds: int, zone: tzinfo) -> date:
    """The calendar day in a site's zone; OverflowError or ValueError for a time out of range."""
    return from_ms(milliseconds).astimezone(zone).date()
