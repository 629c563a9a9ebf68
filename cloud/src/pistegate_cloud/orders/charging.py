# SPDX-License-Identifier: Apache-2.0
"""An order of lines that are given, not priced from the catalogue: a deposit as agreed, a recharge. Paid at once, or
by a provider.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from uuid import UUID

from tortoise.transactions import in_transaction

from pistegate_cloud.errors import Problem
from pistegate_cloud.orders import answers, making, paying, queries
from pistegate_cloud.orders.idempotency import AnsweredMeanwhile, Repeatable
from pistegate_cloud.orders.models import Order
from pistegate_cloud.orders.schemas import OrderAnswer
from pistegate_cloud.orders.service import HELD_MS
from pistegate_cloud.pricing.shapes import Priced
from pistegate_cloud.services import Services
from pistegate_cloud.tenders.methods import WAYS, Tendered

Compose = Callable[[int], Awaitable[tuple[Order, Sequence[Priced]]]]
"""Given the time (ms): a new order, not stored, and its lines; in the transaction."""


async def charge(
    compose: Compose, tendered: Sequence[Tendered], request: Repeatable, services: Services
) -> OrderAnswer:
    """Make the order; the same one again, as it stands, when the request is a repetition."""
    paying.check_offered(tendered, services)
    kept = await request.answered()
    if kept is None:
        kept = await _once(compose, tendered, request, services)
    order = await queries.found(UUID(str(kept["id"])))
    if order.status == "new" and order.paying is not None:
        return await paying.begin(order, tendered, request.caller, services)
    return await answers.whole(order)


async def _once(
    compose: Compose, tendered: Sequence[Tendered], request: Repeatable, services: Services
) -> dict[str, object]:
    now_ms, caller = services.clock.wall_ms(), request.caller
    waits = any(tender.method in WAYS for tender in tendered)
    try:
        async with in_transaction():
            order, priced = await compose(now_ms)
            lines = await making.open_new(order, priced, now_ms + HELD_MS if waits else None)
            taken = await paying.take(order, tendered, caller, now_ms)
            sold = [] if waits else await making.finish(order, lines, taken, now_ms=now_ms, caller=caller)
            answer = answers.answer(order, lines, taken, sold)
            await request.keep(answer, now_ms)
    except AnsweredMeanwhile:
        kept = await request.answered()
        if kept is None:
            raise Problem("request_in_progress") from None
        return kept
    return answer.model_dump(mode="json")


def given_line(kind: str, amount: int, day: date, words: str, terms: dict[str, object]) -> Priced:
    """A line without a product and without tax: money that stays the guest's."""
    return Priced(
        product=None,
        kind=kind,
        quantity=1,
        visit_date=day,
        list_price=amount,
        unit_price=amount,
        amount=amount,
        tax_bp=0,
        tax=0,
        department="",
        terms=terms,
        words=words,
    )
