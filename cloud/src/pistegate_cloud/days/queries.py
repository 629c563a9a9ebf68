# SPDX-License-Identifier: Apache-2.0
"""All queries of business days; those of what a day is compared with are in figure_queries, of revenue in part_queries.

Apart, because the ledger itself asks for the day.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from pistegate_cloud.database import is_postgres
from pistegate_cloud.days.models import BusinessDay, CutOver
from pistegate_cloud.errors import Problem
from pistegate_cloud.migrations._day_guards import LOCK


@dataclass(frozen=True, slots=True)
class SiteDays:
    """A site's zone, when its days begin ((from day, minutes) in order), and days that take no postings any more."""

    zone: ZoneInfo
    cut_overs: list[tuple[date, int]]
    shut: frozenset[date]


async def days_of_site(site: int, from_day: date) -> SiteDays:
    """All that says where something is posted, in one look (every posting asks); days that are shut from one on."""
    rows = await BusinessDay._meta.db.execute_query_dict(
        "SELECT zone, NULL AS day, NULL AS minutes FROM site "
        f"WHERE number = {site:d} UNION ALL "
        f"SELECT NULL, from_day, minutes FROM cut_over WHERE site_id = {site:d} UNION ALL "
        f"SELECT NULL, day, NULL FROM business_day WHERE site_id = {site:d} AND state <> 'open' AND day >= '{from_day}'"
    )
    zone = next((row["zone"] for row in rows if row["zone"] is not None), None)
    if zone is None:
        raise Problem("unknown_reference", what=f"site {site}")
    told = [(_day(row["day"]), row["minutes"]) for row in rows if row["zone"] is None]
    cut_overs = sorted((day, int(minutes)) for day, minutes in told if minutes is not None)
    return SiteDays(ZoneInfo(zone), cut_overs, frozenset(day for day, minutes in told if minutes is None))


def _day(value: date | str) -> date:
    """SQLite has dates as text."""
    return value if isinstance(value, date) else date.fromisoformat(value)


async def clock_of(site: int) -> tuple[ZoneInfo, list[tuple[date, int]]]:
    """A site's zone, and when its days begin."""
    found = await days_of_site(site, date.max)
    return found.zone, found.cut_overs


async def hold_site(site: int) -> None:
    """Wait for postings of a site that are underway, and keep others waiting until the transaction ends (PostgreSQL).

    SQLite has one connection: nothing is underway.
    """
    connection = BusinessDay._meta.db
    if is_postgres(connection):
        await connection.execute_query("SELECT pg_advisory_xact_lock($1, $2)", [LOCK, site])


async def day_of(site: int, day: date) -> BusinessDay | None:
    """A day that is closed or being closed."""
    return await BusinessDay.get_or_none(site_id=site, day=day)


async def begin_day(row: BusinessDay) -> bool:
    """Store a day that is being closed; False when it is there already."""
    if await BusinessDay.filter(site_id=row.site_id, day=row.day).exists():
        return False
    await row.save(force_create=True)
    return True


async def move_day(row: BusinessDay, state: str, **more: Any) -> bool:
    """Move a day's state; False when somebody else did."""
    return bool(await BusinessDay.filter(id=row.id, state=row.state).update(state=state, **more))


async def days_of(site: int, from_day: date | None, limit: int) -> list[BusinessDay]:
    """Days that are closed or being closed, the newest first, from one day back."""
    rows = BusinessDay.filter(site_id=site).exclude(state="open")
    return await (rows if from_day is None else rows.filter(day__lte=from_day)).order_by("-day").limit(limit)


async def set_cut_over(site: int, from_day: date, minutes: int) -> None:
    """Keep when days begin from one day on."""
    await CutOver.update_or_create({"minutes": minutes}, site_id=site, from_day=from_day)
