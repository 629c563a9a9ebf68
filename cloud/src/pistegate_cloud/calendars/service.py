# SPDX-License-Identifier: Apache-2.0
"""Blackout sets and the document with their days: published at every change, and anew before its horizon comes near."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Final

from tortoise.transactions import in_transaction

from pistegate_cloud.audit.service import note_here
from pistegate_cloud.calendars import queries
from pistegate_cloud.calendars.models import BlackoutSet
from pistegate_cloud.calendars.rules import Rule, days_of, holds
from pistegate_cloud.clock import local_day
from pistegate_cloud.documents import queries as stored
from pistegate_cloud.documents import service as documents
from pistegate_cloud.errors import Problem
from pistegate_cloud.services import Services
from pistegate_cloud.settings import SigningKey
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.sites.models import Site
from pistegate_protocol.claims import day_number
from pistegate_protocol.documents import CALENDAR_LIST, CalendarList

RENEW_MS: Final = 7 * 86_400_000  # a document this old is made anew; its weekdays reach 400 days
DATES_MAX: Final = 2000  # own dates of one set


def rule_of(row: BlackoutSet) -> Rule:
    """Its rule."""
    return Rule(frozenset(row.weekdays), frozenset(row.also_sets), frozenset(row.except_sets))


async def add(row: BlackoutSet, services: Services) -> None:
    """Add a set and tell the devices; Problem already_exists, unknown_reference."""
    site = await sites.site(row.site_id)
    affected = await _affected(row, site)
    async with in_transaction():
        await documents.lock(affected)
        if await queries.at_sites(affected, site.group_number, row.number):
            raise Problem("already_exists", what=f"calendar {row.number} of site {site.number} or its group")
        await _check_rule(row, site)
        await queries.add(row)
        await _note("calendar.add", row)
        messages = await publish(affected, services.settings.documents, services.clock.wall_ms())
    await documents.push_all(messages, services)


async def _note(action: str, row: BlackoutSet) -> None:
    subject = f"calendar:{row.site_id}:{row.number}"
    told = {"weekdays": row.weekdays, "also": row.also_sets, "except": row.except_sets}
    await note_here(action, row.site_id, subject, told, now_ms=row.changed_ms)


async def change_rule(row: BlackoutSet, services: Services) -> None:
    """Store a set's changed rule and tell the devices."""
    site = await sites.site(row.site_id)
    affected = await _affected(row, site)
    async with in_transaction():
        await documents.lock(affected)
        await _check_rule(row, site)
        await queries.save_rule(row)
        await _note("calendar.rule", row)
        messages = await publish(affected, services.settings.documents, services.clock.wall_ms())
    await documents.push_all(messages, services)


async def change_dates(
    row: BlackoutSet, add: dict[date, str], remove: Collection[date] | None, services: Services
) -> None:
    """Remove own dates of a set (None: all), add others, and tell the devices."""
    affected = await _affected(row, await sites.site(row.site_id))
    async with in_transaction():
        await documents.lock(affected)
        await queries.save_rule(row)
        await queries.remove_dates(row, remove)
        await queries.put_dates(row, add)
        await _note("calendar.dates", row)
        count = len((await queries.dates_of([row.id]))[row.id])
        if count > DATES_MAX:
            raise Problem("calendar_full", count=count, limit=DATES_MAX)
        messages = await publish(affected, services.settings.documents, services.clock.wall_ms())
    await documents.push_all(messages, services)


async def days(row: BlackoutSet, now_ms: int) -> list[date]:
    """The days of a set, as its site's devices are told them."""
    site = await sites.site(row.site_id)
    return (await _days_at(site, now_ms))[row.number]


async def held(site: Site, wanted: Collection[date]) -> dict[date, frozenset[int]]:
    """The numbers of the sets that hold each of these days at a site."""
    rows = await queries.visible(site.number, site.group_number)
    own = await queries.own_on([row.id for row in rows], wanted)
    dates = {row.number: own[row.id] for row in rows}
    rules = {row.number: rule_of(row) for row in rows}
    return {
        day: frozenset(number for number, rule in rules.items() if holds(dates[number], rule, dates, day))
        for day in wanted
    }


async def entries_of(site: int, now_ms: int) -> list[tuple[int, list[int]]]:
    """What the document of a site says: set number and day numbers."""
    found = await _days_at(await sites.site(site), now_ms)
    return [(number, [day_number(day) for day in days]) for number, days in found.items()]


async def renew(services: Services, only: list[int] | None = None, older_than_ms: int = 0) -> list[int]:
    """Publish the calendars of those sites (None: of all) whose document is that old; numbers of the sites."""
    now_ms = services.clock.wall_ms()
    wanted = [site.number for site in await sites.all_sites() if only is None or site.number in only]
    due = [site for site in wanted if await _is_due(site, now_ms - older_than_ms)]
    if not due:
        return []
    async with in_transaction():
        await documents.lock(due)
        still = [site for site in due if await _is_due(site, now_ms - older_than_ms)]  # another process was first
        messages = await publish(still, services.settings.documents, now_ms)
    await documents.push_all(messages, services)
    return still


async def _is_due(site: int, before_ms: int) -> bool:
    document = await stored.newest(site, CALENDAR_LIST)
    return document is not None and document.created_ms <= before_ms


async def publish(affected: Sequence[int], key: SigningKey, now_ms: int) -> dict[int, bytes]:
    """Sign the next calendars of each site, in the caller's transaction; messages to push, by site."""
    return await documents.publish_for(affected, CalendarList, lambda site: entries_of(site, now_ms), key, now_ms)


async def _affected(row: BlackoutSet, site: Site) -> list[int]:
    """Sites that hear of a set."""
    return [site.number] if row.group_number is None else await sites.of_group(row.group_number)


async def _check_rule(row: BlackoutSet, site: Site) -> None:
    """Problem unless the sets that the rule names hold wherever this one does."""
    known = {
        other.number
        for other in await queries.visible(site.number, site.group_number)
        if row.group_number is None or other.group_number is not None
    }
    named = {*row.also_sets, *row.except_sets}
    if row.number in named or named - known:
        unknown = min(named - known, default=row.number)
        raise Problem("unknown_reference", what=f"other calendar {unknown} wherever calendar {row.number} holds")


async def _days_at(site: Site, now_ms: int) -> dict[int, list[date]]:
    rows = await queries.visible(site.number, site.group_number)
    own = await queries.dates_of(row.id for row in rows)
    by_number = {row.number: list(own[row.id]) for row in rows}
    today = local_day(now_ms, await sites.zone(site.number))
    return {row.number: days_of(by_number[row.number], rule_of(row), by_number, today) for row in rows}
