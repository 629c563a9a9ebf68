# SPDX-License-Identifier: Apache-2.0
"""Rental 租赁 on a card: which kinds of equipment are out and which were out before; 16 bytes in a backup file.

A kind is rented once per card: returned, it cannot be taken again (rules.md C). The clock runs from the first piece
taken to the last returned. Layout, big-endian: version u8 = 1, outstanding u16, taken u16 (bit n = kind n), first
taken u32, last returned u32 (seconds since 2020-01-01 UTC, 0: never), device of the last change u16, reserved u8 = 0.
"""

import struct
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import IntEnum

from pistegate_protocol.errors import CodecError, ProtocolError, UnknownVersion
from pistegate_protocol.instants import at_second, second_of

RENTAL_BYTES = 16
RENTAL_VERSION = 1
KINDS_MAX = 16
_LAYOUT = struct.Struct(">BHHIIHB")


class RentalKind(IntEnum):
    """Kinds of equipment; the number is a bit on the card and is stored and sent."""

    BOOTS = 0
    SKIS = 1
    BOARD = 2
    POLES = 3
    JACKET = 4
    TROUSERS = 5
    GLOVES = 6
    HELMET = 7
    GOGGLES = 8
    LOCKER = 9
    TUBE = 10
    OTHER = 11


class RentalRefusal(ProtocolError):
    """Equipment that cannot be taken or given back; `code` is a key of the texts (rental.CODE)."""

    def __init__(self, code: str, kind: RentalKind) -> None:
        super().__init__(f"{code}: {kind.name.lower()}")
        self.code = code
        self.kind = kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Rental:
    """What is out, what was ever taken, and the clock; times in whole seconds UTC."""

    outstanding: frozenset[RentalKind] = frozenset()
    taken: frozenset[RentalKind] = frozenset()
    since: datetime | None = None
    returned: datetime | None = None
    device: int = 0


def take(rental: Rental, kinds: frozenset[RentalKind], device: int, now: datetime) -> Rental:
    """`kinds` go out; RentalRefusal already_out or rented_before for one that may not."""
    for kind in sorted(kinds):
        if kind in rental.outstanding:
            raise RentalRefusal("already_out", kind)
        if kind in rental.taken:
            raise RentalRefusal("rented_before", kind)
    now = now.astimezone(UTC).replace(microsecond=0)
    return replace(
        rental,
        outstanding=rental.outstanding | kinds,
        taken=rental.taken | kinds,
        since=rental.since or now,
        device=device,
    )


def give_back(rental: Rental, kinds: frozenset[RentalKind], device: int, now: datetime) -> Rental:
    """`kinds` come back; RentalRefusal not_out for one that is not out."""
    for kind in sorted(kinds):
        if kind not in rental.outstanding:
            raise RentalRefusal("not_out", kind)
    now = now.astimezone(UTC).replace(microsecond=0)
    return replace(rental, outstanding=rental.outstanding - kinds, returned=now, device=device)


def kinds_to_bits(kinds: frozenset[RentalKind]) -> int:
    """Bit n for kind n, as cards and events carry them."""
    return sum(1 << kind for kind in kinds)


def bits_to_kinds(bits: int) -> frozenset[RentalKind]:
    """The inverse; UnknownVersion for a kind that this release does not know."""
    known = kinds_to_bits(frozenset(RentalKind))
    if bits & ~known:
        raise UnknownVersion(f"rental kinds {bits:#06x}")
    return frozenset(kind for kind in RentalKind if bits >> kind & 1)


def encode_rental(rental: Rental) -> bytes:
    """16 bytes; CodecError when a value does not fit."""
    try:
        return _LAYOUT.pack(
            RENTAL_VERSION,
            kinds_to_bits(rental.outstanding),
            kinds_to_bits(rental.taken),
            _seconds(rental.since),
            _seconds(rental.returned),
            rental.device,
            0,
        )
    except struct.error as error:
        raise CodecError(f"rental value out of range: {error}") from error


def decode_rental(data: bytes) -> Rental:
    """The rental in `data` (a blank file: nothing); UnknownVersion for a newer layout, CodecError otherwise."""
    if len(data) != RENTAL_BYTES:
        raise CodecError(f"rental of {len(data)} bytes")
    if not any(data):
        return Rental()
    version, outstanding, taken, since, returned, device, reserved = _LAYOUT.unpack(data)
    if version != RENTAL_VERSION or reserved:
        raise UnknownVersion(f"rental version {version}, this release reads {RENTAL_VERSION}")
    rental = Rental(
        outstanding=bits_to_kinds(outstanding),
        taken=bits_to_kinds(taken),
        since=_time(since),
        returned=_time(returned),
        device=device,
    )
    if not rental.outstanding <= rental.taken:
        raise CodecError("a rental is out that was never taken")
    return rental


def _seconds(time: datetime | None) -> int:
    return second_of(time) if time else 0


def _time(seconds: int) -> datetime | None:
    return at_second(seconds) if seconds else None
