# SPDX-License-Identifier: Apache-2.0
"""A connection to a database on a simulated disk, with as much of the sqlite3 module's API as the journal uses."""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import apsw

from pistegate_simulators.disk.disk import Disk, PowerCut
from pistegate_simulators.disk.vfs import VFS_NAME, path_on

# sqlite3's exception for each of SQLite's primary result codes that the journal tells apart.
_DATABASE = {apsw.SQLITE_CORRUPT, apsw.SQLITE_NOTADB}
_INTEGRITY = {apsw.SQLITE_CONSTRAINT, apsw.SQLITE_MISMATCH}


class CrashingConnection:
    """Raises what sqlite3 raises, with `sqlite_errorcode`; PowerCut where the power went, and ever after."""

    def __init__(self, disk: Disk, name: str, *, read_only: bool = False) -> None:
        self._disk = disk
        self._session = disk.session
        flags = apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
        with self._told():
            self._db = apsw.Connection(path_on(disk, name), flags=flags, vfs=VFS_NAME, statementcachesize=64)
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE").fetchall()
            if read_only:  # who cannot write cannot lock either, and leaves the log where it is
                self._db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)

    @property
    def in_transaction(self) -> bool:
        """Whether one is open."""
        return bool(self._db.in_transaction)

    @property
    def total_changes(self) -> int:
        """Rows changed since it was opened."""
        return int(self._db.total_changes())

    def execute(self, sql: str, values: Sequence[Any] = ()) -> "CrashingCursor":
        """One statement, its first row already fetched."""
        # Written out, as it is called more often than everything else together.
        try:
            cursor = self._db.execute(sql, values)
        except apsw.Error as error:
            raise self._translated(error) from error
        self._disk.check(self._session)
        return CrashingCursor(self, cursor)

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """One statement for each row of values."""
        with self._told():
            self._db.executemany(sql, list(rows))

    def executescript(self, script: str) -> None:
        """Statements in order."""
        self.execute(script).fetchall()

    def close(self) -> None:
        """Like sqlite3's; after a cut nothing reaches the disk."""
        with contextlib.suppress(PowerCut), self._told():
            if self._disk.capacity is not None:
                # A checkpoint that finds no room keeps the WAL; apsw would print what it could not raise.
                self._db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            self._db.close(True)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except apsw.Error as error:
            raise self._translated(error) from error
        self._disk.check(self._session)

    def _translated(self, error: apsw.Error) -> BaseException:
        if self._disk.off or self._session != self._disk.session:
            return PowerCut()
        code: int = getattr(error, "extendedresult", None) or getattr(error, "result", None) or apsw.SQLITE_ERROR
        primary = code & 0xFF
        kind: type[sqlite3.Error] = sqlite3.OperationalError
        if primary in _DATABASE:
            kind = sqlite3.DatabaseError
        elif primary in _INTEGRITY:
            kind = sqlite3.IntegrityError
        made = kind(str(error))
        made.sqlite_errorcode = code
        return made


class CrashingCursor:
    """The rows of one statement."""

    __slots__ = ("_connection", "_cursor")

    def __init__(self, connection: CrashingConnection, cursor: apsw.Cursor) -> None:
        self._connection = connection
        self._cursor = cursor

    @property
    def rowcount(self) -> int:
        """Rows that the connection's last INSERT, UPDATE or DELETE changed."""
        return int(self._connection._db.changes())

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row."""
        connection = self._connection
        try:
            row = self._cursor.fetchone()
        except apsw.Error as error:
            raise connection._translated(error) from error
        connection._disk.check(connection._session)
        return row

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows that are left."""
        with self._connection._told():
            return self._cursor.fetchall()

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        while (row := self.fetchone()) is not None:
            yield row
