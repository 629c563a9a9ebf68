# SPDX-License-Identifier: Apache-2.0
"""Supplementary 补票 and paid extension 延时: the ticket stays, and an order of its own says what was paid for it."""

from collections.abc import Mapping
from datetime import date

from tortoise.transactions import in_transaction

from pistegate_cloud.aftersales import orders_after, pieces, queries
from pistegate_cloud.aftersales.change_schemas import ChangeDone, ExtensionBody, ExtensionDone, SupplementBody
from pistegate_cloud.amendments import rules as amendments
from pistegate_cloud.amendments import service as amending
from pistegate_cloud.amendments.rules import Amended, AsSold, Change
from pistegate_cloud.audit import service as audit
from pistegate_cloud.documents import service as documents
from pistegate_cloud.errors import Problem
from pistegate_cloud.notifications import service as notifications
from pistegate_cloud.orders import answers, making
from pistegate_cloud.orders.idempotency import AnsweredMeanwhile, Repeatable
from pistegate_cloud.orders.kinds import LineKind, OrderKind
from pistegate_cloud.orders.models import Order
from pistegate_cloud.orders.service import found
from pistegate_cloud.pricing import service as pricing
from pistegate_cloud.pricing.rules import tax_of
from pistegate_cloud.pricing.shapes import Asked, At, Priced
from pistegate_cloud.services import Services
from pistegate_cloud.states import TICKET
from pistegate_cloud.tickets import queries as tickets
from pistegate_cloud.tickets.models import Ticket
from pistegate_cloud.tickets.service import sites_of


async def supplement(number: int, body: SupplementBody, request: Repeatable, services: Services) -> ChangeDone:
    """Charge the difference to what `body.product` costs; the same answer again when it is a repetition."""
    kept = await request.answered()
    if kept is not None:
        return ChangeDone.model_validate(kept)
    now_ms, caller = services.clock.wall_ms(), request.caller
    ticket = await tickets.ticket(number)
    old = await found(ticket.order_id)
    asked = Asked(body.product, 1, body.visit_date, body.slot, body.proof)
    priced = await pricing.price([asked], At(old.site_id, body.channel, now_ms, old.currency))
    price = sum(one.amount for one in priced)
    try:
        async with in_transaction():
            await tickets.lock([number])
            ticket = await tickets.ticket(number)
            TICKET.after(ticket.status, "amend")
            paid = await _paid_for(old, number)
            if price <= paid:
                raise Problem("difference_none", price=price, paid=paid)
            line = _line(ticket, LineKind.DIFFERENCE, price - paid, body.visit_date, body.reason, priced[0])
            order = await _charge(old, OrderKind.SUPPLEMENTARY, line, body, request, now_ms)
            told = {"order": str(order.id), "difference": line.amount, "reason": body.reason}
            await audit.note(caller, "ticket.supplement", old.site_id, f"ticket:{number}", after=told, now_ms=now_ms)
            answer = ChangeDone(ticket=number, difference=line.amount, order=await answers.whole(order))
            await request.keep(answer, now_ms)
    except AnsweredMeanwhile:
        return ChangeDone.model_validate(await request.answered())
    return answer


async def extend(number: int, body: ExtensionBody, request: Repeatable, services: Services) -> ExtensionDone:
    """Charge an extension and amend the ticket, in one transaction; the same answer again for a repetition."""
    kept = await request.answered()
    if kept is not None:
        return ExtensionDone.model_validate(kept)
    ticket = await tickets.ticket(number)
    old = await found(ticket.order_id)
    priced, amount = await _price(old, ticket, body, services.clock.wall_ms())
    where = await sites_of(ticket)
    try:
        async with in_transaction():
            await documents.lock(where)
            answer, messages = await _extend(ticket, old, priced, amount, body, request, services, where)
            await request.keep(answer, services.clock.wall_ms())
    except AnsweredMeanwhile:
        return ExtensionDone.model_validate(await request.answered())
    await documents.push_all(messages, services)
    return answer


async def _extend(
    ticket: Ticket,
    old: Order,
    priced: Priced | None,
    amount: int,
    body: ExtensionBody,
    request: Repeatable,
    services: Services,
    where: list[int],
) -> tuple[ExtensionDone, Mapping[int, bytes]]:
    async def apply(_: Ticket, held: Amended, sold: AsSold) -> amending.Result:
        return amending.Result(amendments.extended(held, sold, body.valid_until, body.minutes))

    now_ms, number = services.clock.wall_ms(), ticket.number
    work = amending.Work(Change.EXTEND, apply)
    amendment = await amending.amend_within(number, work, body.reason, request.caller, services)
    line = _line(ticket, LineKind.EXTENSION, amount, body.valid_until or ticket.last_day, body.reason, priced)
    order = await _charge(old, OrderKind.EXTENSION, line, body, request, now_ms)
    until = str(body.valid_until) if body.valid_until else f"+{body.minutes} min"
    to = notifications.address_of(old)
    told = {"until": until, "ticket": number}
    await notifications.put("extension", to, told, site=old.site_id, order=order.id, now_ms=now_ms)
    messages = await amending.publish(where, services.settings.documents, now_ms)
    whole = await answers.whole(order)
    return ExtensionDone(ticket=number, difference=amount, order=whole, amendment=amendment), messages


async def _price(old: Order, ticket: Ticket, body: ExtensionBody, now_ms: int) -> tuple[Priced | None, int]:
    """The catalogue's price of the product that stands for the extension, or the amount as agreed."""
    if body.product is None:
        return None, body.amount or 0
    day = body.valid_until or max(ticket.last_day, old.day)
    priced = await pricing.price([Asked(body.product, 1, day)], At(old.site_id, body.channel, now_ms, old.currency))
    return priced[0], sum(one.amount for one in priced)


async def _paid_for(old: Order, number: int) -> int:
    """For a ticket, with all that was paid on top of it before."""
    whole = (await pieces.pieces(await pieces.held(old.id), [number], {}))[0].paid
    return whole + await queries.supplements(old.id, number)


def _line(ticket: Ticket, kind: LineKind, amount: int, day: date, why: str, priced: Priced | None) -> Priced:
    """A charge about a ticket; whose revenue and tax it is, the product says that stands for it, else the ticket's."""
    product = ticket.product if priced is None or priced.product is None else priced.product
    return Priced(
        product=None,
        kind=kind.value,
        quantity=1,
        visit_date=day,
        list_price=amount,
        unit_price=amount,
        amount=amount,
        tax_bp=product.tax_bp,
        tax=tax_of(amount, product.tax_bp),
        department=product.department,
        terms={"ticket": ticket.number, "product": product.number},
        words=why[:80],
    )


async def _charge(
    old: Order,
    kind: OrderKind,
    line: Priced,
    body: SupplementBody | ExtensionBody,
    request: Repeatable,
    now_ms: int,
) -> Order:
    order = await orders_after.following(old, kind, body.channel, body.reason, request.caller, now_ms)
    tendered = [one.tender() for one in body.payments]
    await making.make(order, [line], tendered, now_ms=now_ms, caller=request.caller)
    return order
