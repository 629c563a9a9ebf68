# SPDX-License-Identifier: Apache-2.0
"""The serial line to a lane board: a thread that reads it and opens it again when its device fails or comes back."""

import contextlib
import logging
import os
import select
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass

import serial  # type: ignore[import-untyped]

log = logging.getLogger(__name__)

BACKOFF_S = (0.2, 0.5, 1.0, 2.0)  # seconds before each try to reopen, the last one from then on
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
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._port: serial.Serial | None = None
        self._heard = False
        self._thread = threading.Thread(target=self._run, name="lane board", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout_s: float = 3.0) -> None:
        """Ask the thread to end and wait for it."""
        self._stop.set()
        self._thread.join(timeout_s)

    def write(self, data: bytes) -> None:
        """Never waits: a frame that is cut or lost is sent again by whoever needs it."""
        with self._lock, contextlib.suppress(OSError):  # the thread meets the same failure, and tells it
            if self._port is not None:
                os.write(self._port.fileno(), data)

    def _run(self) -> None:
        failures = 0
        while not self._stop.is_set():
            self._heard = False
            try:
                self._serve()
            except OSError as error:
                detail = f"{type(error).__name__}: {error}"
            except Exception as error:  # noqa: BLE001 - a thread that ends silently would leave a dead lane
                log.error("unexpected failure of the lane board's line:\n%s", traceback.format_exc())
                detail = f"unexpected {type(error).__name__}: {error}"
            else:
                return
            failures = 0 if self._heard else failures
            self._tell(LineDown(detail))
            self._stop.wait(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])
            failures += 1

    def _serve(self) -> None:
        """Read until told to stop; OSError when the device goes."""
        with open_port(self._path) as port:
            with self._lock:
                self._port = port
            try:
                self._tell(LineUp())
                self._read(port.fileno())
            finally:
                with self._lock:
                    self._port = None

    def _read(self, number: int) -> None:
        while not self._stop.is_set():
            if select.select([number], [], [], _LOOK_S)[0]:
                data = os.read(number, READ_MOST)
                if not data:
                    raise OSError("the device was unplugged")
                self._heard = True
                self._tell(Heard(data))
