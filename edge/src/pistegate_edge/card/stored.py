# SPDX-License-Identifier: Apache-2.0
"""What the cloud told a device before, read from its journal without touching it: for commands that only look."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import cast

from pistegate_edge.core.facts import Facts
from pistegate_edge.downlink import DocumentStore
from pistegate_edge.errors import JournalBroken
from pistegate_edge.journal.files import Files
from pistegate_edge.journal.journal import Journal
from pistegate_edge.journal.opening import FILE_NAME, open_to_read
from pistegate_protocol.messages import SignedDocument
from pistegate_protocol.signing import KeyRing


def stored_documents(directory: Path, keys: KeyRing, site: int) -> DocumentStore | None:
    """The documents in the journal in `directory`, verified; None where there is no journal that can be read."""
    path = directory / FILE_NAME
    if not path.exists():
        return None
    try:
        with closing(open_to_read(Files(directory))) as connection:
            return DocumentStore(cast(Journal, _ReadOnly(connection)), keys, site)
    except (sqlite3.Error, JournalBroken):
        return None


def facts_of(documents: DocumentStore | None) -> Facts:
    """What they tell."""
    return Facts() if documents is None else documents.facts


class _ReadOnly:
    """Of a journal only what a document store asks when it begins."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def document(self, name: str) -> tuple[int, SignedDocument] | None:
        """As Store.document."""
        row = self._connection.execute(
            "SELECT version, key_id, body, signature FROM document WHERE name = ?", (name,)
        ).fetchone()
        return None if row is None else (row[0], SignedDocument(row[1], bytes(row[2]), bytes(row[3])))
