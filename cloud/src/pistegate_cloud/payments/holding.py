# SPDX-License-Identifier: Apache-2.0
"""A refund that is decided together with something else: kept in the caller's transaction, sent after it."""

from uuid import UUID

from pistegate_cloud.errors import Problem
from pistegate_cloud.payments import queries
from pistegate_cloud.payments.models import ProviderRefund
from pistegate_cloud.payments.rules import check_refund


async def hold(
    refund_id: UUID, payment_id: UUID, amount: int, reason: str, actor: str, now_ms: int, ask_ms: int | None = None
) -> ProviderRefund:
    """Set a part of a payment aside and keep its refund; Problem refund_too_large, state_conflict.

    It is sent by settling.settle from `ask_ms` on (None: now), or by whoever claims it before.
    """
    payment = await queries.lock(payment_id)
    if payment.state not in queries.REFUNDABLE:
        raise Problem("state_conflict", noun="payment", state=payment.state, event="refund")
    check_refund(payment.amount, payment.held, amount)
    if not await queries.hold(payment, amount):
        raise Problem("state_conflict", noun="payment", state=payment.state, event="refund")
    row = ProviderRefund(
        id=refund_id,
        site_id=payment.site_id,
        payment_id=payment_id,
        number=refund_id.hex,
        amount=amount,
        reason=reason[:80],
        state="created",
        created_ms=now_ms,
        ask_ms=now_ms if ask_ms is None else ask_ms,
        actor=actor[:80],
    )
    await queries.add_refund(row)
    return row
