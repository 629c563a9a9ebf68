# SPDX-License-Identifier: Apache-2.0
"""Signs that somebody else uses this device's identity. Pure."""

from collections import deque

FLAPS = 4  # short connections within FLAP_WINDOW_S; a broker that restarts gives one or two
FLAP_WINDOW_S = 60.0
SHORT_S = 15.0  # seconds; two clients of one identity throw each other out within their reconnect delays
REPORT_EVERY_S = 600.0


class FlapDetector:
    """A broker throws the older of two clients with one id out: each then sees short connections in a row."""

    def __init__(self) -> None:
        self._up_since: float | None = None
        self._short: deque[float] = deque(maxlen=FLAPS)

    def connected(self, now: float) -> None:
        """A session began."""
        self._up_since = now

    def disconnected(self, now: float) -> bool:
        """A session ended; True when it ends like those of two clients with one id."""
        if self._up_since is None:
            return False
        lasted = now - self._up_since
        self._up_since = None
        if lasted >= SHORT_S:
            self._short.clear()
            return False
        self._short.append(now)
        return len(self._short) == FLAPS and now - self._short[0] <= FLAP_WINDOW_S


class RateLimit:
    """Lets a report through at most once per `every_s`."""

    def __init__(self, every_s: float = REPORT_EVERY_S) -> None:
        self._every_s = every_s
        self._next = 0.0

    def allows(self, now: float) -> bool:
        """Whether to report now; saying so counts as reporting."""
        if now < self._next:
            return False
        self._next = now + self._every_s
        return True
