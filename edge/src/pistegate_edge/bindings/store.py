# SPDX-License-Identifier: Apache-2.0
"""The gate's tables (bindings, denials): SQLite, looked up by one thread while another applies the next version.

Measured against a packed file (decision 22): a hundredth changed writes 14 MB instead of 21, and atomicity, readers
during a change and crash safety are SQLite's own. A file of its own, not the journal's: what is here can be fetched
again, and its changes must never wait for, or delay, an admission's commit.

What was applied was verified piece by piece; afterwards the disk is believed, as it is for the journal. A binding made
up on the disk still opens nothing: its claim carries the issuer's signature, checked when it is presented.
"""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock
from time import sleep
from typing import IO, Any, Final

from pistegate_edge.errors import EdgeError
from pistegate_protocol.bindings import HANDLE_BYTES, TICKET_BYTES, Binding, decode_binding
from pistegate_protocol.errors import CodecError
from pistegate_protocol.signing import KeyRing, Medium
from pistegate_protocol.tables import (
    BINDINGS,
    CHUNK,
    HEAD_MAX,
    WHOLE,
    Entry,
    EntryReader,
    TableHead,
    TableRefused,
    check_applicable,
    check_chunk,
    decode_denial,
    encode_denial,
    read_head,
    verify_head,
)

FILE_NAME: Final = "tables.sqlite"
SCHEMA_VERSION: Final = 1
TICKETS_MAX: Final = 32  # of one document that are looked at: a guide's whole week; more would hold up the row
_READ_CACHE_KIB: Final = 2048  # of the 24 MB that the tables may take; a lookup reads three pages of 4 KiB
_WRITE_CACHE_KIB: Final = 6144  # while a version is applied; more is written ahead of the commit
# A Python thread makes others wait for up to 5 ms, unless it sleeps: with pieces of 4 KiB and a breath after each, a
# lookup meanwhile takes 0.2 to 0.6 ms at p99 instead of up to 3.5 ms (measured), and a delta 20 ms more.
_PIECE: Final = 1 << 12  # bytes
_BREATH_S: Final = 0.0002
# What a disk without room or permission looks like; anything else is taken for damage.
_NOT_DAMAGE: Final = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_BUSY,
)
_SIDE_FILES: Final = ("", "-wal", "-shm")
_SCHEMA: Final = f"""
    BEGIN;
    CREATE TABLE bindings (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE denials (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE head (name TEXT PRIMARY KEY, version INTEGER NOT NULL, keys INTEGER NOT NULL, total INTEGER NOT NULL);
    PRAGMA user_version = {SCHEMA_VERSION};
    COMMIT;
"""


class TablesDamaged(EdgeError):
    """The tables on the disk cannot be read; delete them (`BindingStore.discard`): the cloud sends them again."""


class TablesFull(EdgeError, OSError):
    """No room, or no permission, to write: the version before stays in force. Make room; it is tried again."""


class BindingStore:
    """Tables of one gate in `directory`; TablesDamaged when what lies there is none.

    Lookups may come from any thread; `apply` from one at a time, any other than those that must not wait.
    """

    def __init__(self, directory: Path, keys: KeyRing, site: int) -> None:
        self._path = directory / FILE_NAME
        self._keys = keys
        self._site = site
        self._applying = Lock()
        self._looking = Lock()
        try:
            self._reader = self._connect(_READ_CACHE_KIB)
            self._prepare()
        except sqlite3.DatabaseError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """No lookups any more."""
        with self._looking:
            self._reader.close()

    @staticmethod
    def discard(directory: Path) -> None:
        """Delete the tables: after damage, or because the site's keys changed hands. They come whole again."""
        for suffix in _SIDE_FILES:
            (directory / f"{FILE_NAME}{suffix}").unlink(missing_ok=True)

    def versions(self) -> dict[str, int]:
        """As Hello tells them; a table without a version is left out."""
        rows = self._look("SELECT name, version FROM head", ())
        return {str(name): int(version) for name, version in rows}

    def handle_keys(self) -> int:
        """Number of the HandleKeys that the bindings here are made with; 0 without any."""
        rows = self._look("SELECT keys FROM head WHERE name = ?", (BINDINGS,))
        return int(rows[0][0]) if rows else 0

    def bindings(self, medium: Medium) -> list[Binding]:
        """The tickets that a document or finger points to, in order of number; TICKETS_MAX at most."""
        low, high = medium.id + bytes(TICKET_BYTES), medium.id + b"\xff" * TICKET_BYTES
        if len(medium.id) != HANDLE_BYTES:
            return []
        rows = self._look("SELECT key, value FROM bindings WHERE key BETWEEN ? AND ? LIMIT ?", (low, high, TICKETS_MAX))
        try:
            found = [decode_binding(key, value) for key, value in rows]
        except CodecError as error:
            raise TablesDamaged(f"{self._path}: {error}") from error
        return [binding for binding in found if binding.medium == medium]

    def denied_below(self, ticket: int) -> int:
        """Claims of `ticket` below this revision are refused; 0: none is."""
        rows = self._look("SELECT key, value FROM denials WHERE key = ?", (encode_denial(ticket, 1)[0],))
        try:
            return decode_denial(*rows[0])[1] if rows else 0
        except CodecError as error:
            raise TablesDamaged(f"{self._path}: {error}") from error

    def apply(self, path: Path) -> TableHead:
        """Put the version in the file at `path` in force, whole or not at all, while lookups go on.

        TableRefused or CodecError: it must not be applied; TablesFull: it could not. Nothing has changed then.
        TablesDamaged; OSError for `path`.
        """
        with self._applying, path.open("rb") as file:
            head = self._head(file)
            try:
                with contextlib.closing(self._connect(_WRITE_CACHE_KIB)) as writer:
                    self._write(writer, head, file)
            except sqlite3.DatabaseError as error:
                raise self._failed(error) from error
        return head

    def _head(self, file: IO[bytes]) -> TableHead:
        signed = read_head(file.read(HEAD_MAX + 1024))
        if signed is None:
            raise TableRefused("the file is cut short")
        file.seek(signed.body_at)
        return verify_head(signed, self._keys, self._site)

    def _write(self, writer: sqlite3.Connection, head: TableHead, file: IO[bytes]) -> None:
        writer.execute("BEGIN IMMEDIATE")
        try:
            row = writer.execute("SELECT version, keys, total FROM head WHERE name = ?", (head.table,)).fetchone()
            version, keys, total = row or (0, 0, 0)
            check_applicable(head, version, keys)
            if head.since == WHOLE:
                writer.execute(f"DELETE FROM {head.table}")
                total = 0
            for entries in _entries(head, file):
                total += _change(writer, head, entries)
                sleep(_BREATH_S)
            if total != head.total:
                raise TableRefused(f"{head.table} has {total} entries now, {head.total} signed: get it whole")
            told = (head.table, head.version, head.keys, total)
            writer.execute("INSERT OR REPLACE INTO head VALUES (?, ?, ?, ?)", told)
            writer.execute("COMMIT")
        except BaseException:
            if writer.in_transaction:
                writer.execute("ROLLBACK")
            raise
        # Else the log would stay as large as the largest version ever applied.
        writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _look(self, query: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        try:
            with self._looking:
                return self._reader.execute(query, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise TablesDamaged(f"{self._path}: {error}") from error

    def _failed(self, error: sqlite3.DatabaseError) -> EdgeError:
        full = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF in _NOT_DAMAGE
        return (TablesFull if full else TablesDamaged)(f"{self._path}: {error}")

    def _connect(self, cache_kib: int) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=5.0)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            # A denial that was applied must survive a power cut: the gate may be alone afterwards.
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            connection.execute(f"PRAGMA cache_size = -{cache_kib}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self) -> None:
        found = self._reader.execute("PRAGMA user_version").fetchone()[0]
        if found == 0:
            self._reader.executescript(_SCHEMA)
        elif found != SCHEMA_VERSION:
            self._reader.close()
            raise TablesDamaged(f"{self._path}: schema {found}, this release has {SCHEMA_VERSION}")


def _entries(head: TableHead, file: IO[bytes]) -> Iterator[list[Entry]]:
    """The entries chunk by chunk, each chunk verified first; TableRefused or CodecError."""
    reader = EntryReader(head)
    for number in range(len(head.chunks)):
        chunk = file.read(CHUNK)
        check_chunk(head, number, chunk)
        for at in range(0, len(chunk), _PIECE):
            yield reader.feed(chunk[at : at + _PIECE])
    reader.close()
    if file.read(1):
        raise TableRefused("bytes after the table")


def _change(writer: sqlite3.Connection, head: TableHead, entries: list[Entry]) -> int:
    """Put these entries in force; by how many there are more now. CodecError for a value that no lookup could read."""
    decode = decode_binding if head.table == BINDINGS else decode_denial
    for key, value in entries:
        if value:
            decode(key, value)
    insert = f"INSERT INTO {head.table} VALUES (?, ?)"
    if head.since == WHOLE:
        return _run(writer, insert, entries)
    gone = _run(writer, f"DELETE FROM {head.table} WHERE key = ?", [(key,) for key, _ in entries])
    return _run(writer, insert, [entry for entry in entries if entry[1]]) - gone


def _run(writer: sqlite3.Connection, statement: str, rows: Sequence[tuple[bytes, ...]]) -> int:
    """How many rows it changed."""
    return writer.executemany(statement, rows).rowcount if rows else 0
