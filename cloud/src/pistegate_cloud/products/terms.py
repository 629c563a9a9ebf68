# SPDX-License-Identifier: Apache-2.0
"""From a product to the claims of its tickets: pure. And whether such a claim fits a medium at all."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from typing import Final

from pistegate_cloud.errors import Problem
from pistegate_cloud.products.models import Product
from pistegate_cloud.products.schemas import ClockBody, TermsBody, WindowBody, minutes_of
from pistegate_protocol.claim_terms import DAY_MINUTES, TERMS
from pistegate_protocol.claims import (
    CLAIM_BODY_MAX,
    DAY_ZERO,
    Bank,
    Claim,
    ClockStart,
    ClockTerm,
    HolderClass,
    Scope,
    Window,
    encode_claim,
)
from pistegate_protocol.errors import CodecError

_SIZES: Final = {name: struct.calcsize(layout) for name, layout in TERMS}
_BARE = Claim(
    key_id=0, ticket=0, scope=Scope(0), product=0, areas=frozenset(), valid_from=DAY_ZERO, valid_until=DAY_ZERO
)
_NIGHT_MAX: Final = 12 * 60  # minutes
_TERMS_MAX: Final = CLAIM_BODY_MAX - len(encode_claim(_BARE))  # bytes that are left for terms
_ONLY_WITH: Final = {"clock": ("within", "overtime")}
_OPTIONS_MAX = 6  # ways out that a refusal names


@dataclass(frozen=True, slots=True, kw_only=True)
class Sold:
    """What a ticket adds to its product. `redeemed`: when it was first put on a medium, in site time."""

    key_id: int
    ticket: int
    revision: int
    scope: Scope
    valid_from: date
    valid_until: date
    redeemed: datetime


def last_day(product: Product, visit: date) -> date:
    """The last day of a ticket for `visit`."""
    return product.valid_until or visit + timedelta(days=product.days - 1)


def terms_of(product: Product) -> TermsBody:
    """Its further terms."""
    return TermsBody.model_validate(product.terms or {})


def rotates(product: Product) -> bool:
    """Whether its code is one for a phone's page, that changes every 15 s."""
    return terms_of(product).rotating


def takes_chips(product: Product) -> bool:
    """Whether its tickets may be bound to the chip of a resident ID."""
    return terms_of(product).chip


def claim_of(product: Product, sold: Sold) -> Claim:
    """The claim of a ticket of `product`."""
    terms = terms_of(product)
    clock, valid_from = _clock(terms.clock, sold)
    return Claim(
        key_id=sold.key_id,
        ticket=sold.ticket,
        revision=sold.revision,
        scope=sold.scope,
        product=product.number,
        holder=HolderClass[product.holder.upper()],
        party=product.party,
        areas=frozenset(product.areas),
        valid_from=valid_from,
        valid_until=sold.valid_until,
        entries_per_day=product.entries_per_day,
        entries_total=product.entries_total,
        reentry_s=product.reentry_s,
        batch=product.batch,
        windows=tuple(window_of(window) for window in terms.windows),
        blackout=terms.blackout,
        days=terms.days,
        bank=Bank(terms.bank.minutes, terms.bank.minimum) if terms.bank else None,
        clock=clock,
        overtime=terms.overtime,
        tracked=terms.tracked,
    )


def window_of(window: WindowBody) -> Window:
    """An end before the start is in the night after, unless that would be a long one: then both were interchanged."""
    start, end = minutes_of(window.from_), minutes_of(window.to)
    night = end < start <= end + DAY_MINUTES <= start + _NIGHT_MAX
    return Window(start, end + DAY_MINUTES if night else end)


def _clock(clock: ClockBody | None, sold: Sold) -> tuple[ClockTerm | None, date]:
    """The clock of a claim, and the day from which it is valid.

    A clock that starts at the redemption needs its minute, counted from the claim's first day: that day moves up to the
    redemption. Redeemed before the first day there is no such minute yet, and the clock starts at the first passage.
    """
    if clock is None:
        return None, sold.valid_from
    start = ClockStart[clock.start.upper()]
    if start is ClockStart.FIXED:
        return ClockTerm(clock.minutes, start, minutes_of(clock.at or "00:00")), sold.valid_from
    if start is not ClockStart.SALE:
        return ClockTerm(clock.minutes, start), sold.valid_from
    redeemed = sold.redeemed.date()
    if redeemed < sold.valid_from:
        return ClockTerm(clock.minutes, ClockStart.FIRST_PASSAGE), sold.valid_from
    if redeemed > sold.valid_until:  # it has expired, whatever its clock says; a claim cannot say that it starts later
        return ClockTerm(clock.minutes, start, DAY_MINUTES - 1, clock.within), sold.valid_until
    return ClockTerm(clock.minutes, start, sold.redeemed.hour * 60 + sold.redeemed.minute, clock.within), redeemed


def check(product: Product, scope: Scope) -> None:
    """Problem unless every claim of this product can be told, and fits a medium."""
    last = product.valid_until or date(2026, 1, 1)
    sample = Sold(
        key_id=1,
        ticket=1,
        revision=0,
        scope=scope,
        valid_from=last,
        valid_until=last,
        redeemed=datetime(last.year, last.month, last.day, tzinfo=UTC),
    )
    claim = claim_of(product, sample)
    terms = _present(claim)
    excess = sum(terms.values()) - _TERMS_MAX
    if excess > 0:
        drop = " / ".join(" + ".join(names) for names in _ways_out(terms, excess))
        raise Problem("terms_too_many", excess=excess, drop=drop)
    try:
        encode_claim(claim)
    except CodecError as error:
        raise Problem("terms_impossible", error=error) from error


def _present(claim: Claim) -> dict[str, int]:
    """The terms of a claim that take room, with their bytes."""
    held = {
        "window": len(claim.windows) > 0,
        "second_window": len(claim.windows) > 1,
        "within": claim.clock is not None and claim.clock.within is not None,
    }
    present = (name for name in _SIZES if (held[name] if name in held else getattr(claim, name) not in (None, False)))
    return {name: _SIZES[name] for name in present if _SIZES[name]}


def _ways_out(terms: dict[str, int], excess: int) -> list[tuple[str, ...]]:
    """The smallest sets of terms without which at least `excess` bytes are free."""
    for count in range(1, len(terms) + 1):
        ways = [names for names in combinations(terms, count) if _freed(terms, names) >= excess]
        if ways:
            return ways[:_OPTIONS_MAX]
    return []


def _freed(terms: dict[str, int], names: Iterable[str]) -> int:
    """Bytes that these terms take, and those that make no sense without them."""
    gone = {also for name in names for also in (name, *_ONLY_WITH.get(name, ()))}
    return sum(size for name, size in terms.items() if name in gone)
