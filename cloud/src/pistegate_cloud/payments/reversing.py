# SPDX-License-Identifier: Apache-2.0
"""Taking a payment by code 付款码 back 撤销: decided once, and tried until the provider has done it."""

from uuid import UUID

from pistegate_cloud.clock import Clock
from pistegate_cloud.errors import Problem
from pistegate_cloud.payments import queries, service
from pistegate_cloud.payments.models import ProviderPayment
from pistegate_cloud.payments.provider import Declined, Fact, Provider, Unclear, Way
from pistegate_cloud.payments.rules import LEASE_MS, REVERSE_NOT_BEFORE_MS
from pistegate_cloud.states import PAYMENT


async def reverse(payment_id: UUID, provider: Provider, clock: Clock) -> ProviderPayment:
    """Take a payment by code back on a person's word; while it is `reversing`, it is tried again until it is done.

    Problem state_conflict for one that has paid its order: that is refunded.
    """
    row = await queries.payment(payment_id)
    if row.way != Way.CODE or row.held or await queries.pays_order(payment_id):
        raise Problem("state_conflict", noun="payment", state=row.state, event="reverse")
    PAYMENT.after(row.state, "reverse")
    if clock.wall_ms() - row.created_ms < REVERSE_NOT_BEFORE_MS:
        raise Problem("reverse_too_early", seconds=REVERSE_NOT_BEFORE_MS // 1000)
    if not await queries.move(row, "reversing", ask_ms=clock.wall_ms() + LEASE_MS):
        raise Problem("state_conflict", noun="payment", state=row.state, event="reverse")
    return await send_reversal(await queries.payment(payment_id), provider, clock)


async def send_reversal(row: ProviderPayment, provider: Provider, clock: Clock) -> ProviderPayment:
    """Ask for a reversal that was decided; the payment after it."""
    try:
        await provider.reverse(row.number)
    except Unclear as error:
        return await service.happen(row.id, "doubt", clock, trouble=str(error))
    except Declined as error:
        return await _declined_reversal(row, error, provider, clock)
    return await service.happen(row.id, "reversed", clock)


async def _declined_reversal(
    row: ProviderPayment, error: Declined, provider: Provider, clock: Clock
) -> ProviderPayment:
    """Either the code never arrived there, or the provider cannot now: what it knows of the payment tells."""
    try:
        told = await provider.query(row.number)
    except Unclear as unclear:
        return await service.happen(row.id, "doubt", clock, trouble=str(unclear))
    if told.fact in (Fact.ABSENT, Fact.REVERSED, Fact.CLOSED):
        return await service.hear(told, provider, clock)
    return await service.happen(row.id, "doubt", clock, trouble=f"not reversed: {error}")
