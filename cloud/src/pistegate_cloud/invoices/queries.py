# SPDX-License-Identifier: Apache-2.0
"""All queries of e-invoices."""

from typing import Any
from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from pistegate_cloud.errors import Problem
from pistegate_cloud.invoices.models import Invoice
from pistegate_cloud.orders.models import Order, OrderLine


async def order(number: UUID) -> Order:
    """The order; Problem not_found."""
    found = await Order.get_or_none(id=number)
    if found is None:
        raise Problem("not_found", what=f"order {number}")
    return found


async def lines(number: UUID) -> list[OrderLine]:
    """Its lines with their products."""
    return await OrderLine.filter(order_id=number).order_by("id").prefetch_related("product")


async def invoice(number: UUID) -> Invoice:
    """An invoice; Problem not_found."""
    found = await Invoice.get_or_none(id=number)
    if found is None:
        raise Problem("not_found", what=f"invoice {number}")
    return found


async def live(number: UUID) -> Invoice | None:
    """The invoice of an order that counts."""
    return await Invoice.get_or_none(live=number)


async def red_of(number: UUID) -> Invoice | None:
    """The red letter of an invoice that was not refused."""
    return await Invoice.filter(red_of_id=number).exclude(state="cancelled").first()


async def add(row: Invoice) -> bool:
    """Keep a new one; False when the order has one that counts."""
    try:
        async with in_transaction():
            await row.save(force_create=True)
    except IntegrityError:
        return False
    return True


async def move(row: Invoice, state: str, **more: Any) -> bool:
    """Move its state; False when somebody else did. Problem invoice_number_used."""
    try:
        async with in_transaction():
            moved = await Invoice.filter(id=row.id, state=row.state).update(state=state, **more)
    except IntegrityError:
        raise Problem("invoice_number_used", number=more.get("number")) from None
    return bool(moved)


async def page(site: int | None, state: str | None, after: UUID | None, limit: int) -> list[Invoice]:
    """Invoices in order of id, which grows with time."""
    given = {"site_id": site, "state": state, "id__gt": after}
    wanted = {name: value for name, value in given.items() if value is not None}
    return await Invoice.filter(**wanted).order_by("id").limit(limit)
