# SPDX-License-Identifier: Apache-2.0
"""What a host says to its board by itself: who is there, that it is alive, what the lamps shall show."""

from typing import Any

from pistegate_edge.lane.core import messages, pattern
from pistegate_edge.lane.core.wire import frame

ASK_MS = 250
ALIVE_MS = 250  # a board misses its host after 1000
SIGNALS_MS = 200  # between two tries to have the lamps as they shall be
_TURNS = 255


class Voice:
    """`run`: this run of the host."""

    def __init__(self, profile: str, run: str) -> None:
        self.run = run
        self._profile = profile
        self._seq = 0
        self._asked: int | None = None
        self._alive: int | None = None
        self._lamps: dict[int, dict[str, Any]] = {}
        self._played = 0
        self._lamps_at: int | None = None

    def frame(self, name: str, values: dict[str, Any]) -> bytes:
        """One message."""
        self._seq = (self._seq + 1) & 255
        return frame(messages.encode(self._seq, name, values))

    def command(self, report: dict[str, Any], name: str, fields: dict[str, Any]) -> bytes:
        """A message to the boot that made `report`."""
        return self.frame(name, {"boot": report["boot"], "run": self.run, "seen": report["report"]} | fields)

    def ask(self, now: int) -> bytes:
        """Who is there; empty when asked a moment ago."""
        if self._asked is not None and now - self._asked < ASK_MS:
            return b""
        self._asked = now
        return self.frame("ask", {"protocol": messages.PROTOCOL, "profile": self._profile, "run": self.run})

    def hurry(self) -> None:
        """An event came: acknowledge it at once."""
        self._alive = None

    def play(self, track: int, first: Any, for_ms: int, then: Any) -> None:
        """What a track shall show; ValueError as `pattern.check`."""
        pattern.check(first, pattern.TRACKS[track])
        pattern.check(then, pattern.TRACKS[track])
        turn = self._lamps[track]["turn"] % _TURNS + 1 if track in self._lamps else 1
        self._lamps[track] = {"turn": turn, "track": track, "first": first, "for_ms": for_ms, "then": then}
        self._lamps_at = None

    def playing(self, turns: int) -> None:
        """The turns that a report says."""
        self._played = turns

    def idle(self, now: int, report: dict[str, Any], next_event: int) -> bytes:
        """Alive, with what was heard; lamps that are not as they shall be."""
        data = b""
        if self._alive is None or now - self._alive >= ALIVE_MS:
            self._alive = now
            data += self.command(report, "alive", {"acked": next_event - 1})
        if self._lamps_at is None or now - self._lamps_at >= SIGNALS_MS:
            self._lamps_at = now
            for track, lamps in self._lamps.items():
                if self._played >> 8 * track & 255 != lamps["turn"]:
                    data += self.command(report, "signals", lamps)
        return data

    def deadline(self, linked: bool) -> int:
        """When something is due by itself."""
        if not linked:
            return 0 if self._asked is None else self._asked + ASK_MS
        due = 0 if self._alive is None else self._alive + ALIVE_MS
        if any(self._played >> 8 * track & 255 != lamps["turn"] for track, lamps in self._lamps.items()):
            due = min(due, 0 if self._lamps_at is None else self._lamps_at + SIGNALS_MS)
        return due
