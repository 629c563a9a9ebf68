# SPDX-License-Identifier: Apache-2.0
"""All queries of what happens after a sale."""

from collections.abc import Sequence
from uuid import UUID

from tortoise.expressions import F, Q

from pistegate_cloud.aftersales.models import CompensatedTicket
from pistegate_cloud.orders.models import OrderLine
from pistegate_cloud.passages.models import Admission
from pistegate_cloud.tickets.models import Ticket


async def uses(numbers: Sequence[int]) -> list[tuple[int, int, int]]:
    """(ticket, site, ms) of every passage that counts, and of those whose end nobody knows yet: they count too."""
    perhaps = Q(passed__gt=0) | Q(unknown__gt=0) | Q(state="open")
    written = Q(settled=None) | Q(settled__not="void")
    rows = Admission.filter(perhaps, written, ticket__in=list(numbers), exit=False).exclude(state="card_void")
    return [(int(row[0]), int(row[1]), int(row[2])) for row in await rows.values_list("ticket", "site_id", "at_ms")]


async def tickets_of(order_id: UUID) -> list[Ticket]:
    """Tickets of an order with their products, in the order in which what is owed for them is kept."""
    return await Ticket.filter(order_id=order_id).order_by("number").select_related("product")


async def take_back(line: OrderLine, quantity: int, amount: int) -> bool:
    """Count pieces of a line as given back; False when so many, or so much, are not left."""
    room = OrderLine.filter(
        id=line.id,
        refunded_quantity__lte=line.quantity - quantity,
        refunded_amount__lte=line.amount - amount,
    )
    return bool(
        await room.update(
            refunded_quantity=F("refunded_quantity") + quantity, refunded_amount=F("refunded_amount") + amount
        )
    )


async def supplements(order_id: UUID, ticket: int) -> int:
    """What was paid on top of a ticket's price by supplementary orders, less what went back of that."""
    rows = await OrderLine.filter(order__before_id=order_id, kind="difference").exclude(order__status="new")
    mine = [row for row in rows if (row.terms or {}).get("ticket") == ticket]
    return sum(row.amount - row.refunded_amount for row in mine)


async def compensated(numbers: Sequence[int], without: int | None) -> dict[int, tuple[int, int]]:
    """Ticket -> (amount, tax) that compensations gave back of it."""
    found: dict[int, tuple[int, int]] = {}
    rows = CompensatedTicket.filter(ticket_id__in=list(numbers), state="done", amount__gt=0)
    for row in await (rows if without is None else rows.exclude(id=without)):
        amount, tax = found.get(int(row.ticket_id), (0, 0))
        found[int(row.ticket_id)] = (amount + row.amount, tax + row.tax)
    return found
