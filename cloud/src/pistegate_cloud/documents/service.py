# SPDX-License-Identifier: Apache-2.0
"""Signed, versioned documents: whole and anew at every change, sent at once, and again to whoever tells an older one.

A document belongs to one site. What concerns a group (group tickets, cards that any site may take) is published for
every site of the group, each with entries of its own.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from pistegate_cloud.documents import models, queries
from pistegate_cloud.documents.asking import not_to_push
from pistegate_cloud.documents.merging import merged
from pistegate_cloud.errors import Problem
from pistegate_cloud.gates import queries as gates
from pistegate_cloud.services import Services
from pistegate_cloud.settings import SigningKey
from pistegate_protocol.documents import (
    DENY_LIST,
    DOCUMENT_MAX,
    DOCUMENT_NAMES,
    DOCUMENTS,
    FINGER_LIST,
    LOST_CARDS,
    Document,
    sign_document,
)
from pistegate_protocol.errors import CodecError
from pistegate_protocol.messages import DOWN, SignedDocument

# What shuts somebody out, and what must be erased, comes first to a returning device.
_FIRST: Final = (DENY_LIST, LOST_CARDS, FINGER_LIST)
ORDER: Final = (*_FIRST, *(name for name in DOCUMENT_NAMES.values() if name not in _FIRST))
# Versions of one document that stay stored: every one is whole, and a season has thousands.
KEPT_VERSIONS: Final = 20

EntriesOf = Callable[[int], Awaitable[Sequence[Any]]]


async def lock(sites: Iterable[int]) -> None:
    """Keep other publishers of these sites waiting until the caller's transaction ends.

    Before reading the entries of a document: else the later of two versions lacks what the earlier one told.
    """
    await queries.lock(sites)


async def publish(
    site: int, record_type: type[Document], entries: Sequence[Any], key: SigningKey, now_ms: int
) -> bytes:
    """Sign and store the next version of a site's document, in the caller's transaction; the message to `push`.

    The caller has called `lock`. Problem document_full when the entries do not fit into one message. In a restored
    database, what devices sent back of it is in it too.
    """
    name = DOCUMENT_NAMES[record_type]
    version = max(await queries.newest_version(site, name) + 1, await queries.floor(site, name))
    entries = await _with_recovered(site, record_type, entries)

    def signed(count: int) -> SignedDocument:
        document = record_type(site=site, version=version, issued_at=now_ms, entries=list(entries[:count]))
        return sign_document(document, key.key_id, key.load())

    try:
        document = signed(len(entries))
    except CodecError as error:
        fits = _fitting(signed, len(entries))
        if len(signed(fits).body) < DOCUMENT_MAX // 2:
            raise  # not for its length: a value that no document can carry
        raise Problem("document_full", document=name, count=len(entries), fits=fits) from error
    row = models.Document(
        site_id=site,
        name=name,
        version=version,
        key_id=document.key_id,
        body=document.body,
        signature=document.signature,
        created_ms=now_ms,
    )
    await queries.add(row, KEPT_VERSIONS)
    return DOWN.encode(document)


async def _with_recovered(site: int, record_type: type[Document], entries: Sequence[Any]) -> Sequence[Any]:
    row = await queries.recovered(site, DOCUMENT_NAMES[record_type])
    return entries if row is None else merged(record_type, entries, DOCUMENTS.decode(bytes(row.body)).entries)


def _fitting(signed: Callable[[int], SignedDocument], count: int) -> int:
    """How many leading entries can be signed, fewer than `count`."""
    fits, too_many = 0, count
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        try:
            signed(middle)
            fits = middle
        except CodecError:
            too_many = middle
    return fits


async def publish_for(
    sites: Iterable[int], record_type: type[Document], entries_of: EntriesOf, key: SigningKey, now_ms: int
) -> dict[int, bytes]:
    """`lock` the sites and publish for each of them what `entries_of` finds for it; the messages to `push_all`."""
    wanted = sorted(set(sites))
    await queries.lock(wanted)
    return {site: await publish(site, record_type, await entries_of(site), key, now_ms) for site in wanted}


async def push(site: int, message: bytes, services: Services) -> None:
    """Send a document to all devices of a site that use documents; who misses it gets it at the next Hello.

    After a restore not to those that may have to be asked for a newer one first (asking.not_to_push).
    """
    name = DOCUMENT_NAMES[type(DOCUMENTS.decode(DOWN.decode(message).body))]
    spared = await not_to_push(site, name)
    await services.bridge.send_to([each for each in await gates.devices(site) if each not in spared], message)


async def push_all(messages: Mapping[int, bytes], services: Services) -> None:
    """`push` by site."""
    for site, message in messages.items():
        await push(site, message, services)


async def newer(site: int, told: Mapping[str, int], without: Collection[str] = ()) -> list[bytes]:
    """Messages with every document of the site that is newer than what a device tells, denials first.

    `without`: names of those that it is asked for first (recovery.wanted).
    """
    newest = await queries.newest_versions(site)
    messages = []
    for name in ORDER:
        if name not in without and newest.get(name, 0) > told.get(name, 0):
            row = await queries.newest(site, name)
            if row is not None:
                messages.append(DOWN.encode(SignedDocument(row.key_id, bytes(row.body), bytes(row.signature))))
    return messages
