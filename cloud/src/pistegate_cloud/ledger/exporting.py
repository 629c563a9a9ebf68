# SPDX-License-Identifier: Apache-2.0
"""Books of a site for other software: Beancount, CSV, accounting vouchers."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from pistegate_cloud.errors import Problem
from pistegate_cloud.ledger import beancount, queries, vouchers
from pistegate_cloud.ledger.entry import Entry
from pistegate_cloud.sites import queries as sites

DAYS_MAX: Final = 400  # of one export: a year and a month
_DAY: Final = timedelta(days=1)
_CSV: Final = (
    "day", "operating_day", "transaction", "event", "order", "account", "debit", "credit", "currency",
)  # fmt: skip


async def beancount_book(site: int, first: date, last: date) -> str:
    """The site's book of some days."""
    found = await _entries(site, first, last)
    opening, closing = await queries.balances(site, first), await queries.balances(site, last + _DAY)
    title = f"Pistegate site {site} {(await sites.site(site)).name}"
    return "".join(beancount.book(title, first, last, opening, closing, found))


async def csv_book(site: int, first: date, last: date) -> str:
    """Every posting of some days."""
    rows = [
        (
            entry.day,
            entry.operating_day or entry.day,
            entry.transaction,
            entry.kind,
            entry.order or "",
            entry.account,
            beancount.amount_of(max(entry.amount, 0), entry.currency).split()[0],
            beancount.amount_of(max(-entry.amount, 0), entry.currency).split()[0],
            entry.currency,
        )
        for entry in await _entries(site, first, last)
    ]
    return vouchers.write_csv(_CSV, rows)


async def voucher_csv(site: int, first: date, last: date, codes: Mapping[str, str] | None = None) -> str:
    """Vouchers of some days."""
    check_span(first, last)
    await sites.site(site)
    rows = []
    for offset in range((last - first).days + 1):
        day = first + offset * _DAY
        rows += [line.cells() for line in vouchers.vouchers(day, await queries.by_event(site, day), codes)]
    return vouchers.write_csv(vouchers.COLUMNS, rows)


async def _entries(site: int, first: date, last: date) -> list[Entry]:
    check_span(first, last)
    await sites.site(site)
    return [entry async for entry in queries.entries(site, first, last)]


def check_span(first: date, last: date) -> None:
    if not 0 <= (last - first).days < DAYS_MAX:
        raise Problem("ledger_span", days=DAYS_MAX)
