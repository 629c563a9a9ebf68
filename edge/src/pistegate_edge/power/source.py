# SPDX-License-Identifier: Apache-2.0
"""A thread that asks for the power's state, tells each change, and opens its source again when it fails."""

import logging
import threading
import traceback
from collections.abc import Callable
from typing import Protocol

from gpiozero import GPIOZeroError  # type: ignore[import-untyped]

from pistegate_edge.power.told import PowerSilent, PowerStatus, PowerTold

log = logging.getLogger(__name__)

BACKOFF_S = (0.5, 1.0, 2.0, 5.0)  # before each try to open it again, the last one from then on
SOURCE_FAILURES = (OSError, GPIOZeroError)


class Reader(Protocol):
    """A source of the power's state."""

    description: str

    def read(self) -> PowerStatus:
        """The state now; one of SOURCE_FAILURES when it cannot be had."""

    def close(self) -> None:
        """Give it back."""


class PowerSource:
    """Calls `tell` from its own thread: on each change, and once when the source falls silent."""

    def __init__(self, opener: Callable[[], Reader], poll_s: float, tell: Callable[[PowerTold], None]) -> None:
        self._opener = opener
        self._poll_s = poll_s
        self._tell = tell
        self._last: PowerTold | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="power", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout_s: float = 3.0) -> None:
        """Ask the thread to end, and wait for it; one that waits for a silent server dies with the process."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        failures = 0
        while not self._stop.is_set():
            try:
                reader = self._opener()
                try:
                    while not self._stop.is_set():
                        self._change(reader.read(), reader.description)
                        failures = 0
                        self._stop.wait(self._poll_s)
                finally:
                    reader.close()
            except SOURCE_FAILURES as error:
                self._silent(str(error) or type(error).__name__)
            except Exception as error:  # noqa: BLE001 - a thread that ends silently would leave a gate blind
                log.error("unexpected failure of the power source:\n%s", traceback.format_exc())
                self._silent(f"unexpected {type(error).__name__}: {error}")
            self._stop.wait(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])
            failures += 1

    def _silent(self, detail: str) -> None:
        """Told once, whatever the details."""
        if not isinstance(self._last, PowerSilent):
            log.warning("power: %s", detail)
            self._change(PowerSilent(detail))

    def _change(self, told: PowerTold, answers: str = "") -> None:
        if answers and not isinstance(self._last, PowerStatus):
            log.info("power: %s answers", answers)
        if told != self._last and not self._stop.is_set():
            self._last = told
            self._tell(told)
