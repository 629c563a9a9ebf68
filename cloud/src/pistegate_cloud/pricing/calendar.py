# SPDX-License-Identifier: Apache-2.0
"""A price calendar 价格日历: what a product costs on each of some days, and how much of it is left."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from pistegate_cloud.clock import local_day
from pistegate_cloud.errors import Problem
from pistegate_cloud.pricing import loaded
from pistegate_cloud.pricing.choice import Sale
from pistegate_cloud.pricing.ready import Loaded
from pistegate_cloud.pricing.selling import Day, blackout_of
from pistegate_cloud.pricing.service import read_days
from pistegate_cloud.products import queries as products
from pistegate_cloud.products.models import Product
from pistegate_cloud.products.terms import last_day
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.stock import queries as stock
from pistegate_cloud.stock.models import Stock


@dataclass(frozen=True, slots=True)
class Shown:
    """A day: its type, the price of one piece sold ahead (None: not sold for it), what is left (None: no stock)."""

    day: date
    type: str | None
    price: int | None
    left: int | None


@dataclass(frozen=True, slots=True)
class Shop:
    """Where a calendar is looked at."""

    site: int
    channel: str
    level: str | None = None


async def calendar(shop: Shop, number: int, wanted: Sequence[date], now_ms: int) -> list[Shown]:
    """Each of these days; Problem unknown_reference."""
    site = await sites.site(shop.site)
    product = (await products.by_number(shop.site, {number})).get(number)
    if product is None:
        raise Problem("unknown_reference", what=f"product {number} of site {shop.site}")
    prices = await loaded.at(shop.site, now_ms)
    days = await read_days(site, set(wanted), prices, blackouts=True)
    counters = await stock.drawn_on(shop.site, [number], wanted)
    today = local_day(now_ms, await sites.zone(shop.site))
    return [
        Shown(
            day,
            days[day].type,
            _price(prices, product, shop, day, days[day]) if day >= today else None,
            _left(counters.get((number, day), ()), shop.channel),
        )
        for day in sorted(wanted)
    ]


def _price(prices: Loaded, product: Product, shop: Shop, day: date, of: Day) -> int | None:
    offer = prices.offers.get(product.number)
    if day > last_day(product, day) or (product.valid_until is None and blackout_of(product) in of.sets):
        return None
    if offer and not (offer.sold_for(day, of.type or "") and shop.channel in (offer.channels or [shop.channel])):
        return None
    if not prices.prices.has(product.number):
        own: int = product.price
        return own
    found = prices.prices.choose(product.number, Sale(day, of.type or "", None, shop.channel, shop.level))
    return found.row.price if found else None


def _left(counters: Sequence[Stock], channel: str) -> int | None:
    """The least of the quotas that its sales draw on, and of what its slots have together."""
    quotas = [row.left for row in counters if row.starts is None and row.channel in (None, channel)]
    slots = [row.left for row in counters if row.starts is not None]
    return min([*quotas, *([sum(slots)] if slots else [])], default=None)
