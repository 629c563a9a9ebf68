# SPDX-License-Identifier: Apache-2.0
"""Exchange and upgrade: another product or day for a ticket that nobody used; the difference is paid or goes back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tortoise.transactions import in_transaction

from pistegate_cloud.aftersales import carrying, leaving, orders_after, pieces, rules
from pistegate_cloud.aftersales.change_schemas import ChangeDone, ExchangeBody, ExchangeQuote
from pistegate_cloud.aftersales.leaving import Work
from pistegate_cloud.audit import service as audit
from pistegate_cloud.documents import service as documents
from pistegate_cloud.errors import Problem
from pistegate_cloud.invoices import service as invoices
from pistegate_cloud.ledger.service import Money
from pistegate_cloud.orders import answers, making
from pistegate_cloud.orders import queries as orders
from pistegate_cloud.orders.idempotency import AnsweredMeanwhile, Repeatable
from pistegate_cloud.orders.kinds import OrderKind
from pistegate_cloud.orders.models import Order
from pistegate_cloud.orders.service import found
from pistegate_cloud.pricing import service as pricing
from pistegate_cloud.pricing.shapes import Asked, At, Priced
from pistegate_cloud.services import Services
from pistegate_cloud.staff import limits
from pistegate_cloud.states import ORDER
from pistegate_cloud.tenders import service as tenders
from pistegate_cloud.tickets import queries as tickets


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted instead."""

    asked: Asked
    channel: str


async def quote(number: int, wish: Wish, services: Services) -> ExchangeQuote:
    """What it would cost now; nothing is changed."""
    order = await found((await tickets.ticket(number)).order_id)
    await limits.check_unused([number])
    price = sum(one.amount for one in await priced(order, wish, services.clock.wall_ms()))
    credit = (await pieces.pieces(await pieces.held(order.id), [number], {}))[0].paid
    return ExchangeQuote(
        ticket=number,
        product=wish.asked.product,
        visit_date=wish.asked.visit_date,
        price=price,
        credit=credit,
        difference=price - credit,
        currency=order.currency,
    )


async def priced(order: Order, wish: Wish, now_ms: int) -> Sequence[Priced]:
    """In the order's currency, at its site."""
    return await pricing.price([wish.asked], At(order.site_id, wish.channel, now_ms, order.currency))


async def exchange(number: int, body: ExchangeBody, request: Repeatable, services: Services) -> ChangeDone:
    """Exchange a ticket, in one transaction; the same answer again when the request is a repetition."""
    kept = await request.answered()
    if kept is not None:
        return ChangeDone.model_validate(kept)
    order = await found((await tickets.ticket(number)).order_id)
    wish = Wish(Asked(body.product, 1, body.visit_date, body.slot, body.proof), body.channel)
    new = await priced(order, wish, services.clock.wall_ms())
    try:
        async with in_transaction():
            answer, messages = await _exchange(number, new, body, request, services)
            await request.keep(answer, services.clock.wall_ms())
    except AnsweredMeanwhile:
        return ChangeDone.model_validate(await request.answered())
    await documents.push_all(messages, services)
    return answer


async def _exchange(
    number: int, new: Sequence[Priced], body: ExchangeBody, request: Repeatable, services: Services
) -> tuple[ChangeDone, Mapping[int, bytes]]:
    now_ms, caller = services.clock.wall_ms(), request.caller
    ticket = await tickets.ticket(number)
    where = await leaving.lock([ticket])
    old = await orders.locked(ticket.order_id)
    ORDER.after(old.status, "refund_part")
    await limits.check_unused([number])
    work = Work(old, await pieces.held(old.id), now_ms)
    part = rules.whole((await pieces.pieces(work.held, [number], {}))[0])
    difference = sum(one.amount for one in new) - part.back
    if body.expected is not None and body.expected != difference:
        raise Problem("refund_differs", expected=body.expected, amount=difference)
    site, subject = tenders.site_of(old), f"ticket:{number}"
    approver = await limits.needed(
        caller, "refund", max(0, -difference), body.approval, site=site, subject=subject, now_ms=now_ms
    )
    await invoices.before_refund(old.id, caller, now_ms)
    messages = await leaving.leave(work, [part], body.reason, where, services)
    out = await leaving.moneys(work, [part])
    order = await orders_after.following(old, OrderKind.EXCHANGE, body.channel, body.reason, caller, now_ms)
    order.approver = None if approver is None else approver.name
    made = await _pay(work, order, new, part.back, difference, body, request)
    await leaving.post(work, out, made)
    told = {"order": str(order.id), "difference": difference, "reason": body.reason}
    await audit.note(caller, "ticket.exchange", old.site_id, subject, after=told, now_ms=now_ms)
    return ChangeDone(ticket=number, difference=difference, order=await answers.whole(order)), messages


async def _pay(
    work: Work,
    order: Order,
    new: Sequence[Priced],
    credit: int,
    difference: int,
    body: ExchangeBody,
    request: Repeatable,
) -> list[Money]:
    """Pay the new order of the old one's money and of what is given; where the old one's money went."""
    old, caller, now_ms = work.order, request.caller, work.now_ms
    kept = min(credit, credit + difference)
    lines = await making.open_new(order, new, None)
    carried = await carrying.carry(old, order, kept, caller, now_ms)
    back = await tenders.give_back(old, credit - kept, reason=body.reason, caller=caller, now_ms=now_ms)
    await tenders.post_for_site(old, back, now_ms)
    tendered = [one.tender() for one in body.payments] if difference > 0 else []
    taken = await orders_after.take_rest(order, carried.payments, tendered, caller, now_ms)
    await making.finish(order, lines, [*carried.payments, *taken], now_ms=now_ms, caller=caller)
    return [*carried.moneys, *tenders.moneys_of(old, back)]
