# SPDX-License-Identifier: Apache-2.0
"""What the gate must not forget: admissions and card uses under way, owed entries, what cards confirmed here.

An admission is one durable commit; so is each outcome, with what it owes and teaches.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

from pistegate_edge.core.actions import RecordAdmission, RecordOutcome, RecordSettled
from pistegate_edge.core.admission import Unfinished
from pistegate_edge.core.memory import KNOWN_CLAIMS_MAX, Confirmed, Memory, TicketUsage
from pistegate_edge.core.owed import OWED_S, OwedEntry, Unsettled
from pistegate_edge.errors import JournalDamaged, JournalFull
from pistegate_edge.journal.store import Chain, Store
from pistegate_edge.journal.usages import TICKETS_MAX, Usages
from pistegate_edge.lane.host import Mark
from pistegate_protocol.events import (
    EVENTS,
    Admitted,
    AdmittedV1,
    CardUse,
    CardUseEnded,
    ClockState,
    Event,
    Outcome,
    OutcomeKind,
    Override,
    Settled,
    Stream,
    UseResult,
    admission_name,
)
from pistegate_protocol.usage import Usage

CONFIRMED_MAX = 50_000  # cards of the last passages; about 4 MB
_UNDECIDED = frozenset({UseResult.UNCONFIRMED, UseResult.INTERRUPTED})


@dataclass(frozen=True, slots=True)
class OpenUse:
    """A card use of a till after which the card may be changed or not."""

    epoch: int
    seq: int
    name: bytes
    event: CardUse


class Journal(Store):
    """The journal of a gate or till."""

    def __init__(self, *values: Any, **options: Any) -> None:
        """As a Store."""
        super().__init__(*values, **options)
        self._usages = Usages(self._db)

    # Admissions

    def admit(self, action: RecordAdmission, mark: Mark | None = None) -> tuple[int, bytes]:
        """One durable commit; returns the admission's seq and name. JournalFull: nothing was recorded.

        `mark`: what the lane had counted until now, so that a later run may ask who passed since.
        """
        statement = "INSERT INTO admission (epoch, seq, name, party, boot, counted) VALUES (?, ?, ?, ?, ?, ?)"
        also = partial(self._usages.used, action.event, action.tick)
        begun = self._begun(action.event, statement, action.party, *(mark or (None, None)), also=also)
        self._usages.committed()
        return begun

    def lane_mark(self) -> Mark | None:
        """What the lane had counted at the newest admission of an earlier run that has no outcome."""
        row = self._db.execute(
            "SELECT boot, counted FROM admission WHERE state = 'unfinished' AND epoch != ?"
            " ORDER BY epoch DESC, seq DESC LIMIT 1",
            (self.epoch,),
        ).fetchone()
        return None if row is None or row[0] is None else (row[0], row[1])

    def progress(self, epoch: int, seq: int, passed: int) -> None:
        """`passed` persons of an admission went through so far; takes the reserve when the disk is full."""

        def write() -> None:
            self._db.execute("UPDATE admission SET passed = ? WHERE epoch = ? AND seq = ?", (passed, epoch, seq))

        self._with_reserve(write)

    def outcome(self, action: RecordOutcome) -> None:
        """The outcome and what is owed from it, in one commit; takes the reserve when the disk is full."""
        event = action.event

        def write() -> None:
            self._append_in(Stream.LEDGER, event)
            key = (event.epoch, event.seq)
            if action.unsettled:
                self._db.execute("UPDATE admission SET state = 'unsettled' WHERE epoch = ? AND seq = ?", key)
            else:
                self._db.execute("DELETE FROM admission WHERE epoch = ? AND seq = ?", key)
            if action.owed is not None:
                self._db.execute("INSERT OR REPLACE INTO owed VALUES (?, ?, ?, ?, ?, ?)", self._owed_row(action.owed))
            if action.spent is not None:
                self._db.execute("DELETE FROM owed WHERE admission = ?", (action.spent,))
            if action.memory is not None:
                self._remember(action.memory)
            if event.kind is OutcomeKind.CARD_VOID:
                self._void(event)

        self._with_reserve(write)

    def settled(self, action: RecordSettled) -> None:
        """A settlement and the owed entries that end with it."""
        event = action.event

        def write() -> None:
            self._append_in(Stream.LEDGER, event)
            self._db.execute("DELETE FROM admission WHERE epoch = ? AND seq = ?", (event.epoch, event.seq))
            self._db.executemany("DELETE FROM owed WHERE admission = ?", [(name,) for name in action.ended])

        self._with_reserve(write)

    def also(self, event: Override | ClockState) -> None:
        """What the ledger tells beside tickets: a lane in somebody's hands, how the clock stands."""

        def write() -> None:
            self._append_in(Stream.LEDGER, event)

        self._with_reserve(write)

    # Card uses of a till

    def begin_use(self, event: CardUse) -> tuple[int, bytes]:
        """One durable commit before the card's; returns the use's seq and name. JournalFull: nothing was recorded."""
        return self._begun(event, "INSERT INTO card_use (epoch, seq, name) VALUES (?, ?, ?)")

    def end_use(self, event: CardUseEnded) -> None:
        """How it ended; one that may have changed the card waits for `settle_use`."""
        key = (event.epoch, event.seq)

        def write() -> None:
            self._append_in(Stream.LEDGER, event)
            if event.result in _UNDECIDED:
                self._db.execute("UPDATE card_use SET state = 'unsettled' WHERE epoch = ? AND seq = ?", key)
            else:
                self._db.execute("DELETE FROM card_use WHERE epoch = ? AND seq = ?", key)

        self._with_reserve(write)

    def settle_use(self, event: Settled) -> None:
        """The card came back and told whether it had been changed."""

        def write() -> None:
            self._append_in(Stream.LEDGER, event)
            self._db.execute("DELETE FROM card_use WHERE epoch = ? AND seq = ?", (event.epoch, event.seq))

        self._with_reserve(write)

    def open_uses(self) -> list[OpenUse]:
        """Uses of earlier runs that never ended, oldest first: the till was stopped in between."""
        return [use for use in self._uses("open") if use.epoch != self.epoch]

    def unsettled_uses(self) -> list[OpenUse]:
        """Uses after which the card has not come back, of this run too, oldest first."""
        return self._uses("unsettled")

    def _uses(self, state: str) -> list[OpenUse]:
        rows = self._db.execute(
            "SELECT u.epoch, u.seq, u.name, COALESCE(v.payload, u.payload) FROM card_use u"
            " LEFT JOIN event v ON v.stream = ? AND v.epoch = u.epoch AND v.seq = u.seq"
            " WHERE u.state = ? ORDER BY u.epoch, u.seq",
            (Stream.LEDGER, state),
        ).fetchall()
        found = []
        for epoch, seq, name, payload in rows:
            event = EVENTS.decode(payload)
            if not isinstance(event, CardUse):
                raise JournalDamaged(f"a card use's event is a {type(event).__name__}")
            found.append(OpenUse(epoch, seq, name, event))
        return found

    # What a start finds

    def unfinished(self) -> list[Unfinished]:
        """Admissions of earlier runs without an outcome, oldest first."""
        found = []
        for epoch, seq, name, party, passed, payload in self._admissions("unfinished"):
            event = self._admitted(payload)
            found.append(
                Unfinished(
                    epoch,
                    seq,
                    name,
                    event.prev,
                    event.n,
                    party,
                    event.medium,
                    event.claim,
                    passed,
                    event.reoffer_of,
                )
            )
        return found

    def unsettled(self) -> list[Unsettled]:
        """Admissions whose card has not come back."""
        found = []
        for epoch, seq, name, _, _, payload in self._admissions("unsettled"):
            event = self._admitted(payload)
            found.append(Unsettled(name, event.prev, epoch, seq, event.medium, event.claim, event.reoffer_of))
        return found

    def owed(self) -> list[OwedEntry]:
        """Owed entries, with what is left of their time; those that are over are forgotten."""
        mono, wall = self._clock.monotonic(), self._clock.wall_ms()
        entries = []
        for name, persons, boot, until_mono, until_wall, day in self._db.execute("SELECT * FROM owed"):
            left = until_mono - mono if boot == self._clock.boot_id else min(OWED_S, (until_wall - wall) / 1000)
            entries.append(OwedEntry(name, persons, mono + left, date.fromisoformat(day) if day else None))
        return entries

    def forget_owed(self, keep: Callable[[OwedEntry], bool]) -> None:
        """Delete the owed entries that `keep` does not want."""
        over = [(entry.admission,) for entry in self.owed() if not keep(entry)]
        if over:
            with self._full_told(), self._transaction():
                self._db.executemany("DELETE FROM owed WHERE admission = ?", over)

    # What was learned of cards

    def confirmed(self, medium: bytes, claim: bytes) -> Confirmed | None:
        """The counters that this medium confirmed here last, of this claim (its digest)."""
        row = self._db.execute(
            "SELECT used_total, returns, bank_used FROM confirmed WHERE medium = ? AND claim = ?", (medium, claim)
        ).fetchone()
        return None if row is None else Confirmed(*row)

    def ticket_usage(self, ticket: int) -> TicketUsage:
        """What was used of a ticket, as far as it is known here."""
        return self._usages.of(ticket)

    def card_shown(self, ticket: int, usage: Usage) -> None:
        """What a ticket's card shows; durable with the next admission."""
        self._usages.shown(ticket, usage)

    def verified_claims(self) -> list[tuple[bytes, bytes]]:
        """(digest, signed claim) of earlier runs, in the order they were learned."""
        return self._db.execute("SELECT digest, signed FROM verified_claim ORDER BY rowid").fetchall()

    def forget_old(self) -> None:
        """Delete what was learned of cards and codes beyond what is kept, oldest first."""
        most = {"confirmed": CONFIRMED_MAX, "verified_claim": KNOWN_CLAIMS_MAX, "ticket_usage": TICKETS_MAX}
        with self._full_told(), self._transaction():
            for table, kept in most.items():
                self._db.execute(f"DELETE FROM {table} WHERE rowid <= (SELECT MAX(rowid) FROM {table}) - ?", (kept,))

    def _remember(self, memory: Memory) -> None:
        seen = memory.confirmed
        row = (memory.medium, memory.claim, seen.used_total, seen.returns, seen.bank_used)
        self._db.execute("INSERT OR REPLACE INTO confirmed VALUES (?, ?, ?, ?, ?)", row)
        if memory.signed is not None:
            self._db.execute("INSERT OR REPLACE INTO verified_claim VALUES (?, ?)", (memory.claim, memory.signed))

    # Inside

    def _void(self, outcome: Outcome) -> None:
        """The card of an admission of this run has not taken it."""
        key = (Stream.LEDGER, outcome.epoch, outcome.seq)
        row = self._db.execute("SELECT payload FROM event WHERE stream = ? AND epoch = ? AND seq = ?", key).fetchone()
        event = None if row is None else self._admitted(row[0])
        if isinstance(event, Admitted) and event.before:
            self._usages.void(event)

    def _begun(
        self, event: Event, statement: str, *values: object, also: Callable[[bytes], None] | None = None
    ) -> tuple[int, bytes]:
        """Append `event`, and with `statement` a row of (epoch, seq, name, *values) that waits for its end.

        `also` is called with the name, in the same commit.
        """
        if not self.reserve.held:
            raise JournalFull("the disk reserve is not held")
        chain = self._chains[Stream.LEDGER]
        seq = chain.seq + 1
        name = admission_name(self._gate, self.epoch, seq)
        with self._full_told(), self._transaction():
            head = self._insert(Stream.LEDGER, self.epoch, chain, event)
            self._db.execute(statement, (self.epoch, seq, name, *values))
            if also is not None:
                also(name)
        self._chains[Stream.LEDGER] = Chain(seq, head)
        return seq, name

    def _admissions(self, state: str) -> list[tuple[int, int, bytes, int, int, bytes]]:
        return self._db.execute(
            "SELECT a.epoch, a.seq, a.name, a.party, a.passed, COALESCE(v.payload, a.payload) FROM admission a"
            " LEFT JOIN event v ON v.stream = ? AND v.epoch = a.epoch AND v.seq = a.seq"
            " WHERE a.state = ? AND a.epoch != ? ORDER BY a.epoch, a.seq",
            (Stream.LEDGER, state, self.epoch),
        ).fetchall()

    def _admitted(self, payload: bytes) -> Admitted | AdmittedV1:
        event = EVENTS.decode(payload)
        if not isinstance(event, (Admitted, AdmittedV1)):
            raise JournalDamaged(f"an admission's event is a {type(event).__name__}")
        return event

    def _owed_row(self, entry: OwedEntry) -> tuple[object, ...]:
        mono = self._clock.monotonic()
        left = (entry.until or mono) - mono
        until_wall = self._clock.wall_ms() + int(left * 1000)
        day = entry.day.isoformat() if entry.day else None
        return entry.admission, entry.persons, self._clock.boot_id, entry.until, until_wall, day
