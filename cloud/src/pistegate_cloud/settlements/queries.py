# SPDX-License-Identifier: Apache-2.0
"""All queries of settlements."""

from typing import Any
from uuid import UUID

from tortoise.exceptions import IntegrityError

from pistegate_cloud.errors import Problem
from pistegate_cloud.orders.models import Order, OrderLine
from pistegate_cloud.settlements.models import Settlement
from pistegate_cloud.tickets.models import Ticket
from pistegate_cloud.wallets.models import CardUse


async def begin(row: Settlement) -> bool:
    """Keep a new settlement; False when one of the same guest is under way, and the transaction must be given up."""
    try:
        await row.save(force_create=True)
    except IntegrityError:
        return False
    return True


async def open_of(subject: str) -> Settlement | None:
    """The settlement of a guest that is under way."""
    return await Settlement.get_or_none(open_key=subject)


async def settlement(number: UUID) -> Settlement:
    """One of them; Problem not_found."""
    found = await Settlement.get_or_none(id=number)
    if found is None:
        raise Problem("not_found", what=f"settlement {number}")
    return found


async def keep_read(row: Settlement, read: dict[str, Any]) -> None:
    """What was read anew, before anything was done."""
    row.read = read
    await row.save(update_fields=("read",))


async def end(row: Settlement, state: str, **values: Any) -> bool:
    """Move a settlement from begun; False when somebody else did. Whose document it was is forgotten."""
    if row.read.get("document"):
        values |= {"subject": "document", "read": row.read | {"document": None}}
    done = await Settlement.filter(id=row.id, state="begun").update(state=state, open_key=None, **values)
    row.state, row.open_key = state, None
    for name, value in values.items():
        setattr(row, name, value)
    return bool(done)


async def page(
    site: int | None, ticket: int | None, state: str | None, after: UUID | None, limit: int
) -> list[Settlement]:
    """Settlements in order of id (which grows with time), after one."""
    given = {"site_id": site, "ticket": ticket, "state": state}
    query = Settlement.filter(**{name: value for name, value in given.items() if value is not None})
    if after is not None:
        query = query.filter(id__gt=after)
    return await query.order_by("id").limit(limit)


async def line_of_ticket(ticket: int) -> OrderLine | None:
    """The line by which a ticket was sold."""
    found = await Ticket.get_or_none(number=ticket).select_related("line")
    return found.line if found else None


async def order(order_id: UUID) -> Order:
    """An order."""
    return await Order.get(id=order_id)


async def overtime_paid(ticket: int) -> int:
    """What was paid for a ticket's overtime in settlements, minor units."""
    rows = await Settlement.filter(ticket=ticket, state="settled")
    return sum(
        int(line["amount"])
        for row in rows
        for line in row.lines or []
        if line["kind"] == "overtime" and line["values"].get("ticket") == ticket
    )


async def debits_of_turn(turn_id: int) -> list[CardUse]:
    """What tills took off a card in a turn, oldest first."""
    return await CardUse.filter(card_id=turn_id, posted=True).order_by("at_ms", "id")
