# SPDX-License-Identifier: Apache-2.0
"""From a gate's configuration to the parts by which guests come without a card: scanners, readers, tables."""

from pathlib import Path

from pistegate_edge.bindings.access import Access
from pistegate_edge.bindings.keys import HANDLE_KEYS_BARE, are_bare
from pistegate_edge.bindings.opening import open_access, open_fetching
from pistegate_edge.bindings.presenting import Presenter
from pistegate_edge.bindings.settings import CloudService
from pistegate_edge.bindings.tables import Tables
from pistegate_edge.bindings.told import TableTrouble
from pistegate_edge.config import Config
from pistegate_edge.core.actions import IncidentCode
from pistegate_edge.enrolment.opening import open_identity
from pistegate_edge.parts.documents import Documents
from pistegate_edge.parts.part import Part, Ports
from pistegate_edge.parts.scanning import Scanning
from pistegate_edge.parts.tables import TableKeeping
from pistegate_protocol.signing import KeyRing

_STALE_DAYS = 3  # where there is no [documents] to tell: denials alone


def document_parts(config: Config, ports: Ports, presenter: Presenter | None) -> list[Part]:
    """Scanners, tables, readers of documents: as far as they are configured."""
    parts: list[Part] = []
    codes = [each for each in config.scanners if not each.reads_ids]
    if codes:
        parts.append(Scanning(codes, presenter, ports))
    identity = open_identity(config)
    if config.cloud is None and config.documents is None and identity is None:
        return parts  # nothing to look up, and nobody who would let it fetch denials
    tables, keeping = _tables(config, open_access(config.cloud or CloudService(), identity, ports.clock), ports)
    parts.append(keeping)
    if config.documents is not None and presenter is not None:
        readers = [each for each in config.scanners if each.reads_ids]
        warning = HANDLE_KEYS_BARE if are_bare(config.documents.keys) else ""
        parts.append(Documents(readers, presenter, tables, ports, warning))
    return parts


def _tables(config: Config, access: Access, ports: Ports) -> tuple[Tables, TableKeeping]:
    if config.storage is None:
        raise ValueError("a checked configuration of a gate is needed")
    directory, keys, site = Path(config.storage.directory), KeyRing(config.document_keys), config.device.site

    def damaged(detail: str) -> None:
        ports.put(TableTrouble(IncidentCode.TABLES_DAMAGED, detail))

    tables = Tables(directory, keys, site, damaged)
    every_s = (config.cloud or CloudService()).every_s
    fetch = open_fetching(access, every_s, site, tables, keys, directory, ports.clock, ports.put)
    documents = config.documents
    days = _STALE_DAYS if documents is None else documents.stale_days
    refuse = documents is not None and documents.when_stale == "refuse"
    return tables, TableKeeping(tables, fetch, ports, days, refuse=refuse)
