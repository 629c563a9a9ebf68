# SPDX-License-Identifier: Apache-2.0
"""Notifications of a provider: genuine, fresh, never the same one twice, in any order."""

from collections.abc import Mapping

from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from pistegate_cloud.clock import Clock
from pistegate_cloud.errors import Problem
from pistegate_cloud.payments import queries, refunds, service
from pistegate_cloud.payments.provider import Provider, Told


async def take(headers: Mapping[str, str], body: bytes, provider: Provider, clock: Clock) -> None:
    """Take a notification, all or nothing.

    The provider sends one event again until it is taken, each time with a new signature: that has no further effect.
    The same signature twice is a copy on the way: Problem notice_replayed. Others: notice_forged, notice_stale,
    notice_unreadable, payment_unknown, payment_mismatch.
    """
    notice = provider.open_notice(headers, body, clock.wall_ms())
    if notice is None:
        return
    try:
        async with in_transaction():
            known = await queries.is_event_taken(provider.name, notice.event)
            await queries.add_notice(provider.name, notice.event, notice.nonce, clock.wall_ms())
            if known:
                return
            if isinstance(notice.told, Told):
                await service.take(notice.told, provider.name, clock.wall_ms())
            else:
                await refunds.take(notice.told, clock)
    except IntegrityError:  # its nonce is there, or another copy is just taking it
        raise Problem("notice_replayed") from None
    except Problem as problem:
        if isinstance(notice.told, Told):
            await service.keep_strange(notice.told, provider.name, problem)
        raise
