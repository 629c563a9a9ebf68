# SPDX-License-Identifier: Apache-2.0
"""The one path by which an order becomes paid: lines, stock, payments, tickets, books, messages, in one transaction.

`make` does all of it at once. `open_new` keeps an order that is to be paid, `finish` ends what either began.
"""

from collections.abc import Sequence

from pistegate_cloud.audit import service as audit
from pistegate_cloud.errors import Problem
from pistegate_cloud.orders import hooks, posting, queries, rules
from pistegate_cloud.orders.kinds import LineKind
from pistegate_cloud.orders.models import Order, OrderLine, Payment
from pistegate_cloud.pricing import service as pricing
from pistegate_cloud.pricing.shapes import Priced
from pistegate_cloud.products.terms import last_day
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.states import ORDER
from pistegate_cloud.stock import service as stock
from pistegate_cloud.tenders import service as tenders
from pistegate_cloud.tenders.methods import Tendered
from pistegate_cloud.tickets import queries as tickets
from pistegate_cloud.tickets.models import Ticket

Numbers = Sequence[Sequence[int]] | None


async def make(
    order: Order,
    priced: Sequence[Priced],
    tendered: Sequence[Tendered],
    *,
    now_ms: int,
    caller: Caller,
    numbers: Numbers = None,
) -> list[Ticket]:
    """Sell at once, in the caller's transaction; the tickets. `order` is a new row, not stored; its total is set here.

    Problem when stock or money lacks, or when a tender is a provider's: those orders are made by selling.sell.
    `numbers`: those of the tickets, by line, where they were printed before (contingency tickets 应急票).
    """
    lines = await open_new(order, priced, None)
    taken = await tenders.take(order, tendered, caller, now_ms)
    if any(row.state != "done" for row in taken):
        raise Problem("tenders_unclear", what="a payment through a provider")
    return await finish(order, lines, taken, now_ms=now_ms, caller=caller, numbers=numbers)


async def open_new(order: Order, priced: Sequence[Priced], until_ms: int | None) -> list[OrderLine]:
    """Store a new order with its lines and take its stock; Problem sold_out, amount_too_large."""
    order.status = "new"
    order.expires_ms = until_ms
    lines = _lines(order, priced)
    order.total = rules.total_of(lines)
    await queries.add(order, lines)
    await stock.take(order.id, pricing.wanted(priced), until_ms, order.site_id)
    return lines


async def finish(
    order: Order,
    lines: Sequence[OrderLine],
    payments: Sequence[Payment],
    *,
    now_ms: int,
    caller: Caller,
    numbers: Numbers = None,
) -> list[Ticket]:
    """A new order whose money is there becomes paid: once, whoever comes at the same time; Problem state_conflict."""
    paid = ORDER.after(order.status, "pay")
    if not await queries.move(order, paid, paid_ms=now_ms, paying=None):
        raise Problem("state_conflict", noun="order", state=order.status, event="pay")
    if order.expires_ms is not None:
        await stock.keep(order.id)
    made = [ticket for index, line in enumerate(lines) for ticket in _tickets(order, line, numbers, index)]
    await tickets.add(made)
    await posting.post_sale(order, lines, payments, now_ms)
    await hooks.sold(order, lines, made, payments, now_ms=now_ms, caller=caller)
    await audit.note(caller, f"order.{order.kind}", order.site_id, f"order:{order.id}", now_ms=now_ms)
    return made


def _lines(order: Order, priced: Sequence[Priced]) -> list[OrderLine]:
    lines = []
    for number, one in enumerate(priced, 1):
        parts = one.children or (one,)
        lines += [_line(order, part, number if one.children else None) for part in parts]
    return lines


def _line(order: Order, one: Priced, bundle: int | None) -> OrderLine:
    return OrderLine(
        site_id=order.site_id,
        order_id=order.id,
        product=one.product,
        quantity=one.quantity,
        visit_date=one.visit_date,
        unit_price=one.unit_price,
        amount=one.amount,
        kind=one.kind,
        parent_id=bundle,
        words=one.words,
        department=one.department,
        passthrough=one.passthrough,
        list_price=one.list_price,
        tax_bp=one.tax_bp,
        tax=one.tax,
        terms=one.terms or None,
        slot_id=one.slot,
    )


def _tickets(order: Order, line: OrderLine, numbers: Numbers, index: int) -> list[Ticket]:
    if line.kind != LineKind.TICKET or line.product is None:
        return []
    last = last_day(line.product, line.visit_date)
    given = numbers[index] if numbers is not None else [tickets.new_number() for _ in range(line.quantity)]
    return [
        Ticket(
            number=number,
            site_id=order.site_id,
            order_id=order.id,
            line=line,
            product=line.product,
            status="sold",
            valid_from=line.visit_date,
            valid_until=last,
            created_ms=order.created_ms,
        )
        for number in given
    ]
