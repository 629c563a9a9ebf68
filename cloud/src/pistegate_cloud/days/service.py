# SPDX-License-Identifier: Apache-2.0
"""Business days: which one a moment belongs to, where it is posted, and the daily close."""

from datetime import date

from pistegate_cloud.days import queries, rules


async def business_day(site: int, at_ms: int) -> date:
    """The business day of a moment at a site, by its own cut-over."""
    return rules.business_day(at_ms, *await queries.clock_of(site))


async def first_open(site: int, day: date) -> date:
    """`day`, or the first one after it that still takes postings."""
    return rules.first_open(day, await queries.shut_from(site, day))


async def posting_day(site: int, at_ms: int) -> date:
    """Where something that happens at a moment is posted: its business day, or the first open one after it."""
    return await first_open(site, await business_day(site, at_ms))
