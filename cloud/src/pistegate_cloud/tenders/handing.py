# SPDX-License-Identifier: Apache-2.0
"""Refunds that wait for a person: sent again, or given in cash when the provider has nothing of them. Never both."""

from uuid import UUID

from tortoise.transactions import in_transaction

from pistegate_cloud.audit import service as audit
from pistegate_cloud.errors import Problem
from pistegate_cloud.orders.models import Refund
from pistegate_cloud.payments import holding
from pistegate_cloud.payments import refunds as provider_refunds
from pistegate_cloud.payments.provider import Unclear
from pistegate_cloud.services import Services
from pistegate_cloud.shifts import service as shifts
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tenders import queries
from pistegate_cloud.tenders.refunds import Hand, move
from pistegate_cloud.uuid7 import uuid7


async def found(refund_id: UUID) -> Refund:
    """A refund; Problem not_found."""
    row = await queries.refund(refund_id)
    if row is None:
        raise Problem("not_found", what=f"refund {refund_id}")
    return row


async def retry(refund_id: UUID, caller: Caller, services: Services) -> Refund:
    """Send a refund again for which the merchant's balance was short, or that the provider gave up."""
    row = await found(refund_id)
    if services.wechat is None or row.provider_refund_id is None:
        raise Problem("payments_off")
    now_ms = services.clock.wall_ms()
    if row.state == "failed":
        async with in_transaction():
            payment = await queries.payment(row.payment_id)
            made = await holding.hold(
                uuid7(now_ms),
                _provider_payment(payment.provider_payment_id),
                row.amount,
                row.reason,
                caller.name,
                now_ms,
            )
            await move(row, "go", now_ms)
            await queries.note_refund(row, provider_refund_id=made.id)
            await _note(caller, "refund.retry", row, now_ms)
        return await found(refund_id)
    await provider_refunds.retry(row.provider_refund_id, services.wechat, services.clock)
    async with in_transaction():
        await _note(caller, "refund.retry", row, now_ms)
    return await found(refund_id)


async def cash(refund_id: UUID, caller: Caller, services: Services) -> Refund:
    """The guest gets it from the drawer; given already, it is not given again: Problem state_conflict.

    Problem refund_in_doubt while the provider does not say that it has nothing of it.
    """
    row = await found(refund_id)
    now_ms = services.clock.wall_ms()
    shift = await shifts.of(caller, row.site_id)
    hand = Hand(caller.name, None if shift is None else shift.id)
    if row.state == "failed":  # the provider's own refund has ended: nothing of it can go through any more
        async with in_transaction():
            await move(row, "cash", now_ms, hand)
            await _note(caller, "refund.cash", row, now_ms)
        return await found(refund_id)
    if services.wechat is None or row.provider_refund_id is None:
        raise Problem("payments_off")
    try:
        await provider_refunds.give_in_cash(row.provider_refund_id, services.wechat, services.clock, hand)
    except Unclear:
        raise Problem("refund_in_doubt") from None
    async with in_transaction():
        await _note(caller, "refund.cash", row, now_ms)
    return await found(refund_id)


def _provider_payment(payment_id: UUID | None) -> UUID:
    if payment_id is None:
        raise Problem("payments_off")
    return payment_id


async def _note(caller: Caller, action: str, row: Refund, now_ms: int) -> None:
    told = {"amount": row.amount, "order": str(row.order_id)}
    await audit.note(caller, action, row.site_id, f"refund:{row.id}", after=told, now_ms=now_ms)
