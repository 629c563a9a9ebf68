# SPDX-License-Identifier: Apache-2.0
"""How often a wrong code may be tried: counted in memory, by where it comes from."""

from collections import deque

PER_MINUTE = 10  # wrong codes from one address; a technician mistypes two or three times
ADDRESSES = 1000  # remembered; whoever has more is counted as one
_MINUTE_S = 60.0


class Attempts:
    """Times are monotonic seconds."""

    def __init__(self) -> None:
        self._failed: dict[str, deque[float]] = {}

    def allowed(self, address: str, now: float) -> bool:
        """Whether this address may try now."""
        failed = self._failed.get(self._known(address), deque())
        while failed and now - failed[0] >= _MINUTE_S:
            failed.popleft()
        return len(failed) < PER_MINUTE

    def failed(self, address: str, now: float) -> None:
        """It tried, and was wrong."""
        if len(self._failed) >= ADDRESSES:
            self._failed = {key: times for key, times in self._failed.items() if now - times[-1] < _MINUTE_S}
        self._failed.setdefault(self._known(address), deque(maxlen=PER_MINUTE)).append(now)

    def _known(self, address: str) -> str:
        return address if address in self._failed or len(self._failed) < ADDRESSES else ""
