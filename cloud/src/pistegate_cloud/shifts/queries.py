# SPDX-License-Identifier: Apache-2.0
"""All queries of windows, shifts and drawers."""

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.expressions import Q
from tortoise.functions import Sum

from pistegate_cloud.errors import Problem
from pistegate_cloud.orders.models import Payment, Refund
from pistegate_cloud.shifts.models import DrawerMove, SalesWindow, Shift
from pistegate_cloud.shifts.rules import Totals
from pistegate_cloud.tenders.models import AccountEntry

_IN_HAND = ("held", "done")  # states.TENDER in which the money is with us


async def window(site: int, number: int) -> SalesWindow | None:
    """One window."""
    return await SalesWindow.get_or_none(site_id=site, number=number)


async def windows(site: int | None) -> list[SalesWindow]:
    """Windows of one site or of all."""
    rows = SalesWindow.all() if site is None else SalesWindow.filter(site_id=site)
    return await rows.order_by("site_id", "number")


async def save_window(row: SalesWindow) -> None:
    """Store a window, new or changed."""
    await row.save()


async def shift(number: UUID) -> Shift:
    """One shift, locked until the transaction ends; Problem not_found."""
    found = await Shift.filter(id=number).select_for_update().get_or_none()
    if found is None:
        raise Problem("not_found", what=f"shift {number}")
    await found.fetch_related("user")  # apart: PostgreSQL locks no rows of an outer join
    return found


async def open_of(user: int) -> Shift | None:
    """The shift of a user that is not closed, locked: it is not counted while a sale in it is underway."""
    return await Shift.filter(open_user=user).select_for_update().get_or_none()


async def add(row: Shift) -> bool:
    """Store a new shift; False when its window or its user has an open one."""
    if await Shift.filter(Q(open_window=row.open_window) | Q(open_user=row.open_user)).exists():
        return False
    try:
        await row.save(force_create=True)
    except IntegrityError:
        return False
    return True


async def step(number: UUID, state: str, values: Mapping[str, Any]) -> bool:
    """Change a shift that is still in `state`; False when it no longer is."""
    return await Shift.filter(id=number, state=state).update(**values) == 1


async def page(site: int | None, open_only: bool, before_ms: int | None, limit: int) -> list[Shift]:
    """Shifts, the newest first."""
    rows = Shift.all() if site is None else Shift.filter(site_id=site)
    if open_only:
        rows = rows.filter(closed_ms=None)
    if before_ms is not None:
        rows = rows.filter(opened_ms__lt=before_ms)
    return await rows.order_by("-opened_ms", "-id").limit(limit).select_related("user")


async def at(site: int, window_number: int, at_ms: int) -> Shift | None:
    """The shift of a window that was open at a time, else the one open now, else None."""
    there = Shift.filter(site_id=site, window=window_number)
    then = await there.filter(Q(closed_ms=None) | Q(closed_ms__gt=at_ms), opened_ms__lte=at_ms).first()
    return then or await there.filter(closed_ms=None).first()


async def add_move(row: DrawerMove) -> None:
    """Store a cash move."""
    await row.save(force_create=True)


async def totals(number: UUID) -> Totals:
    """What came and went in a shift."""
    taken = await _sums(Payment.filter(shift_id=number, state__in=_IN_HAND), "method")
    for way, amount in (await _sums(AccountEntry.filter(shift_id=number, kind="settled"), "method")).items():
        taken[way] = taken.get(way, 0) - amount  # a settlement is booked below zero on the account
    given = await _sums(Refund.filter(shift_id=number).exclude(state="failed"), "method")
    return Totals(taken, given, await _sums(DrawerMove.filter(shift_id=number), "kind"))


async def _sums(rows: Any, by: str) -> dict[str, int]:
    found = await rows.annotate(total=Sum("amount")).group_by(by).values(by, "total")
    return {str(row[by]): int(row["total"]) for row in cast("list[dict[str, Any]]", found)}
