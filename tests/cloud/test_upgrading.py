# SPDX-License-Identifier: Apache-2.0
"""Databases of each released schema, with rows in every table, come to the newest one with nothing lost.

tortoise's own migrations lose rows, indexes and triggers on SQLite without a word (docs/decisions/0005-cloud.md).
"""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from populated import ROWS, populate
from populated import counted as rows_of
from schemas import Schema, schema

from pistegate_cloud.migrate import migrate
from pistegate_cloud.settings import DatabaseSettings

# What was delivered: the first release, and each schema that a site may have got since.
OLDER = ("0004_events", "0006_wallets", "0010_bindings")
RELEASED = ("0015_payments", *(pytest.param(name, marks=pytest.mark.slow) for name in OLDER))
RENAMED = {"kept_answer": "kept_reply"}


@pytest.fixture
async def newest(database_url: str, request: pytest.FixtureRequest) -> Schema:
    """The schema of a database that was made by this release, of the kind in question."""
    if database_url.startswith("sqlite"):
        return await schema(DatabaseSettings(f"sqlite://{request.getfixturevalue('sqlite_template')}"))
    return await schema(DatabaseSettings(request.getfixturevalue("postgres_template")))


@pytest.mark.parametrize("release", RELEASED)
async def test_a_full_database_of_a_release_keeps_every_row_index_and_reference(
    database_url: str, release: str, newest: Schema
) -> None:
    """Three rows in every table: all there after the upgrade, and the schema is that of a new database."""
    settings = DatabaseSettings(database_url)
    await migrate(settings, release)
    before = await populate(settings)
    assert min(before.values()) >= ROWS
    await migrate(settings)
    after = await rows_of(settings)
    lost = {table: rows - after[RENAMED.get(table, table)] for table, rows in before.items()}
    assert not any(left > 0 for left in lost.values()), lost
    found = await schema(settings)
    assert found.keys() == newest.keys()
    for table in newest:
        assert found[table] == newest[table], table


async def test_a_lost_row_is_seen(tmp_path: Path) -> None:
    """Planted: one row of one table goes. The counts tell."""
    path = tmp_path / "cloud.sqlite3"
    await migrate(DatabaseSettings(f"sqlite://{path}"), "0004_events")
    before = await populate(DatabaseSettings(f"sqlite://{path}"))
    with closing(sqlite3.connect(path)) as db:
        db.execute("DELETE FROM denial WHERE id = 2")
        db.commit()
    assert await rows_of(DatabaseSettings(f"sqlite://{path}")) == before | {"denial": ROWS - 1}
