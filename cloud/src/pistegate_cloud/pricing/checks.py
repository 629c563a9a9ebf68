# SPDX-License-Identifier: Apache-2.0
"""What contradicts what in a price list: pure. Each finding is the text `catalogue.CODE` with its values."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import Any, Final

from pistegate_cloud.errors import Said
from pistegate_cloud.pricing.bundles import divides
from pistegate_cloud.pricing.lists import BP, Offer
from pistegate_cloud.pricing.ready import Loaded

_SHOWN_MAX: Final = 50  # pairs of rows; more say nothing new
_ENDLESS: Final = 1_000_000  # minutes; above any tier's end
WARNINGS: Final = frozenset({"never_sold", "free_with_duration", "fee_falls", "overtime_unpriced", "no_list"})


@dataclass(frozen=True, slots=True)
class Finding:
    """`code`: the text `catalogue.CODE`; an error keeps a list from being published, a warning does not."""

    code: str
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def said(self) -> Said:
        """Its words; `what` and `where` are words too."""
        told = {name: Said(f"catalogue_word.{v}") for name, v in self.values.items() if name in ("what", "where")}
        return Said(f"catalogue.{self.code}", self.values | told)

    @property
    def is_error(self) -> bool:
        """Whether it must be put right first."""
        return self.code not in WARNINGS


@dataclass(frozen=True, slots=True, kw_only=True)
class Sellable:
    """What checks need of a product. `days`: of validity; `blackout`: calendar of days for which it is not sold.

    `overtime`: minutes after its end in which it is still let in.
    """

    number: int
    code: str
    kind: str
    currency: str
    price: int
    days: int
    blackout: int | None = None
    valid_until: date | None = None
    overtime: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a list must agree with: products, sites of the group, calendars and which of them hold each day to come."""

    products: Mapping[int, Sellable]
    sites: Set[int]
    sets: Set[int]
    held: Mapping[date, Set[int]]


def of_list(prices: Loaded, around: Surroundings) -> list[Finding]:
    """Everything but holes, which are only looked for where the rest agrees (`holes`)."""
    parts: tuple[Callable[[Loaded, Surroundings], Iterator[Finding]], ...] = (
        _twice,
        _unknown,
        _overlaps,
        _shares,
        _bundles,
        _tiers,
        _unpriced_overtime,
        _policies,
        _free_with,
    )
    return [finding for check in parts for finding in check(prices, around)]


def _twice(prices: Loaded, around: Surroundings) -> Iterator[Finding]:
    """A code, or an offer of a product, that is there twice. Day types may repeat: each is another way to be one."""
    content = prices.content
    for what, codes in (
        ("season", [each.code for each in content.seasons]),
        ("holder", [each.code for each in content.holders]),
        ("deposit", [each.code for each in content.deposits]),
        ("overtime", [each.code for each in content.overtime]),
        ("policy", [each.code for each in content.policies]),
        ("offer", [str(each.product) for each in content.offers]),
    ):
        for code in sorted({code for code in codes if codes.count(code) > 1}):
            yield Finding("twice", {"what": what, "name": code})


def _unknown(prices: Loaded, around: Surroundings) -> Iterator[Finding]:
    """Something is named that is not there."""
    content = prices.content
    types, seasons = {each.code for each in content.day_types}, {each.code for each in content.seasons}
    for each in content.day_types:
        yield from _missing(("day_type", each.code), "calendar", {*each.sets, *each.except_}, around.sets)
    for index, row in enumerate(content.rows):
        where = ("row", str(index + 1))
        yield from _missing(where, "product", {row.product}, around.products.keys())
        yield from _missing(where, "day_type", row.day_types, types)
        yield from _missing(where, "season", {row.season} - {None}, seasons)
    for offer in content.offers:
        where = ("offer", str(offer.product))
        yield from _missing(where, "product", _products_of(offer), around.products.keys())
        yield from _missing(where, "day_type", offer.day_types, types)
        yield from _missing(where, "holder", {offer.holder} - {None}, prices.holders.keys())
        yield from _missing(where, "deposit", {offer.deposit} - {None}, prices.deposits.keys())
        yield from _missing(where, "overtime", {offer.overtime} - {None}, prices.overtime.keys())
        yield from _missing(where, "policy", {offer.policy} - {None}, prices.policies.keys())
        yield from _missing(where, "site", {share.site for share in offer.shares} - {None}, around.sites)
    for policy in content.policies:
        rungs = {rung.product for rung in policy.ladder}
        yield from _missing(("policy", policy.code), "product", rungs, around.products.keys())
    for deposit in content.deposits:
        yield from _missing(("deposit", deposit.code), "day_type", deposit.by, types)


def _missing(where: tuple[str, str], what: str, named: Iterable[Any], known: Iterable[Any]) -> Iterator[Finding]:
    for name in sorted(set(named) - set(known), key=str):
        values = {"where": where[0], "where_name": where[1], "what": what, "name": str(name)}
        yield Finding("unknown", values)


def _products_of(offer: Offer) -> set[int]:
    with_ = offer.free_with.products if offer.free_with else ()
    return {offer.product, *offer.needs, *with_, *(part.product for part in offer.parts)}


def _overlaps(prices: Loaded, around: Surroundings) -> Iterator[Finding]:
    for one, other in islice(prices.prices.overlaps(), _SHOWN_MAX):
        yield Finding(
            "overlap",
            {
                "product": _name(one.row.product, around),
                "one": one.index + 1,
                "other": other.index + 1,
                "one_price": one.row.price,
                "other_price": other.row.price,
            },
        )


def _shares(prices: Loaded, around: Surroundings) -> Iterator[Finding]:
    for offer in prices.content.offers:
        total = sum(share.bp for share in offer.shares)
        if offer.shares and total != BP:
            yield Finding("shares_sum", {"product": _name(offer.product, around), "percent": f"{total / 100:g}"})


def _bundles(prices: Loaded, around: Surroundings) -> Iterator[Finding]:
    for offer in prices.content.offers:
        product = around.products.get(offer.product)
        if product is not None and (product.kind == "bundle") != bool(offer.parts):
            yield Finding("bundle_parts" if product.kind == "bundle" else "parts_of_none", {"product": product.code})
        elif product is not None and offer.parts:
            yield from _parts(product, offer, prices, around)
    offered = {offer.product for offer in prices.content.offers}
    for product in around.products.values():
        if product.kind == "bundle" and prices.prices.has(product.number) and product.number not in offered:
            yield Finding("bundle_parts", {"product": product.code})


def _parts(bundle: Sellable, offer: Offer, prices: Loaded, around: Surroundings) -> Iterator[Finding]:
    for number in sorted({part.product for part in offer.parts} & set(around.products)):
        part = around.products[number]
        if part.currency != bundle.currency:
            other = {"part": part.code, "got": part.currency, "product": bundle.code, "expected": bundle.currency}
            yield Finding("parts_currency", other)
        if part.kind == "bundle":
            yield Finding("parts_nested", {"part": part.code, "product": bundle.code})
    rows = prices.prices.of(offer.product)
    for price in sorted({found.row.price for found in rows} or {bundle.price}):
        if not divides(price, offer.parts):
            fixed = sum(part.amount or 0 for part in offer.parts)
            percent = sum(part.bp or 0 for part in offer.parts) / 100
            values: dict[str, Any] = {"product": bundle.code, "price": price, "fixed": fixed, "percent": f"{percent:g}"}
            yield Finding("parts_sum", values)


def _tiers(prices: Loaded, around: Surroundings) -> Iterator[Finding]:
    for each in prices.content.overtime:
        ends = [tier.up_to or _ENDLESS for tier in each.tiers]
        if ends != sorted(set(ends)):
            yield Finding("tiers_order", {"name": each.code})
        elif ends[-1] != _ENDLESS:
            yield Finding("tiers_end", {"name": each.code, "minutes": ends[-1]})
        fees = [tier.fee for tier in each.tiers if isinstance(tier.fee, int) and tier.each is None]
        if fees != sorted(fees):
            yield Finding("fee_falls", {"name": each.code})


def _unpriced_overtime(prices: Loaded, around: Surroundings) -> Iterator[Finding]:
    for number, product in sorted(around.products.items()):
        offer = prices.offers.get(number)
        if product.overtime and (offer or prices.prices.has(number)) and not (offer and offer.overtime):
            yield Finding("overtime_unpriced", {"product": product.code, "minutes": product.overtime})


def _policies(prices: Loaded, around: Surroundings) -> Iterator[Finding]:
    for policy in prices.content.policies:
        by_price = any(rule.back == "days_at_price" for rule in policy.rules)
        if by_price and not policy.ladder:
            yield Finding("ladder_missing", {"name": policy.code})
        for rung in policy.ladder:
            product = around.products.get(rung.product)
            if product is not None and product.days != rung.days:
                values = {"name": policy.code, "product": product.code, "days": product.days, "said": rung.days}
                yield Finding("ladder_days", values)


def _free_with(prices: Loaded, around: Surroundings) -> Iterator[Finding]:
    for offer in prices.content.offers:
        free = around.products.get(offer.product)
        for number in offer.free_with.products if offer.free_with else ():
            buyer = around.products.get(number)
            if free and buyer and free.days != buyer.days:
                values = {"product": free.code, "days": free.days, "other": buyer.code, "other_days": buyer.days}
                yield Finding("free_with_duration", values)


def _name(number: int, around: Surroundings) -> str:
    return around.products[number].code if number in around.products else str(number)
