# SPDX-License-Identifier: Apache-2.0
"""Taking the deposits that tickets were sold with 押金: the amounts agreed at the sale, by one order of their own."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from pistegate_cloud.days import service as days
from pistegate_cloud.deposits import queries, service
from pistegate_cloud.deposits.schemas import TakeBody, TakenAnswer, deposit_answer
from pistegate_cloud.errors import Problem
from pistegate_cloud.orders.charging import charge, given_line
from pistegate_cloud.orders.idempotency import Repeatable
from pistegate_cloud.orders.kinds import OrderKind
from pistegate_cloud.orders.models import Order
from pistegate_cloud.pricing.shapes import Priced
from pistegate_cloud.services import Services
from pistegate_cloud.tenders.methods import Tendered
from pistegate_cloud.tickets import queries as tickets
from pistegate_cloud.tickets.models import Ticket
from pistegate_cloud.uuid7 import uuid7

WORDS = "deposit"


async def take(body: TakeBody, request: Repeatable, services: Services) -> TakenAnswer:
    """Take the deposits of some tickets, each bound to its ticket; a provider's money makes them when it has come."""
    tendered = [payment.tender() for payment in body.payments]

    async def compose(now_ms: int) -> tuple[Order, Sequence[Priced]]:
        day = await days.business_day(body.site, now_ms)
        lines = [await _line(number, body, tendered, day) for number in body.tickets]
        order = Order(
            id=uuid7(now_ms),
            site_id=body.site,
            channel=body.channel,
            kind=OrderKind.INDIVIDUAL.value,
            currency=body.payments[0].currency,
            created_ms=now_ms,
            day=day,
            window=request.caller.window,
            operator=request.caller.name,
        )
        return order, lines

    order = await charge(compose, tendered, request, services)
    rows = await queries.of_order(order.id)
    return TakenAnswer(
        order=order.id,
        status=order.status,
        device=order.device,
        total=order.total,
        deposits=[deposit_answer(row) for row in rows],
    )


async def _line(number: int, body: TakeBody, tendered: Sequence[Tendered], day: date) -> Priced:
    """The deposit line of a ticket, as its own line's terms say."""
    ticket = await tickets.ticket(number)
    if ticket.site_id != body.site:
        raise Problem("unknown_reference", what=f"ticket {number} of site {body.site}")
    if ticket.status == "revoked":
        raise Problem("ticket_revoked", ticket=number)
    agreed = await agreed_for(ticket)
    if agreed is None:
        raise Problem("deposit_none", ticket=number)
    if await queries.held(ticket_id=number):
        raise Problem("deposit_held", ticket=number)
    methods = agreed.get("methods") or ()
    for tender in tendered:
        if methods and tender.method.value not in methods:
            raise Problem("deposit_method", method=tender.method.value, methods=", ".join(methods))
    amount = agreed["amount"] * (ticket.product.party if agreed.get("per") == "person" else 1)
    terms: dict[str, object] = {service.TICKET_TERM: number, service.UID_TERM: body.uid, "deposit": agreed}
    return given_line(service.KIND, amount, day, WORDS, terms)


async def agreed_for(ticket: Ticket) -> dict[str, Any] | None:
    """The deposit that a ticket was sold with: code, amount, per, methods."""
    agreed: dict[str, Any] | None = ((await queries.line_of(ticket)).terms or {}).get("deposit")
    return agreed
