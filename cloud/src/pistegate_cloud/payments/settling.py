# SPDX-License-Identifier: Apache-2.0
"""Asking for what is not known, until it is. Run every second by `serve`; several processes may do it at once."""

import logging
from typing import Final

from pistegate_cloud.clock import Clock
from pistegate_cloud.errors import Problem
from pistegate_cloud.payments import queries, refunds, reversing, service
from pistegate_cloud.payments.models import ProviderPayment
from pistegate_cloud.payments.provider import Declined, Fact, Provider, Told, Unclear
from pistegate_cloud.payments.rules import LEASE_MS, is_to_close, is_to_reverse, next_ask_ms
from pistegate_cloud.states import PAYMENT

AT_ONCE: Final = (
    50  # of a round, one after another: a provider that does not answer costs its timeout once, then we stop
)
NOTICES_KEPT_MS: Final = (
    2 * 86_400_000
)  # the provider repeats a notification for a day; its signature is stale after 5 min
_log = logging.getLogger(__name__)


async def settle(provider: Provider, clock: Clock) -> int:
    """Ask for everything that is due; how many were asked. Ends early when the provider does not answer."""
    asked = 0
    for row in await queries.due(provider.name, clock.wall_ms(), AT_ONCE):
        if not await queries.claim(row, clock.wall_ms() + LEASE_MS):
            continue
        asked += 1
        if not await _ask(row, provider, clock):
            return asked
    for refund in await queries.due_refunds(provider.name, clock.wall_ms(), AT_ONCE):
        if not await queries.claim(refund, clock.wall_ms() + LEASE_MS):
            continue
        asked += 1
        if not await refunds.ask(refund, provider, clock):
            return asked
    if asked:
        await queries.forget_notices(clock.wall_ms() - NOTICES_KEPT_MS)
    return asked


async def ask(row: ProviderPayment, provider: Provider, clock: Clock) -> ProviderPayment:
    """Ask for one payment now, because a person waits for it; the payment after it."""
    if await queries.claim(row, clock.wall_ms() + LEASE_MS):
        await _ask(row, provider, clock)
    return await queries.payment(row.id)


async def _ask(row: ProviderPayment, provider: Provider, clock: Clock) -> bool:
    """Whether the provider answered."""
    try:
        if row.state == "reversing":
            return (await reversing.send_reversal(row, provider, clock)).trouble is None
        told = await _told(row, provider, clock)
        if told.fact in (Fact.WAITING, Fact.ABSENT) and is_to_reverse(
            row.way, row.state, row.created_ms, clock.wall_ms()
        ):
            if await queries.move(row, PAYMENT.after(row.state, "reverse"), ask_ms=clock.wall_ms() + LEASE_MS):
                await reversing.send_reversal(await queries.payment(row.id), provider, clock)
            return True
        await service.hear(told, provider, clock)
    except Unclear as error:
        if is_to_reverse(row.way, row.state, row.created_ms, clock.wall_ms()):
            await queries.move(row, PAYMENT.after(row.state, "reverse"), ask_ms=clock.wall_ms())
        else:
            ask_ms = next_ask_ms(row.asked_times, clock.wall_ms())
            await queries.note(row, ask_ms=ask_ms, trouble=str(error)[:200])
        return False
    except Problem as problem:
        _log.warning("payment %s: %s %s", row.number, problem.code, problem.values)
        await queries.note(row, ask_ms=next_ask_ms(row.asked_times, clock.wall_ms()))
    return True


async def _told(row: ProviderPayment, provider: Provider, clock: Clock) -> Told:
    """What became of it; one that has run out is closed first, so that it cannot be paid afterwards."""
    told = await provider.query(row.number)
    if told.fact is Fact.WAITING and is_to_close(row.way, row.state, row.until_ms, clock.wall_ms()):
        try:
            await provider.close(row.number)
        except Declined:
            return await provider.query(row.number)
        return Told(row.number, Fact.CLOSED)
    if told.fact is Fact.ABSENT and is_to_close(row.way, row.state, row.until_ms, clock.wall_ms()):
        return Told(row.number, Fact.CLOSED)  # it was never ordered, and its time to be paid is over
    return told
