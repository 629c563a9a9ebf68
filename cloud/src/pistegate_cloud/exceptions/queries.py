# SPDX-License-Identifier: Apache-2.0
"""All queries of exceptions."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tortoise.expressions import F

from pistegate_cloud.exceptions.models import ExceptionCase

KEY_MAX = 160  # characters, as in the table


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Something found. The same `kind` and `key` again only counts up. Values may not hold NUL."""

    kind: str
    key: str
    site: int | None = None
    gate: int | None = None
    ticket: int | None = None
    values: dict[str, Any] = field(default_factory=dict)


async def record(cases: Iterable[Case], now_ms: int) -> None:
    """Record what was found, in the caller's transaction."""
    found = {(case.kind, case.key[:KEY_MAX]): case for case in cases}
    if not found:
        return
    rows = await ExceptionCase.filter(kind__in={kind for kind, _ in found}, key__in={key for _, key in found}).only(
        "id", "kind", "key"
    )
    known = {(row.kind, row.key): row.id for row in rows if (row.kind, row.key) in found}
    if known:
        await ExceptionCase.filter(id__in=list(known.values())).update(last_ms=now_ms, times=F("times") + 1)
    fresh = [
        ExceptionCase(
            kind=kind,
            key=key,
            site=case.site,
            gate=case.gate,
            ticket=case.ticket,
            values=case.values,
            first_ms=now_ms,
            last_ms=now_ms,
        )
        for (kind, key), case in found.items()
        if (kind, key) not in known
    ]
    await ExceptionCase.bulk_create(fresh, ignore_conflicts=True)


async def page(site: int | None, gate: int | None, after: int, limit: int) -> list[ExceptionCase]:
    """Exceptions in order of id, after one."""
    query = ExceptionCase.filter(id__gt=after)
    if site is not None:
        query = query.filter(site=site)
    if gate is not None:
        query = query.filter(gate=gate)
    return await query.order_by("id").limit(limit)


async def of_kind(kind: str) -> list[ExceptionCase]:
    """All of one kind."""
    return await ExceptionCase.filter(kind=kind).order_by("id")


async def found_since(kinds: Iterable[str], site: int, gate: int, since_ms: int) -> bool:
    """Whether one of these kinds was found of a gate since then."""
    return await ExceptionCase.filter(site=site, gate=gate, kind__in=list(kinds), last_ms__gte=since_ms).exists()


async def note(row: ExceptionCase, values: dict[str, Any]) -> None:
    """Keep more values with an exception, in the caller's transaction."""
    row.values = row.values | values
    await row.save(update_fields=["values"])


async def count_by_gate(site: int) -> dict[int, int]:
    """Number of exceptions of each gate of a site."""
    rows = await ExceptionCase.filter(site=site, gate__not_isnull=True).values_list("gate", flat=True)
    counts: dict[int, int] = {}
    for gate in rows:
        number = int(str(gate))
        counts[number] = counts.get(number, 0) + 1
    return counts
