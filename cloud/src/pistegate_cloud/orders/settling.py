# SPDX-License-Identifier: Apache-2.0
"""What a provider's word means for the order that waits for it, in the transaction that takes that word."""

import logging
from typing import Final
from uuid import UUID

from tortoise.exceptions import OperationalError
from tortoise.transactions import in_transaction

from pistegate_cloud.database import TRANSIENT
from pistegate_cloud.errors import Problem
from pistegate_cloud.orders import doubt, ending, making, queries
from pistegate_cloud.orders.models import Order, Payment
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.states import TENDER
from pistegate_cloud.tenders import queries as tenders

# Nothing about the order: its day was closed in this very moment. The provider's word is heard again.
_AGAIN: Final = frozenset({"day_closed"})
_log = logging.getLogger(__name__)


async def settle_paid(provider_payment: UUID, now_ms: int) -> None:
    """The money of a payment came: its order is paid, once; or it is money without an order, for a person.

    Whatever keeps the order from being made, the money is kept: such an order shows in GET /orders?attention=true.
    """
    row = await tenders.payment_of(provider_payment)
    if row is None or row.state not in ("waiting", "void"):
        return
    order = await queries.locked(row.order_id)
    if order.status != "new" or order.paying != provider_payment or row.state != "waiting":
        await _late(order, row, f"money came when the order was {order.status}", now_ms)
        return
    try:
        async with in_transaction():  # a savepoint: what fails in it leaves nothing but the money
            await _finish(order, row, now_ms)
    except (*TRANSIENT, OperationalError):
        raise
    except Exception as error:
        why = error.code if isinstance(error, Problem) else type(error).__name__
        if why in _AGAIN:
            raise
        _log.exception("order %s is paid and could not be made", order.id)
        order = await queries.locked(row.order_id)
        row = await tenders.payment(row.id)
        await _late(order, row, f"paid and not issued: {why}", now_ms)
        await queries.note(order, paying=None)


async def _finish(order: Order, row: Payment, now_ms: int) -> None:
    await doubt.come(row, now_ms)
    rows = [one for one in await tenders.payments_of(order.id) if one.state in ("waiting", "held")]
    for one in rows:
        if not await tenders.move(one, TENDER.after(one.state, "come")):
            raise Problem("state_conflict", noun="tender", state=one.state, event="come")
    await making.finish(order, await queries.lines_of(order.id), rows, now_ms=now_ms, caller=_seller(order))


async def _late(order: Order, row: Payment, trouble: str, now_ms: int) -> None:
    if row.state == "waiting":
        await doubt.come(row, now_ms)
    else:
        await doubt.come_late(row, now_ms)
    if not await tenders.move(row, TENDER.after(row.state, "come_late")):
        raise Problem("state_conflict", noun="tender", state=row.state, event="come_late")
    await queries.note(order, trouble=trouble[:200])


async def settle_ended(provider_payment: UUID, now_ms: int) -> None:
    """A payment will bring no money: its order waits for another, or ends when its time is over."""
    row = await tenders.payment_of(provider_payment)
    if row is None or row.state != "waiting":
        return
    order = await queries.locked(row.order_id)
    if order.status != "new" or order.paying != provider_payment:
        return
    caller = _seller(order)
    await ending.release_tenders(order, now_ms=now_ms, caller=caller)
    if not await queries.move(order, order.status, paying=None):
        raise Problem("state_conflict", noun="order", state=order.status, event="end")
    if order.expires_ms is not None and order.expires_ms <= now_ms:
        await ending.end(order, "expire", now_ms=now_ms, caller=caller)


def _seller(order: Order) -> Caller:
    """Beside what happens now is who began the order."""
    return Caller(name=order.operator or "system", key="system:payments")
