# SPDX-License-Identifier: Apache-2.0
"""Opening the database: tortoise-orm on SQLite (one process) or PostgreSQL, never creating schema here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.backends.base.config_generator import expand_db_url
from tortoise.context import TortoiseContext
from tortoise.exceptions import DBConnectionError

from pistegate_cloud.settings import DatabaseSettings

NOUNS: Final = (
    "sites",
    "gates",
    "authority",
    "encoders",
    "tokens",
    "staff",
    "audit",
    "shifts",
    "products",
    "pricing",
    "stock",
    "orders",
    "tenders",
    "tickets",
    "codes",
    "bindings",
    "fingers",
    "cards",
    "issues",
    "ledger",
    "days",
    "invoices",
    "documents",
    "amendments",
    "suspensions",
    "calendars",
    "passages",
    "clocks",
    "wallets",
    "rentals",
    "deposits",
    "settlements",
    "contingency",
    "proofs",
    "payments",
    "members",
    "notifications",
    "exceptions",
    "aftersales",
    "pickups",
    "ingest",
)
# Errors of the moment, not of the data: the same work may succeed later. Driver classes reach us raw (facts).
TRANSIENT: Final = (
    OSError,
    DBConnectionError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.exceptions.TransactionRollbackError,
    asyncpg.exceptions.OperatorInterventionError,
)
APP: Final = "cloud"

# FULL: an acknowledged event must survive a power cut (facts: WAL with NORMAL lost acknowledged commits).
_SQLITE_OPTIONS = "journal_mode=WAL&synchronous=FULL&busy_timeout=5000&foreign_keys={foreign_keys}"


def connection_name(settings: DatabaseSettings) -> str:
    """Not alike for both kinds: tortoise keeps prepared SQL per connection name for the life of the process."""
    return "sqlite" if settings.is_sqlite else "postgres"


def orm_config(settings: DatabaseSettings, *, foreign_keys: bool = True) -> dict[str, Any]:
    """Configuration for tortoise; foreign_keys=False is for migrating SQLite only."""
    url = settings.url
    if settings.is_sqlite:
        options = _SQLITE_OPTIONS.format(foreign_keys="ON" if foreign_keys else "OFF")
        url = f"{url}{'&' if '?' in url else '?'}{options}"
    connection: str | dict[str, Any] = url
    if not settings.is_sqlite:
        connection = expand_db_url(url)
        connection["credentials"]["reset"] = _as_it_is
    name = connection_name(settings)
    models = [f"pistegate_cloud.{noun}.models" for noun in NOUNS]
    app = {"models": models, "default_connection": name, "migrations": "pistegate_cloud.migrations"}
    return {"connections": {name: connection}, "apps": {APP: app}}


async def _as_it_is(_connection: asyncpg.Connection) -> None:
    """Nothing of ours outlives a transaction: a connection goes back to the pool without a question to the server.

    asyncpg's own way asks one each time, which was every second round trip of a sale (measured); a transaction that
    is still open it ends before it calls this.
    """


@asynccontextmanager
async def open_database(settings: DatabaseSettings) -> AsyncIterator[BaseDBAsyncClient]:
    """The database's connection (pool on PostgreSQL), current for everything started inside."""
    async with TortoiseContext() as context:
        await context.init(config=orm_config(settings))
        yield context.connections.get(connection_name(settings))


def is_postgres(connection: BaseDBAsyncClient) -> bool:
    """Which of the two dialects."""
    return connection.capabilities.dialect == "postgres"
