# SPDX-License-Identifier: Apache-2.0
"""The orders that follow another one."""

from collections.abc import Sequence

from pistegate_cloud.days import service as days
from pistegate_cloud.errors import Problem
from pistegate_cloud.orders.kinds import OrderKind
from pistegate_cloud.orders.models import Order, Payment
from pistegate_cloud.shifts import service as shifts
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tenders import service as tenders
from pistegate_cloud.tenders.methods import WAYS, Tendered
from pistegate_cloud.uuid7 import uuid7


async def following(old: Order, kind: OrderKind, channel: str, reason: str, caller: Caller, now_ms: int) -> Order:
    """A new order, not stored, that changes `old`; its money is in the books of the same site."""
    shift = await shifts.of(caller, tenders.site_of(old))
    return Order(
        id=uuid7(now_ms),
        site_id=old.site_id,
        channel=channel,
        status="new",
        kind=kind.value,
        total=0,
        currency=old.currency,
        created_ms=now_ms,
        day=await days.business_day(old.site_id, now_ms),
        phone=old.phone,
        member_id=old.member_id,
        window=caller.window,
        shift_id=None if shift is None else shift.id,
        operator=caller.name,
        selling_site=old.selling_site,
        before_id=old.id,
        reason=reason,
    )


async def take_rest(
    order: Order, carried: Sequence[Payment], tendered: Sequence[Tendered], caller: Caller, now_ms: int
) -> list[Payment]:
    """Take what the guest gives for what `carried` leaves of the order's total; nothing through a provider."""
    if any(one.method in WAYS for one in tendered):
        raise Problem("tenders_unclear", what="a payment through a provider")
    whole, rest = order.total, order.total - sum(row.amount for row in carried)
    if not rest and not tendered:
        return []
    order.total = rest  # in memory alone: tenders make up the order's total
    try:
        return await tenders.take(order, tendered, caller, now_ms)
    finally:
        order.total = whole
