# SPDX-License-Identifier: Apache-2.0
"""What was sold: the claim and its codec v1 (bit layout below; body at most 36 bytes, so that it fits a QR).

Body, big-endian: version u8 = 1, key id u8, ticket u48, revision u8, scope u16 (top bit: group), product u16,
holder class u8, party u8, areas u32 (bit n = area n), valid from u16, valid until u16 (days since 2020-01-01, site
zone, inclusive), terms u16 (one bit per optional term, in the order of claim_terms.TERMS), then the terms present.
An unknown term bit is an unknown version: a gate must not admit on terms that it cannot evaluate.
"""

import struct
from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum
from itertools import pairwise
from typing import Any

from pistegate_protocol.claim_terms import (
    DAY_MINUTES,
    WINDOW_END_MAX,
    Values,
    pack_clock,
    pack_terms,
    pack_window,
    unpack_clock,
    unpack_terms,
    unpack_window,
)
from pistegate_protocol.claim_terms import Bank as Bank
from pistegate_protocol.claim_terms import ClockStart as ClockStart
from pistegate_protocol.claim_terms import ClockTerm as ClockTerm
from pistegate_protocol.claim_terms import Window as Window
from pistegate_protocol.errors import CodecError, UnknownVersion

CLAIM_VERSION = 1
CLAIM_BODY_MIN = 25  # bytes; without any term
CLAIM_BODY_MAX = 36  # bytes; with a 64-byte signature: QR version <= 6 at ECC M (measured with segno)
DAY_ZERO = date(2020, 1, 1)
AREAS_MAX = 32  # areas of a site, one bit each
ENTRIES_MAX = 0xFFFF  # of all persons of a ticket together; usage counts them in 16 bits
ON_DAY_MAX = 0xFF  # of all persons on one day, where usage counts days besides

_HEAD = struct.Struct(">BB6sBHHBBIHHH")
_GROUP_BIT = 0x8000
_PLAIN = ("entries_per_day", "entries_total", "reentry_s", "batch", "blackout", "days", "overtime")
_WINDOWS = ("window", "second_window")


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


def day_number(day: date) -> int:
    """Days since 2020-01-01, 0..65535."""
    return (day - DAY_ZERO).days


def encode_claim(claim: Claim) -> bytes:
    """The body of a claim, 25..36 bytes; CodecError when a value does not fit its field or contradicts another."""
    _check(claim)
    terms, tail = pack_terms(_terms_of(claim))
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
    if len(head) + len(tail) > CLAIM_BODY_MAX:
        names = ", ".join(_terms_of(claim))
        raise CodecError(
            f"claim of {len(head) + len(tail)} bytes, at most {CLAIM_BODY_MAX}: too many terms together ({names})"
        )
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
    values = unpack_terms(terms, body[_HEAD.size :])
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
        **_fields_of(values),
    )
    _check(claim)
    return claim


def _terms_of(claim: Claim) -> dict[str, Values]:
    """The terms present, as claim_terms packs them."""
    terms: dict[str, Values] = {name: (value,) for name in _PLAIN if (value := getattr(claim, name)) is not None}
    terms |= {name: pack_window(window) for name, window in zip(_WINDOWS, claim.windows, strict=False)}
    if claim.bank is not None:
        terms["bank"] = claim.bank.minutes, claim.bank.minimum
    if claim.clock is not None:
        terms["clock"] = pack_clock(claim.clock)
        if claim.clock.within is not None:
            terms["within"] = (claim.clock.within,)
    if claim.tracked:
        terms["tracked"] = ()
    return terms


def _fields_of(terms: dict[str, Values]) -> dict[str, Any]:
    """The inverse of `_terms_of`; CodecError for a term that cannot be without another."""
    for name, other in (("second_window", "window"), ("within", "clock")):
        if name in terms and other not in terms:
            raise CodecError(f"claim with {name} but no {other}")
    fields: dict[str, Any] = {name: terms[name][0] for name in _PLAIN if name in terms}
    fields["windows"] = tuple(unpack_window(terms[name]) for name in _WINDOWS if name in terms)
    if "bank" in terms:
        fields["bank"] = Bank(*terms["bank"])
    if "clock" in terms:
        fields["clock"] = unpack_clock(terms["clock"], *terms.get("within", (None,)))
    fields["tracked"] = "tracked" in terms
    return fields


def _check(claim: Claim) -> None:
    if claim.party < 1:
        raise CodecError("a party has at least one person")
    if claim.valid_until < claim.valid_from:
        raise CodecError(f"valid until {claim.valid_until}, before it is valid from {claim.valid_from}")
    if any(not 0 <= area < AREAS_MAX for area in claim.areas):
        raise CodecError(f"areas are numbered 0..{AREAS_MAX - 1}")
    if not 0 <= claim.scope.number < _GROUP_BIT:
        raise CodecError(f"scope {claim.scope.number} out of range")
    _check_entries(claim)
    _check_windows(claim.windows)
    _check_time(claim)
    if claim.clock is not None:
        _check_clock(claim, claim.clock)


def _check_entries(claim: Claim) -> None:
    if 0 in (claim.batch, claim.entries_per_day, claim.entries_total, claim.days):
        raise CodecError("a batch has at least one person, and a limited ticket at least one entry and one day")
    if (claim.entries_total or 0) * claim.party > ENTRIES_MAX:
        raise CodecError(f"{claim.entries_total} entries for {claim.party} persons, at most {ENTRIES_MAX} in all")
    if claim.days is not None and (claim.entries_per_day or 0) * claim.party > ON_DAY_MAX:
        raise CodecError(
            f"{claim.entries_per_day} entries a day for {claim.party} persons: where days are counted, at most "
            f"{ON_DAY_MAX} a day"
        )
    if claim.tracked and claim.reentry_s is not None:
        raise CodecError("a ticket tracked in and out needs no re-entry interval: it enters again only after it left")


def _check_windows(windows: tuple[Window, ...]) -> None:
    if len(windows) > len(_WINDOWS):
        raise CodecError(f"{len(windows)} windows a day, at most {len(_WINDOWS)}")
    for window in windows:
        if not 0 <= window.start < min(window.end, DAY_MINUTES) or window.end > WINDOW_END_MAX:
            raise CodecError(f"window from minute {window.start} to {window.end}: of a day, to the next noon at most")
    if any(later.start <= earlier.end for earlier, later in pairwise(windows)):
        raise CodecError("windows of a day are in order and apart")
    if windows and windows[-1].end > DAY_MINUTES and windows[-1].end - DAY_MINUTES >= windows[0].start:
        raise CodecError("a night's window ends before the next day's begins")


def _check_time(claim: Claim) -> None:
    if claim.bank is not None and claim.clock is not None:
        raise CodecError("a ticket has a bank of hours or a clock, not both")
    if claim.bank is not None and not 0 <= claim.bank.minimum <= claim.bank.minutes:
        raise CodecError(f"a bank of {claim.bank.minutes} minutes, of which a day draws {claim.bank.minimum} at least")
    if claim.bank is not None and claim.bank.minutes < 1:
        raise CodecError("a bank of hours has at least one minute")
    if claim.overtime is not None and (claim.clock is None or claim.overtime < 1):
        raise CodecError("overtime is at least one minute, after the end of a clock")


def _check_clock(claim: Claim, clock: ClockTerm) -> None:
    if clock.minutes < 1:
        raise CodecError("a clock runs for at least one minute")
    if clock.at and clock.start not in (ClockStart.SALE, ClockStart.FIXED):
        raise CodecError("a clock that a passage starts has no start of its own")
    if clock.within is not None and (clock.start is not ClockStart.SALE or clock.within < 1):
        raise CodecError("only a clock that starts at the sale may wait, at least a minute, for the first passage")
    if claim.valid_from + timedelta(days=clock.at // DAY_MINUTES) > claim.valid_until:
        raise CodecError("the clock starts after the ticket's last day")
