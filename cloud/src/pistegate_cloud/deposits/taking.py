# SPDX-License-Identifier: Apache-2.0
"""Taking the deposits that tickets were sold with 押金: the amounts agreed at the sale, by one order of their own."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from tortoise.transactions import in_transaction

from pistegate_cloud.days import service as days
from pistegate_cloud.deposits import queries, service
from pistegate_cloud.deposits.schemas import TakeBody, TakenAnswer, deposit_answer
from pistegate_cloud.errors import Problem
from pistegate_cloud.orders.idempotency import AnsweredMeanwhile, Repeatable
from pistegate_cloud.orders.kinds import OrderKind
from pistegate_cloud.orders.making import make
from pistegate_cloud.orders.models import Order
from pistegate_cloud.pricing.shapes import Priced
from pistegate_cloud.services import Services
from pistegate_cloud.tenders.methods import Tendered
from pistegate_cloud.tickets import queries as tickets
from pistegate_cloud.tickets.models import Ticket
from pistegate_cloud.uuid7 import uuid7

WORDS = "deposit"


async def take(body: TakeBody, request: Repeatable, services: Services) -> TakenAnswer:
    """Take the deposits of some tickets; the same answer again when the request is a repetition. Problem otherwise."""
    kept = await request.answered()
    if kept is not None:
        return TakenAnswer.model_validate(kept)
    now_ms = services.clock.wall_ms()
    tendered = [payment.tender() for payment in body.payments]
    day = await days.business_day(body.site, now_ms)
    try:
        async with in_transaction():
            lines = [await _line(number, body.site, tendered, day) for number in body.tickets]
            order = await _order(body, lines, tendered, request, day, now_ms)
            rows = await queries.of_order(order.id)
            for row in rows if body.uid is not None else []:
                await service.bind(row.id, ticket=None, uid=body.uid, document=None)
            rows = await queries.of_order(order.id)
            answer = TakenAnswer(order=order.id, total=order.total, deposits=[deposit_answer(row) for row in rows])
            await request.keep(answer, now_ms)
    except AnsweredMeanwhile:
        return TakenAnswer.model_validate(await request.answered())
    return answer


async def _order(
    body: TakeBody, lines: Sequence[Priced], tendered: Sequence[Tendered], request: Repeatable, day: date, now_ms: int
) -> Order:
    caller = request.caller
    order = Order(
        id=uuid7(now_ms),
        site_id=body.site,
        channel=body.channel,
        status="new",
        total=0,
        currency=body.payments[0].currency,
        created_ms=now_ms,
        day=day,
        kind=OrderKind.INDIVIDUAL.value,
        window=caller.window,
        operator=caller.name,
    )
    await make(order, lines, tendered, now_ms=now_ms, caller=caller)
    return order


async def _line(number: int, site: int, tendered: Sequence[Tendered], day: date) -> Priced:
    """The deposit line of a ticket, as its own line's terms say."""
    ticket = await tickets.ticket(number)
    if ticket.site_id != site:
        raise Problem("unknown_reference", what=f"ticket {number} of site {site}")
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
    return Priced(
        product=None,
        kind=service.KIND,
        quantity=1,
        visit_date=day,
        list_price=amount,
        unit_price=amount,
        amount=amount,
        tax_bp=0,
        tax=0,
        department="",
        terms={service.TICKET_TERM: number, "deposit": agreed},
        words=WORDS,
    )


async def agreed_for(ticket: Ticket) -> dict[str, Any] | None:
    """The deposit that a ticket was sold with: code, amount, per, methods."""
    agreed: dict[str, Any] | None = ((await queries.line_of(ticket)).terms or {}).get("deposit")
    return agreed
