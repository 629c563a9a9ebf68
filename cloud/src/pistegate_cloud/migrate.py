# SPDX-License-Identifier: Apache-2.0
"""Migrations: tortoise's own, wrapped because on SQLite they lose rows, indexes and triggers without a word.

Measured (docs/decisions/0005-cloud.md): altering a field on SQLite rebuilds the table; with foreign keys on, dropping
the old one cascades; its indexes, unique sets and triggers are gone; and an index that names a relation instead of its
column (site, not site_id) becomes one of a constant. So: copy first, foreign keys off, count rows before and after,
create what is missing, check references, and put the copy back when anything is wrong.
"""

import logging
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

from tortoise.context import TortoiseContext
from tortoise.migrations.executor import MigrationExecutor, MigrationTarget

from pistegate_cloud.database import APP, connection_name, orm_config
from pistegate_cloud.errors import SchemaError
from pistegate_cloud.migrate_together import group_steps
from pistegate_cloud.settings import DatabaseSettings

_log = logging.getLogger(__name__)
_CREATE_INDEX = re.compile(r'CREATE (?:UNIQUE )?INDEX IF NOT EXISTS "\w+" ON "(\w+)" \(([^)]+)\)')
_CREATE_TABLE = re.compile(r'CREATE TABLE IF NOT EXISTS "(\w+)" \((.*?)\n\)', re.DOTALL)
_UNIQUE_SET = re.compile(r'CONSTRAINT "(\w+)" UNIQUE \(([^)]+)\)')


@asynccontextmanager
async def _executor(settings: DatabaseSettings, *, foreign_keys: bool) -> AsyncIterator[MigrationExecutor]:
    config = orm_config(settings, foreign_keys=foreign_keys)
    async with TortoiseContext() as context:
        await context.init(config=config)
        executor = MigrationExecutor(context.connections.get(connection_name(settings)), config["apps"])
        group_steps(executor)
        yield executor


async def pending(settings: DatabaseSettings) -> list[str]:
    """Names of the migrations this database still lacks; SchemaError when it is newer than this release."""
    if settings.is_sqlite and not settings.sqlite_path.exists():
        return ["all of them: there is no database yet"]
    async with _executor(settings, foreign_keys=True) as executor:
        steps = await executor.plan([MigrationTarget(APP, "__latest__")])
        unknown = set(await executor.recorder.applied_migrations()) - set(executor.loader.graph.nodes)
    if unknown:
        names = ", ".join(sorted(key.name for key in unknown))
        raise SchemaError(f"the database is newer than this release (it has {names}): install the newer release")
    return [step.migration.name for step in steps]


async def check_schema(settings: DatabaseSettings, config_path: Path) -> None:
    """SchemaError, with the command that helps, unless the schema is the newest."""
    missing = await pending(settings)
    if missing:
        names = ", ".join(missing)
        raise SchemaError(
            f"the database lacks migrations ({names}): run `pistegate-cloud migrate --config {config_path}`"
        )


async def migrate(settings: DatabaseSettings, target: str = "__latest__") -> list[str]:
    """Bring the schema to `target`; the names of the migrations applied. SchemaError: nothing was changed."""
    if not settings.is_sqlite:
        return await _apply(settings, target)
    path = settings.sqlite_path
    path.parent.mkdir(parents=True, exist_ok=True)
    before = _snapshot(path)
    copy = _backup(path) if before.rows else None
    try:
        applied = await _apply(settings, target)
        wanted = await _wanted_indexes(settings) if target == "__latest__" else {}
        _repair_and_check(path, before, wanted)
    except Exception as error:
        if copy:
            _restore(copy, path)
            raise SchemaError(f"migration failed, the database was put back as it was: {error}") from error
        raise SchemaError(f"migration failed: {error}") from error
    if copy and not applied:
        copy.unlink()
    elif copy:
        _log.info("the database before the migration is kept as %s", copy)
    return applied


async def _apply(settings: DatabaseSettings, target: str) -> list[str]:
    async with _executor(settings, foreign_keys=False) as executor:
        goal = [MigrationTarget(APP, target)]
        steps = await executor.plan(goal)
        await executor.migrate(goal, direction="forward")
    return [step.migration.name for step in steps]


_IndexKey = tuple[str, tuple[str, ...], bool]


async def _wanted_indexes(settings: DatabaseSettings) -> dict[_IndexKey, str]:
    """Every index and unique set that the models declare: (table, columns, unique) -> the statement that creates it."""
    async with _executor(settings, foreign_keys=False) as executor:
        connection = executor.connection
        sql = connection.schema_generator(connection).get_create_schema_sql(safe=True)
    wanted: dict[_IndexKey, str] = {
        (match[1], _columns(match[2]), False): match[0] for match in _CREATE_INDEX.finditer(sql)
    }
    for table, body in _CREATE_TABLE.findall(sql):
        for name, columns in _UNIQUE_SET.findall(body):
            statement = f'CREATE UNIQUE INDEX IF NOT EXISTS "{name}" ON "{table}" ({columns})'
            wanted[table, _columns(columns), True] = statement
    return wanted


def _columns(text: str) -> tuple[str, ...]:
    return tuple(column.strip(' "') for column in text.split(","))


def _present_indexes(database: sqlite3.Connection) -> set[_IndexKey]:
    query = """
        SELECT m.tbl_name, i.name, i."unique", c.name FROM sqlite_master m
        JOIN pragma_index_list(m.name) i JOIN pragma_index_info(i.name) c
        WHERE m.type = 'table' ORDER BY i.name, c.seqno
    """
    columns: dict[tuple[str, str, bool], list[str]] = {}
    for table, index, unique, column in database.execute(query):
        columns.setdefault((table, index, bool(unique)), []).append(column)
    return {(table, tuple(names), unique) for (table, _, unique), names in columns.items()}


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """Row counts by table, and the text of every trigger with its table."""

    rows: dict[str, int]
    triggers: dict[str, tuple[str, str]]


def _snapshot(path: Path) -> _Snapshot:
    with closing(sqlite3.connect(path)) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        tables = [name for name in names if not name.startswith("sqlite_")]
        rows = {table: database.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] for table in tables}
        query = "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'"
        triggers = {name: (table, sql) for name, table, sql in database.execute(query)}
    return _Snapshot(rows, triggers)


def _backup(path: Path) -> Path:
    copy = path.with_name(f"{path.name}.before-migration")
    copy.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def _restore(copy: Path, path: Path) -> None:
    with closing(sqlite3.connect(copy)) as source, closing(sqlite3.connect(path)) as target:
        source.backup(target)


def _repair_and_check(path: Path, before: _Snapshot, wanted: dict[_IndexKey, str]) -> None:
    """Create lost indexes and triggers; SchemaError when rows are missing or references are broken."""
    after = _snapshot(path)
    with closing(sqlite3.connect(path)) as database:
        present = _present_indexes(database)
        for key, statement in wanted.items():
            if key not in present:
                database.execute(statement)
        for name, (table, statement) in before.triggers.items():
            if name not in after.triggers and table in after.rows:
                database.execute(statement)
        database.commit()
        broken = database.execute("PRAGMA foreign_key_check").fetchall()
    lost = {
        table: count - after.rows[table]
        for table, count in before.rows.items()
        if table in after.rows and after.rows[table] < count
    }
    if lost:
        raise SchemaError(f"rows were lost: {', '.join(f'{n} of {table}' for table, n in lost.items())}")
    if broken:
        raise SchemaError(f"broken references after migrating: {broken[:3]}")
