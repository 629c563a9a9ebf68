# SPDX-License-Identifier: Apache-2.0
"""A scanner on a pseudo terminal: codes are held to it, and it sends them as one of its model does."""

import threading
from pathlib import Path
from typing import Self

from pistegate_simulators.pty_device import PtyDevice
from pistegate_simulators.scanner.models import MODELS, Model
from pistegate_simulators.scanner.rates import received

ENDS = {"cr": b"\r", "lf": b"\n", "crlf": b"\r\n", "none": b""}


class SimulatedScanner:
    """Starts plugged in, reading. `baud`: its own rate; a host at another one reads garbage. `end`: one of ENDS."""

    def __init__(self, model: str = "plain", baud: int = 9600, end: str = "cr", link: Path | None = None) -> None:
        self.model: Model = MODELS[model]()
        self.baud = baud
        self.end = end
        self.shown: list[bytes] = []
        """What was sent to hosts, whole codes."""
        self._lock = threading.Lock()
        self.device = PtyDevice(self._heard, link)

    @property
    def path(self) -> str:
        """Where hosts open it."""
        return self.device.path

    def show(self, code: str | bytes) -> bool:
        """Hold a code to it once; False when it waits for a trigger or is away. Text is sent as GBK beyond ASCII."""
        data = code.encode("gbk", "replace") if isinstance(code, str) else code
        with self._lock:
            if not self.device.plugged or (self.model.waiting and not self.model.armed):
                return False
            self.model.armed = False
            self.shown.append(data)
        self.send(data + ENDS[self.end])
        return True

    def show_half(self, code: str, part: float = 0.5) -> None:
        """The line is torn: only the first part of a code arrives, and no end."""
        self.send(code.encode()[: max(1, int(len(code) * part))])

    def send(self, data: bytes) -> None:
        """Bytes as they are, at this scanner's rate."""
        self.device.send(received(data, self.baud, self.device.rate or self.baud))

    def unplug(self) -> None:
        """Pull it; it loses what it was told by command."""
        self.device.unplug()
        self.model = type(self.model)()

    def plug(self) -> None:
        """Plug it in again."""
        self.device.plug()

    def close(self) -> None:
        """Unplug for good."""
        self.device.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _heard(self, data: bytes) -> None:
        rate = self.device.rate or self.baud
        with self._lock:
            answer = self.model.heard(received(data, rate, self.baud))
        if answer:
            self.send(answer)
