# SPDX-License-Identifier: Apache-2.0
"""The serial line to a lane board: a thread that reads it and opens it again when its device fails or comes back."""

import contextlib
import os
import select
import threading
from collections.abc import Callable
from dataclasses import dataclass

import serial  # type: ignore[import-untyped]

from pistegate_edge.restarting import DeviceThread

BAUD = 115200  # USB goes as fast as it can; a pseudo terminal too
READ_MOST = 4096
_LOOK_S = 0.5  # between two looks whether the thread shall end


@dataclass(frozen=True, slots=True)
class LineUp:
    """The device was opened."""


@dataclass(frozen=True, slots=True)
class LineDown:
    """The device failed, or could not be opened."""

    detail: str


@dataclass(frozen=True, slots=True)
class Heard:
    """Bytes of the board."""

    data: bytes


LineTold = LineUp | LineDown | Heard


def open_port(path: str) -> serial.Serial:
    """The device, for this process alone; OSError (serial.SerialException is one) when it cannot be had."""
    return serial.Serial(path, BAUD, timeout=0, exclusive=True)


class SerialLink:
    """`tell` is called from the thread. `write` may be called from any; what the line cannot take at once is lost."""

    def __init__(self, path: str, tell: Callable[[LineTold], None]) -> None:
        self._path = path
        self._tell = tell
        self._lock = threading.Lock()
        self._port: serial.Serial | None = None
        self._thread = DeviceThread("lane board", self._serve, lambda detail: tell(LineDown(detail)))

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout_s: float = 3.0) -> None:
        """Ask the thread to end and wait for it."""
        self._thread.stop(timeout_s)

    def write(self, data: bytes) -> None:
        """Never waits: a frame that is cut or lost is sent again by whoever needs it."""
        with self._lock, contextlib.suppress(OSError):  # the thread meets the same failure, and tells it
            if self._port is not None:
                os.write(self._port.fileno(), data)

    def _serve(self, stop: threading.Event) -> None:
        """Read until told to stop; OSError when the device goes."""
        with open_port(self._path) as port:
            with self._lock:
                self._port = port
            try:
                self._thread.opened()
                self._tell(LineUp())
                self._read(port.fileno(), stop)
            finally:
                with self._lock:
                    self._port = None

    def _read(self, number: int, stop: threading.Event) -> None:
        while not stop.is_set():
            if select.select([number], [], [], _LOOK_S)[0]:
                data = os.read(number, READ_MOST)
                if not data:
                    raise OSError("the device was unplugged")
                self._thread.worked()
                self._tell(Heard(data))
