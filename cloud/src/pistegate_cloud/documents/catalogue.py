# SPDX-License-Identifier: Apache-2.0
"""Every kind of document with what is in it: published anew when a site joins its group, or a key has changed."""

from tortoise.transactions import in_transaction

from pistegate_cloud.amendments import service as amendments
from pistegate_cloud.calendars import service as calendars
from pistegate_cloud.cards import losing
from pistegate_cloud.documents import service
from pistegate_cloud.services import Services
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.suspensions import service as suspensions
from pistegate_cloud.tickets import service as tickets
from pistegate_cloud.wallets import statements


async def publish_everything(where: list[int], services: Services) -> None:
    """Sign every document of these sites of one group anew and send it; Problem document_full: nothing is changed."""
    key, now_ms = services.settings.documents, services.clock.wall_ms()
    group = (await sites.site(where[0])).group_number
    async with in_transaction():
        await service.lock(await sites.of_group(group))
        published = [
            await tickets.publish_denials(where, key, now_ms),
            await losing.publish_lost(group, key, now_ms, where),
            await amendments.publish(where, key, now_ms),
            await suspensions.publish(where, key, now_ms),
            await calendars.publish(where, key, now_ms),
            await statements.publish(group, services, now_ms, where),
        ]
    for messages in published:
        await service.push_all(messages, services)
