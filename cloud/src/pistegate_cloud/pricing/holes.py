# SPDX-License-Identifier: Apache-2.0
"""Days without a type, and days on which a product is sold but has no price or deposit: pure."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date

from pistegate_cloud.pricing.checks import Finding, Sellable, Surroundings
from pistegate_cloud.pricing.choice import Sale, day_type
from pistegate_cloud.pricing.lists import Offer
from pistegate_cloud.pricing.ready import Loaded
from pistegate_cloud.pricing.rules import deposit_of

ANY_CHANNEL = "*"  # one that no row and no offer names
_NO_OFFER = Offer(product=1)


def holes(prices: Loaded, around: Surroundings) -> list[Finding]:
    """Over the days that `around.held` tells of."""
    types = {day: day_type(day, prices.content.day_types, sets) for day, sets in around.held.items()}
    return [*_untyped(prices, types), *_unpriced(prices, around, types), *_without_deposit(prices, around, types)]


def _untyped(prices: Loaded, types: Mapping[date, str | None]) -> Iterator[Finding]:
    days = [day for day, each in types.items() if each is None]
    if days and prices.content.day_types:
        yield Finding("day_without_type", {"day": min(days), "count": len(days)})


def _unpriced(prices: Loaded, around: Surroundings, types: Mapping[date, str | None]) -> Iterator[Finding]:
    for number, product in sorted(around.products.items()):
        if not prices.prices.has(number) and number not in prices.offers:
            continue
        offer = prices.offers.get(number, _NO_OFFER)
        days = _sold_days(prices, product, offer, around, types)
        if not days:
            yield Finding("never_sold", {"product": product.code})
        elif prices.prices.has(number):
            yield from _of_product(prices, product, offer, days)


def _of_product(prices: Loaded, product: Sellable, offer: Offer, days: Mapping[date, str]) -> Iterator[Finding]:
    """One finding for each day type and channel without a price, with the first day of it."""
    found: dict[tuple[str, str], list[date]] = defaultdict(list)
    seen: dict[tuple[object, ...], list[str]] = {}
    for day, type_ in days.items():
        alike = (type_, day.weekday(), *(each.from_ <= day <= each.to for each in prices.content.seasons))
        if alike not in seen:  # the same rows fit: most days of a season are alike
            seen[alike] = _without(prices, product.number, offer, day, type_)
        for channel in seen[alike]:
            found[type_, channel].append(day)
    for (type_, channel), of in found.items():
        values = {"product": product.code, "day_type": type_ or "-", "channel": channel}
        yield Finding("hole", values | {"day": min(of), "count": len(of)})


def _without(prices: Loaded, number: int, offer: Offer, day: date, type_: str) -> list[str]:
    """Channels without a price. A sale ahead has no time of day, so a row without one must be there for it."""
    named = sorted({found.row.channel for found in prices.prices.of(number) if found.row.channel})
    channels = offer.channels or (ANY_CHANNEL, *named)
    return [each for each in channels if prices.prices.choose(number, Sale(day, type_, None, each)) is None]


def _sold_days(
    prices: Loaded, product: Sellable, offer: Offer, around: Surroundings, types: Mapping[date, str | None]
) -> dict[date, str]:
    """With their types; a day that lacks one is told of by itself."""
    return {
        day: type_ or ""
        for day, type_ in sorted(types.items())
        if (type_ is not None or not prices.content.day_types)
        and offer.sold_for(day, type_ or "")
        and product.blackout not in around.held[day]
        and (product.valid_until is None or day <= product.valid_until)
    }


def _without_deposit(prices: Loaded, around: Surroundings, types: Mapping[date, str | None]) -> Iterator[Finding]:
    for offer in prices.content.offers:
        deposit, product = prices.deposits.get(offer.deposit or ""), around.products.get(offer.product)
        if deposit is None or product is None:
            continue
        of_types = set(_sold_days(prices, product, offer, around, types).values())
        for type_ in sorted(each for each in of_types if deposit_of(deposit, each) is None):
            yield Finding("deposit_hole", {"name": deposit.code, "day_type": type_ or "-", "product": product.code})
