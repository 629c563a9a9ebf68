# SPDX-License-Identifier: Apache-2.0
"""Paying an order that waits: at a window, or through a provider, which is asked after the transaction."""

from collections.abc import Sequence

from tortoise.transactions import in_transaction

from pistegate_cloud.audit import service as audit
from pistegate_cloud.errors import Problem
from pistegate_cloud.orders import answers, doubt, making, queries
from pistegate_cloud.orders.idempotency import AnsweredMeanwhile, Repeatable
from pistegate_cloud.orders.models import Order, Payment
from pistegate_cloud.orders.schemas import OrderAnswer, PayBody
from pistegate_cloud.payments import service as payments
from pistegate_cloud.payments import withdrawing
from pistegate_cloud.services import Services
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tenders import service as tenders
from pistegate_cloud.tenders.methods import WAYS, Method, Tendered, tender_of


def check_offered(tendered: Sequence[Tendered], services: Services) -> None:
    """Problem payments_off when a way needs a provider that this cloud has none of."""
    if services.wechat is None and any(tender.method in WAYS for tender in tendered):
        raise Problem("payments_off")


async def take(order: Order, tendered: Sequence[Tendered], caller: Caller, now_ms: int) -> list[Payment]:
    """As tenders.service.take; an order whose money a provider is asked for is nobody else's to pay from now on.

    The provider's payment is kept with it: if nobody comes to send it, it is found, and ends like any other.
    """
    taken = await tenders.take(order, tendered, caller, now_ms)
    waiting = next((row for row in taken if row.state == "waiting"), None)
    if waiting is None:
        return taken
    if not await queries.move(order, order.status, paying=waiting.provider_payment_id):
        raise Problem("order_being_paid", order=str(order.id))
    await doubt.expect(waiting, now_ms)
    tender = next(one for one in tendered if one.method in WAYS)
    await payments.keep(await _wish(order, waiting, tender, caller), tender_of(waiting.method), now_ms)
    return taken


async def pay(order: Order, body: PayBody, request: Repeatable, caller: Caller, services: Services) -> OrderAnswer:
    """Pay an order that waits; Problem order_being_paid, state_conflict, and those of tenders."""
    tendered = [one.tender() for one in body.payments]
    check_offered(tendered, services)
    if await request.answered() is None:
        if body.instead and order.paying is not None and services.wechat is not None:
            await withdrawing.withdraw(order.paying, services.wechat, services.clock)
        try:
            async with in_transaction():
                answer = await _pay(order, tendered, caller, services.clock.wall_ms())
                await request.keep(answer, services.clock.wall_ms())
        except AnsweredMeanwhile:
            pass
    current = await queries.found(order.id)
    if current.status == "new" and current.paying is not None:
        return await begin(current, tendered, caller, services)
    return await answers.whole(current)


async def _pay(order: Order, tendered: Sequence[Tendered], caller: Caller, now_ms: int) -> OrderAnswer:
    order = await queries.locked(order.id)
    if order.paying is not None:
        raise Problem("order_being_paid", order=str(order.id))
    if order.status != "new" or (order.expires_ms is not None and order.expires_ms <= now_ms):
        raise Problem("state_conflict", noun="order", state=order.status, event="pay")
    taken = await take(order, tendered, caller, now_ms)
    lines = await queries.lines_of(order.id)
    sold = []
    if all(row.state == "done" for row in taken):
        sold = await making.finish(order, lines, taken, now_ms=now_ms, caller=caller)
    else:
        await audit.note(caller, "order.pay", order.site_id, f"order:{order.id}", now_ms=now_ms)
    return answers.answer(order, lines, taken, sold)


async def begin(order: Order, tendered: Sequence[Tendered], caller: Caller, services: Services) -> OrderAnswer:
    """Ask the provider for the money of an order that is kept: the order after it, and what the guest's device needs.

    The same payment again when it was asked for before; a payment code is never sent twice.
    """
    row = next((one for one in await queries.payments_of(order.id) if one.provider_payment_id == order.paying), None)
    tender = next((one for one in tendered if one.method in WAYS), None)
    if row is None or row.provider_payment_id is None or tender is None or services.wechat is None:
        return await answers.whole(await queries.found(order.id))
    wish = await _wish(order, row, tender, caller)
    _, device = await payments.begin(wish, services.wechat, services.clock)
    return await answers.whole(await queries.found(order.id), device)


async def _wish(order: Order, row: Payment, tender: Tendered, caller: Caller) -> payments.Wish:
    """What is asked of the provider; the same for the same payment."""
    if row.provider_payment_id is None:
        raise Problem("payments_off")
    return payments.Wish(
        id=row.provider_payment_id,
        site=row.site_id,
        way=WAYS[Method(row.method)],
        amount=row.amount,
        currency=row.currency,
        words=await _words(order),
        actor=caller.name,
        means=tender.means,
        window=str(order.window or 1),
    )


async def _words(order: Order) -> str:
    """What the guest's bill says: the first product's name."""
    lines = await queries.lines_of(order.id)
    names = [line.product.name for line in lines if line.product is not None]
    return str(next(iter(names[0].values()))) if names else str(order.id)
