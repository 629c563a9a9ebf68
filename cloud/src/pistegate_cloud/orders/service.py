# SPDX-License-Identifier: Apache-2.0
"""Selling: an order with its tickets, paid at once in cash, in one transaction with its ledger postings."""

from uuid import UUID
from zoneinfo import ZoneInfo

from tortoise.transactions import in_transaction

from pistegate_cloud.clock import Clock, local_day
from pistegate_cloud.errors import Problem
from pistegate_cloud.ledger import service as ledger
from pistegate_cloud.orders import queries
from pistegate_cloud.orders.idempotency import AnsweredMeanwhile, Repeatable
from pistegate_cloud.orders.models import Order, OrderLine, Payment
from pistegate_cloud.orders.schemas import (
    TICKETS_MAX,
    LineAnswer,
    OrderAnswer,
    OrderBody,
    PaymentAnswer,
    TicketSummary,
)
from pistegate_cloud.products import queries as products
from pistegate_cloud.products.models import Product
from pistegate_cloud.products.terms import last_day
from pistegate_cloud.schemas import MONEY_MAX, iso
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.states import ORDER
from pistegate_cloud.tickets import queries as tickets
from pistegate_cloud.tickets.models import Ticket
from pistegate_cloud.uuid7 import uuid7


async def sell(body: OrderBody, request: Repeatable, clock: Clock) -> OrderAnswer:
    """Sell what `body` asks for; the same order again when the request is a repetition."""
    kept = await request.answered()
    if kept is not None:
        return OrderAnswer.model_validate(kept)
    now_ms = clock.wall_ms()
    zone = ZoneInfo((await sites.site(body.site)).zone)
    catalogue = await products.by_number(body.site, {line.product for line in body.lines})
    order, lines = _price(body, catalogue, now_ms, zone)
    payment = _take_cash(body, order, now_ms)
    order.status = ORDER.after(order.status, "pay")
    try:
        async with in_transaction():
            await queries.add(order, lines, payment)
            sold = [ticket for line in lines for ticket in _tickets(order, line)]
            await tickets.add(sold)
            await ledger.record(
                "sale_in_cash",
                site=order.site_id,
                order=order.id,
                amount=order.total,
                currency=order.currency,
                at_ms=now_ms,
                day=order.day,
            )
            answer = _answer(order, lines, [payment], sold)
            await request.keep(answer, now_ms)
    except AnsweredMeanwhile:
        return OrderAnswer.model_validate(await request.answered())
    return answer


async def order(order_id: UUID) -> OrderAnswer:
    """One order; Problem not_found."""
    found = await queries.order(order_id)
    if found is None:
        raise Problem("not_found", what=f"order {order_id}")
    return _answer(
        found,
        await queries.lines_of(order_id),
        await queries.payments_of(order_id),
        await tickets.of_order(order_id),
    )


def _price(
    body: OrderBody, catalogue: dict[int, Product], now_ms: int, zone: ZoneInfo
) -> tuple[Order, list[OrderLine]]:
    """The order and its lines, priced; Problem when something does not hold together."""
    today = local_day(now_ms, zone)
    order = Order(
        id=uuid7(now_ms),
        site_id=body.site,
        channel=body.channel,
        status="new",
        total=0,
        currency=body.payment.currency,
        created_ms=now_ms,
        day=today,
        phone=body.phone,
    )
    lines = []
    for line in body.lines:
        product = catalogue.get(line.product)
        if product is None:
            raise Problem("unknown_reference", what=f"product {line.product} of site {body.site}")
        if product.currency != order.currency:
            raise Problem("wrong_currency", expected=product.currency, got=order.currency)
        if line.visit_date < today:
            raise Problem("visit_date_past", date=line.visit_date, today=today)
        if line.visit_date > (last := last_day(product, line.visit_date)):
            raise Problem("season_over", date=line.visit_date, until=last)
        lines.append(_line(order, line.quantity, product, line.visit_date))
        order.total += lines[-1].amount
    if sum(line.quantity for line in lines) > TICKETS_MAX or order.total > MONEY_MAX:
        raise Problem("amount_too_large", tickets=TICKETS_MAX)
    return order, lines


def _line(order: Order, quantity: int, product: Product, visit_date: object) -> OrderLine:
    return OrderLine(
        site_id=order.site_id,
        order_id=order.id,
        product=product,
        quantity=quantity,
        visit_date=visit_date,
        unit_price=product.price,
        amount=product.price * quantity,
    )


def _take_cash(body: OrderBody, order: Order, now_ms: int) -> Payment:
    if body.payment.tendered < order.total:
        raise Problem("payment_too_small", total=order.total, tendered=body.payment.tendered)
    return Payment(
        site_id=order.site_id,
        order_id=order.id,
        method=body.payment.method,
        tendered=body.payment.tendered,
        change=body.payment.tendered - order.total,
        amount=order.total,
        currency=order.currency,
        reference=body.payment.reference,
        at_ms=now_ms,
    )


def _tickets(order: Order, line: OrderLine) -> list[Ticket]:
    last = last_day(line.product, line.visit_date)
    return [
        Ticket(
            number=tickets.new_number(),
            site_id=order.site_id,
            order_id=order.id,
            line=line,
            product=line.product,
            status="sold",
            valid_from=line.visit_date,
            valid_until=last,
            created_ms=order.created_ms,
        )
        for _ in range(line.quantity)
    ]


def _answer(order: Order, lines: list[OrderLine], payments: list[Payment], sold: list[Ticket]) -> OrderAnswer:
    return OrderAnswer(
        id=order.id,
        site=order.site_id,
        channel=order.channel,
        status=order.status,
        total=order.total,
        currency=order.currency,
        created=iso(order.created_ms),
        lines=[
            LineAnswer(
                product=line.product.number,
                quantity=line.quantity,
                visit_date=line.visit_date,
                unit_price=line.unit_price,
                amount=line.amount,
            )
            for line in lines
        ],
        payments=[
            PaymentAnswer(
                method=payment.method,
                tendered=payment.tendered,
                change=payment.change,
                amount=payment.amount,
                currency=payment.currency,
            )
            for payment in payments
        ],
        tickets=[
            TicketSummary(
                number=ticket.number,
                product=ticket.product.number,
                status=ticket.status,
                valid_from=ticket.valid_from,
                valid_until=ticket.valid_until,
            )
            for ticket in sold
        ],
    )
