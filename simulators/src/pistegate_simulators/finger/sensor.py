# SPDX-License-Identifier: Apache-2.0
"""A sensor on a pseudo terminal, with fingers to put on it and accidents to happen to it."""

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pistegate_simulators.finger.chip import Chip
from pistegate_simulators.finger.skin import Finger
from pistegate_simulators.finger.wire import Ear
from pistegate_simulators.pty_device import PtyDevice

POWERED = b"\x55"  # what an R503 says when it is powered
BAUD = 57600


@dataclass
class Accidents:
    """Still to happen, each so many times."""

    lose: int = 0
    """Answers that never arrive."""
    garble: int = 0
    """Answers with one bit flipped."""
    delay: int = 0
    """Answers that come `delay_s` late."""
    delay_s: float = 1.5
    cut: int = 0
    """Answers of which only the first half arrives."""
    mishear: int = 0
    """Commands that arrive damaged."""


class SimulatedSensor:
    """Starts plugged in, with nothing on it. Hosts at another rate than 57600 baud are not understood."""

    def __init__(self, chip: Chip | None = None, link: Path | None = None) -> None:
        self.chip = chip or Chip()
        self.accidents = Accidents()
        self.dead = False
        """It hears and says nothing."""
        self._ear = Ear(self.chip.address)
        self._lock = threading.RLock()
        self.device = PtyDevice(self._heard, link)

    @property
    def path(self) -> str:
        """Where hosts open it."""
        return self.device.path

    def put(self, finger: Finger | str) -> None:
        """Put a finger on it."""
        with self._lock:
            self.chip.finger = Finger(finger) if isinstance(finger, str) else finger

    def lift(self) -> None:
        """Nothing is on it any more."""
        with self._lock:
            self.chip.finger = None

    def unplug(self) -> None:
        """Pull it; it keeps its library alone."""
        self.device.unplug()
        with self._lock:
            self.chip.power_cut()
            self._ear = Ear(self.chip.address)

    def plug(self) -> None:
        """Plug it in again; it says 55h."""
        self.device.plug()
        self.device.send(POWERED)

    def send(self, data: bytes) -> None:
        """Bytes that nobody asked for."""
        self.device.send(data)

    def close(self) -> None:
        """Unplug for good."""
        self.device.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _heard(self, data: bytes) -> None:
        with self._lock:
            if self.dead or self.device.rate not in (None, BAUD):
                return
            for kind, content in self._ear.hear(data):
                if self.accidents.mishear and content is not None:
                    self.accidents.mishear -= 1
                    content = None
                packets = self.chip.packet(kind, content)
                if packets:
                    self._say(b"".join(packets))

    def _say(self, data: bytes) -> None:
        accidents = self.accidents
        if accidents.lose:
            accidents.lose -= 1
            return
        if accidents.delay:
            accidents.delay -= 1
            time.sleep(accidents.delay_s)
        if accidents.cut:
            accidents.cut -= 1
            data = data[: len(data) // 2]
        if accidents.garble:
            accidents.garble -= 1
            data = data[:-1] + bytes([data[-1] ^ 0x10])
        self.device.send(data)
