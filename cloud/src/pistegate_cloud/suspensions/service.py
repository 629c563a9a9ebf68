# SPDX-License-Identifier: Apache-2.0
"""Closing areas and opening them again, and the document that tells the devices."""

from collections.abc import Sequence
from typing import Final

from tortoise.transactions import in_transaction

from pistegate_cloud.audit.service import note_here
from pistegate_cloud.documents import service as documents
from pistegate_cloud.errors import Problem
from pistegate_cloud.services import Services
from pistegate_cloud.settings import SigningKey
from pistegate_cloud.suspensions import queries
from pistegate_cloud.suspensions.models import AreaSuspension
from pistegate_protocol.documents import SuspensionList

_DAY_MS = 86_400_000
# A past suspension still pauses the clock of a ticket that was running then: clocks run for up to 65535 minutes.
PAUSED_TOLD_MS: Final = 46 * _DAY_MS
CLOSED_TOLD_MS: Final = 2 * _DAY_MS  # other past ones matter only to a device whose clock is behind

Entry = tuple[int, int, int | None, bool]


async def begin(row: AreaSuspension, services: Services) -> None:
    """Close an area and tell the devices."""
    async with in_transaction():
        await documents.lock([row.site_id])
        await queries.add(row)
        told = {"area": row.area, "from": row.start_ms, "until": row.end_ms, "reason": row.reason}
        now_ms = services.clock.wall_ms()
        await note_here("suspension.begin", row.site_id, f"suspension:{row.id}", told, now_ms=now_ms)
        messages = await publish([row.site_id], services.settings.documents, services.clock.wall_ms())
    await documents.push_all(messages, services)


async def end(number: int, at_ms: int | None, actor: str, services: Services) -> AreaSuspension:
    """Set the end of a suspension (None: now; not after it began: called off); Problem when it has ended already."""
    now_ms = services.clock.wall_ms()
    row = await queries.one(number)
    async with in_transaction():
        await documents.lock([row.site_id])
        row = await queries.one(number)
        if row.end_ms is not None and row.end_ms <= now_ms:
            raise Problem("state_conflict", noun="suspension", state="ended", event="end")
        row.end_ms = max(row.start_ms, now_ms if at_ms is None else at_ms)
        row.ended_by, row.ended_ms = actor, now_ms
        await queries.save_end(row)
        await note_here("suspension.end", row.site_id, f"suspension:{number}", {"end": row.end_ms}, now_ms=now_ms)
        messages = await publish([row.site_id], services.settings.documents, now_ms)
    await documents.push_all(messages, services)
    return row


async def entries_of(site: int, now_ms: int) -> list[Entry]:
    """What the document of a site says: area, start, end, whether clocks stand still."""
    rows = await queries.told(site, now_ms - PAUSED_TOLD_MS, now_ms - CLOSED_TOLD_MS)
    return [(row.area, row.start_ms, row.end_ms, row.clocks_paused) for row in rows]


async def publish(where: Sequence[int], key: SigningKey, now_ms: int) -> dict[int, bytes]:
    """Sign the next suspensions of each site, in the caller's transaction; messages to push, by site."""
    return await documents.publish_for(where, SuspensionList, lambda site: entries_of(site, now_ms), key, now_ms)
