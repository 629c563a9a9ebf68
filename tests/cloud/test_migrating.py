# SPDX-License-Identifier: Apache-2.0
"""Migrations: the schema is what the models say, on both databases, and migrating loses nothing.

Each trap that tortoise sets (docs/decisions/0005-cloud.md) has its test here.
"""

import shutil
import sqlite3
import sys
import types
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from schemas import schema, sqlite_schema
from tortoise import fields, migrations
from tortoise.context import TortoiseContext
from tortoise.migrations import operations as ops

from pistegate_cloud import migrate as migrating
from pistegate_cloud.audit.models import KeptReply
from pistegate_cloud.database import connection_name, open_database, orm_config
from pistegate_cloud.encoders.models import Encoder
from pistegate_cloud.errors import SchemaError
from pistegate_cloud.migrate import check_schema, migrate, pending
from pistegate_cloud.orders.models import Order
from pistegate_cloud.settings import DatabaseSettings
from pistegate_cloud.tickets import queries as tickets
from pistegate_cloud.tickets.models import CardWrite
from pistegate_cloud.tickets.usage import known_usage
from pistegate_protocol.usage import Usage

STEPS = sorted(path.stem for path in Path(migrating.__file__).parent.glob("migrations/[0-9]*.py"))
NEWEST = STEPS[-1]


async def create_from_models(settings: DatabaseSettings) -> None:
    """What tortoise would create from the models today; never done outside this test."""
    async with TortoiseContext() as context:
        await context.init(config=orm_config(settings))
        connection = context.connections.get(connection_name(settings))
        generator = connection.schema_generator(connection)
        await generator.generate_from_string(generator.get_create_schema_sql(safe=False))


async def test_migrations_build_what_the_models_say(database_url: str, request: Any, tmp_path: Path) -> None:
    """Columns, uniqueness, indexes and references alike: nobody forgot a migration, and tortoise forgot nothing."""
    migrated = DatabaseSettings(database_url)
    await migrate(migrated)
    if migrated.is_sqlite:
        fresh = DatabaseSettings(f"sqlite://{tmp_path / 'fresh.sqlite3'}")
    else:
        fresh = DatabaseSettings(request.getfixturevalue("postgres_server").create_database())
    await create_from_models(fresh)
    found, wanted = await schema(migrated), await schema(fresh)
    assert found.keys() == wanted.keys()
    for table in wanted:
        assert found[table] == wanted[table], table
    if not migrated.is_sqlite:
        request.getfixturevalue("postgres_server").drop_database(fresh.url)


def test_every_reference_restricts_and_every_key_of_the_ledger_is_guarded(sqlite_template: Path) -> None:
    """ON DELETE RESTRICT everywhere (trap 1), triggers in place, and no index of a constant (a column must exist)."""
    for table, (columns, indexes, references) in sqlite_schema(sqlite_template).items():
        assert {action for *_, action in references} <= {"RESTRICT"}, table
        for _, indexed in indexes:
            assert set(indexed) <= set(columns), (table, indexed)
        for column, *_ in references:
            assert any(indexed[0] == column for _, indexed in indexes), (table, column)
    with closing(sqlite3.connect(sqlite_template)) as db:
        guarded = {table for (table,) in db.execute("SELECT tbl_name FROM sqlite_master WHERE type='trigger'")}
    assert guarded >= {"account", "ledger_transaction", "posting", "audit_entry"}


async def test_serving_wants_the_newest_schema(database_url: str) -> None:
    """An old or missing schema is refused with the command that helps; a newer one with the other remedy."""
    settings = DatabaseSettings(database_url)
    with pytest.raises(SchemaError, match=r"pistegate-cloud migrate --config /etc/cloud\.toml"):
        await check_schema(settings, Path("/etc/cloud.toml"))
    await migrate(settings, "0002_sales")
    assert await pending(settings) == STEPS[2:]
    assert await migrate(settings) == STEPS[2:]
    await check_schema(settings, Path("/etc/cloud.toml"))
    assert await migrate(settings) == []


# A site of release 0.1 with an encoder, a sold and written ticket, and a denial.
OLD_ROWS = """
INSERT INTO site (number, group_number, name, zone) VALUES (1, 1, 'Snow Valley', 'Asia/Shanghai');
INSERT INTO encoder (site_id, number, name) VALUES (1, 1, 'Window 1');
INSERT INTO product (site_id, number, code, name, price, currency, areas, holder, party, days)
  VALUES (1, 1, 'DAY', '{"en": "Day", "zh-CN": "x"}', 29800, 'CNY', '[0]', 'adult', 1, 1);
INSERT INTO sales_order (id, site_id, channel, status, total, currency, created_ms, day)
  VALUES ('01900000-0000-7000-8000-000000000000', 1, 'window', 'paid', 29800, 'CNY', 1768622400000, '2026-01-17');
INSERT INTO order_line (site_id, order_id, product_id, quantity, visit_date, unit_price, amount)
  VALUES (1, '01900000-0000-7000-8000-000000000000', 1, 1, '2026-01-17', 29800, 29800);
INSERT INTO ticket
  (number, site_id, order_id, line_id, product_id, status, revision, valid_from, valid_until, created_ms)
  VALUES (5, 1, '01900000-0000-7000-8000-000000000000', 1, 1, 'issued', 1, '2026-01-17', '2026-01-17', 1768622400000);
INSERT INTO card_write (site_id, ticket_id, encoder, uid, revision, claim, claim_digest, sent_ms)
  VALUES (1, 5, 1, '04a1b2c3d4e5f6', 1, '00', '0011223344556677', 1768622400000);
INSERT INTO api_token (prefix, digest, name, scopes, created_ms) VALUES ('pg1', 'x', 'till', '["orders:write"]', 1);
INSERT INTO kept_answer (token_id, operation, key, request_digest, answer, at_ms)
  VALUES (1, 'sell', 'k1', 'd', '{"total": 29800}', 1768622400000);
INSERT INTO denial (site_id, ticket_id, below_revision, reason, at_ms) VALUES (1, 5, 1, 'x', 1768622400000);
"""


async def execute(settings: DatabaseSettings, script: str) -> None:
    """Run statements as an older release would have."""
    if settings.is_sqlite:
        with closing(sqlite3.connect(settings.sqlite_path)) as db:
            db.executescript(script)
        return
    db = await asyncpg.connect(settings.url)
    await db.execute(script)
    await db.close()


async def test_a_database_of_the_first_release_goes_on(database_url: str) -> None:
    """Its encoders are not trusted, its orders and writes lack what came later, its denials hold."""
    settings = DatabaseSettings(database_url)
    await migrate(settings, "0004_events")
    await execute(settings, OLD_ROWS)
    await migrate(settings)
    async with open_database(settings):
        assert not (await Encoder.get(number=1)).trusted
        assert (await Order.all())[0].phone is None
        kept = await KeptReply.get(caller="token:1", operation="sell", key="k1")  # a retry over the upgrade
        assert kept.answer == {"total": 29800}
        write = (await CardWrite.all())[0]
        assert (write.usage, write.counter, write.encoder_site, write.uid) == (None, None, None, "04a1b2c3d4e5f6")
        assert (await tickets.denials(1, 1, date(2026, 1, 17))) == [(5, 1)]
        ticket = await tickets.ticket(5)
        assert await known_usage(ticket, bytes(8)) == Usage(claim=bytes(8))


@pytest.fixture
def next_migration() -> Iterator[type]:
    """A migration after the newest: it alters a field of `site`, so that SQLite rebuilds a table that others need."""
    package = "pistegate_cloud.migrations"
    name = f"{package}.0099_next"

    class Migration(migrations.Migration):
        """Longer names."""

        dependencies = [("cloud", NEWEST)]  # noqa: RUF012 - tortoise's own form
        operations = [  # noqa: RUF012 - tortoise's own form
            ops.AlterField("Site", "name", fields.CharField(max_length=160)),
            ops.AlterField("Posting", "currency", fields.CharField(max_length=8)),
            ops.AlterField("Ticket", "status", fields.CharField(max_length=40)),
            ops.AlterField("Area", "name", fields.CharField(max_length=160)),  # a table with a unique set
        ]

    module = types.ModuleType(name)
    module.Migration = Migration  # type: ignore[attr-defined]
    sys.modules[name] = module
    yield Migration
    del sys.modules[name]


@pytest.fixture
def with_next(next_migration: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the loader find it."""
    original = migrating.MigrationExecutor

    class Executor(original):  # type: ignore[misc,valid-type]
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            load = self.loader.load_disk

            def load_disk() -> None:
                load()
                key = migrating.MigrationTarget("cloud", "0099_next")
                found = next_migration("0099_next", "cloud")
                self.loader.disk_migrations[type(next(iter(self.loader.disk_migrations)))(key.app_label, key.name)] = (
                    found
                )

            self.loader.load_disk = load_disk

    monkeypatch.setattr(migrating, "MigrationExecutor", Executor)


async def counts(cloud_settings: DatabaseSettings, tables: list[str]) -> dict[str, int]:
    if cloud_settings.is_sqlite:
        with closing(sqlite3.connect(cloud_settings.sqlite_path)) as db:
            return {table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}
    db = await asyncpg.connect(cloud_settings.url)
    found = {table: await db.fetchval(f"SELECT count(*) FROM {table}") for table in tables}
    await db.close()
    return found


async def test_altering_a_field_keeps_rows_indexes_and_triggers(cloud: Any, with_next: None) -> None:
    """Traps 1, 2 and 5: the rebuild of a table that others refer to loses no row, index, unique set or guard."""
    await cloud.sell()
    settings = cloud.services.settings.database
    tables = ["site", "area", "post", "gate", "product", "sales_order", "ticket", "posting", "api_token"]
    rows_before, before = await counts(settings, tables), await schema(settings)
    assert all(rows_before.values())
    await cloud.services.database.close()
    assert await migrate(settings) == ["0099_next"]
    assert await counts(settings, tables) == rows_before
    after = await schema(settings)
    if settings.is_sqlite:
        for table in before:
            assert after[table][1:] == before[table][1:], table
        with closing(sqlite3.connect(settings.sqlite_path)) as db:
            guarded = {table for (table,) in db.execute("SELECT tbl_name FROM sqlite_master WHERE type='trigger'")}
            assert guarded >= {"account", "ledger_transaction", "posting", "audit_entry"}
            assert db.execute("PRAGMA foreign_key_check").fetchall() == []
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                db.execute("DELETE FROM posting")
        assert settings.sqlite_path.with_name("cloud.sqlite3.before-migration").exists()
    else:
        assert after["all"][1:] == before["all"][1:]


async def test_a_migration_that_loses_rows_is_undone(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: rows vanish while migrating. The copy is put back, and the error says what was lost."""
    path = tmp_path / "cloud.sqlite3"
    shutil.copy(sqlite_template, path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("INSERT INTO site VALUES (9, 1, 'x', 'UTC')")
        db.commit()

    async def lossy(settings: DatabaseSettings, target: str) -> list[str]:
        with closing(sqlite3.connect(settings.sqlite_path)) as db:
            db.execute("DELETE FROM site WHERE number = 9")
            db.commit()
        return ["planted"]

    monkeypatch.setattr(migrating, "_apply", lossy)
    with pytest.raises(SchemaError, match=r"put back as it was.*1 of site"):
        await migrate(DatabaseSettings(f"sqlite://{path}"))
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT count(*) FROM site").fetchone() == (2,)
