# SPDX-License-Identifier: Apache-2.0
"""What guests are told of a compensation: one message for all tickets of an order that a chunk gave it to."""

from collections.abc import Sequence
from typing import Any

from pistegate_cloud.aftersales.models import CompensatedTicket, Compensation
from pistegate_cloud.notifications import service as notifications
from pistegate_cloud.orders import queries as orders
from pistegate_cloud.orders.models import Order
from pistegate_cloud.tickets import queries as tickets
from pistegate_protocol.texts import text

_LOCALE = "zh-CN"  # as every message unless its guest is known to read another


async def tell(row: Compensation, given: Sequence[CompensatedTicket], now_ms: int) -> None:
    """Put a message for each order into the outbox, in the caller's transaction; who left no address hears nothing."""
    amounts = {int(item.ticket_id): item.amount for item in given}
    by_order: dict[Any, int] = {}
    for ticket in await tickets.known(list(amounts)):
        by_order[ticket.order_id] = by_order.get(ticket.order_id, 0) + amounts[ticket.number]
    for order_id, amount in by_order.items():
        order = await orders.found(order_id)
        to = notifications.address_of(order)
        what = {"what": _what(row, amount, order)}
        await notifications.put("lift_stop", to, what, site=order.site_id, order=order.id, now_ms=now_ms)


def _what(row: Compensation, amount: int, order: Order) -> Any:
    if row.way == "refund":
        return {"amount": amount, "currency": order.currency}
    if row.days:
        return text("notification.more_days", _LOCALE, days=row.days)
    return text("notification.more_minutes", _LOCALE, minutes=row.minutes)
