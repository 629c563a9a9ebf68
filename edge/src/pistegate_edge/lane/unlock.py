# SPDX-License-Identifier: Apache-2.0
"""Unlock signals in real time: a loop that was kept waiting gives no pulse, and no gap, too short to be seen.

The core reckons with the moment of each edge, which is past when the loop comes late (a disk that takes its time);
the turnstile sees what the pins do. So a pulse lasts its time from when its pin goes on, whatever the core's moment
was, and after a release the pin rests for the gap. Whatever ends an opening otherwise drops the pin at once.
"""

from pistegate_edge.lane.core.controller import FREE_WAIT, WAIT
from pistegate_edge.lane.core.words import UNLOCK_A, UNLOCK_B

UNLOCKS = UNLOCK_A | UNLOCK_B


class Unlock:
    """`step` gives the unlock bits to drive; `deadline` is when to ask again. Times are milliseconds."""

    def __init__(self, pulse_ms: int, gap_ms: int) -> None:
        self.deadline: int | None = None
        self._pulse_ms = pulse_ms
        self._gap_ms = gap_ms
        self._wanted = 0  # by the core, when last asked
        self._owed = 0  # bits of a pulse that has not lasted its time yet
        self._driven = 0
        self._since = -gap_ms  # when the pins last changed

    def step(self, now: int, wanted: int, state: str) -> int:
        """`wanted`: the core's unlock bits; `state`: its state, one of waiting after the end of a pulse."""
        if wanted & ~self._wanted:
            self._owed = wanted
        elif not wanted and state not in (WAIT, FREE_WAIT):
            self._owed = 0
        self._wanted = wanted
        on = wanted | self._owed
        self.deadline = None
        if self._driven and on and not wanted and now - self._since >= self._pulse_ms:
            self._owed = on = 0
        if on & ~self._driven and not self._driven and now - self._since < self._gap_ms:
            self.deadline = self._since + self._gap_ms
            return 0
        if on != self._driven:
            self._since, self._driven = now, on
        if on and not wanted:
            self.deadline = self._since + self._pulse_ms
        return on
