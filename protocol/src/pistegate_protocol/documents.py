# SPDX-License-Identifier: Apache-2.0
"""Signed, versioned documents from the cloud to devices. For now one: the whole deny list."""

from typing import Annotated

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Meta

from pistegate_protocol.codec import Codec, Record
from pistegate_protocol.errors import ProtocolError
from pistegate_protocol.events import Count, Millis
from pistegate_protocol.messages import MESSAGE_MAX, SignedDocument
from pistegate_protocol.signing import KeyRing

DOCUMENT_MAX = MESSAGE_MAX - 256  # bytes; leaves room for the signature and the envelope
_LABEL = b"pistegate document\x00"

TicketNumber = Annotated[int, Meta(ge=0, lt=2**48)]
Revision = Annotated[int, Meta(ge=1, lt=2**16)]


class DenyList(Record, frozen=True, tag=1):
    """Every denied ticket of a site: claims of `ticket` below `revision` are refused. The higher `version` holds."""

    site: Count
    version: Count
    issued_at: Millis
    entries: list[tuple[TicketNumber, Revision]]


DENY_LIST = "deny_list"  # the document's name in Hello.documents
DOCUMENTS = Codec(DenyList, DOCUMENT_MAX)


class DocumentRefused(ProtocolError):
    """A document that must not be applied: unknown key, bad signature, another site, or not newer."""


def sign_document(document: DenyList, key_id: int, key: Ed25519PrivateKey) -> SignedDocument:
    """The document as it travels."""
    body = DOCUMENTS.encode(document)
    return SignedDocument(key_id, body, key.sign(_LABEL + body))


def open_document(signed: SignedDocument, keys: KeyRing, site: int, version: int) -> DenyList:
    """The document, if it is genuine, for `site` and newer than `version`; DocumentRefused or CodecError otherwise."""
    if signed.key_id not in keys:
        raise DocumentRefused(f"document signed with unknown key {signed.key_id}: is this device's key list current?")
    if not keys.verify(signed.key_id, signed.signature, _LABEL + signed.body):
        raise DocumentRefused("document signature is wrong")
    document: DenyList = DOCUMENTS.decode(signed.body)
    if document.site != site:
        raise DocumentRefused(f"document of site {document.site}, this is site {site}")
    if document.version <= version:
        raise DocumentRefused(f"document version {document.version} is not newer than {version}")
    return document
