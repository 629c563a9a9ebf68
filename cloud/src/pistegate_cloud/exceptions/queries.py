# SPDX-License-Identifier: Apache-2.0
"""All queries of exceptions."""

from typing import Any

from tortoise.expressions import F

from pistegate_cloud.exceptions.models import ExceptionCase


async def record(
    kind: str,
    key: str,
    now_ms: int,
    *,
    site: int | None = None,
    gate: int | None = None,
    ticket: int | None = None,
    values: dict[str, Any] | None = None,
) -> None:
    """Record that something was found; the same `kind` and `key` again only counts up. Values may not hold NUL."""
    again = await ExceptionCase.filter(kind=kind, key=key[:160]).update(last_ms=now_ms, times=F("times") + 1)
    if again:
        return
    case = ExceptionCase(
        kind=kind,
        key=key[:160],
        site=site,
        gate=gate,
        ticket=ticket,
        values=values or {},
        first_ms=now_ms,
        last_ms=now_ms,
    )
    await ExceptionCase.bulk_create([case], ignore_conflicts=True)


async def page(site: int | None, gate: int | None, after: int, limit: int) -> list[ExceptionCase]:
    """Exceptions in order of id, after one."""
    query = ExceptionCase.filter(id__gt=after)
    if site is not None:
        query = query.filter(site=site)
    if gate is not None:
        query = query.filter(gate=gate)
    return await query.order_by("id").limit(limit)


async def count_by_gate(site: int) -> dict[int, int]:
    """Number of exceptions of each gate of a site."""
    rows = await ExceptionCase.filter(site=site, gate__not_isnull=True).values_list("gate", flat=True)
    counts: dict[int, int] = {}
    for gate in rows:
        number = int(str(gate))
        counts[number] = counts.get(number, 0) + 1
    return counts
