# SPDX-License-Identifier: Apache-2.0
"""Whether rows are of the types that their columns declare: SQLite takes, and after damage reads, anything anywhere."""

import sqlite3
from dataclasses import dataclass

from pistegate_protocol.usage import USAGE_BYTES, is_usage_layout

_TYPES: dict[str, tuple[type, ...]] = {"INTEGER": (int,), "TEXT": (str,), "BLOB": (bytes,), "REAL": (float, int)}
_SQL_TYPES = {"INTEGER": ("integer",), "TEXT": ("text",), "BLOB": ("blob",), "REAL": ("real", "integer")}
_PROVED = frozenset({"event"})  # by the chains
_LAYOUTS = ", ".join(f"x'{first:02x}'" for first in range(256) if is_usage_layout(first))
# What the gate would stumble over at a guest's next visit.
_ALSO = {"ticket_usage": f"length(usage) != {USAGE_BYTES} OR substr(usage, 1, 1) NOT IN ({_LAYOUTS})"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column as its table declares it."""

    name: str
    kind: str
    may_be_null: bool

    def fits(self, value: object) -> bool:
        """Whether `value` can be in it."""
        return self.may_be_null if value is None else isinstance(value, _TYPES.get(self.kind, (object,)))

    @property
    def misfit(self) -> str:
        """The condition of rows in which it holds something else; empty for a type that is none of the journal's."""
        if self.kind not in _SQL_TYPES:
            return ""
        allowed = (*_SQL_TYPES[self.kind], *(("null",) if self.may_be_null else ()))
        return f"typeof({self.name}) NOT IN ({', '.join(repr(kind) for kind in allowed)})"


def columns_of(connection: sqlite3.Connection, table: str) -> list[Column]:
    """Columns of a table; none when there is no such table."""
    rows = connection.execute(f"PRAGMA table_info({table})").fetchall()
    return [Column(name, kind.upper(), not required and not key) for _, name, kind, required, _, key in rows]


def first_misfit(connection: sqlite3.Connection) -> str:
    """A table with a row that nobody wrote so; empty when there is none."""
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
    for (table,) in tables:
        if table in _PROVED or table.startswith("sqlite_"):
            continue
        conditions = [column.misfit for column in columns_of(connection, table) if column.misfit]
        if table in _ALSO:
            conditions.append(_ALSO[table])
        query = f"SELECT 1 FROM {table} WHERE {' OR '.join(conditions) or '0'} LIMIT 1"
        if connection.execute(query).fetchone() is not None:
            return str(table)
    return ""
