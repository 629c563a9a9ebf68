# SPDX-License-Identifier: Apache-2.0
"""A thread that keeps a reader open, restarts it when its device fails, and leaves the rest to a desk."""

import logging
import threading
import traceback
from collections.abc import Callable
from typing import Protocol

from pistegate_edge.readers.pn532 import READER_FAILURES, Pn532

log = logging.getLogger(__name__)

BACKOFF_S = (0.2, 0.5, 1.0, 2.0)  # seconds before each try to reopen, the last one from then on
STEADY_TURNS = 5  # turns of a desk (2 s and more without a card) after which a reader counts as having worked


class Desk(Protocol):
    """Who deals with the cards of a reader, on the reader's thread."""

    def started(self) -> None:
        """The reader was opened."""

    def turn(self, reader: Pn532, stop: threading.Event) -> None:
        """Look at the field and serve what is there; may wait a second at most, less when `stop` is set."""


class ReaderThread:
    """`ready` and `lost` are called from the thread, in turn."""

    def __init__(
        self,
        opener: Callable[[], Pn532],
        desk: Desk,
        ready: Callable[[str], None],
        lost: Callable[[str], None],
    ) -> None:
        self._opener = opener
        self._desk = desk
        self._ready = ready
        self._lost = lost
        self._turns = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reader", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout_s: float = 3.0) -> None:
        """Ask the thread to end and wait for it."""
        self._stop.set()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        failures = 0
        while not self._stop.is_set():
            self._turns = 0
            try:
                reader = self._opener()
                try:
                    self._serve(reader)
                finally:
                    reader.close()
            except READER_FAILURES as error:
                detail = f"{type(error).__name__}: {error}"
            except Exception as error:  # noqa: BLE001 - a reader thread that ends silently would leave a dead gate
                log.error("unexpected reader failure:\n%s", traceback.format_exc())
                detail = f"unexpected {type(error).__name__}: {error}"
            else:
                return
            failures = 0 if self._turns >= STEADY_TURNS else failures + 1
            self._lost(detail)
            self._stop.wait(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])

    def _serve(self, reader: Pn532) -> None:
        self._desk.started()
        self._ready(reader.description)
        while not self._stop.is_set():
            self._desk.turn(reader, self._stop)
            self._turns += 1
