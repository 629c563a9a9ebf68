# SPDX-License-Identifier: Apache-2.0
"""All queries of suspensions."""

from tortoise.expressions import Q

from pistegate_cloud.errors import Problem
from pistegate_cloud.suspensions.models import AreaSuspension


async def add(row: AreaSuspension) -> None:
    """Store a new suspension."""
    await row.save(force_create=True)


async def one(number: int) -> AreaSuspension:
    """A suspension; Problem not_found."""
    found = await AreaSuspension.get_or_none(id=number)
    if found is None:
        raise Problem("not_found", what=f"suspension {number}")
    return found


async def save_end(row: AreaSuspension) -> None:
    """Store the end that was set later."""
    await row.save(update_fields=("end_ms", "ended_by", "ended_ms"))


async def page(site: int | None, after: int, limit: int) -> list[AreaSuspension]:
    """Suspensions in order of id, after one."""
    query = AreaSuspension.filter(id__gt=after)
    if site is not None:
        query = query.filter(site_id=site)
    return await query.order_by("id").limit(limit)


async def told(site: int, paused_since_ms: int, closed_since_ms: int) -> list[AreaSuspension]:
    """A site's suspensions that ended after a time, another one where clocks stood still; those called off not."""
    recent = Q(end_ms__isnull=True) | Q(end_ms__gte=closed_since_ms)
    rows = AreaSuspension.filter(recent | Q(clocks_paused=True, end_ms__gte=paused_since_ms), site_id=site)
    return [row for row in await rows.order_by("start_ms", "id") if row.end_ms is None or row.end_ms > row.start_ms]
