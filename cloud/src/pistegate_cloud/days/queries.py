# SPDX-License-Identifier: Apache-2.0
"""All queries of business days."""

from datetime import date
from zoneinfo import ZoneInfo

from pistegate_cloud.days.models import BusinessDay, CutOver
from pistegate_cloud.sites import queries as sites


async def clock_of(site: int) -> tuple[ZoneInfo, list[tuple[date, int]]]:
    """A site's zone, and when its days begin: (from day, minutes) in order."""
    zone = await sites.zone(site)
    rows = await CutOver.filter(site_id=site).order_by("from_day").values_list("from_day", "minutes")
    return zone, [(day, int(minutes)) for day, minutes in rows]


async def shut_from(site: int, day: date) -> set[date]:
    """Days from one on that take no postings any more."""
    rows = BusinessDay.filter(site_id=site, day__gte=day).exclude(state="open")
    return set(await rows.values_list("day", flat=True))
