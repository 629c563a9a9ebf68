# SPDX-License-Identifier: Apache-2.0
"""All queries of tenders. What has an end is taken by one statement that looks at it: row counts tell who was first."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from tortoise.expressions import F

from pistegate_cloud.orders.models import Payment, Refund


async def add_payments(rows: Sequence[Payment]) -> None:
    """Store payments; each gets its id."""
    for row in rows:
        await row.save(force_create=True)


async def payments_of(order_id: UUID) -> list[Payment]:
    """What was taken for an order, oldest first."""
    return await Payment.filter(order_id=order_id).order_by("id")


async def payment_of(provider_payment: UUID) -> Payment | None:
    """The order's side of a provider's payment."""
    return await Payment.get_or_none(provider_payment_id=provider_payment)


async def move(row: Payment, state: str, **values: Any) -> bool:
    """Change a payment from the state it was read in; False when it has moved meanwhile."""
    moved = await Payment.filter(id=row.id, state=row.state).update(state=state, **values)
    if moved:
        row.state = state
        for name, value in values.items():
            setattr(row, name, value)
    return bool(moved)


async def draw(row: Payment, amount: int) -> bool:
    """Take a part of what was paid, to give it back; False when so much is not left."""
    free = Payment.filter(id=row.id, state="done", given_back__lte=row.amount - amount)
    return bool(await free.update(given_back=F("given_back") + amount))


async def add_refunds(rows: Sequence[Refund]) -> None:
    """Store refunds."""
    for row in rows:
        await row.save(force_create=True)
