# SPDX-License-Identifier: Apache-2.0
"""Selling: an order is paid at once, or keeps its stock until it is; once per idempotency key."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from tortoise.transactions import in_transaction

from pistegate_cloud.audit import service as audit
from pistegate_cloud.days import service as days
from pistegate_cloud.errors import Problem
from pistegate_cloud.members import service as members
from pistegate_cloud.orders import answers, making, paying, queries
from pistegate_cloud.orders.idempotency import AnsweredMeanwhile, Repeatable
from pistegate_cloud.orders.models import Order
from pistegate_cloud.orders.schemas import OrderAnswer, OrderBody
from pistegate_cloud.pricing import service as pricing
from pistegate_cloud.pricing.shapes import Asked, At, Priced
from pistegate_cloud.services import Services
from pistegate_cloud.shifts import service as shifts
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tenders.methods import WAYS, Tendered
from pistegate_cloud.uuid7 import uuid7

HELD_MS: Final = 15 * 60_000  # an order that is not paid keeps its stock so long; a shown code is payable as long


async def sell(body: OrderBody, request: Repeatable, caller: Caller, services: Services) -> OrderAnswer:
    """Sell what `body` asks for; a repetition gets the same order, as it stands while it waits for its money."""
    kept = await request.answered()
    if kept is None:
        try:
            answer = await _sell_once(body, request, caller, services)
        except AnsweredMeanwhile:
            answer = OrderAnswer.model_validate(await request.answered())
    else:
        answer = OrderAnswer.model_validate(kept)
    if answer.status != "new":
        return answer
    return await paying.begin(await found(answer.id), body.tenders(), caller, services)


async def _sell_once(body: OrderBody, request: Repeatable, caller: Caller, services: Services) -> OrderAnswer:
    """Make the order in one transaction with its kept answer; AnsweredMeanwhile when the same request was first."""
    tendered = body.tenders()
    paying.check_offered(tendered, services)
    now_ms = services.clock.wall_ms()
    async with in_transaction():  # what is only read, too: on PostgreSQL each question outside costs a connection
        order = await _order(body, caller, now_ms)
        priced = await _price(body, order, now_ms)
        answer = await _make(order, priced, tendered, caller, now_ms)
        if answer.status == "new":
            await audit.note(caller, "order.open", order.site_id, f"order:{order.id}", now_ms=now_ms)
        await request.keep(answer, now_ms)
    return answer


async def _make(
    order: Order, priced: Sequence[Priced], tendered: Sequence[Tendered], caller: Caller, now_ms: int
) -> OrderAnswer:
    waits = not tendered or any(tender.method in WAYS for tender in tendered)
    lines = await making.open_new(order, priced, now_ms + HELD_MS if waits else None)
    taken = await paying.take(order, tendered, caller, now_ms) if tendered else []
    sold = [] if waits else await making.finish(order, lines, taken, now_ms=now_ms, caller=caller)
    return answers.answer(order, lines, taken, sold)


async def found(order_id: UUID) -> Order:
    """An order; Problem not_found."""
    row = await queries.order(order_id)
    if row is None:
        raise Problem("not_found", what=f"order {order_id}")
    return row


async def _order(body: OrderBody, caller: Caller, now_ms: int) -> Order:
    """A new order's row; Problem when a site is not there, or its outlet is of another group."""
    if body.selling_site is not None:
        site, outlet = await sites.site(body.site), await sites.site(body.selling_site)
        caller.at(outlet.number)
        if outlet.group_number != site.group_number:
            raise Problem("outlet_of_another_group", site=site.number, outlet=outlet.number)
    elif body.window is not None:
        caller.at(body.site, body.window)
    shift = (
        await shifts.of(caller, body.site if body.selling_site is None else body.selling_site)
        if body.tenders()
        else None
    )
    return Order(
        id=uuid7(now_ms),
        site_id=body.site,
        channel=body.channel,
        status="new",
        kind=body.kind,
        total=0,
        currency="",
        created_ms=now_ms,
        day=await days.business_day(body.site, now_ms),
        phone=body.phone,
        window=body.window or caller.window,
        shift_id=None if shift is None else shift.id,
        operator=caller.name,
        member_id=body.member,
        selling_site=body.selling_site,
        leader=body.leader,
        agency=body.agency,
        expected=body.expected,
    )


async def _price(body: OrderBody, order: Order, now_ms: int) -> list[Priced]:
    tendered = body.tenders()
    currency = tendered[0].currency if tendered else None
    asked = [Asked(line.product, line.quantity, line.visit_date, line.slot, line.proof) for line in body.lines]
    level = None if body.member is None else await members.level_of(body.member, body.site, order.day)
    at = At(body.site, body.channel, now_ms, currency, member_level=level, quote=body.quote)
    priced = await pricing.price(asked, at)
    order.currency = currency or next(one.product.currency for one in priced if one.product is not None)
    return priced
