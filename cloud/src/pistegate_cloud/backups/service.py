# SPDX-License-Identifier: Apache-2.0
"""A backup made, and a database restored from one: another generation, which asks gates for everything they have.

Sales, denials and documents since the backup are not in it. Passages come back from the gates, and so do documents in
force there (documents/recovery.py); what was sold since is in the payment provider's books, and at the windows.
"""

import asyncio
import secrets
from dataclasses import dataclass
from pathlib import Path

from tortoise.transactions import in_transaction

from pistegate_cloud.backups import postgres, sqlite
from pistegate_cloud.bindings import table_queries
from pistegate_cloud.database import open_database
from pistegate_cloud.documents import recovery
from pistegate_cloud.documents.asking import first_after
from pistegate_cloud.errors import CloudError
from pistegate_cloud.exceptions import queries as exceptions
from pistegate_cloud.gates import queries as gates
from pistegate_cloud.ingest import store
from pistegate_cloud.migrate import migrate
from pistegate_cloud.settings import DatabaseSettings


@dataclass(frozen=True, slots=True)
class Restored:
    """`generation`: told in every acknowledgement from now on; `kept`: where the database before is now.

    `migrated`: migrations that the backup lacked.
    """

    generation: int
    kept: Path | None
    migrated: list[str]


def backup(settings: DatabaseSettings, out: Path) -> int:
    """Bytes of the backup, made while the cloud serves; CloudError, and then there is none."""
    if out.exists():
        raise CloudError(f"{out} is there already: name another file")
    if settings.is_sqlite:
        sqlite.backup(settings.sqlite_path, out)
    else:
        postgres.backup(settings.url, out)
    return out.stat().st_size


async def restore(settings: DatabaseSettings, source: Path, now_ms: int, stamp: str) -> Restored:
    """The database as it was when the backup was made, ready to serve; CloudError: nothing was replaced."""
    if not await asyncio.to_thread(source.exists):
        raise CloudError(f"there is no backup at {source}")
    kept = None
    if settings.is_sqlite:
        kept = sqlite.restore(source, settings.sqlite_path, stamp)
    else:
        await postgres.restore(source, settings.url)
    migrated = await migrate(settings)
    async with open_database(settings), in_transaction():
        generation = await _begin_anew(now_ms)
    return Restored(generation, kept, migrated)


async def _begin_anew(now_ms: int) -> int:
    """What a restored database must know of itself."""
    before, _ = await store.state()
    # Drawn: two restores of one backup must not be taken for the same by a gate that met both.
    generation = next(drawn for drawn in iter(lambda: secrets.randbelow(2**31 - 1) + 1, 0) if drawn != before)
    await store.set_generation(generation)
    await recovery.note_lost(now_ms)
    await table_queries.leave_room(lambda newest: first_after(newest, now_ms))
    await gates.forget_hellos()
    await exceptions.record([exceptions.Case(kind="restored", key=str(generation))], now_ms)
    return generation
