# SPDX-License-Identifier: Apache-2.0
"""Orders as answers."""

from collections.abc import Sequence
from typing import Any

from pistegate_cloud.orders import queries
from pistegate_cloud.orders.models import Order, OrderLine, Payment, Refund
from pistegate_cloud.orders.schemas import (
    LineAnswer,
    OrderAnswer,
    OrderSummary,
    PaymentAnswer,
    RefundAnswer,
    TicketSummary,
)
from pistegate_cloud.schemas import iso
from pistegate_cloud.tickets import queries as tickets
from pistegate_cloud.tickets.models import Ticket


async def whole(order: Order, device: str | None = None) -> OrderAnswer:
    """An order with all its parts, as it stands."""
    return answer(
        order,
        await queries.lines_of(order.id),
        await queries.payments_of(order.id),
        await tickets.of_order(order.id),
        await queries.refunds_of(order.id),
        device,
    )


def answer(
    order: Order,
    lines: Sequence[OrderLine],
    payments: Sequence[Payment],
    sold: Sequence[Ticket],
    refunds: Sequence[Refund] = (),
    device: str | None = None,
) -> OrderAnswer:
    """From rows."""
    return OrderAnswer(
        **_head(order),
        lines=[_line(line) for line in lines],
        payments=[_payment(payment) for payment in payments],
        tickets=[_ticket(ticket) for ticket in sold],
        refunds=[
            RefundAnswer(id=row.id, method=row.method, amount=row.amount, currency=row.currency, state=row.state)
            for row in refunds
        ],
        device=device,
    )


def summary(order: Order) -> OrderSummary:
    """Without its parts."""
    return OrderSummary(**_head(order))


def _head(order: Order) -> dict[str, Any]:
    return {
        "id": order.id,
        "site": order.site_id,
        "channel": order.channel,
        "status": order.status,
        "total": order.total,
        "currency": order.currency,
        "created": iso(order.created_ms),
        "kind": order.kind,
        "window": order.window,
        "selling_site": order.selling_site,
        "operator": order.operator,
        "expires": iso(order.expires_ms) if order.status == "new" and order.expires_ms else None,
        "before": order.before_id,
        "leader": order.leader,
        "agency": order.agency,
        "expected": order.expected,
        "trouble": order.trouble,
    }


def _line(line: OrderLine) -> LineAnswer:
    return LineAnswer(
        product=line.product.number if line.product else None,
        quantity=line.quantity,
        visit_date=line.visit_date,
        unit_price=line.unit_price,
        amount=line.amount,
        id=line.id,
        kind=line.kind,
        words=line.words,
        tax=line.tax,
        refunded_quantity=line.refunded_quantity,
        refunded_amount=line.refunded_amount,
    )


def _payment(payment: Payment) -> PaymentAnswer:
    return PaymentAnswer(
        method=payment.method,
        tendered=payment.tendered,
        change=payment.change,
        amount=payment.amount,
        currency=payment.currency,
        id=payment.id,
        state=payment.state,
        reference=payment.reference,
        given_back=payment.given_back,
        provider_payment=payment.provider_payment_id,
    )


def _ticket(ticket: Ticket) -> TicketSummary:
    return TicketSummary(
        number=ticket.number,
        product=ticket.product.number,
        status=ticket.status,
        valid_from=ticket.valid_from,
        valid_until=ticket.valid_until,
    )
