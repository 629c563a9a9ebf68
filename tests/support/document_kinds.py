# SPDX-License-Identifier: Apache-2.0
"""One document of each kind that there is, and how it travels."""

from datetime import date

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from gate_bench import DOCUMENTS, ISSUER, claim
from passage_bench import UID

from pistegate_protocol.amendments import Amendment, sign_amendment
from pistegate_protocol.claims import day_number
from pistegate_protocol.documents import (
    AmendmentList,
    CalendarList,
    DenyList,
    Document,
    FingerList,
    LoadList,
    LostCards,
    SuspensionList,
    TakeoverList,
    sign_document,
)
from pistegate_protocol.fingers import HOLDER_BYTES
from pistegate_protocol.messages import SignedDocument

TICKET = claim().ticket
TODAY = date(2026, 1, 15)


def amended(number: int = 1, key: Ed25519PrivateKey = ISSUER, ticket: int = TICKET, **changes: object) -> bytes:
    """A signed amendment of the bench's ticket."""
    return sign_amendment(Amendment(key_id=1, ticket=ticket, number=number, **changes), key)  # type: ignore[arg-type]


ENTRIES: dict[type[Document], list[object]] = {
    DenyList: [(TICKET, 1)],
    AmendmentList: [amended(1, hold=True), amended(2)],
    SuspensionList: [(0, 1000, None, True)],
    CalendarList: [(7, [day_number(TODAY)])],
    LostCards: [UID],
    LoadList: [b"\x01" * 90],
    FingerList: [(bytes(HOLDER_BYTES), b"")],
    TakeoverList: [(3, 4, 0, 1000, 0, [3, 4])],
}


def document(kind: type[Document], version: int = 1, entries: list[object] | None = None, site: int = 1) -> Document:
    """One of each kind."""
    return kind(site, version, 0, ENTRIES[kind] if entries is None else entries)  # type: ignore[arg-type]


def sent(what: Document, key: Ed25519PrivateKey = DOCUMENTS) -> SignedDocument:
    """As it travels."""
    return sign_document(what, 1, key)
