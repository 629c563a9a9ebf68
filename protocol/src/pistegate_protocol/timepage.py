# SPDX-License-Identifier: Apache-2.0
"""The page through which an outside time source tells the wall time (as a GPS or PTP clock daemon of a site would).

40 bytes, big-endian: magic "PGT1", crc32 u32 of the rest, reference monotonic ns u64, wall ns since 1970 u64 at that
reference, rate f64 (wall seconds per monotonic second; 1.0 but for oscillator drift), serial u64. A reader that
meets a page half written finds a wrong checksum and reads again.
"""

import math
import struct
import zlib
from dataclasses import dataclass

from pistegate_protocol.errors import CodecError

PAGE_BYTES = 40
_MAGIC = b"PGT1"
_REST = struct.Struct(">QQdQ")


@dataclass(frozen=True, slots=True)
class TimePage:
    """At `monotonic_ns` (CLOCK_MONOTONIC of this machine) it was `wall_ns`; since then wall time runs at `rate`."""

    monotonic_ns: int
    wall_ns: int
    rate: float = 1.0
    serial: int = 0

    def wall_at(self, monotonic_ns: int) -> int:
        """Wall time in ns since 1970 at a monotonic reading."""
        return self.wall_ns + int((monotonic_ns - self.monotonic_ns) * self.rate)


def encode_page(page: TimePage) -> bytes:
    """The 40 bytes of a page; CodecError for a value out of range."""
    try:
        rest = _REST.pack(page.monotonic_ns, page.wall_ns, page.rate, page.serial)
    except struct.error as error:
        raise CodecError(f"time page value out of range: {error}") from error
    return _MAGIC + zlib.crc32(rest).to_bytes(4, "big") + rest


def decode_page(data: bytes) -> TimePage:
    """The page in `data`; CodecError when it is none, or is being written just now."""
    if len(data) != PAGE_BYTES or data[:4] != _MAGIC or zlib.crc32(data[8:]) != int.from_bytes(data[4:8], "big"):
        raise CodecError("no valid time page")
    page = TimePage(*_REST.unpack(data[8:]))
    if not (math.isfinite(page.rate) and page.rate > 0):
        raise CodecError(f"time page with rate {page.rate}")
    return page
