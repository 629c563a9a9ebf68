# SPDX-License-Identifier: Apache-2.0
"""What time brings to fingers: tickets that end, claims that are renewed, deletions that every gate has answered.

Run every few seconds by `serve`; each run does what is due, and publishes once for a site where anything changed.
"""

from typing import Final

from tortoise.transactions import in_transaction

from pistegate_cloud.documents import service as documents
from pistegate_cloud.fingers import deletions, queries, service
from pistegate_cloud.services import Services
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.sites.models import Site

AT_ONCE: Final = 200  # consents of one run and site; the others with the next one


async def sweep(services: Services) -> None:
    """Everything that is due at every site."""
    for site in await sites.all_sites():
        await _sweep_site(site, services)


async def _sweep_site(site: Site, services: Services) -> None:
    now_ms = services.clock.wall_ms()
    if not await _is_due(site, now_ms):
        return
    where = await sites.of_group(site.group_number)
    async with in_transaction():
        await documents.lock(where)
        over = await queries.over(site.number, now_ms, AT_ONCE)
        await service.end_all(over, now_ms)
        outdated = await queries.outdated(site.number, AT_ONCE)
        await service.sign_all(outdated, services.settings.issuer, now_ms)
        closed = await _close(site, now_ms)
        if not over and not outdated and not closed:
            return
        rows = [*over, *outdated]
        hear = where if any(row.group_number is not None for row in rows) or closed else [site.number]
        messages = await service.publish(hear, services.settings.documents, now_ms)
    await documents.push_all(messages, services)


async def _is_due(site: Site, now_ms: int) -> bool:
    """Whether anything may be to do, without keeping anybody waiting."""
    return bool(
        await queries.over(site.number, now_ms, 1)
        or await queries.outdated(site.number, 1)
        or await queries.unclosed(site.number)
    )


async def _close(site: Site, now_ms: int) -> int:
    """Deletions that every gate has answered, and whose template could open nothing any more; how many.

    Until then a gate that is added later, with a file of before, is told as well.
    """
    count = 0
    for row in await queries.unclosed(site.number):
        if row.until_ms <= now_ms and deletions.is_complete(await deletions.deletion(row, now_ms)):
            row.closed_ms = now_ms
            await queries.save(row, "closed_ms")
            count += 1
    return count
