# SPDX-License-Identifier: Apache-2.0
"""Free tickets 免费票: at no price, for a reason, with somebody who agreed."""

from dataclasses import replace

from tortoise.transactions import in_transaction

from pistegate_cloud.aftersales.change_schemas import FreeBody
from pistegate_cloud.audit import service as audit
from pistegate_cloud.days import service as days
from pistegate_cloud.errors import Problem
from pistegate_cloud.orders import answers, making
from pistegate_cloud.orders.idempotency import AnsweredMeanwhile, Repeatable
from pistegate_cloud.orders.kinds import LineKind, OrderKind
from pistegate_cloud.orders.models import Order
from pistegate_cloud.orders.schemas import OrderAnswer
from pistegate_cloud.pricing import service as pricing
from pistegate_cloud.pricing.shapes import Asked, At, Priced, leaves
from pistegate_cloud.services import Services
from pistegate_cloud.staff import limits
from pistegate_cloud.uuid7 import uuid7

_GIVEN = (LineKind.TICKET, LineKind.RENTAL, LineKind.COACH, LineKind.MEAL)


async def give(body: FreeBody, request: Repeatable, services: Services) -> OrderAnswer:
    """Make the order; the same one again when the request is a repetition. Its limit is what it would have cost."""
    kept = await request.answered()
    if kept is not None:
        return OrderAnswer.model_validate(kept)
    now_ms, caller = services.clock.wall_ms(), request.caller
    asked = [Asked(line.product, line.quantity, line.visit_date, line.slot, line.proof) for line in body.lines]
    priced = await pricing.price(asked, At(body.site, body.channel, now_ms))
    worth = sum(one.amount for one in priced)
    other = next((one for one in leaves(priced) if one.kind not in _GIVEN), None)
    if other is not None:
        raise Problem("unknown_reference", what=f"free product of kind {other.kind}")
    subject = f"new:{request.key or 'free'}"
    order = Order(
        id=uuid7(now_ms),
        site_id=body.site,
        channel=body.channel,
        status="new",
        kind=OrderKind.FREE.value,
        total=0,
        currency=next(one.product.currency for one in priced if one.product is not None),
        created_ms=now_ms,
        day=await days.business_day(body.site, now_ms),
        window=body.window or caller.window,
        operator=caller.name,
        reason=body.reason,
    )
    try:
        async with in_transaction():
            agreed = await limits.needed(
                caller, "free", worth, body.approval, site=body.site, subject=subject, now_ms=now_ms
            )
            order.approver = caller.name if agreed is None else agreed.name
            await making.make(order, [_free(one) for one in priced], [], now_ms=now_ms, caller=caller)
            told = {"worth": worth, "reason": body.reason, "approver": order.approver}
            await audit.note(caller, "order.give", body.site, f"order:{order.id}", after=told, now_ms=now_ms)
            answer = await answers.whole(order)
            await request.keep(answer, now_ms)
    except AnsweredMeanwhile:
        return OrderAnswer.model_validate(await request.answered())
    return answer


def _free(one: Priced) -> Priced:
    return replace(one, unit_price=0, amount=0, tax=0, children=tuple(_free(part) for part in one.children))
