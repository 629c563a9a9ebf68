# SPDX-License-Identifier: Apache-2.0
"""The hub: serialises what gates are about to admit, keeps what they admitted, gives away whom they owe. Pure.

It knows no rules and verifies no ticket: it reserves whatever it is asked to, tells all that it knows of the ticket,
and the gate decides with that. So a hub that lies can make a gate refuse, or count too little; it creates no ticket.

`take` belongs into one commit with whatever it did to the book; its answers are sent after that commit only. When the
commit fails the answers are dropped and a new Hub is made, with another run, so that every gate joins anew.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pistegate_edge.core.now import Now
from pistegate_edge.hub.book import Book, OwedRow, Reservation
from pistegate_edge.hub.events import take_event
from pistegate_protocol.elsewhere import Elsewhere, encode_elsewhere, gate_source, merged, of_usage
from pistegate_protocol.events import EVENTS
from pistegate_protocol.hub_messages import (
    Busy,
    FromHub,
    Grant,
    Hail,
    Heard,
    Join,
    Offer,
    Ping,
    Pong,
    Report,
    Reserve,
    Standing,
    ToHub,
    Welcome,
)
from pistegate_protocol.usage import NO_ADMISSION, decode_counters

# Seconds after its start for which a hub waits for the gates that it knows: what they did meanwhile comes first.
SETTLE_S = 3.0
KNOWN_MS = 7 * 86_400_000  # a gate that did not join for so long is not waited for
PRESENT_S = 5.0  # a gate that was not heard for so long is not of the hub's group
ALL = 0  # instead of a gate's number

Answer = tuple[int, FromHub]
"""To which gate, or to ALL."""


@dataclass(slots=True)
class _Member:
    """A gate that joined this run; `ledger`: epoch -> the last event it told of."""

    epoch: int
    post: frozenset[int]
    leads_out: bool
    ledger: dict[int, int]
    seen: float
    behind: bool = True


class Hub:
    """One run of the hub. `told`: for the log, what went wrong since it was looked at."""

    def __init__(self, book: Book, run: int, now: Now) -> None:
        self.run = run
        self.told: list[str] = []
        self._book = book
        self._started = now.mono
        self._members: dict[int, _Member] = {}
        self._awaited = set(book.gates(now.wall_ms - KNOWN_MS))
        self._new = not self._awaited  # it knows of no gate: whoever there is, has time to tell

    def hail(self) -> Answer:
        """What a hub says when it starts."""
        return ALL, Hail(self.run)

    def take(self, gate: int, message: ToHub, now: Now) -> list[Answer]:
        """What to answer to a message of `gate`."""
        if isinstance(message, Join):
            return [(gate, answer) for answer in self._join(gate, message, now)]
        member = self._members.get(gate)
        if member is None or member.epoch != message.standing.epoch:
            return [(gate, Hail(self.run))]
        member.seen = now.mono
        if isinstance(message, Report):
            return [(gate, answer) for answer in self._report(gate, member, message, now)]
        self._stands(gate, message.standing)
        if isinstance(message, Ping):
            return [(gate, self._pong(message, now))]
        return [(gate, answer) for answer in self._reserve(gate, member, message, now)]

    def settled(self, now: Now) -> bool:
        """Whether whoever it knows is heard to the end, or was waited for long enough."""
        told = not self._new and not self._awaited
        return told or now.mono - self._started >= SETTLE_S

    def forget(self, now: Now) -> None:
        """Once in a while: what is too old."""
        self._book.forget(now.wall_ms)

    # Joining

    def _join(self, gate: int, join: Join, now: Now) -> Iterator[FromHub]:
        book, standing = self._book, join.standing
        decided = max(standing.decided, book.decided(gate, standing.epoch))
        book.joined(gate, standing.epoch, decided, now.wall_ms)
        heard = []
        for span in join.spans:
            known = book.heard(gate, span.epoch)
            if span.heard > known:
                self._restored(gate)
            if known < span.first - 1:
                book.hear(gate, span.epoch, span.first - 1)  # what it has forgotten itself nobody can tell
            heard.append((span.epoch, max(known, span.first - 1)))
        ledger = {span.epoch: span.last for span in join.spans}
        member = _Member(standing.epoch, frozenset(join.post), join.exit, ledger, now.mono)
        self._members[gate] = member
        lost = join.asked > decided and book.reservation(gate, standing.epoch, join.asked) is None
        if lost and _readable(join.counters):
            again = Reservation(gate, standing.epoch, join.asked, join.ticket, join.counters, None, now.wall_ms)
            book.reserve(again)
        self._caught_up(gate, member)
        self._stands(gate, standing)
        yield Welcome(self.run, heard)

    def _restored(self, gate: int) -> None:
        """The journal acknowledged more than it knows: it is an old copy. The gates tell again what they admitted."""
        self.told.append(f"gate {gate} was acknowledged more than this journal knows: it is an old copy")
        self._book.forfeit()

    def _caught_up(self, gate: int, member: _Member) -> bool:
        if member.behind and all(self._book.heard(gate, epoch) >= last for epoch, last in member.ledger.items()):
            member.behind = False
            self._awaited.discard(gate)
            # Whatever an earlier run of the gate reserved is among what it told now, or never came about.
            self._book.drop_older(gate, member.epoch)
        return not member.behind

    def _stands(self, gate: int, standing: Standing) -> None:
        """What a gate says of itself counts once everything that it had written by then is known here."""
        if self._book.heard(gate, standing.epoch) < standing.last:
            return
        self._book.decide(gate, standing.epoch, standing.decided)
        self._book.let_go(gate, standing.epoch, standing.last, frozenset(standing.held))

    # Reporting

    def _report(self, gate: int, member: _Member, report: Report, now: Now) -> Iterator[FromHub]:
        book, heard = self._book, self._book.heard(gate, report.epoch)
        known, last = heard, report.first + len(report.payloads) - 1
        if report.first <= heard + 1:
            for seq, payload in enumerate(report.payloads, report.first):
                if seq <= heard:
                    continue
                try:
                    take_event(book, gate, report.epoch, seq, EVENTS.decode(payload), now.wall_ms)
                except ValueError as error:  # CodecError and UnknownVersion are
                    self.told.append(f"event {seq} of gate {gate} cannot be read: {error}; update the hub")
                    break
                heard = seq
            book.hear(gate, report.epoch, heard)
        if heard >= last > known:
            self._owed(gate, report, now)
        self._caught_up(gate, member)
        self._stands(gate, report.standing)
        yield Heard(self.run, report.epoch, heard)

    def _owed(self, gate: int, report: Report, now: Now) -> None:
        standing = report.standing
        for told in report.owed:
            until = now.wall_ms + told.left_ms
            row = (told.ticket, gate, standing.epoch, standing.last, told.exit, told.persons, until, True)
            self._book.owe(OwedRow(told.admission, *row))

    # Reserving

    def _reserve(self, gate: int, member: _Member, asked: Reserve, now: Now) -> Iterator[FromHub]:
        book, epoch = self._book, member.epoch
        if asked.number <= book.decided(gate, epoch):
            return  # it went alone meanwhile, or this came twice
        why = self._busy(gate, member, asked, now)
        if why:
            yield Busy(self.run, epoch, asked.number, why)
            return
        reserved = book.reservation(gate, epoch, asked.number)
        offered = self._offered(gate, member, asked, reserved, now)
        if reserved is None:
            owed = None if offered is None else offered.admission
            made = Reservation(gate, epoch, asked.number, asked.ticket, asked.counters, owed, now.wall_ms)
            book.reserve(made)
        known = encode_elsewhere(self._known(gate, asked))
        offer = None if offered is None else Offer(offered.admission, offered.gate, offered.persons)
        yield Grant(self.run, epoch, asked.number, asked.ticket, known, offer)

    def _busy(self, gate: int, member: _Member, asked: Reserve, now: Now) -> str:
        """Why nothing can be reserved; empty: it can."""
        if not self.settled(now):
            return "starting"
        if not self._caught_up(gate, member) or self._book.heard(gate, member.epoch) < asked.standing.last:
            return "behind"
        return "" if _readable(asked.counters) else "counters of another version"

    def _known(self, gate: int, asked: Reserve) -> Elsewhere:
        """What was used of the ticket, and what other gates are about to."""
        known = self._book.elsewhere(asked.ticket)
        for other in self._book.reservations(asked.ticket):
            if other.gate != gate and other.counters:
                usage = decode_counters(other.counters, b"", NO_ADMISSION)
                known = merged(known, of_usage(gate_source(other.gate), usage))
        return known

    def _offered(
        self, gate: int, member: _Member, asked: Reserve, reserved: Reservation | None, now: Now
    ) -> OwedRow | None:
        rows = self._book.owed(asked.ticket, now.wall_ms)
        if reserved is not None:
            return next((row for row in rows if row.admission == reserved.owed), None)
        taken = {other.owed for other in self._book.reservations(asked.ticket)}
        free = (
            row
            for row in rows
            if not row.held
            and row.admission not in taken
            and row.gate in member.post | {gate}
            and row.leads_out == member.leads_out
        )
        return max(free, key=lambda row: (row.persons, row.admission), default=None)

    def _pong(self, ping: Ping, now: Now) -> Pong:
        present = [each for each in self._members.values() if now.mono - each.seen <= PRESENT_S]
        return Pong(self.run, ping.number, len(present) if self.settled(now) else 0)


def _readable(counters: bytes) -> bool:
    try:
        return not counters or decode_counters(counters, b"", NO_ADMISSION) is not None
    except ValueError:
        return False
