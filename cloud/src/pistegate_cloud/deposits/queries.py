# SPDX-License-Identifier: Apache-2.0
"""All queries of deposits."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from tortoise.expressions import F

from pistegate_cloud.deposits.models import Deposit
from pistegate_cloud.errors import Problem
from pistegate_cloud.orders.models import OrderLine
from pistegate_cloud.tickets.models import Ticket


async def add(rows: Sequence[Deposit]) -> None:
    """Store new deposits."""
    for row in rows:
        await row.save(force_create=True)


async def deposit(number: int) -> Deposit:
    """One of them; Problem not_found."""
    found = await Deposit.get_or_none(id=number)
    if found is None:
        raise Problem("not_found", what=f"deposit {number}")
    return found


async def held(**of: Any) -> list[Deposit]:
    """What is held for a ticket_id, uid, document or wallet_id, oldest first."""
    return await Deposit.filter(state="held", **of).order_by("id")


async def of_order(order_id: UUID) -> list[Deposit]:
    """Deposits that an order took."""
    return await Deposit.filter(order_id=order_id).order_by("id")


async def draw(number: int, column: str, amount: int, state: str | None, now_ms: int) -> bool:
    """Take `amount` of what is held into `spent` or `returned`; False when less is held, or it is over.

    `state`: the deposit ends with it, and whose document it was is forgotten.
    """
    row = Deposit.filter(id=number, state="held", amount__gte=F("spent") + (F("returned") + amount))
    ends = {"state": state, "ended_ms": now_ms, "document": None} if state else {}
    return bool(await row.update(**{column: F(column) + amount}, **ends))


async def bind(number: int, **to: Any) -> bool:
    """Bind a deposit to a ticket_id, uid, document or wallet_id; False when it is over or bound otherwise."""
    free = {f"{name}__isnull": True for name in to}
    return bool(await Deposit.filter(id=number, state="held", **free).update(**to))


async def page(
    site: int | None,
    state: str | None,
    uid: str | None,
    ticket: int | None,
    order: UUID | None,
    after: int,
    limit: int,
) -> list[Deposit]:
    """Deposits in order of id, after one."""
    query = Deposit.filter(id__gt=after)
    given = {"site_id": site, "state": state, "uid": uid, "ticket_id": ticket, "order_id": order}
    wanted = {name: value for name, value in given.items() if value is not None}
    return await query.filter(**wanted).order_by("id").limit(limit)


async def line_of(ticket: Ticket) -> OrderLine:
    """The line by which a ticket was sold."""
    row = await Ticket.get(number=ticket.number).select_related("line")
    return row.line
