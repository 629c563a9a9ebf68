# SPDX-License-Identifier: Apache-2.0
"""A scanner's thread and what it told."""

import queue
import time
from collections.abc import Callable
from typing import Self

from pistegate_edge.scanners.scanner import Scanner
from pistegate_edge.scanners.told import ScannerLine, ScannerLost, ScannerReady, ScannerTold

WAIT_S = 10.0  # for what must come; a busy machine


class Bench:
    """Starts it and takes what it tells, in order."""

    def __init__(self, make: Callable[[Callable[[ScannerTold], None]], Scanner]) -> None:
        self._told: queue.Queue[ScannerTold] = queue.Queue()
        self.scanner = make(self._told.put)

    def __enter__(self) -> Self:
        self.scanner.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.scanner.stop()

    def next(self) -> ScannerTold:
        """The next thing told."""
        return self._told.get(timeout=WAIT_S)

    def ready(self) -> ScannerReady:
        """That it works, told next."""
        told = self.next()
        assert isinstance(told, ScannerReady), told
        return told

    def lost(self) -> ScannerLost:
        """That it failed, told next."""
        told = self.next()
        assert isinstance(told, ScannerLost), told
        return told

    def line(self) -> str:
        """The text of a line, told next."""
        told = self.next()
        assert isinstance(told, ScannerLine), told
        return told.text

    def nothing(self, seconds: float = 0.4) -> None:
        """Nothing is told for a while."""
        time.sleep(seconds)
        assert self._told.empty(), self._told.get()
