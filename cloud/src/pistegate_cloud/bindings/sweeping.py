# SPDX-License-Identifier: Apache-2.0
"""What time brings: days that come near and go by, revisions, denials in their larger form, and the end of keeping.

Run every few seconds by `serve`; each run does what is due, in bounded pieces, and nothing where nothing is.
"""

from datetime import timedelta
from typing import Final

from tortoise.transactions import in_transaction

from pistegate_cloud.bindings import numbers, queries, service, table_queries, tables
from pistegate_cloud.clock import local_day
from pistegate_cloud.documents import queries as stored
from pistegate_cloud.documents import service as documents
from pistegate_cloud.services import Services
from pistegate_cloud.settings import BindingSettings
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.sites.models import Site
from pistegate_cloud.tickets import queries as tickets
from pistegate_cloud.tickets.service import DENY_AFTER_EXPIRY
from pistegate_protocol.documents import DENY_LIST
from pistegate_protocol.tables import BINDINGS, DENIALS, encode_denial

DENIALS_EVERY_MS: Final = 60_000  # comparing 200,000 takes 2 s; what is denied now is in the document within a second
AT_ONCE: Final = 100  # bindings of one transaction, in which windows wait: 0.2 s, 0.4 s at worst


async def sweep(services: Services) -> None:
    """Everything that is due at every site; nothing without the section [bindings]."""
    if services.settings.bindings is None:
        return
    everywhere = await sites.all_sites()
    for site in everywhere:
        await _sweep_site(site, services, services.settings.bindings)
    for site in everywhere:  # tables also hold what is sold at other sites of the group
        for name in (BINDINGS, DENIALS):
            await tables.settle(site.number, name, services.settings.documents, services.clock.wall_ms())


async def _sweep_site(site: Site, services: Services, settings: BindingSettings) -> None:
    now_ms = services.clock.wall_ms()
    await _new_keys(site, settings, now_ms)
    while await _take(site, services, settings):
        pass
    while await _tell(site, services, settings):
        pass
    await _denials(site, now_ms)
    while await _erase(site, services, settings):
        pass


async def _new_keys(site: Site, settings: BindingSettings, now_ms: int) -> None:
    """After `number` was raised: an empty table under the new keys, filled again by what follows."""
    group = await sites.of_group(site.group_number)
    async with in_transaction():
        await documents.lock(group)
        state = await table_queries.state(site.number, BINDINGS)
        if state is None or state.keys == settings.number:
            return
        for number in group:
            if await table_queries.state(number, BINDINGS) is not None:
                await tables.empty(number, BINDINGS, settings.number, now_ms)
            await queries.forget_told(number)


async def _tell(site: Site, services: Services, settings: BindingSettings) -> bool:
    """Tell the gates what has come near or changed; whether there may be more."""
    now_ms = services.clock.wall_ms()
    first, last = service.window(local_day(now_ms, await sites.zone(site.number)), settings)
    async with in_transaction():
        await documents.lock(await sites.of_group(site.group_number))
        rows = await queries.to_tell(site.number, numbers.salt_name(settings), first, last, AT_ONCE)
        if rows:
            await service.tell(rows, services, now_ms)
    return len(rows) == AT_ONCE


async def _take(site: Site, services: Services, settings: BindingSettings) -> bool:
    """Take away what has gone by; whether there may be more."""
    now_ms = services.clock.wall_ms()
    first, _ = service.window(local_day(now_ms, await sites.zone(site.number)), settings)
    async with in_transaction():
        await documents.lock(await sites.of_group(site.group_number))
        rows = await queries.to_take(site.number, numbers.salt_name(settings), first, AT_ONCE)
        if rows:
            await service.take(rows, settings, now_ms)
    return len(rows) == AT_ONCE


async def _erase(site: Site, services: Services, settings: BindingSettings) -> bool:
    """Erase what nobody needs any more; whether there may be more."""
    now_ms = services.clock.wall_ms()
    keep = timedelta(days=settings.keep_days)
    before = local_day(now_ms, await sites.zone(site.number)) - keep
    withdrawn_before_ms = now_ms - settings.keep_days * tables.DAY_MS
    rows = await queries.to_erase(site.number, before, withdrawn_before_ms, AT_ONCE)
    if rows:
        await queries.erase(rows, now_ms)
    return len(rows) == AT_ONCE


async def _denials(site: Site, now_ms: int) -> None:
    """The deny list in its larger form: soon after the document has a newer version, and once a day."""
    source = await stored.newest_version(site.number, DENY_LIST)
    state = await table_queries.state(site.number, DENIALS)
    if state is not None:
        old_ms = now_ms - state.checked_ms
        if old_ms < (tables.WHOLE_EVERY_MS if state.source == source else DENIALS_EVERY_MS):
            return
    today = local_day(now_ms, await sites.zone(site.number))
    async with in_transaction():
        await documents.lock([site.number])
        denied = await tickets.denials(site.number, site.group_number, today - DENY_AFTER_EXPIRY)
        wanted = dict(encode_denial(number, below) for number, below in denied)
        await tables.replace(site.number, DENIALS, wanted, 0, now_ms, source)
