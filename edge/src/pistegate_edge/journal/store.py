# SPDX-License-Identifier: Apache-2.0
"""The journal's file: one open epoch, two chained streams of events, signed documents, and what the uplink asks.

All of it is written by one thread.
"""

import errno
import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from pistegate_edge.clock import Clock
from pistegate_edge.errors import JournalBroken, JournalDamaged, JournalFull, JournalLost
from pistegate_edge.journal import aside, opening, retention
from pistegate_edge.journal.epochs import EpochRow, epoch_row, epoch_rows
from pistegate_edge.journal.files import Files
from pistegate_edge.journal.reserve import Reserve
from pistegate_edge.journal.salvage import salvage
from pistegate_protocol.events import EVENTS, Dropped, EpochOpened, Event, Stream, first_head, new_epoch, next_head
from pistegate_protocol.messages import SignedDocument

log = logging.getLogger(__name__)

CROWDED_TOLD = 1_000  # notes beyond what is kept that are counted before the count is recorded
CHECKPOINT_COMMITS = 400  # commits (about 5 MB of WAL) after which tidy moves them into the database


@dataclass(slots=True)
class Chain:
    """The newest epoch of a stream: last seq and head."""

    seq: int
    head: bytes


@dataclass(frozen=True, slots=True)
class Pending:
    """One epoch of a stream as the uplink starts with it; events before `first_seq` are forgotten."""

    stream: Stream
    epoch: int
    last_seq: int
    acked_seq: int
    first_seq: int = 1


class Store:
    """An open epoch. `random32` makes its number unique even if the counter was lost.

    `created`: it was begun anew. `mark`: the journal before it was kept apart. `rolled_back`: counters of the newest
    epoch that was begun here and of the newest that is still in the file, where they differ. `log_is_gone`: the last
    run was cut off, and the write-ahead log that it left is not there. `keep_days`: days of running that events are
    kept after the cloud has them.
    """

    def __init__(
        self,
        directory: Path,
        site: int,
        gate: int,
        reserve_bytes: int,
        clock: Clock,
        random32: int,
        software: str,
        *,
        keep_days: int = retention.KEEP_DAYS,
        files: Files | None = None,
    ) -> None:
        self._site = site
        self._gate = gate
        self._clock = clock
        self._commits = 0
        self._files = Files(directory) if files is None else files
        self._keep_s = keep_days * retention.DAY_S
        self._lock = self._files.lock()
        try:
            self.mark = aside.finish(self._files)
            self.reserve = Reserve(self._files, reserve_bytes)
            unfinished = aside.is_unfinished(self._files)
            self.created = unfinished or not self._files.exists(opening.FILE_NAME)
            self._counter = max(aside.last_counter(self._files), self.mark.counter if self.mark else 0)
            if self.created and self.mark is None and self._counter and not unfinished:
                raise JournalLost(directory / opening.FILE_NAME, "is gone")
            self.log_is_gone = not self.created and aside.log_is_gone(self._files)
            if self.created:
                aside.creating(self._files)
            self._db = self._open_somehow()
        except BaseException:
            self._lock.close()
            raise
        try:
            self.rolled_back = self._rolled_back()
            self.reserve.take()
            self._begun_mono = clock.monotonic()
            self._ran_before = self._one("SELECT ran FROM running")[0]
            self._marked_at = self._begun_mono
            self._heard_ran: int | None = None
            self._crowded = 0
            self.epoch, self._chains = self._begin_somehow(random32, software)
            self._waiting_notes = self._notes_waiting()
            if self.created:
                aside.is_made(self._files)
        except BaseException:
            self._db.close()
            self._lock.close()
            raise

    @property
    def set_aside(self) -> str | None:
        """Name of the damaged journal before this one, of which nothing was taken over."""
        return self.mark.kept if self.mark and not self.mark.told else None

    def _open_somehow(self) -> sqlite3.Connection:
        """On a full disk the last run's reserve makes room for SQLite's side files."""
        try:
            return self._open()
        except JournalFull:
            if self.created:
                raise
        self.reserve.give_up()
        return self._open()

    def _open(self) -> sqlite3.Connection:
        if not self.created:
            self._verify_or_salvage()
        try:
            with self._full_told():
                connection = opening.connect(self._files)
                if self.created:
                    opening.create(connection, self._site, self._gate, self._counter)
                else:
                    opening.migrate(connection)
        except BaseException:
            if self.created:
                self._files.remove(opening.FILE_NAME)
            raise
        return connection

    def _verify_or_salvage(self) -> None:
        try:
            opening.verify(self._files, self._site, self._gate)
        except JournalBroken as broken:
            log.error("the journal is damaged: %s; what is valid is salvaged", broken.what)
            stamp = self._clock.wall().strftime("%Y%m%dT%H%M%SZ")
            with self._full_told():
                self.mark = salvage(self._files, self._site, self._gate, stamp, broken.what)

    def _rolled_back(self) -> tuple[int, int] | None:
        """The file's epochs end before the newest that was begun here: its end was lost, or an old copy put back."""
        found = self._one("SELECT epoch_counter FROM identity")[0]
        begun, self._counter = self._counter, max(self._counter, found)
        return (begun, found) if found < begun and not self.created else None

    def _begin_somehow(self, random32: int, software: str) -> tuple[int, dict[Stream, Chain]]:
        """On a full disk the reserve makes room for the epoch; the gate then starts out of service."""
        try:
            with self._full_told():
                return self._begin(random32, software)
        except JournalFull:
            if not self.reserve.held:
                raise
        self.reserve.give_up()
        with self._full_told():
            return self._begin(random32, software)

    def _begin(self, random32: int, software: str) -> tuple[int, dict[Stream, Chain]]:
        """Open the next epoch: both chains start with EpochOpened, naming the heads before.

        Its counter is then written down apart, so that no later epoch has it, whatever becomes of the file.
        """
        at = self._clock.wall_ms()
        counter = self._counter + 1
        epoch = new_epoch(counter, random32)
        with self._transaction():
            chains = {}
            for stream in Stream:
                previous = self._last(stream)
                EpochRow(stream, epoch, counter).write(self._db)
                event = EpochOpened(at, previous[0], previous[1], software)
                before = Chain(0, first_head(self._gate, stream, epoch))
                chains[stream] = Chain(1, self._insert(stream, epoch, before, event))
            dropped = retention.drop_notes(self._db, epoch, retention.NOTES_MAX // 2)
            if dropped:
                notes = chains[Stream.NOTES]
                head = self._insert(Stream.NOTES, epoch, notes, Dropped(at, dropped))
                chains[Stream.NOTES] = Chain(notes.seq + 1, head)
            retention.forget_epochs(self._db, epoch)
            self._db.execute("UPDATE identity SET epoch_counter = ?", (counter,))
        self._counter = counter
        with suppress(OSError):  # what a full disk keeps us from writing here, the journal itself has
            aside.opened(self._files, counter)
        return epoch, chains

    def note(self, event: Event) -> None:
        """One event of the notes stream; JournalFull when there is no room (the reserve is not for notes).

        Beyond NOTES_MAX that the cloud has not, notes are counted instead, and the count recorded.
        """
        if self._waiting_notes >= retention.NOTES_MAX:
            self._crowded += 1
            if self._crowded < CROWDED_TOLD:
                return
        if self._crowded:
            self._append(Stream.NOTES, Dropped(self._clock.wall_ms(), self._crowded))
            crowded, self._crowded = self._crowded, 0
            if crowded >= CROWDED_TOLD:
                return
        self._append(Stream.NOTES, event)

    def append(self, event: Event) -> int:
        """One event of the ledger by itself; returns its seq. JournalFull when there is no room without the reserve."""
        return self._append(Stream.LEDGER, event)

    def _append(self, stream: Stream, event: Event) -> int:
        before = self._chains[stream]
        try:
            with self._full_told(), self._transaction():
                seq, head = self._append_in(stream, event)
        except BaseException:
            self._chains[stream] = before
            raise
        self._chains[stream] = Chain(seq, head)
        if stream is Stream.NOTES:
            self._waiting_notes += 1
        return seq

    def store_document(self, name: str, version: int, signed: SignedDocument) -> None:
        """Replace the document of this name."""
        with self._full_told(), self._transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO document VALUES (?, ?, ?, ?, ?)",
                (name, version, signed.key_id, signed.body, signed.signature),
            )

    # What the uplink reads and acknowledges

    def pending(self) -> list[Pending]:
        """Epochs not acknowledged to their end, and the newest ones, in order."""
        rows = self._db.execute(
            "SELECT e.stream, e.epoch, e.acked_seq, e.kept_from,"
            " COALESCE((SELECT MAX(seq) FROM event v WHERE v.stream = e.stream AND v.epoch = e.epoch), kept_from - 1)"
            " FROM epoch e ORDER BY e.position, e.stream"
        ).fetchall()
        found = [Pending(Stream(stream), epoch, last, acked, first) for stream, epoch, acked, first, last in rows]
        return [p for p in found if p.acked_seq < p.last_seq or p.epoch == self.epoch]

    def kept(self, stream: Stream) -> list[Pending]:
        """Every epoch of which something is kept, and the current one, in order."""
        rows = self._db.execute(
            "SELECT e.epoch, e.acked_seq, e.kept_from,"
            " COALESCE((SELECT MAX(seq) FROM event v WHERE v.stream = e.stream AND v.epoch = e.epoch), kept_from - 1)"
            " FROM epoch e WHERE e.stream = ? ORDER BY e.position",
            (stream,),
        ).fetchall()
        found = [Pending(stream, epoch, last, acked, first) for epoch, acked, first, last in rows]
        return [each for each in found if each.first_seq <= each.last_seq or each.epoch == self.epoch]

    def last_seq(self, stream: Stream) -> int:
        """Of this epoch."""
        return self._chains[stream].seq

    def fetch(self, stream: Stream, epoch: int, first: int, limit: int) -> tuple[bytes, list[bytes]]:
        """The head before `first`, and up to `limit` payloads from it on."""
        rows = self._db.execute(
            "SELECT payload FROM event WHERE stream = ? AND epoch = ? AND seq >= ? ORDER BY seq LIMIT ?",
            (stream, epoch, first, limit),
        ).fetchall()
        return self._head(stream, epoch, first - 1), [row[0] for row in rows]

    def head_at(self, stream: Stream, epoch: int, seq: int) -> bytes | None:
        """The chain's head after `seq`; None for an epoch or event that we never had, or have no more."""
        row = epoch_row(self._db, stream, epoch)
        if row is None:
            return None
        if seq == row.kept_from - 1:
            return row.head_before(self._gate)
        found = self._db.execute(
            "SELECT head FROM event WHERE stream = ? AND epoch = ? AND seq = ?", (stream, epoch, seq)
        ).fetchone()
        return None if found is None else bytes(found[0])

    def is_forgotten(self, stream: Stream, epoch: int, seq: int) -> bool:
        """Whether we had this event and let it go: the cloud acknowledged it long ago, or it was a note dropped."""
        row = epoch_row(self._db, stream, epoch)
        return row is not None and seq < row.kept_from - 1

    def beginning(self, stream: Stream, epoch: int) -> tuple[int, bytes]:
        """The first event that is kept of an epoch, and the chain's head before it; KeyError for an unknown epoch."""
        row = epoch_row(self._db, stream, epoch)
        if row is None:
            raise KeyError(f"no epoch {epoch}")
        return row.kept_from, row.head_before(self._gate)

    def acknowledge(self, stream: Stream, epoch: int, seq: int) -> None:
        """The cloud has stored everything of (stream, epoch) up to `seq`."""
        row = epoch_row(self._db, stream, epoch)
        if row is None or seq <= row.acked_seq:
            return
        with self._full_told(), self._transaction():
            replace(row, acked_seq=seq).write(self._db)
        if stream is Stream.NOTES:
            self._waiting_notes -= seq - row.acked_seq

    @property
    def generation(self) -> int | None:
        """Of the cloud that acknowledged last; it changes when the cloud was restored from a backup."""
        found = self._db.execute("SELECT generation FROM identity").fetchone()[0]
        return None if found is None else int(found)

    def replay(self, generation: int) -> None:
        """The cloud is another one: whatever is still here counts as not acknowledged."""
        with self._full_told(), self._transaction():
            for row in epoch_rows(self._db):
                replace(row, acked_seq=row.kept_from - 1).write(self._db)
            self._db.execute("DELETE FROM ripening")
            self._db.execute("UPDATE identity SET generation = ?", (generation,))
        self._heard_ran = None
        self._waiting_notes = self._notes_waiting()

    def meet(self, generation: int) -> None:
        """The first cloud that acknowledges anything is of this generation."""
        with self._full_told(), self._transaction():
            self._db.execute("UPDATE identity SET generation = ?", (generation,))

    def document(self, name: str) -> tuple[int, SignedDocument] | None:
        """Version and signed form of a document, as last stored."""
        row = self._db.execute(
            "SELECT version, key_id, body, signature FROM document WHERE name = ?", (name,)
        ).fetchone()
        return None if row is None else (row[0], SignedDocument(row[1], bytes(row[2]), bytes(row[3])))

    def tidy(self) -> None:
        """Between passages: forget a little of what may be forgotten; move a grown WAL into the database."""
        if self.mark is not None:
            self._files.remove(aside.MARK)  # what it tells is recorded by now
            self.mark = None
        with suppress(JournalFull):  # the next one that matters says so
            self._forget()
        if self._commits >= CHECKPOINT_COMMITS:
            self._commits = 0
            with suppress(JournalFull), self._full_told():  # the log goes on, and the next try is as good
                self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def heard(self) -> None:
        """The cloud of the known generation said something that proves that it is still that one.

        Events ripen by this alone: while nobody answers, the cloud may have been restored from before it had them.
        """
        self._heard_ran = self._ran()

    def _ran(self) -> int:
        """Seconds that the device has run with this journal."""
        return self._ran_before + int(self._clock.monotonic() - self._begun_mono)

    def _forget(self) -> None:
        mono = self._clock.monotonic()
        if mono - self._marked_at >= retention.MARK_S:
            self._marked_at = mono
            with self._full_told(), self._transaction():
                retention.mark(self._db, self._ran())
        if self._heard_ran is None:
            return
        what = retention.ripe(self._db, self._heard_ran - self._keep_s)
        if what is not None:
            with self._full_told(), self._transaction():
                retention.forget(self._db, what)

    def close(self) -> None:
        """Close the database and let go of the lock."""
        if self._crowded:
            with suppress(JournalFull):
                self._append(Stream.NOTES, Dropped(self._clock.wall_ms(), self._crowded))
        with suppress(OSError):
            aside.closed(self._files, self._counter)
        self._db.close()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Inside

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
            self._commits += 1
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    @contextmanager
    def _full_told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            if not opening.is_full(error):
                raise
            raise JournalFull(f"no room for another record: {error}") from error
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise JournalFull(f"no room for another record: {error}") from error

    def _with_reserve(self, write: Callable[[], None]) -> None:
        """Run `write` in a transaction; when the disk is full, once more with the reserve given up."""
        for last_try in (False, True):
            before = self._chains[Stream.LEDGER]
            try:
                with self._full_told(), self._transaction():
                    write()
                return
            except JournalFull:
                self._chains[Stream.LEDGER] = before
                if last_try or not self.reserve.held:
                    raise
                self.reserve.give_up()

    def _append_in(self, stream: Stream, event: Event) -> tuple[int, bytes]:
        """Inside a transaction: append, and move the ledger's chain on."""
        chain = self._chains[stream]
        head = self._insert(stream, self.epoch, chain, event)
        moved = Chain(chain.seq + 1, head)
        if stream is Stream.LEDGER:
            self._chains[stream] = moved
        return moved.seq, head

    def _insert(self, stream: Stream, epoch: int, chain: Chain, event: Event) -> bytes:
        payload = EVENTS.encode(event)
        head = next_head(chain.head, payload)
        self._db.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?)", (stream, epoch, chain.seq + 1, payload, head))
        return head

    def _notes_waiting(self) -> int:
        return sum(p.last_seq - p.acked_seq for p in self.pending() if p.stream is Stream.NOTES)

    def _head(self, stream: Stream, epoch: int, seq: int) -> bytes:
        head = self.head_at(stream, epoch, seq)
        if head is None:
            raise JournalDamaged(f"event {seq} of stream {stream}, epoch {epoch} is gone")
        return head

    def _last(self, stream: Stream) -> tuple[int, bytes]:
        """Number and last head of the newest epoch of a stream; (0, empty) when there is none."""
        found = self._db.execute(
            "SELECT epoch, kept_from, (SELECT MAX(seq) FROM event v WHERE v.stream = e.stream AND v.epoch = e.epoch)"
            " FROM epoch e WHERE stream = ? ORDER BY position DESC LIMIT 1",
            (stream,),
        ).fetchone()
        if found is None:
            return 0, b""
        epoch, kept_from, last = found
        return epoch, self._head(stream, epoch, kept_from - 1 if last is None else last)

    def _one(self, query: str) -> tuple[int, ...]:
        row: tuple[int, ...] = self._db.execute(query).fetchone()
        return row
