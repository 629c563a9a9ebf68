# SPDX-License-Identifier: Apache-2.0
"""Checking a site's catalogue: its price list, and the stock of days to come."""

import asyncio
from datetime import date, timedelta
from typing import Any, Final

from pistegate_cloud.calendars import queries as calendar_queries
from pistegate_cloud.calendars import service as calendars
from pistegate_cloud.clock import local_day
from pistegate_cloud.pricing import loaded, queries
from pistegate_cloud.pricing.checks import Finding, Sellable, Surroundings, of_list
from pistegate_cloud.pricing.holes import holes
from pistegate_cloud.pricing.ready import Loaded
from pistegate_cloud.products import queries as products
from pistegate_cloud.products.models import Product
from pistegate_cloud.products.terms import terms_of, window_of
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.stock import queries as stock
from pistegate_cloud.stock.checks import Counted, Hours, of_stock

HORIZON_DAYS: Final = 400  # as far as calendars are worked out


async def surroundings(site_number: int, now_ms: int) -> Surroundings:
    """What a list of this site must agree with, from today on."""
    site = await sites.site(site_number)
    today = local_day(now_ms, await sites.zone(site_number))
    days = [today + timedelta(days=offset) for offset in range(HORIZON_DAYS)]
    sets = await calendar_queries.visible(site.number, site.group_number)
    return Surroundings(
        products={row.number: _sellable(row) for row in await products.products(site_number)},
        sites=frozenset(await sites.of_group(site.group_number)),
        sets=frozenset(row.number for row in sets),
        held=await calendars.held(site, days),
    )


def list_findings(prices: Loaded, around: Surroundings) -> list[Finding]:
    """What contradicts in a list; holes are looked for once nothing else is wrong."""
    found = of_list(prices, around)
    return found if any(finding.is_error for finding in found) else found + holes(prices, around)


async def site_findings(site: int, now_ms: int) -> tuple[Loaded, list[Finding]]:
    """The newest list of a site, which holds now or soon, and what contradicts in it and in the stock to come."""
    newest = await queries.newest(site)
    prices = await loaded.by_id(newest.id if newest else None)
    around = await surroundings(site, now_ms)
    found = await asyncio.to_thread(list_findings, prices, around) if newest else [Finding("no_list")]
    rows = await products.products(site)
    return prices, found + of_stock(await stock.to_come(site, min(around.held)), hours_of(rows, around.held))


def hours_of(rows: list[Product], held: Any) -> dict[int, Hours]:
    """Of each product: when its tickets hold."""
    found = {}
    for row in rows:
        terms = terms_of(row)
        windows = tuple(window_of(each) for each in terms.windows)
        off = {day for day, sets in held.items() if terms.blackout in sets}
        found[row.number] = Hours(row.code, tuple((each.start, each.end) for each in windows), frozenset(off))
    return found


def _sellable(row: Product) -> Sellable:
    valid_until: date | None = row.valid_until
    return Sellable(
        number=row.number,
        code=row.code,
        kind=row.kind,
        currency=row.currency,
        price=row.price,
        days=row.days,
        blackout=None if valid_until else terms_of(row).blackout,  # a season is sold on any day
        valid_until=valid_until,
        overtime=terms_of(row).overtime,
    )


__all__ = ["Counted", "hours_of", "list_findings", "site_findings", "surroundings"]
