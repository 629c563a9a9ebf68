# SPDX-License-Identifier: Apache-2.0
"""What a card remembers of its last passages and consumptions: 16 bytes each, in its cyclic file.

Layout, big-endian: version and kind u8 (version 1 in the top 3 bits), at u32 (seconds since 2020-01-01 UTC), device
u16 (GateProfile.code for gates, the device number for tills), value u32 (passage: persons; money: minor units; rental:
bits of the kinds), then the first 5 bytes of the admission's or transaction's name.
"""

import struct
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from pistegate_protocol.card_layout import RECORD_BYTES
from pistegate_protocol.errors import CodecError, UnknownVersion
from pistegate_protocol.instants import TIME_ZERO, at_second, second_of

NAME_BYTES = 5  # of an event's 8-byte name; 40 bits tell the events of one card apart
_VERSION = 1
_LAYOUT = struct.Struct(">BIHI5s")


class RecordKind(IntEnum):
    """What happened."""

    ENTRY = 1
    EXIT = 2
    DEBIT = 3
    LOAD = 4
    RENTAL_OUT = 5
    RENTAL_BACK = 6


@dataclass(frozen=True, slots=True)
class CardRecord:
    """One line of a card's memory; `at` in whole seconds UTC, `name` the first 5 bytes of the event's name."""

    kind: RecordKind
    at: datetime
    device: int
    value: int
    name: bytes


def encode_record(record: CardRecord) -> bytes:
    """16 bytes; CodecError when a value does not fit. `name` may be longer and is cut."""
    if len(record.name) < NAME_BYTES:
        raise CodecError(f"a record names its event by {NAME_BYTES} bytes")
    seconds = second_of(record.at)
    try:
        return _LAYOUT.pack(_VERSION << 5 | record.kind, seconds, record.device, record.value, record.name[:NAME_BYTES])
    except struct.error as error:
        raise CodecError(f"record value out of range: {error}") from error


def decode_record(data: bytes) -> CardRecord:
    """The record in `data`; UnknownVersion for a newer one, CodecError for anything else."""
    if len(data) != RECORD_BYTES:
        raise CodecError(f"record of {len(data)} bytes")
    head, seconds, device, value, name = _LAYOUT.unpack(data)
    if head >> 5 != _VERSION or head & 0x1F not in list(RecordKind):
        raise UnknownVersion(f"card record {head:#04x}")
    return CardRecord(RecordKind(head & 0x1F), at_second(seconds), device, value, name)


def decode_records(data: bytes) -> list[CardRecord]:
    """Every record of a read of the cyclic file, oldest first; those of a newer layout are left out."""
    found = []
    for at in range(0, len(data) - RECORD_BYTES + 1, RECORD_BYTES):
        try:
            found.append(decode_record(data[at : at + RECORD_BYTES]))
        except UnknownVersion:
            continue
    return found


def passage_record(at_ms: int, exit: bool, code: int, persons: int, name: bytes) -> bytes:
    """The record of an admission at the lane `code`; gate and cloud make it alike from the event."""
    kind = RecordKind.EXIT if exit else RecordKind.ENTRY
    return encode_record(CardRecord(kind, at_second(seconds_of(at_ms)), code, persons, name))


def seconds_of(at_ms: int) -> int:
    """Whole seconds since 2020-01-01 UTC of milliseconds since 1970 UTC, never negative."""
    return max(0, at_ms // 1000 - int(TIME_ZERO.timestamp()))
