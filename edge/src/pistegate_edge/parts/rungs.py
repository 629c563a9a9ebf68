# SPDX-License-Identifier: Apache-2.0
"""On which rung of being alone a gate stands: shown at the lane, told to the cloud, acted on as the site wants it.

When the cloud was heard last survives a restart, in a small file: a gate that is switched off every evening gets stale
like any other.
"""

import logging
from collections.abc import Callable
from typing import Literal

from pistegate_edge.core.inputs import Fault, FaultChanged, RungChanged
from pistegate_edge.core.now import Now
from pistegate_edge.journal.files import Files
from pistegate_edge.parts.part import Part, Ports
from pistegate_edge.rung import Reach, Rung, rung_of

log = logging.getLogger(__name__)

LOOK_S = 5.0  # seconds between looks
FILE_NAME = "cloud-heard"  # milliseconds since 1970 by the gate's clock
WRITE_MS = 600_000  # how much later it must be to be written anew
GROUP_OF_ONE = 1


class Rungs(Part):
    """`hub`: whether the site's hub serves; `group`: of how many gates, this one included."""

    def __init__(
        self,
        ports: Ports,
        files: Files,
        stale_after_s: float,
        when_stale: Literal["admit", "refuse"],
        hub: Callable[[], bool],
        group: Callable[[], int],
    ) -> None:
        self._reached = Rung.ALONE
        """The rung, but for faults."""
        self._ports, self._files = ports, files
        self._stale_after_s, self._refuses = stale_after_s, when_stale == "refuse"
        self._hub, self._group = hub, group
        self._cloud = False
        now = ports.clock.now()
        self._heard_ms = _written(files) or now.wall_ms
        self._written_ms = 0
        self._due = now.mono

    @property
    def rung(self) -> Rung:
        """Where the gate stands now."""
        return Rung.OUT_OF_SERVICE if self._ports.faulty() else self._reached

    @property
    def words(self) -> str:
        """See Part. The group is how many gates count a ticket together: the others may each let it in once more.

        That the gate is out of service, and why, is told beside it.
        """
        return f"{self._reached.replace('_', ' ')}, group of {self._group()}"

    @property
    def deadline(self) -> float | None:
        """See Part."""
        return self._due

    def linked(self, up: bool, now: Now) -> None:
        """See Part."""
        self._cloud = up
        self.tick(now)

    def tick(self, now: Now) -> None:
        """See Part."""
        self._due = now.mono + LOOK_S
        heard = self._ports.cloud_heard()
        if heard is not None:
            self._heard_ms = max(self._heard_ms, now.wall_ms - int((now.mono - heard) * 1000))
        self._write()
        silent_s = max(0, now.wall_ms - self._heard_ms) / 1000
        found = rung_of(Reach(self._cloud, self._hub(), silent_s), self._stale_after_s)
        if found is self._reached:
            return
        if self._refuses and Rung.STALE in (found, self._reached):
            self._ports.feed(FaultChanged(Fault.STALE, found is Rung.STALE))
        self._reached = found
        log.info("%s", self.words)
        self._ports.feed(RungChanged(found))
        self._ports.state_changed()

    def _write(self) -> None:
        if self._ports.busy() or self._heard_ms < self._written_ms + WRITE_MS:
            return
        self._written_ms = self._heard_ms
        try:
            self._files.write_text(FILE_NAME, f"{self._heard_ms}\n")
        except OSError as error:
            log.warning("when the cloud was heard last cannot be written down: %s", error)


def _written(files: Files) -> int:
    text = files.read_text(FILE_NAME).strip() if files.exists(FILE_NAME) else ""
    return int(text) if text.isascii() and text.isdigit() else 0
