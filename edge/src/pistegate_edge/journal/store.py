# SPDX-License-Identifier: Apache-2.0
"""The journal's file: one open epoch, two chained streams of events, signed documents, and what the uplink asks.

All of it is written by one thread.
"""

import errno
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pistegate_edge.clock import Clock
from pistegate_edge.errors import JournalDamaged, JournalFull
from pistegate_edge.journal import opening
from pistegate_edge.journal.reserve import Reserve
from pistegate_protocol.events import EVENTS, EpochOpened, Event, Stream, first_head, new_epoch, next_head
from pistegate_protocol.messages import SignedDocument

CHECKPOINT_COMMITS = 400  # commits (about 5 MB of WAL) after which tidy moves them into the database


@dataclass(slots=True)
class Chain:
    """The newest epoch of a stream: last seq and head."""

    seq: int
    head: bytes


@dataclass(frozen=True, slots=True)
class Pending:
    """One epoch of a stream as the uplink starts with it."""

    stream: Stream
    epoch: int
    last_seq: int
    acked_seq: int


class Store:
    """An open epoch. `random32` makes its number unique even if the counter was lost."""

    def __init__(
        self, directory: Path, site: int, gate: int, reserve_bytes: int, clock: Clock, random32: int, software: str
    ) -> None:
        self._gate = gate
        self._clock = clock
        self._commits = 0
        self._path = directory / opening.FILE_NAME
        self._lock = opening.lock(directory)
        self._mark = opening.read_mark(directory)
        self.reserve = Reserve(directory, reserve_bytes)
        self.created = not self._path.exists()
        self.set_aside = self._mark[0] if self._mark else None
        try:
            self._db = self._open_somehow(site)
        except BaseException:
            self._lock.close()
            raise
        try:
            self.reserve.take()
            self.epoch, self._chains = self._begin_somehow(random32, software)
        except BaseException:
            self.close()
            raise
        (directory / opening.SET_ASIDE_MARK).unlink(missing_ok=True)

    def _open_somehow(self, site: int) -> sqlite3.Connection:
        """On a full disk the last run's reserve makes room for SQLite's side files."""
        try:
            return self._open(site)
        except JournalFull:
            if self.created:
                raise
        self.reserve.give_up()
        return self._open(site)

    def _open(self, site: int) -> sqlite3.Connection:
        if not self.created:
            opening.verify(self._path, site, self._gate)
        try:
            with self._full_told():
                connection = opening.connect(self._path)
                if self.created:
                    opening.create(connection, site, self._gate, self._mark[1] if self._mark else 0)
                else:
                    opening.migrate(connection)
        except BaseException:
            if self.created:
                self._path.unlink(missing_ok=True)
            raise
        return connection

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
        """Open the next epoch: both chains start with EpochOpened, naming the heads before."""
        at = self._clock.wall_ms()
        with self._transaction():
            counter = self._one("SELECT epoch_counter FROM identity")[0] + 1
            epoch = new_epoch(counter, random32)
            chains = {}
            for stream in Stream:
                previous = self._last(stream)
                self._db.execute("INSERT INTO epoch VALUES (?, ?, ?, 0)", (stream, epoch, counter))
                event = EpochOpened(at, previous[0], previous[1], software)
                before = Chain(0, first_head(self._gate, stream, epoch))
                chains[stream] = Chain(1, self._insert(stream, epoch, before, event))
            self._db.execute("UPDATE identity SET epoch_counter = ?", (counter,))
        return epoch, chains

    def note(self, event: Event) -> None:
        """One event of the notes stream; JournalFull when there is no room (the reserve is not for notes)."""
        with self._full_told(), self._transaction():
            seq, head = self._append_in(Stream.NOTES, event)
        self._chains[Stream.NOTES] = Chain(seq, head)

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
            "SELECT e.stream, e.epoch, e.acked_seq,"
            " (SELECT MAX(seq) FROM event v WHERE v.stream = e.stream AND v.epoch = e.epoch)"
            " FROM epoch e ORDER BY e.position, e.stream"
        ).fetchall()
        found = [Pending(Stream(stream), epoch, last or 0, acked) for stream, epoch, acked, last in rows]
        return [p for p in found if p.acked_seq < p.last_seq or p.epoch == self.epoch]

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
        """The chain's head after `seq`; None for an epoch or event that we never had."""
        known = self._db.execute("SELECT 1 FROM epoch WHERE stream = ? AND epoch = ?", (stream, epoch)).fetchone()
        if known is None:
            return None
        if seq == 0:
            return first_head(self._gate, stream, epoch)
        row = self._db.execute(
            "SELECT head FROM event WHERE stream = ? AND epoch = ? AND seq = ?", (stream, epoch, seq)
        ).fetchone()
        return None if row is None else bytes(row[0])

    def acknowledge(self, stream: Stream, epoch: int, seq: int) -> None:
        """The cloud has stored everything of (stream, epoch) up to `seq`."""
        with self._full_told(), self._transaction():
            self._db.execute(
                "UPDATE epoch SET acked_seq = MAX(acked_seq, ?) WHERE stream = ? AND epoch = ?", (seq, stream, epoch)
            )

    def document(self, name: str) -> tuple[int, SignedDocument] | None:
        """Version and signed form of a document, as last stored."""
        row = self._db.execute(
            "SELECT version, key_id, body, signature FROM document WHERE name = ?", (name,)
        ).fetchone()
        return None if row is None else (row[0], SignedDocument(row[1], bytes(row[2]), bytes(row[3])))

    def tidy(self) -> None:
        """Between passages: move a grown WAL into the database."""
        if self._commits >= CHECKPOINT_COMMITS:
            self._commits = 0
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def close(self) -> None:
        """Close the database and let go of the lock."""
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

    def _head(self, stream: Stream, epoch: int, seq: int) -> bytes:
        head = self.head_at(stream, epoch, seq)
        if head is None:
            raise JournalDamaged(f"event {seq} of stream {stream}, epoch {epoch} is gone")
        return head

    def _last(self, stream: Stream) -> tuple[int, bytes]:
        """Number and last head of the newest epoch of a stream; (0, empty) when there is none."""
        row = self._db.execute(
            "SELECT v.epoch, v.head FROM event v JOIN epoch e ON e.stream = v.stream AND e.epoch = v.epoch"
            " WHERE v.stream = ? ORDER BY e.position DESC, v.seq DESC LIMIT 1",
            (stream,),
        ).fetchone()
        return (0, b"") if row is None else (row[0], bytes(row[1]))

    def _one(self, query: str) -> tuple[int, ...]:
        row: tuple[int, ...] = self._db.execute(query).fetchone()
        return row
