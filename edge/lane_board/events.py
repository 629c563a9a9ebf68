# SPDX-License-Identifier: Apache-2.0
"""What the board keeps to tell: events until the host has them, and the newest lines of its log."""

from pistegate_edge.lane.core.messages import cut

EVENTS_MAX = 64  # an hour without a host on a busy day; older ones go, and their numbers show it
RESEND_MS = 100
AT_ONCE = 4  # events on the way at a time
LINES_MAX = 24


class Kept:
    """Numbered events, sent again until acknowledged."""

    def __init__(self):
        self.last = 0
        self._events = []
        self._sent = {}

    @property
    def first(self) -> int:
        """The number of the oldest event that is kept; `last` + 1 when none is."""
        return self.last + 1 - len(self._events)

    def add(self, name: str, text: str, count: int) -> None:
        """One more; the oldest goes when there is no room."""
        self.last += 1
        self._events.append((self.last, name, text, count))
        if len(self._events) > EVENTS_MAX:
            self._sent.pop(self._events.pop(0)[0], None)

    def acked(self, number: int) -> None:
        """The host has everything up to `number`."""
        while self._events and self._events[0][0] <= number:
            self._sent.pop(self._events.pop(0)[0], None)

    def due(self, now: int) -> list:
        """The events to send now."""
        due = []
        for event in self._events[:AT_ONCE]:
            sent = self._sent.get(event[0])
            if sent is None or now - sent >= RESEND_MS:
                self._sent[event[0]] = now
                due.append(event)
        return due


class Lines:
    """The newest lines of the log, numbered; one that comes again at once is counted."""

    def __init__(self):
        self._number = 0
        self._lines = []  # [number, when, text, how often]

    def add(self, now: int, text: str) -> None:
        """A line."""
        if self._lines and self._lines[-1][2] == text:
            self._lines[-1][3] += 1
            return
        self._number = (self._number + 1) & 0xFFFF
        self._lines.append([self._number, now // 1000, text, 1])
        if len(self._lines) > LINES_MAX:
            self._lines.pop(0)

    def kept(self) -> list:
        """[(number, text)], oldest first."""
        kept = []
        for number, seconds, text, times in self._lines:
            often = " (" + str(times) + " times)" if times > 1 else ""
            kept.append((number, cut(str(seconds) + " s: " + text + often)))
        return kept
