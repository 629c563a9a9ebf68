# SPDX-License-Identifier: Apache-2.0
"""When a gate asks for news of its tables: at once, then every so often; later and later while it fails. Pure.

All times are monotonic seconds. `spread` gives a number from 0 to 1: gates that came back together do not ask together.
"""

from collections.abc import Callable
from typing import Final

# A question is two small requests; a gate that is alone asks once a minute for what costs one refused connection.
BACKOFF_S: Final = (2.0, 5.0, 15.0, 60.0)
HINT_S: Final = 1.0  # after a hint; the transaction that gave rise to it may not be over
JITTER: Final = 0.2  # of the time between two questions, either way


class Asking:
    """The next question's time."""

    def __init__(self, every_s: float, spread: Callable[[], float], mono: float) -> None:
        self._every_s = every_s
        self._spread = spread
        self._failures = 0
        self.due = mono

    def answered(self, mono: float) -> None:
        """The cloud was asked, and everything it had is in force."""
        self._failures = 0
        self.due = mono + self._jittered(self._every_s)

    def failed(self, mono: float) -> None:
        """The cloud did not answer, or what it gave is no use."""
        self.due = mono + self._jittered(BACKOFF_S[min(self._failures, len(BACKOFF_S) - 1)])
        self._failures += 1

    def hint(self, mono: float) -> None:
        """Something changed at the cloud: the link works, too."""
        self.due = min(self.due, mono + HINT_S)

    def _jittered(self, seconds: float) -> float:
        return seconds * (1 - JITTER + 2 * JITTER * self._spread())
