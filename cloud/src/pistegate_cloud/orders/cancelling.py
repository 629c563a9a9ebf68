# SPDX-License-Identifier: Apache-2.0
"""Ending orders that are not paid: by their time, by a person. A provider's payment is ended before its order."""

from typing import Final

from tortoise.transactions import in_transaction

from pistegate_cloud.audit import service as audit
from pistegate_cloud.clock import Clock
from pistegate_cloud.errors import Problem
from pistegate_cloud.orders import answers, ending, queries
from pistegate_cloud.orders.models import Order
from pistegate_cloud.orders.schemas import OrderAnswer
from pistegate_cloud.payments import withdrawing
from pistegate_cloud.services import Services
from pistegate_cloud.staff.caller import Caller, system

AT_ONCE: Final = 200  # of a round


async def expire_due(clock: Clock) -> int:
    """End every order whose time is over; how many. Several processes may do it at once."""
    done = 0
    for row in await queries.overdue(clock.wall_ms(), AT_ONCE):
        async with in_transaction():
            order = await queries.locked(row.id)
            if order.status == "new" and order.paying is None:
                done += await ending.end(order, "expire", now_ms=clock.wall_ms(), caller=system("expiry"))
    return done


async def cancel(order: Order, reason: str, caller: Caller, services: Services) -> OrderAnswer:
    """An order is not to be had any more; once cancelled it stays so. Problem state_conflict when it was paid.

    Problem order_being_paid when its provider does not say yet that it took nothing: say it again then.
    """
    if order.status == "cancelled":
        return await answers.whole(order)
    if order.paying is not None and services.wechat is not None:
        await withdrawing.withdraw(order.paying, services.wechat, services.clock)
    now_ms = services.clock.wall_ms()
    async with in_transaction():
        order = await queries.locked(order.id)
        if order.paying is not None:
            raise Problem("order_being_paid", order=str(order.id))
        if not await ending.end(order, "cancel", now_ms=now_ms, caller=caller, reason=reason):
            raise Problem("state_conflict", noun="order", state=order.status, event="cancel")
        await audit.note(caller, "order.cancel", order.site_id, f"order:{order.id}", now_ms=now_ms)
    return await answers.whole(order)
