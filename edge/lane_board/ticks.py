# SPDX-License-Identifier: Apache-2.0
"""One clock that does not wrap, of ticks that do (every 12 days)."""


class Clock:
    """`ticks` and `diff` are time.ticks_ms and time.ticks_diff; `now` must be asked at least once in 6 days."""

    def __init__(self, ticks, diff):
        self._ticks = ticks
        self._diff = diff
        self._last = ticks()
        self._now = 0

    def now(self) -> int:
        """Milliseconds since this clock was made."""
        ticks = self._ticks()
        self._now += self._diff(ticks, self._last)
        self._last = ticks
        return self._now
