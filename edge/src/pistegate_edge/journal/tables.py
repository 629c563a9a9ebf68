# SPDX-License-Identifier: Apache-2.0
"""What the tables of a damaged journal still tell: rows that can be read and are of the types that they should be."""

import contextlib
import sqlite3
from types import TracebackType
from typing import Any, Self

from pistegate_edge.errors import JournalBroken
from pistegate_edge.journal.epochs import EpochRow, epoch_rows
from pistegate_edge.journal.files import Files
from pistegate_edge.journal.opening import open_to_read
from pistegate_edge.journal.rows import Column, columns_of

# Built from the events, or begun anew; the rest is copied.
_NOT_COPIED = frozenset({"identity", "epoch", "event", "running", "ripening"})


class OldTables:
    """A damaged file, opened to read as far as SQLite can; a context."""

    def __init__(self, files: Files, name: str) -> None:
        self._db: sqlite3.Connection | None = None
        with contextlib.suppress(sqlite3.Error, JournalBroken):
            self._db = open_to_read(files, name)

    def generation(self) -> int | None:
        """Of the cloud that acknowledged last, if that is known and can be read."""
        rows, _ = self._rows("SELECT generation FROM identity")
        return rows[0][0] if rows and isinstance(rows[0][0], int) else None

    def identity(self) -> tuple[int, int, int] | None:
        """Site, gate and newest epoch counter; None when they cannot be read."""
        rows, _ = self._rows("SELECT site, gate, epoch_counter FROM identity")
        row = rows[0] if rows else ()
        return row if len(row) == 3 and all(isinstance(value, int) for value in row) else None

    def epochs(self) -> list[EpochRow]:
        """Rows of the epochs, if all of them can be read."""
        try:
            return [] if self._db is None else epoch_rows(self._db)
        except (sqlite3.Error, ValueError):
            return []

    def copied_into(self, new: sqlite3.Connection) -> list[str]:
        """Copy every other table's rows, a till's own among them; names of tables of which some may be missing."""
        self._create_missing(new)
        names = [name for (name,) in new.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        return [name for name in names if name not in _NOT_COPIED and not self._copied(new, name)]

    def _create_missing(self, new: sqlite3.Connection) -> None:
        rows, _ = self._rows("SELECT sql FROM sqlite_master WHERE type = 'table' AND name LIKE 'till_%'")
        for (sql,) in rows:
            with contextlib.suppress(sqlite3.Error, TypeError):
                new.execute(sql)

    def _copied(self, new: sqlite3.Connection, table: str) -> bool:
        wanted = columns_of(new, table)
        there = {column.name for column in self._columns(table)}
        columns = [column for column in wanted if column.name in there]
        if not columns:
            return not self._lacks(table)
        names = ", ".join(column.name for column in columns)
        rows, whole = self._rows(f"SELECT {names} FROM {table}")
        marks = ", ".join("?" * len(columns))
        for row in rows:
            if not all(column.fits(value) for value, column in zip(row, columns, strict=True)):
                whole = False
                continue
            try:
                new.execute(f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({marks})", row)
            except sqlite3.IntegrityError:
                whole = False
        return whole

    def _lacks(self, table: str) -> bool:
        """Whether the table's absence is damage, not an older schema's."""
        rows, whole = self._rows("SELECT name FROM sqlite_master")
        return not whole or not rows or (table,) in rows

    def _columns(self, table: str) -> list[Column]:
        try:
            return [] if self._db is None else columns_of(self._db, table)
        except sqlite3.Error:
            return []

    def _rows(self, query: str) -> tuple[list[tuple[Any, ...]], bool]:
        """As many rows as can be read, and whether those are all."""
        found: list[tuple[Any, ...]] = []
        if self._db is None:
            return found, False
        try:
            for row in self._db.execute(query):
                found.append(row)
        except (sqlite3.Error, ValueError):  # ValueError: text that is none
            return found, False
        return found, True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._db is not None:
            self._db.close()
