# SPDX-License-Identifier: Apache-2.0
"""What to send next: windowed batches per stream, oldest epoch first, resent until the cloud acknowledges. Pure.

An acknowledgement counts only when its head is the head of our own chain at its seq; the caller looks that up.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from pistegate_protocol.events import Stream
from pistegate_protocol.messages import BATCH_EVENTS_MAX, Ack

WINDOW = 4  # batches in flight per stream; stop-and-wait does not drain a long backlog over 200 ms links (facts)
RESEND_S = 5.0  # seconds without acknowledgement until resent; doubles up to RESEND_MAX_S: blind repeats do not drain
RESEND_MAX_S = 60.0
HELLO_S = 30.0  # seconds between hellos


class AckResult(StrEnum):
    """What an acknowledgement did."""

    ADVANCED = "advanced"
    OLD = "old"
    FOREIGN = "foreign"
    """It speaks of an epoch, event or head that we never had: somebody else uses our identity."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send events `first`..`last` of an epoch of a stream as one batch."""

    stream: Stream
    epoch: int
    first: int
    last: int


@dataclass(slots=True)
class _Epoch:
    """One epoch: what exists, what is acknowledged, what was sent."""

    number: int
    last: int
    acked: int
    sent: int = 0

    def done(self) -> bool:
        return self.acked >= self.last


@dataclass(slots=True)
class _Line:
    """One stream: its epochs in order, batches in flight as (epoch, last seq, sent at)."""

    epochs: list[_Epoch] = field(default_factory=list)
    flight: deque[tuple[int, int, float]] = field(default_factory=deque)
    resend_s: float = RESEND_S

    def rewind(self) -> None:
        self.flight.clear()
        for epoch in self.epochs:
            epoch.sent = epoch.acked


class UplinkCore:
    """Both streams of a gate; events of `current` epoch are announced by `grown`."""

    def __init__(self, current: int, pending: Iterable[tuple[Stream, int, int, int]], batch: int = BATCH_EVENTS_MAX):
        self.connected = False
        self._current = current
        self._batch = batch
        self._lines: dict[Stream, _Line] = {}
        self._hello_at: float | None = None
        self.replay(pending)

    def replay(self, pending: Iterable[tuple[Stream, int, int, int]]) -> None:
        """Begin anew with these epochs, (stream, epoch, last seq, acknowledged seq): nothing counts as on its way."""
        self._lines = {stream: _Line() for stream in Stream}
        for stream, epoch, last, acked in pending:
            self._lines[stream].epochs.append(_Epoch(epoch, last, acked, acked))

    def grown(self, stream: Stream, last: int) -> None:
        """The current epoch of `stream` now ends with `last`."""
        self._lines[stream].epochs[-1].last = last

    def backlog(self) -> int:
        """Events not yet acknowledged."""
        return sum(epoch.last - epoch.acked for line in self._lines.values() for epoch in line.epochs)

    def online(self) -> None:
        """A new connection: nothing sent before counts as on its way."""
        self.connected = True
        self._hello_at = None
        for line in self._lines.values():
            line.resend_s = RESEND_S
            line.rewind()

    def offline(self) -> None:
        """The connection is gone."""
        self.connected = False

    def hello_due(self, now: float) -> bool:
        """Whether a Hello should go now; saying so counts as sending it."""
        if not self.connected or (self._hello_at is not None and now < self._hello_at):
            return False
        self._hello_at = now + HELLO_S
        return True

    def hello_soon(self) -> None:
        """Something changed that the cloud should know."""
        self._hello_at = None

    def sends(self, now: float) -> list[Send]:
        """The batches to send now; they count as sent."""
        if not self.connected:
            return []
        found: list[Send] = []
        for stream, line in self._lines.items():
            if line.flight and now - line.flight[0][2] >= line.resend_s:
                line.resend_s = min(2 * line.resend_s, RESEND_MAX_S)
                line.rewind()
            found += self._fill(stream, line, now)
        return found

    def deadline(self) -> float | None:
        """When something may be due without anything having happened (monotonic); None while not connected."""
        if not self.connected:
            return None
        times = [line.flight[0][2] + line.resend_s for line in self._lines.values() if line.flight]
        return min([*times, self._hello_at or 0.0])

    def acknowledged(self, ack: Ack, own_head: bytes | None) -> AckResult:
        """Take an acknowledgement; `own_head` is the head of our chain at its seq, None if we never had it."""
        if own_head is None or own_head != ack.head:
            return AckResult.FOREIGN
        line = self._lines[ack.stream]
        epoch = next((e for e in line.epochs if e.number == ack.epoch), None)
        if epoch is None:
            return AckResult.OLD  # acknowledged to its end before
        if ack.seq <= epoch.acked:
            return AckResult.OLD
        epoch.acked = ack.seq
        epoch.sent = max(epoch.sent, ack.seq)
        line.resend_s = RESEND_S
        while line.flight and self._landed(line, line.flight[0]):
            line.flight.popleft()
        line.epochs = [e for e in line.epochs if not e.done() or e.number == self._current]
        return AckResult.ADVANCED

    def _landed(self, line: _Line, batch: tuple[int, int, float]) -> bool:
        number, last, _ = batch
        epoch = next((e for e in line.epochs if e.number == number), None)
        return epoch is None or epoch.acked >= last

    def _fill(self, stream: Stream, line: _Line, now: float) -> list[Send]:
        found: list[Send] = []
        for epoch in line.epochs:
            while epoch.sent < epoch.last and len(line.flight) < WINDOW:
                last = min(epoch.last, epoch.sent + self._batch)
                found.append(Send(stream, epoch.number, epoch.sent + 1, last))
                line.flight.append((epoch.number, last, now))
                epoch.sent = last
        return found
