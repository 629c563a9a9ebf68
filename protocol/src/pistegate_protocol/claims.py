# SPDX-License-Identifier: Apache-2.0
"""What was sold: the claim and its codec v1 (bit layout below; body at most 36 bytes, so that it fits a QR).

Body, big-endian: version u8 = 1, key id u8, ticket u48, revision u8, scope u16 (top bit: group), product u16,
holder class u8, party u8, areas u32 (bit n = area n), valid from u16, valid until u16 (days since 2020-01-01, site
zone, inclusive), terms u16 (one bit per optional term, in the order of `_TERMS`), then the terms that are present.
An unknown term bit is an unknown version: a gate must not admit on terms that it cannot evaluate.
"""

import struct
from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum

from pistegate_protocol.claim_terms import Bank as Bank
from pistegate_protocol.claim_terms import ClockStart as ClockStart
from pistegate_protocol.claim_terms import ClockTerm as ClockTerm
from pistegate_protocol.claim_terms import Window as Window
from pistegate_protocol.errors import CodecError, UnknownVersion

CLAIM_VERSION = 1
CLAIM_BODY_MAX = 36  # bytes; with a 64-byte signature: QR version <= 6 at ECC M (measured with segno)
DAY_ZERO = date(2020, 1, 1)
AREAS_MAX = 32  # areas of a site, one bit each
ENTRIES_MAX = 0xFFFF  # of all persons of a ticket together; usage counts them in 16 bits

_HEAD = struct.Struct(">BB6sBHHBBIHHH")
_GROUP_BIT = 0x8000


class HolderClass(IntEnum):
    """Who a ticket was sold for; the gate shows it to the attendant."""

    ADULT = 1
    CHILD = 2
    YOUTH = 3
    SENIOR = 4
    DISABLED = 5
    STAFF = 6
    VIP = 7


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a claim holds: one site, or every site of a group (number 0..32767)."""

    number: int
    group: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What was sold; immutable. Optional terms are None where the product does not limit them."""

    key_id: int
    ticket: int
    revision: int = 0
    scope: Scope
    product: int
    holder: HolderClass = HolderClass.ADULT
    party: int = 1
    areas: frozenset[int]
    valid_from: date
    valid_until: date
    entries_per_day: int | None = None
    """Entries of each person of the party per day in site zone."""
    entries_total: int | None = None
    """Entries of each person of the party over the whole validity."""
    reentry_s: int | None = None
    """Seconds before the same ticket may enter at the same post again."""
    batch: int | None = None
    """Persons of a party admitted at one presentation; None: all that remain."""
    windows: tuple[Window, ...] = ()
    """Parts of the day in which it holds, at most two, in order; empty: all day."""
    blackout: int | None = None
    """Number of the set of days on which it does not hold."""
    days: int | None = None
    """Distinct days of the validity on which it may be used (N of M)."""
    bank: Bank | None = None
    clock: ClockTerm | None = None
    overtime: int | None = None
    """Minutes after the clock's end in which it is still admitted, and marked."""
    tracked: bool = False
    """Lanes in and out are counted: nobody enters on a ticket whose persons are all inside."""


_TERMS: tuple[tuple[str, str], ...] = (
    ("entries_per_day", ">B"),
    ("entries_total", ">H"),
    ("reentry_s", ">H"),
    ("batch", ">B"),
)


def day_number(day: date) -> int:
    """Days since 2020-01-01, 0..65535."""
    return (day - DAY_ZERO).days


def encode_claim(claim: Claim) -> bytes:
    """The body of a claim, 25..36 bytes; CodecError when a value does not fit its field or contradicts another."""
    _check(claim)
    terms, tail = 0, b""
    for bit, (name, layout) in enumerate(_TERMS):
        value = getattr(claim, name)
        if value is not None:
            terms |= 1 << bit
            tail += _pack(layout, value, name)
    areas = sum(1 << area for area in claim.areas)
    scope = claim.scope.number | (_GROUP_BIT if claim.scope.group else 0)
    try:
        head = _HEAD.pack(
            CLAIM_VERSION,
            claim.key_id,
            claim.ticket.to_bytes(6, "big"),
            claim.revision,
            scope,
            claim.product,
            claim.holder,
            claim.party,
            areas,
            day_number(claim.valid_from),
            day_number(claim.valid_until),
            terms,
        )
    except (struct.error, OverflowError) as error:
        raise CodecError(f"claim value out of range: {error}") from error
    return head + tail


def decode_claim(body: bytes) -> Claim:
    """The claim in `body`; UnknownVersion for a newer layout or term, CodecError for anything else."""
    if not body:
        raise CodecError("empty claim")
    if body[0] != CLAIM_VERSION:
        raise UnknownVersion(f"claim version {body[0]}, this release reads {CLAIM_VERSION}")
    if not _HEAD.size <= len(body) <= CLAIM_BODY_MAX:
        raise CodecError(f"claim of {len(body)} bytes")
    _, key_id, ticket, revision, scope, product, holder, party, areas, first, last, terms = _HEAD.unpack_from(body)
    if terms >> len(_TERMS):
        raise UnknownVersion(f"claim terms {terms:#06x}, this release reads {len(_TERMS)} kinds")
    if holder not in list(HolderClass):
        raise UnknownVersion(f"holder class {holder}")
    claim = Claim(
        key_id=key_id,
        ticket=int.from_bytes(ticket, "big"),
        revision=revision,
        scope=Scope(scope & ~_GROUP_BIT, bool(scope & _GROUP_BIT)),
        product=product,
        holder=HolderClass(holder),
        party=party,
        areas=frozenset(area for area in range(AREAS_MAX) if areas >> area & 1),
        valid_from=DAY_ZERO + timedelta(days=first),
        valid_until=DAY_ZERO + timedelta(days=last),
        **_unpack_terms(terms, body[_HEAD.size :]),
    )
    _check(claim)
    return claim


def _unpack_terms(terms: int, tail: bytes) -> dict[str, int]:
    values: dict[str, int] = {}
    offset = 0
    for bit, (name, layout) in enumerate(_TERMS):
        if terms >> bit & 1:
            try:
                (values[name],) = struct.unpack_from(layout, tail, offset)
            except struct.error as error:
                raise CodecError(f"claim ends before {name}") from error
            offset += struct.calcsize(layout)
    if offset != len(tail):
        raise CodecError(f"{len(tail) - offset} bytes after the claim")
    return values


def _pack(layout: str, value: int, name: str) -> bytes:
    try:
        return struct.pack(layout, value)
    except struct.error as error:
        raise CodecError(f"{name} {value} out of range") from error


def _check(claim: Claim) -> None:
    if claim.party < 1:
        raise CodecError("a party has at least one person")
    if claim.valid_until < claim.valid_from:
        raise CodecError(f"valid until {claim.valid_until}, before it is valid from {claim.valid_from}")
    if any(not 0 <= area < AREAS_MAX for area in claim.areas):
        raise CodecError(f"areas are numbered 0..{AREAS_MAX - 1}")
    if not 0 <= claim.scope.number < _GROUP_BIT:
        raise CodecError(f"scope {claim.scope.number} out of range")
    if 0 in (claim.batch, claim.entries_per_day, claim.entries_total):
        raise CodecError("a batch has at least one person, and a limited ticket at least one entry")
    if (claim.entries_total or 0) * claim.party > ENTRIES_MAX:
        raise CodecError(f"{claim.entries_total} entries for {claim.party} persons, at most {ENTRIES_MAX} in all")
