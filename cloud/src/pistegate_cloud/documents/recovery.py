# SPDX-License-Identifier: Apache-2.0
"""After a restore: what devices still have of documents that this database lost is asked for, believed, told again.

A device that tells a version from the lost ones is asked to send the document back, and is sent no other of that name
before it has, or has had its time: else an older deny list with a higher number would let revoked tickets in.
"""

import logging
from typing import Any

from msgspec.structs import replace
from tortoise.transactions import in_transaction

from pistegate_cloud.amendments import recovering as amendments
from pistegate_cloud.documents import queries, service
from pistegate_cloud.documents.asking import first_after
from pistegate_cloud.documents.catalogue import PUBLISHERS
from pistegate_cloud.documents.models import LostVersions, RecoveredDocument
from pistegate_cloud.exceptions import queries as exceptions
from pistegate_cloud.services import Services
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.tickets import recovering as tickets
from pistegate_protocol.documents import (
    DOCUMENT_NAMES,
    DOCUMENTS,
    AmendmentList,
    DenyList,
    Document,
    DocumentRefused,
    verify_document,
)
from pistegate_protocol.errors import CodecError
from pistegate_protocol.messages import HeldDocument, SignedDocument
from pistegate_protocol.signing import KeyRing
from pistegate_protocol.topics import Device

_log = logging.getLogger(__name__)


async def note_lost(now_ms: int) -> None:
    """Of a database just restored: no version between the newest it knows and the next it makes is its own.

    What it makes next has numbers from the time: whatever an earlier restore, of the same backup too, has made since is
    below them.
    """
    numbers = [site.number for site in await sites.all_sites()]
    rows = [
        LostVersions(site_id=site, name=name, after=newest, before=first_after(newest, now_ms), at_ms=now_ms)
        for site in numbers
        for name in DOCUMENT_NAMES.values()
        for newest in [max(await queries.newest_version(site, name), await queries.floor(site, name) - 1)]
    ]
    await queries.add_lost(rows)


async def take(device: Device, message: HeldDocument, services: Services) -> bool:
    """A device sent a document back; whether it told anything that was lost. What it cannot prove is left alone."""
    key = services.settings.documents
    ring = KeyRing({key.key_id: key.load().public_key().public_bytes_raw()})
    try:
        document = verify_document(SignedDocument(message.key_id, message.body, message.signature), ring, device.site)
    except (DocumentRefused, CodecError) as error:
        _log.warning("%s %d sent a document back that is not believed: %s", device.role, device.number, error)
        return False
    name = DOCUMENT_NAMES[type(document)]
    async with in_transaction():
        await service.lock(await sites.of_group((await sites.site(device.site)).group_number))
        if not await _is_news(device.site, name, document.version):
            return False
        now_ms = services.clock.wall_ms()
        left = replace(document, entries=await _adopt(document, device, services))
        row = RecoveredDocument(
            site_id=device.site,
            name=name,
            version=document.version,
            body=DOCUMENTS.encode(left),
            gate=device.number,
            at_ms=now_ms,
        )
        await queries.keep_recovered(row)
        values = {
            "gate": device.number,
            "document": name,
            "version": document.version,
            "entries": len(document.entries),
        }
        case = exceptions.Case(
            kind="document_recovered", key=f"{device.site}/{name}", site=device.site, gate=device.number, values=values
        )
        await exceptions.record([case], now_ms)
        messages = await PUBLISHERS[name]([device.site], services, now_ms)
    await service.push_all(messages, services)
    return True


async def _is_news(site: int, name: str, version: int) -> bool:
    if name not in PUBLISHERS or not any(
        row.name == name and row.after < version < row.before for row in await queries.lost(site)
    ):
        return False
    back = await queries.recovered(site, name)
    return back is None or back.version < version


async def _adopt(document: Document, device: Device, services: Services) -> list[Any]:
    """What it says of tickets that this database knows becomes theirs again, and is changed as ever; what is left."""
    why = f"restored: {device.role} {device.number} had it"
    if isinstance(document, DenyList):
        return await tickets.adopt_denials(document.entries, why, services.clock.wall_ms())
    if isinstance(document, AmendmentList):
        return await amendments.adopt(document.entries, why, services)
    return list(document.entries)
