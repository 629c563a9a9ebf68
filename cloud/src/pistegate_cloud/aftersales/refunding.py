# SPDX-License-Identifier: Apache-2.0
"""Refunds 退购, whole or in part, by the policy that was agreed at the sale."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from uuid import UUID

from tortoise.transactions import in_transaction

from pistegate_cloud.aftersales import leaving, pieces, rules
from pistegate_cloud.aftersales.leaving import Work
from pistegate_cloud.aftersales.rules import Asked, Part
from pistegate_cloud.aftersales.schemas import RefundBody, RefundDone, RefundQuote, lines_of, quote_of
from pistegate_cloud.audit import service as audit
from pistegate_cloud.clock import from_ms
from pistegate_cloud.documents import service as documents
from pistegate_cloud.errors import Problem
from pistegate_cloud.invoices import service as invoices
from pistegate_cloud.notifications import service as notifications
from pistegate_cloud.orders import answers
from pistegate_cloud.orders import queries as orders
from pistegate_cloud.orders.idempotency import AnsweredMeanwhile, Repeatable
from pistegate_cloud.orders.models import Order
from pistegate_cloud.orders.service import found
from pistegate_cloud.services import Services
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.staff import limits
from pistegate_cloud.states import ORDER
from pistegate_cloud.tenders import service as tenders


async def quote(order_id: UUID, body: RefundBody, services: Services) -> RefundQuote:
    """What would go back now, line by line; nothing is changed."""
    order = await found(order_id)
    ORDER.after(order.status, "refund_part")
    work = Work(order, await pieces.held(order_id), services.clock.wall_ms())
    return quote_of(order_id, await parts_of(work, body), order.currency)


Choose = Callable[[Work], Awaitable[RefundBody]]
"""What is to be refunded, looked up under the order's lock."""


async def refund(order_id: UUID, choose: Choose, request: Repeatable, services: Services) -> RefundDone:
    """Give back, in one transaction; the same answer again when the request is a repetition."""
    kept = await request.answered()
    if kept is not None:
        return RefundDone.model_validate(kept)
    await found(order_id)
    try:
        async with in_transaction():
            answer, messages = await _refund(order_id, choose, request, services)
            await request.keep(answer, services.clock.wall_ms())
    except AnsweredMeanwhile:
        return RefundDone.model_validate(await request.answered())
    await documents.push_all(messages, services)
    return answer


async def _refund(
    order_id: UUID, choose: Choose, request: Repeatable, services: Services
) -> tuple[RefundDone, Mapping[int, bytes]]:
    now_ms, caller = services.clock.wall_ms(), request.caller
    where = await leaving.lock((await pieces.held(order_id)).tickets.values())
    order = await orders.locked(order_id)
    ORDER.after(order.status, "refund_part")
    work = Work(order, await pieces.held(order_id), now_ms)
    body = await choose(work)
    parts = await parts_of(work, body)
    if not parts and body.tickets is None:
        raise Problem("refund_nothing_left")
    amount = rules.total(parts)
    if body.expected is not None and body.expected != amount:
        raise Problem("refund_differs", expected=body.expected, amount=amount)
    site, subject = tenders.site_of(order), f"order:{order_id}"
    if body.void:
        await limits.check_unused([one.piece.ticket for one in parts if one.piece.ticket is not None])
    action = "void" if body.void else "refund"
    approver = await limits.needed(caller, action, amount, body.approval, site=site, subject=subject, now_ms=now_ms)
    messages = await give(work, parts, body, where, request, services)
    told = {"amount": amount, "reason": body.reason, "tickets": [one.piece.ticket for one in parts if one.piece.ticket]}
    if approver is not None:
        told["approver"] = approver.name
    await audit.note(caller, f"order.{action}", order.site_id, subject, after=told, now_ms=now_ms)
    after = await answers.whole(order)
    lines = lines_of(parts, order.currency)
    return RefundDone(order=order_id, amount=amount, currency=order.currency, lines=lines, after=after), messages


async def give(
    work: Work, parts: Sequence[Part], body: RefundBody, where: list[int], request: Repeatable, services: Services
) -> Mapping[int, bytes]:
    """The pieces leave the order and its money goes back, in the caller's transaction; messages to push."""
    if not parts:
        return {}
    order, caller = work.order, request.caller
    await invoices.before_refund(order.id, caller, work.now_ms)
    messages = await leaving.leave(work, parts, body.reason, where, services)
    out = await leaving.moneys(work, parts)
    method = None if body.method is None else body.method.value
    back = await tenders.give_back(
        order, rules.total(parts), reason=body.reason, caller=caller, now_ms=work.now_ms, method=method
    )
    await leaving.post(work, out, tenders.moneys_of(order, back))
    await tenders.post_for_site(order, back, work.now_ms)
    await _tell(order, rules.total(parts), work.now_ms)
    return messages


async def _tell(order: Order, amount: int, now_ms: int) -> None:
    """The guest, in the outbox."""
    to = notifications.address_of(order)
    told = {"amount": {"amount": amount, "currency": order.currency}}
    await notifications.put("refund_done", to, told, site=order.site_id, order=order.id, now_ms=now_ms)


async def parts_of(work: Work, body: RefundBody) -> list[Part]:
    """What is asked for, by its policy."""
    zone = await sites.zone(work.order.site_id)
    handed_in = from_ms(work.now_ms).astimezone(zone).replace(tzinfo=None)
    asked = Asked(handed_in=handed_in, cause=body.cause, documents=frozenset(body.documents))
    found = await pieces.pieces(work.held, body.tickets, body.pieces)
    return [rules.whole(piece) if body.void else rules.part_of(piece, asked) for piece in found]
