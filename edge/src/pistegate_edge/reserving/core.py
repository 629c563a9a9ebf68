# SPDX-License-Identifier: Apache-2.0
"""A gate's conversation with the hub of its site. Pure.

What the hub has to know is the gate's own ledger, event by event, and nothing of it is kept twice: the hub says how far
it has heard, and the gate goes on from there, after a restart of either, and after the hub's journal was restored from
an old copy. Everything else is the gate's *standing*, which every message carries (hub_messages).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pistegate_edge.core.state import GRANT_S
from pistegate_edge.reserving.told import HubTold, NotReserved, Reserved, ServiceChanged, Taken
from pistegate_protocol import hub_messages as h
from pistegate_protocol.elsewhere import decode_elsewhere

PING_S = 1.0  # seconds between signs of life; what was lost of a standing is made good so soon
STARTING_S = 0.1  # seconds between them while the hub waits for all gates
LOST_S = 5.0  # seconds without any answer: the hub counts as unreachable
RESEND_S = 1.0  # seconds without an answer until a join or a report is sent again
LINGER_S = 0.02  # seconds that events wait for company before they are reported
NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class Kept:
    """One epoch of the ledger: kept from event `first` to `last`."""

    epoch: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """The gate's journal as this asks it. `kept`: epochs, oldest first, the current one last.

    `events(epoch, first, most)`: payloads; none where `first` was forgotten. `owed`: whom the gate owes and would hand
    over to the hub.
    """

    kept: Callable[[], Sequence[Kept]]
    events: Callable[[int, int, int], Sequence[bytes]]
    owed: Callable[[], Sequence[h.OwedTold]]


@dataclass(slots=True)
class _Flight:
    """A report or join that was not answered."""

    at: float
    epoch: int = 0
    last: int = 0


class Reserving:
    """`out` collects what is to be sent, in order. Times are monotonic seconds."""

    def __init__(self, epoch: int, last: int, ledger: Ledger, post: Iterable[int], *, leads_out: bool) -> None:
        self.out: list[h.ToHub] = []
        self.gates = 0
        """Gates that the hub serves, this one included; 0 while it does not serve this one."""
        self._epoch = epoch
        self._last = last
        self._ledger = ledger
        self._post = sorted(post)
        self._leads_out = leads_out
        self._up = False
        self._run: int | None = None
        self._lasts: dict[int, int] = {epoch: last}
        self._heard: dict[int, int] = {}
        self._most_heard: dict[int, int] = {}
        self._flight: _Flight | None = None
        self._join: _Flight | None = None
        self._decided = 0
        self._asked: h.Reserve | None = None
        self._asked_at = NEVER  # until it is answered, or was for too long not
        self._hailed: int | None = None
        self._kept: Sequence[Kept] = ()
        self._slow = True
        self._told: dict[bytes, int] = {}
        """Owed entries told in this epoch and not let go of: the seq up to which the report went that told each."""
        self._urgent = False
        self._fresh_at: float | None = None
        self._ping_number = 0
        self._ping_sent: float | None = None
        self._ping_at = 0.0
        self._answered = 0.0

    @property
    def serves(self) -> bool:
        """Whether it is worth while to ask: it answers in time, and knows what this gate did."""
        return self._up and self._run is not None and not self._slow and self._behind() == 0

    # What the gate does

    def connected(self, now: float) -> None:
        """There is a line to the broker."""
        self._up, self._run, self._slow = True, None, True
        self._flight = None
        self._answered = now
        self._kept = self._ledger.kept()
        self._send_join(now)

    def disconnected(self) -> list[HubTold]:
        """The line is gone."""
        self._up, self._run, self._join, self._slow, self.gates = False, None, None, True, 0
        lost = [] if self._asked is None else [NotReserved(self._asked.number, "no line to the hub")]
        return [*lost, ServiceChanged()]

    def grown(self, last: int, now: float) -> None:
        """The ledger of this epoch ends with event `last`."""
        self._last = self._lasts[self._epoch] = last
        if self._fresh_at is None:
            self._fresh_at = now + LINGER_S

    def reserve(self, number: int, ticket: int, n: int, counters: bytes, now: float) -> bool:
        """Ask for reservation `number`; False: the hub does not serve, go alone."""
        if not self.serves:
            return False
        if self._flight is None or self._flight.last < self._last:
            self._report(now)
        self._asked = h.Reserve(self._standing(), number, ticket, n, counters)
        self._asked_at = now
        self.out.append(self._asked)
        return True

    def decided(self, number: int, now: float) -> None:
        """Reservations up to `number`: the admission is in the ledger, or there is none."""
        self._late(now)
        self._decided = max(self._decided, number)
        if self._asked is not None and self._asked.number <= number:
            self._asked, self._asked_at = None, NEVER
        self._urgent = True

    def let_go(self, names: Iterable[bytes]) -> None:
        """These owed entries are no longer the gate's, durably."""
        for name in names:
            self._told.pop(name, None)
        self._urgent = True

    def tick(self, now: float, *, busy: bool) -> list[HubTold]:
        """Send what is due. `busy`: a card is held, the ledger is not read."""
        if not self._up:
            return []
        before = self.serves
        self._late(now)
        if self._run is not None and now >= self._answered + LOST_S:
            self._run, self.gates = None, 0
            self._join = None
        if self._run is None:
            if self._join is None or now >= self._join.at + RESEND_S:
                self._send_join(now)
        else:
            self._send(now, busy=busy)
        return [] if self.serves == before else [ServiceChanged()]

    def deadline(self, *, busy: bool) -> float | None:
        """When `tick` is due."""
        if not self._up:
            return None
        if self._run is None:
            return 0.0 if self._join is None else self._join.at + RESEND_S
        times = [self._ping_at, self._answered + LOST_S, self._asked_at + GRANT_S]
        if self._urgent:
            return 0.0
        if not busy:
            if self._flight is not None:
                times.append(self._flight.at + RESEND_S)
            elif self._next() is not None:
                times.append(self._fresh_at or 0.0)
        return min(times)

    def _late(self, now: float) -> None:
        """Whoever was asked for too long is not asked again before an answer has come in time."""
        if now >= self._asked_at + GRANT_S:
            self._slow, self._asked_at, self._ping_at = True, NEVER, now

    # What the hub says

    def take(self, message: h.FromHub, now: float) -> list[HubTold]:
        """A message of the hub."""
        before = self.serves, self.gates
        told = self._take(message, now)
        return told if (self.serves, self.gates) == before else [*told, ServiceChanged()]

    def _take(self, message: h.FromHub, now: float) -> list[HubTold]:
        if isinstance(message, h.Welcome):
            self._welcome(message, now)
            return []
        if isinstance(message, h.Hail) or message.run != self._run:
            self._run = None
            if self._join is None or message.run != self._hailed or now >= self._join.at + RESEND_S:
                self._send_join(now)
            self._hailed = message.run
            return []
        self._answered = now
        if isinstance(message, h.Heard):
            return self._take_heard(message, now)
        if isinstance(message, h.Pong):
            self._pong(message, now)
            return []
        if self._asked is None or (message.epoch, message.number) != (self._epoch, self._asked.number):
            return []  # too late: what was decided meanwhile releases it
        self._asked_at = NEVER
        if isinstance(message, h.Busy):
            return [NotReserved(message.number, message.why)]
        try:
            known = decode_elsewhere(message.elsewhere)
        except ValueError as error:
            return [NotReserved(message.number, f"the hub's answer cannot be read: {error}")]
        return [Reserved(message.number, known, message.offer)]

    def _welcome(self, message: h.Welcome, now: float) -> None:
        if self._join is None:
            return  # it came twice
        self._run, self._join, self._answered = message.run, None, now
        self._flight = None
        self._heard = {epoch: min(seq, self._lasts.get(epoch, 0)) for epoch, seq in message.heard}
        for epoch, seq in self._heard.items():
            self._most_heard[epoch] = max(seq, self._most_heard.get(epoch, 0))
        self._ping_at = now

    def _take_heard(self, message: h.Heard, now: float) -> list[HubTold]:
        seq = message.seq
        if seq > self._lasts.get(message.epoch, 0):
            return []  # of no event of ours
        flight = self._flight
        if flight is not None and flight.epoch == message.epoch and seq < flight.last:
            self._heard[message.epoch] = seq  # something is missing there, or could not be read
            if now < flight.at + RESEND_S:
                return []
        if flight is not None and flight.epoch == message.epoch and seq >= flight.last:
            self._flight = None
        self._heard[message.epoch] = max(seq, self._heard.get(message.epoch, 0))
        self._most_heard[message.epoch] = max(seq, self._most_heard.get(message.epoch, 0))
        if message.epoch != self._epoch:
            return []
        names = tuple(name for name, last in self._told.items() if last <= seq)
        return [Taken(names)] if names else []

    def _pong(self, message: h.Pong, now: float) -> None:
        self.gates = message.gates
        if message.gates == 0:
            self._slow, self._ping_at = True, min(self._ping_at, now + STARTING_S)
        elif message.number == self._ping_number and self._ping_sent is not None:
            self._slow = now - self._ping_sent > GRANT_S
            self._ping_sent = None

    # Sending

    def _standing(self) -> h.Standing:
        return h.Standing(self._epoch, self._last, self._decided, list(self._told))

    def _send_join(self, now: float) -> None:
        kept = self._kept
        self._lasts = {each.epoch: each.last for each in kept} | {self._epoch: self._last}
        most = self._most_heard
        spans = [h.Span(each.epoch, each.first, self._lasts[each.epoch], most.get(each.epoch, 0)) for each in kept]
        asked = self._asked
        waiting = () if asked is None else (asked.number, asked.ticket, asked.n, asked.counters)
        standing = self._standing()
        self.out.append(h.Join(standing, self._post, self._leads_out, spans[-h.SPANS_MAX :], *waiting))
        self._join = _Flight(now)

    def _send(self, now: float, *, busy: bool) -> None:
        sent = len(self.out)
        if not busy and (self._flight is None or now >= self._flight.at + RESEND_S):
            self._report(now)
        if len(self.out) == sent and (self._urgent or now >= self._ping_at):
            self._ping(now)
        self._urgent = False

    def _ping(self, now: float) -> None:
        self._ping_number += 1
        self._ping_sent = now
        self._ping_at = now + PING_S
        self.out.append(h.Ping(self._standing(), self._ping_number))

    def _report(self, now: float) -> None:
        """The next events that the hub does not know."""
        due = self._next()
        if due is None:
            return
        epoch, first = due
        payloads = list(self._ledger.events(epoch, first, h.REPORT_EVENTS_MAX))
        if not payloads:  # forgotten meanwhile: the hub has to know from where on there are any
            self._kept, self._run = self._ledger.kept(), None
            return
        last = first + len(payloads) - 1
        owed: list[h.OwedTold] = []
        if epoch == self._epoch and last == self._last:
            owed = list(self._ledger.owed())[: max(0, h.HELD_MAX - len(self._told))]
            self._told |= {told.admission: last for told in owed}
            self._fresh_at = None
        self._flight = _Flight(now, epoch, last)
        self.out.append(h.Report(self._standing(), epoch, first, payloads, owed))

    def _next(self) -> tuple[int, int] | None:
        """The first event that the hub does not know."""
        for epoch, last in self._lasts.items():
            heard = self._heard.get(epoch, 0)
            if heard < last:
                return epoch, heard + 1
        return None

    def _behind(self) -> int:
        """Events that the hub does not know, if more than one report can bring with the next reservation."""
        missing = sum(max(0, last - self._heard.get(epoch, 0)) for epoch, last in self._lasts.items())
        older = any(self._heard.get(e, 0) < last for e, last in self._lasts.items() if e != self._epoch)
        return missing if older or missing > h.REPORT_EVENTS_MAX else 0
