# SPDX-License-Identifier: Apache-2.0
"""Rows in every table of a database, whatever its schema: types, lengths and references are read from the database.

For PostgreSQL and SQLite alike; references decide the order, and rows of one number refer to rows of that number.
"""

import json
import sqlite3
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import date, timedelta
from graphlib import TopologicalSorter
from typing import Any
from uuid import UUID

import asyncpg

from pistegate_cloud.settings import DatabaseSettings

ROWS = 3  # of each table
_FIRST_DAY = date(2026, 1, 17)
_OTHERS = ("tortoise_migrations", "sqlite_sequence")


@dataclass(frozen=True, slots=True)
class Column:
    """`refers`: the table whose key it holds; `length`: None where any will do."""

    name: str
    kind: str
    length: int | None
    refers: str | None


Tables = dict[str, list[Column]]


async def populate(settings: DatabaseSettings) -> dict[str, int]:
    """Put ROWS rows into every table, beside what migrations put there; how many each has then."""
    if settings.is_sqlite:
        with closing(sqlite3.connect(settings.sqlite_path)) as db:
            db.execute("PRAGMA foreign_keys = ON")
            for table, columns in _in_order(_sqlite_tables(db)):
                for number in range(1, ROWS + 1):
                    db.execute(_insert(table, columns, "?"), [_value(c, number, text=True) for c in columns])
            db.commit()
        return await counted(settings)
    async with _connected(settings) as connection, connection.transaction():
        for table, columns in _in_order(await _postgres_tables(connection)):
            for number in range(1, ROWS + 1):
                await connection.execute(_insert(table, columns, "$"), *[_value(c, number) for c in columns])
    return await counted(settings)


@asynccontextmanager
async def _connected(settings: DatabaseSettings) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(settings.url)
    try:
        yield connection
    finally:
        await connection.close()


async def counted(settings: DatabaseSettings) -> dict[str, int]:
    """Rows of each table."""
    if settings.is_sqlite:
        with closing(sqlite3.connect(settings.sqlite_path)) as db:
            return {t: db.execute(f'SELECT count(*) FROM "{t}"').fetchone()[0] for t in _sqlite_tables(db)}
    async with _connected(settings) as connection:
        tables = await _postgres_tables(connection)
        return {table: await connection.fetchval(f'SELECT count(*) FROM "{table}"') for table in tables}


def _in_order(tables: Tables) -> Iterable[tuple[str, list[Column]]]:
    graph = {table: {c.refers for c in columns if c.refers} - {table} for table, columns in tables.items()}
    return [(table, tables[table]) for table in TopologicalSorter(graph).static_order()]


def _insert(table: str, columns: list[Column], mark: str) -> str:
    names = ", ".join(f'"{column.name}"' for column in columns)
    marks = ", ".join("?" if mark == "?" else f"${n}" for n in range(1, len(columns) + 1))
    return f'INSERT INTO "{table}" ({names}) VALUES ({marks}) ON CONFLICT DO NOTHING'


def _value(column: Column, number: int, *, text: bool = False) -> Any:
    """Of the row with this number; `text`: as SQLite keeps UUIDs and days."""
    kind = column.kind.lower()
    if column.name == "amount":
        return 0  # a ledger's transaction sums to zero
    # SQLite's CHAR(36) and PostgreSQL's uuid; a column that refers to one has its type.
    if kind in ("uuid", "char") or (kind.startswith("char") and column.length == 36):
        made = UUID(int=number)
        return str(made) if text else made
    if "json" in kind:
        return json.dumps([])
    if "char" in kind or kind == "text":
        return str(number)[: column.length]
    if "bool" in kind:
        return True
    if kind == "date":
        day = _FIRST_DAY + timedelta(days=number)
        return day.isoformat() if text else day
    if kind in ("blob", "bytea"):
        return bytes([number])
    return number


def _sqlite_tables(db: sqlite3.Connection) -> Tables:
    names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    return {name: _sqlite_columns(db, name) for name in names if name not in _OTHERS}


def _sqlite_columns(db: sqlite3.Connection, table: str) -> list[Column]:
    refers = {row[3]: row[2] for row in db.execute(f'PRAGMA foreign_key_list("{table}")')}
    columns = []
    for _, name, declared, *_ in db.execute(f'PRAGMA table_info("{table}")'):
        kind, _, length = declared.rstrip(")").partition("(")
        columns.append(Column(name, kind, int(length) if length else None, refers.get(name)))
    return columns


async def _postgres_tables(connection: asyncpg.Connection) -> Tables:
    refers = {
        (row["t"], row["c"]): row["r"]
        for row in await connection.fetch(
            "SELECT c.conrelid::regclass::text AS t, a.attname::text AS c, c.confrelid::regclass::text AS r"
            " FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]"
            " WHERE c.contype = 'f'"
        )
    }
    tables: Tables = {}
    for row in await connection.fetch(
        "SELECT table_name AS t, column_name AS c, data_type AS k, character_maximum_length AS n"
        " FROM information_schema.columns WHERE table_schema = 'public' ORDER BY table_name, ordinal_position"
    ):
        if row["t"] not in _OTHERS:
            column = Column(row["c"], row["k"], row["n"], refers.get((row["t"], row["c"])))
            tables.setdefault(row["t"], []).append(column)
    return tables
