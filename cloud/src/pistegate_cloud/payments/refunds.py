# SPDX-License-Identifier: Apache-2.0
"""Giving money back through the provider that brought it: never more than was paid, never twice, never also in cash."""

from uuid import UUID

from tortoise.transactions import in_transaction

from pistegate_cloud.clock import Clock
from pistegate_cloud.errors import Problem
from pistegate_cloud.payments import queries
from pistegate_cloud.payments.holding import hold
from pistegate_cloud.payments.models import ProviderRefund
from pistegate_cloud.payments.provider import Declined, Provider, RefundAsked, RefundFact, RefundTold, Unclear
from pistegate_cloud.payments.rules import (
    HOLDING_REFUNDS,
    LEASE_MS,
    next_ask_ms,
    payment_event_after,
    refund_event_of,
)
from pistegate_cloud.states import PAYMENT, REFUND
from pistegate_cloud.tenders import refunds as tenders
from pistegate_cloud.tenders.refunds import Hand


async def refund(
    refund_id: UUID, payment_id: UUID, amount: int, reason: str, actor: str, provider: Provider, clock: Clock
) -> ProviderRefund:
    """Give `amount` back; the same id again is the same refund. Problem refund_too_large, state_conflict."""
    known = await queries.refund(refund_id)
    if known is not None:
        if (known.payment_id, known.amount) != (payment_id, amount):
            raise Problem("idempotency_key_reused", idempotency_key=str(refund_id))
        return known
    now_ms = clock.wall_ms()
    await queries.payment(payment_id)
    async with in_transaction():
        payment = await queries.lock(payment_id)
        if (known := await queries.refund(refund_id)) is not None:
            return known
        row = await hold(refund_id, payment.id, amount, reason, actor, now_ms, now_ms + LEASE_MS)
    await _send(row, provider, clock)
    return await _now(row)


async def retry(refund_id: UUID, provider: Provider, clock: Clock) -> ProviderRefund:
    """Send a refund again for which the balance was short; Problem state_conflict."""
    row = await _known(refund_id)
    state = REFUND.after(row.state, "retry")
    if not await queries.move_refund(row, state, ask_ms=clock.wall_ms() + LEASE_MS):
        raise Problem("state_conflict", noun="refund", state=row.state, event="retry")
    await _send(await _now(row), provider, clock)
    return await _now(row)


async def give_in_cash(refund_id: UUID, provider: Provider, clock: Clock, hand: Hand | None = None) -> ProviderRefund:
    """The guest gets it from the drawer: only when the provider says that it has nothing of it. `hand`: whose drawer.

    Problem state_conflict when it went through after all; Unclear when the provider does not say.
    """
    row = await _known(refund_id)
    REFUND.after(row.state, "cash")
    told = await provider.query_refund(row.number)
    if told.fact is not RefundFact.ABSENT:
        await hear(told, clock)
        raise Problem("state_conflict", noun="refund", state=told.fact.value, event="cash")
    if not await _move(row, "cash", clock, hand=hand):
        raise Problem("state_conflict", noun="refund", state=row.state, event="cash")
    return await _now(row)


async def ask(row: ProviderRefund, provider: Provider, clock: Clock) -> bool:
    """Ask for a refund that was claimed, and send it if it never arrived; whether the provider answered."""
    try:
        told = await provider.query_refund(row.number)
    except Unclear as error:
        ask_ms = next_ask_ms(row.asked_times, clock.wall_ms())
        await queries.note_refund(row, ask_ms=ask_ms, trouble=str(error)[:200])
        return False
    try:
        if told.fact is RefundFact.ABSENT and row.state != "processing":
            return await _send(row, provider, clock)
        await hear(told, clock)
    except Problem as problem:  # told of something that does not fit: a person sees it, others are not kept waiting
        ask_ms = next_ask_ms(row.asked_times, clock.wall_ms())
        await queries.note_refund(row, ask_ms=ask_ms, trouble=f"{problem.code} {problem.values}"[:200])
    return True


async def hear(told: RefundTold, clock: Clock) -> ProviderRefund:
    """Take a provider's word of a refund; Problem payment_unknown, payment_mismatch, state_conflict."""
    async with in_transaction():
        return await take(told, clock)


async def take(told: RefundTold, clock: Clock) -> ProviderRefund:
    """As `hear`, in the caller's transaction."""
    row = await queries.refund_by_number(told.number)
    if told.amount is not None and told.amount != row.amount:
        raise Problem("payment_mismatch", payment=told.number, asked=row.amount, told=told.amount, currency="CNY")
    if told.fact is RefundFact.ABSENT:
        await queries.note_refund(row, ask_ms=next_ask_ms(row.asked_times, clock.wall_ms()))
        return row
    await _move(row, refund_event_of(told), clock, reference=told.reference)
    return await _now(row)


async def _send(row: ProviderRefund, provider: Provider, clock: Clock) -> bool:
    payment = await queries.payment(row.payment_id)
    asked = RefundAsked(row.number, payment.number, row.amount, payment.amount, payment.currency, row.reason)
    try:
        told = await provider.refund(asked)
    except Unclear as error:
        await _move(row, "doubt", clock, trouble=str(error))
        return False
    except Declined as error:
        await _move(row, "short" if error.short else "declined", clock, trouble=str(error))
        return True
    await hear(told, clock)
    return True


async def _move(
    row: ProviderRefund,
    event: str,
    clock: Clock,
    *,
    trouble: str | None = None,
    reference: str | None = None,
    hand: Hand | None = None,
) -> bool:
    """Move a refund and its payment together; False when the refund moved meanwhile. Problem state_conflict."""
    async with in_transaction():
        payment = await queries.lock(row.payment_id)
        row = await _now(row)
        state = REFUND.after(row.state, event)
        values: dict[str, object] = {"ask_ms": next_ask_ms(row.asked_times, clock.wall_ms())}
        values["trouble"] = trouble[:200] if trouble else None
        if reference is not None:
            values["reference"] = reference
        if not await queries.move_refund(row, state, **values):
            return False
        if row.state in HOLDING_REFUNDS and state not in HOLDING_REFUNDS:
            await queries.let_go(payment.id, row.amount)
        parts = [(one.state, one.amount) for one in await queries.refunds_of(payment.id)]
        after = PAYMENT.after(payment.state, payment_event_after(payment.amount, parts))
        await queries.move(payment, after)
        await tenders.moved(row.id, state, clock.wall_ms(), hand)
    return True


async def _known(refund_id: UUID) -> ProviderRefund:
    found = await queries.refund(refund_id)
    if found is None:
        raise Problem("payment_unknown", payment=refund_id.hex)
    return found


async def _now(row: ProviderRefund) -> ProviderRefund:
    return await _known(row.id)
