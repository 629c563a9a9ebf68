# SPDX-License-Identifier: Apache-2.0
"""What a database's schema is, as far as it matters: columns, unique sets, indexes, references."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg

from pistegate_cloud.settings import DatabaseSettings

Schema = dict[str, Any]


def sqlite_schema(path: Path) -> Schema:
    """Columns, unique sets, indexes, references and triggers by table."""
    found: Schema = {}
    with closing(sqlite3.connect(path)) as db:
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'").fetchall():
            if table.startswith("sqlite_") or table == "tortoise_migrations":
                continue
            columns = {row[1]: (row[2], row[3], row[5]) for row in db.execute(f"PRAGMA table_info({table})")}
            indexes = {
                (unique, tuple(row[2] for row in db.execute(f"PRAGMA index_info({name})")))
                for _, name, unique, *_ in db.execute(f"PRAGMA index_list({table})").fetchall()
            }
            references = {(row[3], row[2], row[4], row[6]) for row in db.execute(f"PRAGMA foreign_key_list({table})")}
            found[table] = (columns, indexes, references)
    return found


async def postgres_schema(dsn: str) -> Schema:
    """As `sqlite_schema`."""
    db = await asyncpg.connect(dsn)
    columns = await db.fetch(
        "SELECT table_name, column_name, data_type, is_nullable, character_maximum_length, column_default"
        " FROM information_schema.columns WHERE table_schema = 'public'"
    )
    indexes = await db.fetch(
        "SELECT c.relname, i.indisunique, ARRAY(SELECT attname::text FROM unnest(i.indkey) WITH ORDINALITY k(n, o)"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.n ORDER BY o) AS columns"
        " FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace s ON s.oid = c.relnamespace"
        " WHERE s.nspname = 'public'"
    )
    references = await db.fetch(
        "SELECT c.conrelid::regclass::text AS t, pg_get_constraintdef(c.oid) AS d FROM pg_constraint c"
        " WHERE contype = 'f'"
    )
    await db.close()
    rows = (
        {tuple(row) for row in columns if row["table_name"] != "tortoise_migrations"},
        {(r["relname"], r["indisunique"], tuple(r["columns"])) for r in indexes if r[0] != "tortoise_migrations"},
        {tuple(row) for row in references},
    )
    return {"all": rows}


async def schema(settings: DatabaseSettings) -> Schema:
    return sqlite_schema(settings.sqlite_path) if settings.is_sqlite else await postgres_schema(settings.url)
