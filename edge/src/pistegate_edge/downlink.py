# SPDX-License-Identifier: Apache-2.0
"""Signed documents from the cloud, of any kind by its name: verified, stored, then in force."""

from dataclasses import replace
from typing import TypeVar

from pistegate_edge.core.facts import Facts
from pistegate_edge.journal.journal import Journal
from pistegate_protocol.amendments import newest_by_ticket
from pistegate_protocol.documents import (
    DOCUMENT_NAMES,
    AmendmentList,
    CalendarList,
    DenyList,
    Document,
    DocumentRefused,
    LostCards,
    SuspensionList,
    check_newer,
    open_document,
    verify_document,
)
from pistegate_protocol.errors import CodecError
from pistegate_protocol.messages import SignedDocument
from pistegate_protocol.signing import KeyRing

NO_VERSION = 0  # before the first document of a kind; the cloud numbers from 1
D = TypeVar("D", bound=Document)


class DocumentStore:
    """The newest document of each kind, also of those that this device has no use for: it would be sent them anew.

    `facts`: what they tell. `problems`: stored documents that are believed no more, as (name, what is wrong).
    """

    def __init__(self, journal: Journal, keys: KeyRing, site: int) -> None:
        self._journal = journal
        self._keys = keys
        self._site = site
        self._in_force: dict[type[Document], tuple[Document, SignedDocument]] = {}
        self.facts = Facts()
        self.problems: list[tuple[str, str]] = []
        for kind, name in DOCUMENT_NAMES.items():
            self._load(kind, name)

    def apply(self, signed: SignedDocument) -> Document | None:
        """Verify, store durably, put in force; None: it is already. DocumentRefused or CodecError: nothing changed."""
        if any(signed == known for _, known in self._in_force.values()):
            return None  # sent twice, as when a hello crossed it
        document = verify_document(signed, self._keys, self._site)
        kind = type(document)
        check_newer(document, self._in_force[kind][0].version if kind in self._in_force else NO_VERSION)
        facts = _told(self.facts, document)
        self._journal.store_document(DOCUMENT_NAMES[kind], document.version, signed)
        self._in_force[kind] = document, signed
        self.facts = facts
        return document

    def get(self, kind: type[D]) -> D | None:
        """The document of this kind that is in force."""
        return next((found for found, _ in self._in_force.values() if isinstance(found, kind)), None)

    def signed(self, name: str) -> SignedDocument | None:
        """The document of this name that is in force, as it came."""
        return next((sent for found, sent in self._in_force.values() if DOCUMENT_NAMES[type(found)] == name), None)

    def versions(self) -> dict[str, int]:
        """As Hello tells them."""
        return {DOCUMENT_NAMES[kind]: document.version for kind, (document, _) in self._in_force.items()}

    def _load(self, kind: type[Document], name: str) -> None:
        """Verified again at each start: the disk may have changed, and so may the keys."""
        stored = self._journal.document(name)
        if stored is None:
            return
        try:
            document: Document = open_document(stored[1], self._keys, self._site, NO_VERSION, kind)
            self.facts = _told(self.facts, document)
        except (DocumentRefused, CodecError) as error:
            self.problems.append((name, str(error)))
            return
        self._in_force[kind] = document, stored[1]


def _told(facts: Facts, document: Document) -> Facts:
    """`facts` with what this document tells in place of the one of its kind before; CodecError when it is malformed."""
    match document:
        case DenyList():
            return replace(facts, deny=dict(document.entries))
        case AmendmentList():
            return replace(facts, amendments=newest_by_ticket(document.entries))
        case SuspensionList():
            return replace(facts, suspensions=document.suspensions())
        case CalendarList():
            return replace(facts, calendars=document.calendars())
        case LostCards():
            return replace(facts, lost=frozenset(document.entries))
        case _:
            return facts
