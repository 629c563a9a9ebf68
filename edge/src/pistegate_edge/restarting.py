# SPDX-License-Identifier: Apache-2.0
"""A thread that keeps one device open: opened again when it fails or comes back, its failures told once each."""

import logging
import threading
import traceback
from collections.abc import Callable

log = logging.getLogger(__name__)

BACKOFF_S = (0.2, 0.5, 1.0, 2.0)  # seconds before each try to reopen, the last one from then on


class DeviceThread:
    """`session(stop)` opens the device, says `opened()` then and `worked()` whenever it is still there, and returns
    when `stop` is set.

    It raises OSError when the device goes; `lost(detail)` is called from the thread, once for each time that the device
    is away. Why it cannot be opened then is logged where it changes.
    """

    def __init__(self, name: str, session: Callable[[threading.Event], None], lost: Callable[[str], None]) -> None:
        self._session = session
        self._lost = lost
        self._failures = 0
        self._told: str | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout_s: float = 3.0) -> None:
        """Ask the thread to end and wait for it."""
        self._stop.set()
        self._thread.join(timeout_s)

    def opened(self) -> None:
        """The device is open: its next failure is to be told."""
        self._told = None

    def worked(self) -> None:
        """The device is there and works: the next try to open it need not wait long."""
        self._failures = 0

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._session(self._stop)
            except OSError as error:
                detail = f"{type(error).__name__}: {error}"
            except Exception as error:  # noqa: BLE001 - a thread that ends silently would leave a dead device
                log.error("unexpected failure of a device:\n%s", traceback.format_exc())
                detail = f"unexpected {type(error).__name__}: {error}"
            else:
                continue
            self._failed(detail)

    def _failed(self, detail: str) -> None:
        if self._told is None:
            self._lost(detail)
        elif detail != self._told:
            log.warning("%s: %s", self._thread.name, detail)
        self._told = detail
        self._stop.wait(BACKOFF_S[min(self._failures, len(BACKOFF_S) - 1)])
        self._failures += 1
