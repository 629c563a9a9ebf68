# SPDX-License-Identifier: Apache-2.0
"""Business days: which one a moment belongs to, and where it is posted; the daily close is in closing."""

from datetime import date, timedelta
from typing import Final

from pistegate_cloud.clock import from_ms
from pistegate_cloud.days import queries, rules

_AROUND: Final = timedelta(days=3)  # a moment's business day is at most two days before its day in UTC


async def business_day(site: int, at_ms: int) -> date:
    """The business day of a moment at a site, by its own cut-over."""
    return rules.business_day(at_ms, *await queries.clock_of(site))


async def place(site: int, at_ms: int, day: date | None = None) -> tuple[date, date]:
    """The business day of a moment (or `day`), and where it is posted: there, or on the first open day after it."""
    found = await queries.days_of_site(site, day or from_ms(at_ms).date() - _AROUND)
    real = day or rules.business_day(at_ms, found.zone, found.cut_overs)
    return real, rules.first_open(real, found.shut)


async def posting_day(site: int, at_ms: int) -> date:
    """Where something that happens at a moment is posted."""
    return (await place(site, at_ms))[1]
