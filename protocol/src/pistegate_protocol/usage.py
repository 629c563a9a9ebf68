# SPDX-License-Identifier: Apache-2.0
"""What is used of a ticket: 32 bytes in a card's backup file, or derived from the journal.

Layout 2, big-endian: layout u8, claim digest 8, admission name 8, counters 15. The layout's low five bits are the
version; above them 0x80: days are counted, 0x40: a bank of hours, 0x20: an amendment is on the card as well.
Counters: used in total u16, used that day u16 (with 0x80: used that day u8, days used u8), last entry u32 (seconds
since 2020-01-01 UTC in 30 bits, then the day minus the UTC day of that entry, plus one, in 2 bits; 0: not used),
last gate u16, returns u8, in round u8, clock 24 bits: minutes since 2020-01-01 UTC at which the ticket's clock
started, 0: not yet (with 0x40: minutes drawn from the bank u16, those of them drawn ahead u8).

Layout 1, still read: version u8 = 1, the two names, used in total u16, day u16, used that day u16, last entry u32
(seconds), last gate u16, returns u8, in round u8, reserved u8 = 0.
"""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime

from pistegate_protocol.errors import CodecError, UnknownVersion
from pistegate_protocol.instants import MINUTE, SECOND, TIME_ZERO, at_minute
from pistegate_protocol.signing import DIGEST_BYTES

USAGE_VERSION = 2
USAGE_BYTES = 32
COUNTERS_BYTES = USAGE_BYTES - 2 * DIGEST_BYTES  # what an admission event carries of it: layout byte and counters
COUNTERS_V1_BYTES = 15  # as events of the first release carry them
NO_ADMISSION = bytes(DIGEST_BYTES)
BANK_MAX = 0xFFFF  # minutes drawn from a bank
AHEAD_MAX = 0xFF  # minutes of them drawn ahead
# The counters end in November 2051 (24 bits of minutes) and January 2054 (30 bits of seconds); decide refuses before.
TIME_END = datetime(2051, 1, 1, tzinfo=UTC)

_CLAIM = slice(1, 1 + DIGEST_BYTES)
_ADMISSION = slice(_CLAIM.stop, _CLAIM.stop + DIGEST_BYTES)
_VERSION_BITS = 0x1F
_DAYS, _BANK, _AMENDED = 0x80, 0x40, 0x20
_FLAGS = {"counts_days": _DAYS, "bank": _BANK, "amended": _AMENDED}
_COUNTERS = struct.Struct(">H2sIHBB3s")
_COUNTERS_V1 = struct.Struct(">HHHIHBBB")


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Entries are counted in persons. `day` is a day number (claims.day_number); `last_entry` is None when unused.

    `in_round`: persons of the party who entered since its last round began (see decide), or who are inside where the
    claim is tracked. `returns`: persons given back so far, modulo 256. `started`: whole minute at which the ticket's
    clock began. `bank_used`: minutes drawn from the bank, `bank_ahead` of them for time that has not run yet.
    `counts_days` and `bank` say which counters the layout holds, `amended` that an amendment is on the card.
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
    days_used: int = 0
    started: datetime | None = None
    bank_used: int = 0
    bank_ahead: int = 0
    amended: bool = False
    counts_days: bool = False
    bank: bool = False


def encode_usage(usage: Usage) -> bytes:
    """32 bytes, in layout 2; CodecError when a counter does not fit or the layout has no place for it."""
    if len(usage.claim) != DIGEST_BYTES or len(usage.admission) != DIGEST_BYTES:
        raise CodecError("usage names a claim and an admission by 8 bytes each")
    return usage_file(encode_counters(usage), usage.claim, usage.admission)


def decode_usage(data: bytes) -> Usage:
    """The usage in `data`, of either layout; UnknownVersion for a newer one, CodecError for anything else."""
    if len(data) != USAGE_BYTES:
        raise CodecError(f"usage of {len(data)} bytes")
    claim, admission, counters = named_claim(data), data[_ADMISSION], counters_in(data)
    if data[0] == 1:
        return decode_counters_v1(counters[1:], claim, admission)
    return decode_counters(counters, claim, admission)


def is_usage_layout(first: int) -> bool:
    """Whether a usage that this release reads may begin with this byte."""
    return first == 1 or first & _VERSION_BITS == USAGE_VERSION


def usage_file(counters: bytes, claim: bytes, admission: bytes) -> bytes:
    """The 32 bytes of a usage, from its 16 bytes of counters and the two names left out of them, in either layout."""
    return counters[:1] + claim + admission + counters[1:]


def named_claim(usage: bytes) -> bytes:
    """The digest of the claim that the 32 bytes of a usage belong to, in every layout."""
    return usage[_CLAIM]


def counters_in(usage: bytes) -> bytes:
    """The 16 bytes of a usage that are not names, in either layout: what an admission event says was read."""
    return usage[:1] + usage[_ADMISSION.stop :]


def encode_counters(usage: Usage) -> bytes:
    """The 16 bytes of a usage that are not names: its layout byte, then the counters."""
    layout = USAGE_VERSION | sum(bit for name, bit in _FLAGS.items() if getattr(usage, name))
    try:
        return bytes([layout]) + _COUNTERS.pack(
            usage.used_total,
            _on_day(usage),
            _last(usage),
            usage.last_gate,
            usage.returns,
            usage.in_round,
            _clock(usage),
        )
    except struct.error as error:
        raise CodecError(f"usage value out of range: {error}") from error


def decode_counters(counters: bytes, claim: bytes, admission: bytes) -> Usage:
    """The inverse of `encode_counters`, with the names that it left out."""
    if len(counters) != COUNTERS_BYTES:
        raise CodecError(f"usage counters of {len(counters)} bytes")
    if counters[0] & _VERSION_BITS != USAGE_VERSION:
        raise UnknownVersion(f"usage layout {counters[0]:#04x}, this release reads 1 and {USAGE_VERSION}")
    flags = {name: bool(counters[0] & bit) for name, bit in _FLAGS.items()}
    total, on_day, last, gate, returns, in_round, clock = _COUNTERS.unpack(counters[1:])
    entry = TIME_ZERO + (last >> 2) * SECOND if last else None
    day = (entry - TIME_ZERO).days + (last & 3) - 1 if entry else 0
    if day < 0:
        raise CodecError("usage counts on a day before 2020")
    minutes = int.from_bytes(clock, "big")
    return Usage(
        claim=claim,
        admission=admission,
        used_total=total,
        day=day,
        used_on_day=on_day[0] if flags["counts_days"] else int.from_bytes(on_day, "big"),
        last_entry=entry,
        last_gate=gate,
        returns=returns,
        in_round=in_round,
        days_used=on_day[1] if flags["counts_days"] else 0,
        started=at_minute(minutes) if minutes and not flags["bank"] else None,
        bank_used=minutes >> 8 if flags["bank"] else 0,
        bank_ahead=minutes & 0xFF if flags["bank"] else 0,
        **flags,
    )


def decode_counters_v1(counters: bytes, claim: bytes, admission: bytes) -> Usage:
    """The usage whose 15 counters an event or a card of the first release carries."""
    if len(counters) != COUNTERS_V1_BYTES:
        raise CodecError(f"usage counters of {len(counters)} bytes")
    total, day, on_day, last, gate, returns, in_round, reserved = _COUNTERS_V1.unpack(counters)
    if reserved:
        raise UnknownVersion("usage has a reserved byte set")
    return Usage(
        claim=claim,
        admission=admission,
        used_total=total,
        day=day,
        used_on_day=on_day,
        last_entry=TIME_ZERO + last * SECOND if last else None,
        last_gate=gate,
        returns=returns,
        in_round=in_round,
    )


def keeps_last_entry(usage: Usage) -> bool:
    """Whether layout 2 has a place for the usage's day and last entry (layout 1 had one for any)."""
    try:
        _last(usage)
    except CodecError:
        return False
    return True


def _on_day(usage: Usage) -> bytes:
    if usage.counts_days:
        return struct.pack(">BB", usage.used_on_day, usage.days_used)
    if usage.days_used:
        raise CodecError("usage with days used, but its layout does not count days")
    return struct.pack(">H", usage.used_on_day)


def _last(usage: Usage) -> int:
    if usage.last_entry is None:
        if usage.day:
            raise CodecError("usage counts on a day without a last entry")
        return 0
    since = usage.last_entry - TIME_ZERO
    ahead = usage.day - since.days + 1
    if usage.day < 0 or not 0 <= ahead <= 3 or not 0 <= since // SECOND < 1 << 30:
        raise CodecError(f"usage of day {usage.day} with a last entry at {usage.last_entry}")
    return since // SECOND << 2 | ahead


def _clock(usage: Usage) -> bytes:
    if usage.bank:
        if usage.started is not None:
            raise CodecError("usage with a bank of hours has no clock")
        return struct.pack(">HB", usage.bank_used, usage.bank_ahead)
    if usage.bank_used or usage.bank_ahead:
        raise CodecError("usage with minutes drawn, but its layout has no bank")
    if usage.started is None:
        return bytes(3)
    minutes, rest = divmod(usage.started - TIME_ZERO, MINUTE)
    if rest or not 0 < minutes < 1 << 24:
        raise CodecError(f"usage with a clock started at {usage.started}: a whole minute after 2020 is expected")
    return minutes.to_bytes(3, "big")
