# SPDX-License-Identifier: Apache-2.0
"""A spare at a dead gate's place: it says so first, in every epoch."""

import logging

from pistegate_edge.enrolment.standing import Permission
from pistegate_edge.parts.part import Part, Ports
from pistegate_protocol.events import PlaceTaken

log = logging.getLogger(__name__)


class Standing(Part):
    """Of no use to a gate at its own place."""

    def __init__(self, permission: Permission, ports: Ports) -> None:
        self._permission = permission
        self._ports = ports

    @property
    def words(self) -> str:
        """See Part."""
        return f"stands for gate {self._permission.gate}"

    def start(self) -> None:
        """See Part. On a full disk the gate is out of service, and counts nothing at a place."""
        event = PlaceTaken(self._ports.clock.wall_ms(), self._permission.gate, self._permission.version)
        if not self._ports.record(event):
            log.warning("no room to tell at whose place this gate stands")
