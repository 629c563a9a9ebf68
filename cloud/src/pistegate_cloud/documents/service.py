# SPDX-License-Identifier: Apache-2.0
"""The deny list: signed anew at every denial, sent to all gates of its site."""

from pistegate_cloud.documents import queries
from pistegate_cloud.documents.models import Document
from pistegate_cloud.errors import Problem
from pistegate_cloud.settings import SigningKey
from pistegate_protocol.documents import DENY_LIST, DenyList, sign_document
from pistegate_protocol.errors import CodecError
from pistegate_protocol.messages import DOWN, SignedDocument


async def publish_deny_list(site: int, entries: list[tuple[int, int]], key: SigningKey, now_ms: int) -> bytes:
    """Sign and store the next version of a site's deny list, in the caller's transaction; the message to send."""
    version = await queries.newest_version(site, DENY_LIST) + 1
    deny_list = DenyList(site=site, version=version, issued_at=now_ms, entries=entries)
    try:
        signed = sign_document(deny_list, key.key_id, key.load())
    except CodecError as error:
        raise Problem("deny_list_full", count=len(entries)) from error
    await queries.add(
        Document(
            site_id=site,
            name=DENY_LIST,
            version=version,
            key_id=signed.key_id,
            body=signed.body,
            signature=signed.signature,
            created_ms=now_ms,
        )
    )
    return DOWN.encode(signed)


async def newer_deny_list(site: int, applied: int) -> bytes | None:
    """The message with the site's deny list, if it is newer than version `applied`."""
    newest = await queries.newest(site, DENY_LIST)
    if newest is None or newest.version <= applied:
        return None
    return DOWN.encode(SignedDocument(newest.key_id, bytes(newest.body), bytes(newest.signature)))
