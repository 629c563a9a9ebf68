# SPDX-License-Identifier: Apache-2.0
"""Readers of identity documents at a gate, and what is looked up of the documents that they, or others, have seen."""

import logging
from collections.abc import Iterable
from functools import partial
from typing import Final

from pistegate_edge.bindings.presenting import Presenter
from pistegate_edge.bindings.tables import Tables
from pistegate_edge.bindings.told import DocumentReaderLost, DocumentSeen
from pistegate_edge.core.actions import IncidentCode
from pistegate_edge.core.inputs import Pointed
from pistegate_edge.core.now import Now
from pistegate_edge.core.reading import Unusable
from pistegate_edge.parts.part import Part, Ports
from pistegate_edge.scanners.opening import open_scanner
from pistegate_edge.scanners.settings import ScannerLine as ScannerSettings
from pistegate_edge.scanners.told import ScannerLine, ScannerLost, ScannerTold
from pistegate_protocol.identity import DocumentKind
from pistegate_protocol.reasons import Reason

log = logging.getLogger(__name__)

AGAIN_S: Final = 600.0  # between two incidents that documents cannot be looked up: a row of guests is one


class Documents(Part):
    """`readers`: of resident IDs; their numbers end in their threads. What others saw comes by the queue as well."""

    takes = (DocumentSeen, DocumentReaderLost)

    def __init__(
        self, readers: Iterable[ScannerSettings], presenter: Presenter, tables: Tables, ports: Ports, warning: str = ""
    ) -> None:
        self._presenter = presenter
        self._tables = tables
        self._ports = ports
        self._warning = warning
        self._told_at: float | None = None
        self._readers = [
            open_scanner(each.path, each.profile, partial(self._heard, each.path), ports.clock.monotonic)
            for each in readers
        ]

    def start(self) -> None:
        """See Part."""
        if self._warning:
            self._ports.note(IncidentCode.LAB_KEYS, self._warning)
        for reader in self._readers:
            reader.start()

    def stop(self) -> None:
        """See Part."""
        for reader in self._readers:
            reader.stop()

    def take(self, told: DocumentSeen | DocumentReaderLost, now: Now) -> None:
        """See Part."""
        if isinstance(told, DocumentReaderLost):
            self._ports.note(IncidentCode.DOCUMENT_READER_LOST, told.detail)
            return
        medium, found = self._tables.looked_up(told.media)
        if isinstance(found, Unusable) and found.reason is Reason.DOCUMENTS_UNKNOWN:
            self._note_missing(found.detail, now)
        self._ports.feed(Pointed(medium, found))

    def _note_missing(self, detail: str, now: Now) -> None:
        if self._tables.refusing or (self._told_at is not None and now.mono - self._told_at < AGAIN_S):
            return
        self._told_at = now.mono
        self._ports.note(IncidentCode.TABLES_MISSING, detail)

    def _heard(self, path: str, told: ScannerTold) -> None:
        """On the reader's thread, and slow there: the number goes no further."""
        if isinstance(told, ScannerLine):
            self._ports.put(self._presenter.seen(DocumentKind.RESIDENT_ID, told.text))
        elif isinstance(told, ScannerLost):
            self._ports.put(DocumentReaderLost(f"{path}: {told.detail}"))
        else:
            log.info("reader of documents ready: %s", told.what)
