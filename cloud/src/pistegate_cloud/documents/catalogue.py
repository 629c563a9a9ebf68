# SPDX-License-Identifier: Apache-2.0
"""Every kind of document with what is in it: published anew when a site joins its group, or a key has changed."""

from collections.abc import Awaitable, Callable
from typing import Final

from tortoise.transactions import in_transaction

from pistegate_cloud.amendments import service as amendments
from pistegate_cloud.authority import takeovers
from pistegate_cloud.calendars import service as calendars
from pistegate_cloud.cards import losing
from pistegate_cloud.documents import service
from pistegate_cloud.fingers import service as fingers
from pistegate_cloud.services import Services
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.suspensions import service as suspensions
from pistegate_cloud.tickets import service as tickets
from pistegate_cloud.wallets import statements
from pistegate_protocol.documents import (
    AMENDMENT_LIST,
    CALENDAR_LIST,
    DENY_LIST,
    FINGER_LIST,
    LOAD_LIST,
    LOST_CARDS,
    SUSPENSION_LIST,
    TAKEOVER_LIST,
)

Messages = dict[int, bytes]
Publisher = Callable[[list[int], Services, int], Awaitable[Messages]]


async def _denials(where: list[int], services: Services, now_ms: int) -> Messages:
    return await tickets.publish_denials(where, services.settings.documents, now_ms)


async def _lost(where: list[int], services: Services, now_ms: int) -> Messages:
    return await losing.publish_lost(await _group(where), services.settings.documents, now_ms, where)


async def _amendments(where: list[int], services: Services, now_ms: int) -> Messages:
    return await amendments.publish(where, services.settings.documents, now_ms)


async def _suspensions(where: list[int], services: Services, now_ms: int) -> Messages:
    return await suspensions.publish(where, services.settings.documents, now_ms)


async def _calendars(where: list[int], services: Services, now_ms: int) -> Messages:
    return await calendars.publish(where, services.settings.documents, now_ms)


async def _loads(where: list[int], services: Services, now_ms: int) -> Messages:
    return await statements.publish(await _group(where), services, now_ms, where)


async def _fingers(where: list[int], services: Services, now_ms: int) -> Messages:
    return await fingers.publish(where, services.settings.documents, now_ms)


async def _takeovers(where: list[int], services: Services, now_ms: int) -> Messages:
    return await takeovers.publish(where, services.settings.documents, now_ms)


async def _group(where: list[int]) -> int:
    return (await sites.site(where[0])).group_number


PUBLISHERS: Final[dict[str, Publisher]] = {
    DENY_LIST: _denials,
    LOST_CARDS: _lost,
    AMENDMENT_LIST: _amendments,
    SUSPENSION_LIST: _suspensions,
    CALENDAR_LIST: _calendars,
    LOAD_LIST: _loads,
    FINGER_LIST: _fingers,
    TAKEOVER_LIST: _takeovers,
}
"""Who publishes a document, by its name, for sites of one group; in the caller's transaction, with the sites locked."""


async def publish_everything(where: list[int], services: Services) -> None:
    """Sign every document of these sites of one group anew and send it; Problem document_full: nothing is changed."""
    now_ms = services.clock.wall_ms()
    async with in_transaction():
        await service.lock(await sites.of_group(await _group(where)))
        published = [await publisher(where, services, now_ms) for publisher in PUBLISHERS.values()]
    for messages in published:
        await service.push_all(messages, services)
