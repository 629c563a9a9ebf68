# SPDX-License-Identifier: Apache-2.0
"""All queries of orders."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from pistegate_cloud.orders.models import Order, OrderLine, Payment


async def add(order: Order, lines: Sequence[OrderLine], payment: Payment) -> None:
    """Store a new order with its parts; each line gets its id."""
    await order.save(force_create=True)
    for line in lines:
        await line.save(force_create=True)
    await payment.save(force_create=True)


async def order(order_id: UUID) -> Order | None:
    """One order."""
    return await Order.get_or_none(id=order_id)


async def lines_of(order_id: UUID) -> list[OrderLine]:
    """Lines of an order with their products."""
    return await OrderLine.filter(order_id=order_id).order_by("id").select_related("product")


async def payments_of(order_id: UUID) -> list[Payment]:
    """Payments of an order."""
    return await Payment.filter(order_id=order_id).order_by("id")


async def by_phone(phone: str) -> list[UUID]:
    """Orders whose guest gave this phone number."""
    return [UUID(str(row)) for row in await Order.filter(phone=phone).values_list("id", flat=True)]


async def by_reference(reference: str) -> list[UUID]:
    """Orders that were paid with this reference."""
    return [UUID(str(row)) for row in await Payment.filter(reference=reference).values_list("order_id", flat=True)]


async def page(site: int | None, day: date | None, after: UUID | None, limit: int) -> list[Order]:
    """Orders in order of id (which grows with time), after one."""
    query = Order.all() if site is None else Order.filter(site_id=site)
    if day is not None:
        query = query.filter(day=day)
    if after is not None:
        query = query.filter(id__gt=after)
    return await query.order_by("id").limit(limit)
