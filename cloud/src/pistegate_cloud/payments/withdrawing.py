# SPDX-License-Identifier: Apache-2.0
"""A payment that is not wanted any more is ended at its provider, unless the guest has paid it meanwhile."""

from uuid import UUID

from pistegate_cloud.clock import Clock
from pistegate_cloud.payments import queries, reversing, settling
from pistegate_cloud.payments.models import ProviderPayment
from pistegate_cloud.payments.provider import Provider, Way
from pistegate_cloud.payments.rules import OPEN_STATES


async def withdraw(payment_id: UUID, provider: Provider, clock: Clock) -> ProviderPayment:
    """Reverse a payment by code, close another; the payment after it: paid, if it was. Problem reverse_too_early."""
    row = await queries.payment(payment_id)
    if row.state not in OPEN_STATES:
        return row
    if row.way == Way.CODE:
        row = await settling.ask(row, provider, clock)
        if row.state in OPEN_STATES and row.state != "reversing":
            return await reversing.reverse(payment_id, provider, clock)
        return row
    await queries.note(row, until_ms=clock.wall_ms())
    return await settling.ask(await queries.payment(payment_id), provider, clock)
