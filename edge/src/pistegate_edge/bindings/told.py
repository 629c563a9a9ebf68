# SPDX-License-Identifier: Apache-2.0
"""What readers of documents and the fetching of tables tell the gate's loop. No document's number is in any of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from pistegate_edge.core.actions import IncidentCode
from pistegate_protocol.signing import Medium
from pistegate_protocol.tables import TableHead


@dataclass(frozen=True, slots=True)
class DocumentSeen:
    """A document was read; its medium by the number of each of the handle keys that the gate holds."""

    media: Mapping[int, Medium]


@dataclass(frozen=True, slots=True)
class DocumentReaderLost:
    """A reader of documents failed and is being restarted."""

    detail: str


@dataclass(frozen=True, slots=True)
class TableApplied:
    """A version of a table is in force."""

    head: TableHead


@dataclass(frozen=True, slots=True)
class TablesCurrent:
    """The cloud has nothing newer of any table, as of `wall_ms`."""

    wall_ms: int


@dataclass(frozen=True, slots=True)
class TableTrouble:
    """An incident of the tables."""

    code: IncidentCode
    detail: str
