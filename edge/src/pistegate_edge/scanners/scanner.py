# SPDX-License-Identifier: Apache-2.0
"""A thread per scanner: opens it, tells its lines, opens it again when it was unplugged."""

import contextlib
import logging
import select
import threading
from collections.abc import Callable
from typing import Protocol

from pistegate_edge.restarting import DeviceThread
from pistegate_edge.scanners.lines import LINES_MAX, Thinning
from pistegate_edge.scanners.told import ScannerLine, ScannerLost, ScannerReady, ScannerTold

log = logging.getLogger(__name__)

_LOOK_S = 0.5  # between two looks whether the thread shall end
_GARBLED_MAX = 3  # lines in a row that hold no text, before a technician is told


class Input(Protocol):
    """An open device that gives lines. Every method raises OSError when the device has gone."""

    description: str

    @property
    def wait_s(self) -> float | None:
        """How long to wait before asking `quiet`; None: as long as one likes."""

    def fileno(self) -> int:
        """For select."""

    def read(self, at: float) -> list[ScannerLine]:
        """The lines that ended with what is there now."""

    def quiet(self, at: float) -> list[ScannerLine]:
        """The line that ended because nothing is there."""

    def scan(self, on: bool) -> None:
        """Begin or end a reading, where the device waits for being told."""

    def close(self) -> None:
        """Let go of it."""


class Scanner:
    """`tell` is called from the thread. `opener` may raise OSError; it gives the device exclusively or not at all."""

    def __init__(
        self, opener: Callable[[], Input], tell: Callable[[ScannerTold], None], monotonic: Callable[[], float]
    ) -> None:
        self._opener = opener
        self._tell = tell
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._input: Input | None = None
        self._garbled = 0
        self._thread = DeviceThread("scanner", self._session, lambda detail: tell(ScannerLost(detail)))

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout_s: float = 3.0) -> None:
        """Ask the thread to end and wait for it."""
        self._thread.stop(timeout_s)

    def scan(self, on: bool) -> None:
        """Begin or end one reading; nothing where the scanner reads all the time or is away. From any thread."""
        with self._lock, contextlib.suppress(OSError):  # the thread meets the same failure, and tells it
            if self._input is not None:
                self._input.scan(on)

    def _session(self, stop: threading.Event) -> None:
        device = self._opener()
        try:
            with self._lock:
                self._input = device
            self._thread.opened()
            self._tell(ScannerReady(device.description))
            self._serve(device, stop)
        finally:
            with self._lock:
                self._input = None
            device.close()

    def _serve(self, device: Input, stop: threading.Event) -> None:
        thinning = Thinning()
        flooded = False
        while not stop.is_set():
            there = select.select([device.fileno()], [], [], device.wait_s or _LOOK_S)[0]
            at = self._monotonic()
            lines = device.read(at) if there else device.quiet(at)
            self._thread.worked()
            for line in lines:
                if thinning.wants(line):
                    self._notice(line, device)
                    self._tell(line)
                elif thinning.flooded and not flooded:
                    flooded = True
                    log.warning("%s gives more than %d lines a second", device.description, LINES_MAX)

    def _notice(self, line: ScannerLine, device: Input) -> None:
        """Tells a technician of a line that carries no text; a guest's foreign code is no reason to."""
        garbled = any(not " " <= character <= "~" for character in line.text)
        self._garbled = self._garbled + 1 if garbled else 0
        if self._garbled == _GARBLED_MAX:
            log.warning("%s gives no text: is the scanner set to another rate or layout?", device.description)
