# SPDX-License-Identifier: Apache-2.0
"""Scanners of codes at a gate; one that reads passports too presents them as documents."""

import logging
from collections.abc import Iterable
from functools import partial

from pistegate_edge.bindings.presenting import Presenter
from pistegate_edge.core.actions import IncidentCode
from pistegate_edge.core.inputs import CodeSeen
from pistegate_edge.core.now import Now
from pistegate_edge.parts.part import Part, Ports
from pistegate_edge.scanners.opening import open_scanner
from pistegate_edge.scanners.settings import ScannerLine as ScannerSettings
from pistegate_edge.scanners.told import ScannerLine, ScannerLost, ScannerReady, ScannerTold
from pistegate_edge.scanners.zones import Zones
from pistegate_protocol.identity import DocumentKind

log = logging.getLogger(__name__)


class Scanning(Part):
    """Their lines are codes. `presenter`: of documents, where the gate takes some."""

    takes = (ScannerLine, ScannerReady, ScannerLost)

    def __init__(self, scanners: Iterable[ScannerSettings], presenter: Presenter | None, ports: Ports) -> None:
        self._ports = ports
        self._presenter = presenter
        self._scanners = [
            open_scanner(
                each.path,
                each.profile,
                partial(self._heard, each.path, Zones() if each.passports else None),
                ports.clock.monotonic,
            )
            for each in scanners
        ]

    def start(self) -> None:
        """See Part."""
        for scanner in self._scanners:
            scanner.start()

    def stop(self) -> None:
        """See Part."""
        for scanner in self._scanners:
            scanner.stop()

    def take(self, told: ScannerTold, now: Now) -> None:
        """See Part."""
        if isinstance(told, ScannerLine):
            self._ports.feed(CodeSeen(told.text))
        elif isinstance(told, ScannerReady):
            log.info("scanner ready: %s", told.what)
        else:
            self._ports.note(IncidentCode.SCANNER_LOST, told.detail)

    def _heard(self, path: str, zones: Zones | None, told: ScannerTold) -> None:
        """On the scanner's thread: a passport's number goes no further."""
        if isinstance(told, ScannerLost):
            told = ScannerLost(f"{path}: {told.detail}")
        zone = zones.taken(told) if zones is not None and isinstance(told, ScannerLine) else None
        if zone is None or self._presenter is None:
            self._ports.put(told)
        elif zone:
            self._ports.put(self._presenter.seen(DocumentKind.PASSPORT, zone))
