# SPDX-License-Identifier: Apache-2.0
"""Signed documents from the cloud: verified, stored, then in force."""

from collections.abc import Mapping

from pistegate_edge.journal.journal import Journal
from pistegate_protocol.documents import DENY_LIST, DenyList, open_document
from pistegate_protocol.messages import SignedDocument
from pistegate_protocol.signing import KeyRing

NO_VERSION = 0  # before the first document; the cloud numbers from 1


class DocumentStore:
    """The newest deny list; `version` is 0 while there is none."""

    def __init__(self, journal: Journal, keys: KeyRing, site: int, *, load: bool = True) -> None:
        self._journal = journal
        self._keys = keys
        self._site = site
        self.version = NO_VERSION
        self._in_force: SignedDocument | None = None
        self.deny: Mapping[int, int] = {}
        stored = journal.document(DENY_LIST) if load else None
        if stored is not None:
            # Verified again at each start: the disk may have changed, and so may the keys.
            self._apply(open_document(stored[1], keys, site, NO_VERSION))
            self._in_force = stored[1]

    def apply(self, signed: SignedDocument) -> DenyList | None:
        """Verify, store durably, put in force; None: it is already. DocumentRefused or CodecError: nothing changed."""
        if signed == self._in_force:
            return None  # sent twice, as when a hello crossed it
        document = open_document(signed, self._keys, self._site, self.version)
        self._journal.store_document(DENY_LIST, document.version, signed)
        self._apply(document)
        self._in_force = signed
        return document

    def versions(self) -> dict[str, int]:
        """As Hello tells them."""
        return {DENY_LIST: self.version} if self.version else {}

    def _apply(self, document: DenyList) -> None:
        self.version = document.version
        self.deny = dict(document.entries)
