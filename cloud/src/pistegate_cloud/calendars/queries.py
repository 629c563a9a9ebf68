# SPDX-License-Identifier: Apache-2.0
"""All queries of blackout sets."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date

from tortoise.expressions import Q

from pistegate_cloud.calendars.models import BlackoutDate, BlackoutSet
from pistegate_cloud.errors import Problem


async def visible(site: int, group: int) -> list[BlackoutSet]:
    """The sets that hold at a site: its own, and those of its group."""
    return await BlackoutSet.filter(Q(site_id=site) | Q(group_number=group)).order_by("number")


async def at_sites(sites: Collection[int], group: int, number: int) -> bool:
    """Whether any of these sites, or their group, has a set of this number."""
    return await BlackoutSet.filter(Q(site_id__in=sites) | Q(group_number=group), number=number).exists()


async def all_sets(site: int | None) -> list[BlackoutSet]:
    """Sets made at one site, or all."""
    query = BlackoutSet.all() if site is None else BlackoutSet.filter(site_id=site)
    return await query.order_by("site_id", "number")


async def one(site: int, number: int) -> BlackoutSet:
    """A set made at a site; Problem not_found."""
    found = await BlackoutSet.get_or_none(site_id=site, number=number)
    if found is None:
        raise Problem("not_found", what=f"calendar {number} of site {site}")
    return found


async def add(row: BlackoutSet) -> None:
    """Store a new set."""
    await row.save(force_create=True)


async def save_rule(row: BlackoutSet) -> None:
    """Store a changed rule."""
    await row.save(update_fields=("weekdays", "also_sets", "except_sets", "actor", "changed_ms"))


async def dates_of(sets: Iterable[int]) -> dict[int, dict[date, str]]:
    """Own dates with their notes, by id of the set."""
    wanted = list(sets)
    found: dict[int, dict[date, str]] = {key: {} for key in wanted}
    for row in await BlackoutDate.filter(blackout_id__in=wanted).order_by("day"):
        found[row.blackout_id][row.day] = row.note
    return found


async def own_on(sets: Iterable[int], days: Collection[date]) -> dict[int, set[date]]:
    """Which of these days are own dates, by id of the set."""
    wanted = list(sets)
    found: dict[int, set[date]] = {key: set() for key in wanted}
    if wanted and days:
        for row in await BlackoutDate.filter(blackout_id__in=wanted, day__in=list(days)):
            found[row.blackout_id].add(row.day)
    return found


async def put_dates(row: BlackoutSet, dates: Mapping[date, str]) -> None:
    """Add own dates; a date that is there gets the new note."""
    rows = [BlackoutDate(site_id=row.site_id, blackout_id=row.id, day=day, note=note) for day, note in dates.items()]
    await BlackoutDate.bulk_create(rows, on_conflict=("blackout_id", "day"), update_fields=("note",))


async def remove_dates(row: BlackoutSet, days: Collection[date] | None) -> None:
    """Remove own dates; None: all of them."""
    query = BlackoutDate.filter(blackout_id=row.id)
    await (query if days is None else query.filter(day__in=list(days))).delete()
