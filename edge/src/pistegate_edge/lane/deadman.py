# SPDX-License-Identifier: Apache-2.0
"""Silence is safe: a thread that lets go of the unlock pins when the gate's loop has not come by for too long."""

import threading
from collections.abc import Callable


class DeadMan:
    """After `arm`, `let_go` is called from its thread unless `arm` or `rest` comes within `seconds`; then it rests."""

    def __init__(self, seconds: float, let_go: Callable[[], None]) -> None:
        self._seconds = seconds
        self._let_go = let_go
        self._changed = threading.Condition()
        self._armed = False
        self._turn = 0
        self._closed = False
        self._thread = threading.Thread(target=self._watch, name="lane-dead-man", daemon=True)
        self._thread.start()

    def arm(self) -> None:
        """The loop is alive; from now it has `seconds`. Nothing is let go once this has returned, until then."""
        self._set(armed=True)

    def rest(self) -> None:
        """Nothing to let go."""
        if self._armed:
            self._set(armed=False)

    def close(self) -> None:
        """The thread ends."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _set(self, *, armed: bool) -> None:
        with self._changed:
            self._armed = armed
            self._turn += 1
            self._changed.notify()

    def _watch(self) -> None:
        with self._changed:
            while not self._closed:
                turn = self._turn
                told = self._changed.wait(self._seconds if self._armed else None)
                if not told and self._armed and turn == self._turn and not self._closed:
                    self._armed = False
                    self._let_go()
