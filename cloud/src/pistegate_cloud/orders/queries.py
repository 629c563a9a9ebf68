# SPDX-License-Identifier: Apache-2.0
"""All queries of orders. An order's status changes only from the one it was read in: two who pay it don't both do."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from tortoise.expressions import Q

from pistegate_cloud.orders.models import Order, OrderLine, Payment, Refund

DOUBTFUL = ("late",)


async def add(order: Order, lines: Sequence[OrderLine]) -> None:
    """Store a new order with its lines; each line gets its id."""
    await order.save(force_create=True)
    for line in lines:
        await line.save(force_create=True)


async def order(order_id: UUID) -> Order | None:
    """One order."""
    return await Order.get_or_none(id=order_id)


async def found(order_id: UUID) -> Order:
    """One order; LookupError when there is none."""
    return await Order.get(id=order_id)


async def locked(order_id: UUID) -> Order:
    """One order, locked until the transaction ends (PostgreSQL; on SQLite a transaction is alone anyway)."""
    return await Order.filter(id=order_id).select_for_update().get()


async def move(row: Order, status: str, **values: Any) -> bool:
    """Change an order's status from the one it was read in; False when another was first."""
    moved = await Order.filter(id=row.id, status=row.status, **_same_payer(row)).update(status=status, **values)
    if moved:
        row.status = status
        for name, value in values.items():
            setattr(row, name, value)
    return bool(moved)


def _same_payer(row: Order) -> dict[str, Any]:
    return {"paying__isnull": True} if row.paying is None else {"paying": row.paying}


async def note(row: Order, **values: Any) -> None:
    """Keep something about an order; not its status."""
    await Order.filter(id=row.id).update(**values)


async def clear_trouble(order_id: UUID) -> None:
    """A person has dealt with it."""
    await Order.filter(id=order_id).update(trouble=None)


async def lines_of(order_id: UUID) -> list[OrderLine]:
    """Lines of an order with their products."""
    return await OrderLine.filter(order_id=order_id).order_by("id").select_related("product")


async def payments_of(order_id: UUID) -> list[Payment]:
    """Payments of an order."""
    return await Payment.filter(order_id=order_id).order_by("id")


async def refunds_of(order_id: UUID) -> list[Refund]:
    """What went back of an order."""
    return await Refund.filter(order_id=order_id).order_by("at_ms", "id")


async def by_phone(phone: str) -> list[UUID]:
    """Orders whose guest gave this phone number."""
    return [UUID(str(row)) for row in await Order.filter(phone=phone).values_list("id", flat=True)]


async def by_reference(reference: str) -> list[UUID]:
    """Orders that were paid with this reference."""
    return [UUID(str(row)) for row in await Payment.filter(reference=reference).values_list("order_id", flat=True)]


async def overdue(now_ms: int, limit: int) -> list[Order]:
    """New orders whose time is over and that no provider's payment is to pay."""
    rows = Order.filter(status="new", expires_ms__lte=now_ms, paying__isnull=True)
    return await rows.order_by("expires_ms").limit(limit)


async def page(of: dict[str, Any], attention: bool, after: UUID | None, limit: int) -> list[Order]:
    """Orders in order of id (which grows with time), after one. `of`: column -> value.

    `attention`: only those with trouble, or whose money is in doubt: a provider is asked for it, or it came late.
    """
    query = Order.filter(**of)
    if attention:
        late = await Payment.filter(state__in=DOUBTFUL).values_list("order_id", flat=True)
        query = query.filter(Q(trouble__isnull=False) | Q(paying__isnull=False) | Q(id__in=list(late)))
    if after is not None:
        query = query.filter(id__gt=after)
    return await query.order_by("id").limit(limit)
