# SPDX-License-Identifier: Apache-2.0
"""A scanner of codes at a gate."""

import logging

from pistegate_edge.config import ScannerLine as ScannerSettings
from pistegate_edge.core.actions import IncidentCode
from pistegate_edge.core.inputs import CodeSeen
from pistegate_edge.core.now import Now
from pistegate_edge.parts.part import Part, Ports
from pistegate_edge.scanners.opening import open_scanner
from pistegate_edge.scanners.told import ScannerLine, ScannerLost, ScannerReady, ScannerTold

log = logging.getLogger(__name__)


class Scanning(Part):
    """Its lines are codes."""

    takes = (ScannerLine, ScannerReady, ScannerLost)

    def __init__(self, settings: ScannerSettings, ports: Ports) -> None:
        self._ports = ports
        self._scanner = open_scanner(settings.path, settings.profile, ports.put, ports.clock.monotonic)

    def start(self) -> None:
        """See Part."""
        self._scanner.start()

    def stop(self) -> None:
        """See Part."""
        self._scanner.stop()

    def take(self, told: ScannerTold, now: Now) -> None:
        """See Part."""
        if isinstance(told, ScannerLine):
            self._ports.feed(CodeSeen(told.text))
        elif isinstance(told, ScannerReady):
            log.info("scanner ready: %s", told.what)
        else:
            self._ports.note(IncidentCode.SCANNER_LOST, told.detail)
