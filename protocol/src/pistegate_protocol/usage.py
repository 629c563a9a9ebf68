# SPDX-License-Identifier: Apache-2.0
"""What is used of a ticket: 32 bytes in a card's backup file, or derived from the journal.

Layout, big-endian: version u8 = 1, claim digest 8, admission name 8, used in total u16, day u16, used that day u16,
last entry u32 (seconds since 2020-01-01 UTC), last gate u16, returns u8 (last return applied), in round u8, reserved
u8 = 0.
"""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pistegate_protocol.errors import CodecError, UnknownVersion
from pistegate_protocol.signing import DIGEST_BYTES

USAGE_VERSION = 1
USAGE_BYTES = 32
COUNTERS_BYTES = USAGE_BYTES - 1 - 2 * DIGEST_BYTES  # what an admission event carries of it
NO_ADMISSION = bytes(DIGEST_BYTES)
_COUNTERS = struct.Struct(">HHHIHBBB")
_TIME_ZERO = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Entries are counted in persons. `day` is a day number (claims.day_number); `last_entry` is None when unused.

    `in_round`: persons of the party who entered since its last round began (see decide).
    """

    claim: bytes
    admission: bytes = NO_ADMISSION
    used_total: int = 0
    day: int = 0
    used_on_day: int = 0
    last_entry: datetime | None = None
    last_gate: int = 0
    returns: int = 0
    in_round: int = 0


def encode_usage(usage: Usage) -> bytes:
    """32 bytes; CodecError when a counter does not fit."""
    if len(usage.claim) != DIGEST_BYTES or len(usage.admission) != DIGEST_BYTES:
        raise CodecError("usage names a claim and an admission by 8 bytes each")
    return bytes([USAGE_VERSION]) + usage.claim + usage.admission + encode_counters(usage)


def decode_usage(data: bytes) -> Usage:
    """The usage in `data`; UnknownVersion for a newer layout, CodecError for anything else."""
    if len(data) != USAGE_BYTES:
        raise CodecError(f"usage of {len(data)} bytes")
    if data[0] != USAGE_VERSION:
        raise UnknownVersion(f"usage version {data[0]}, this release reads {USAGE_VERSION}")
    return decode_counters(data[17:], data[1:9], data[9:17])


def decode_counters(counters: bytes, claim: bytes, admission: bytes) -> Usage:
    """The inverse of `encode_counters`, with the names that it left out."""
    if len(counters) != COUNTERS_BYTES:
        raise CodecError(f"usage counters of {len(counters)} bytes")
    total, day, on_day, last, gate, returns, in_round, reserved = _COUNTERS.unpack(counters)
    if reserved:
        raise UnknownVersion("usage has a reserved byte set")
    return Usage(
        claim=claim,
        admission=admission,
        used_total=total,
        day=day,
        used_on_day=on_day,
        last_entry=_TIME_ZERO + timedelta(seconds=last) if last else None,
        last_gate=gate,
        returns=returns,
        in_round=in_round,
    )


def encode_counters(usage: Usage) -> bytes:
    """The 15 bytes of a usage that are not names."""
    last = int((usage.last_entry - _TIME_ZERO).total_seconds()) if usage.last_entry else 0
    try:
        return _COUNTERS.pack(
            usage.used_total,
            usage.day,
            usage.used_on_day,
            last,
            usage.last_gate,
            usage.returns,
            usage.in_round,
            0,
        )
    except struct.error as error:
        raise CodecError(f"usage value out of range: {error}") from error
