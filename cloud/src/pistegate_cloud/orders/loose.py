# SPDX-License-Identifier: Apache-2.0
"""Money without an order 无主款: a person gives it an order that waits, or back to the guest."""

from uuid import UUID

from tortoise.transactions import in_transaction

from pistegate_cloud.audit import service as audit
from pistegate_cloud.errors import Problem
from pistegate_cloud.orders import doubt, making, queries
from pistegate_cloud.orders.models import Order, Payment, Refund
from pistegate_cloud.payments import holding
from pistegate_cloud.payments import service as payments
from pistegate_cloud.staff import limits
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.staff.rules import Action
from pistegate_cloud.states import TENDER
from pistegate_cloud.tenders import queries as tenders
from pistegate_cloud.uuid7 import uuid7


async def attach(payment_id: UUID, order_id: UUID, caller: Caller, now_ms: int) -> Order:
    """The money is for an order that waits, and pays it; its tickets are made. Again changes nothing.

    Problem payment_not_loose, order_costs_otherwise, state_conflict, order_being_paid.
    """
    async with in_transaction():
        row = await _found(payment_id)
        order = await queries.order(order_id)
        if order is None:
            raise Problem("not_found", what=f"order {order_id}")
        if row.state == "done" and row.order_id == order_id:
            return order
        if row.state != "late":
            raise Problem("payment_not_loose", payment=payment_id.hex)
        _check(order, row)
        before = row.order_id
        if not await tenders.move(row, TENDER.after(row.state, "attach"), order_id=order.id, shift_id=None):
            raise Problem("state_conflict", noun="tender", state=row.state, event="attach")
        await payments.accept(payment_id)
        lines = await queries.lines_of(order.id)
        await making.finish(order, lines, [row], now_ms=now_ms, caller=caller)
        await queries.clear_trouble(before)
        told = {"order": str(order.id), "before": str(before), "amount": row.amount}
        await audit.note(caller, "payment.attach", row.site_id, f"payment:{payment_id}", after=told, now_ms=now_ms)
    return order


def _check(order: Order, row: Payment) -> None:
    if order.paying is not None:
        raise Problem("order_being_paid", order=str(order.id))
    if order.status != "new":
        raise Problem("state_conflict", noun="order", state=order.status, event="attach")
    if (order.total, order.currency, order.selling_site or order.site_id) != (row.amount, row.currency, row.site_id):
        raise Problem("order_costs_otherwise", order=str(order.id), total=order.total, amount=row.amount)


async def give_back(payment_id: UUID, reason: str, approval: UUID | None, caller: Caller, now_ms: int) -> Refund:
    """The money goes back the way it came, sent within a second. Again is the same refund.

    Problem payment_not_loose, approval_needed (action refund, subject "payment:ID").
    """
    async with in_transaction():
        row = await _found(payment_id)
        if row.state == "returned":
            return await tenders.refund_of_payment(row.id)
        if row.state != "late":
            raise Problem("payment_not_loose", payment=payment_id.hex)
        subject = f"payment:{payment_id}"
        action = Action.REFUND.value
        await limits.needed(caller, action, row.amount, approval, site=row.site_id, subject=subject, now_ms=now_ms)
        if not await tenders.move(row, TENDER.after(row.state, "give_back"), given_back=row.amount):
            raise Problem("state_conflict", noun="tender", state=row.state, event="give_back")
        await payments.accept(payment_id)
        refund = _refund(row, reason, caller, now_ms)
        await holding.hold(refund.id, payment_id, row.amount, reason, caller.name, now_ms)
        await tenders.add_refunds([refund])
        await doubt.owe_back(row, now_ms)
        await queries.clear_trouble(row.order_id)
        told = {"refund": str(refund.id), "amount": row.amount}
        await audit.note(caller, "payment.give_back", row.site_id, subject, after=told, now_ms=now_ms)
    return refund


async def _found(payment_id: UUID) -> Payment:
    row = await tenders.payment_of(payment_id)
    if row is None:
        raise Problem("payment_unknown", payment=payment_id.hex)
    return row


def _refund(row: Payment, reason: str, caller: Caller, now_ms: int) -> Refund:
    refund_id = uuid7(now_ms)
    return Refund(
        id=refund_id,
        site_id=row.site_id,
        order_id=row.order_id,
        payment_id=row.id,
        method=row.method,
        amount=row.amount,
        currency=row.currency,
        reason=reason[:200],
        state="underway",
        provider_refund_id=refund_id,
        operator=caller.name,
        at_ms=now_ms,
    )
