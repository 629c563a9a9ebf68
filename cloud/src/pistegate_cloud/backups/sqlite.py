# SPDX-License-Identifier: Apache-2.0
"""Backup and restore of the embedded database: SQLite's own consistent copy, checked before it is trusted."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from pistegate_cloud.errors import CloudError

_SIDE_FILES: Final = ("", "-wal", "-shm")


def backup(database: Path, out: Path) -> None:
    """A copy as of one moment, while the cloud serves; whole under its name or not at all. CloudError."""
    if not database.exists():
        raise CloudError(f"there is no database at {database}")
    part = out.with_name(out.name + ".part")
    part.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            connection.execute("VACUUM INTO ?", (str(part),))
        check(part)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.rename(out)
    except sqlite3.Error as error:
        raise CloudError(f"backup of {database} failed: {error}") from error
    finally:
        part.unlink(missing_ok=True)


def check(path: Path) -> None:
    """CloudError unless this is a sound database of the cloud."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            ours = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'cloud_state'").fetchone()[0]
    except sqlite3.Error as error:
        raise CloudError(f"{path} is no sound backup: {error}") from error
    if found != "ok":
        raise CloudError(f"{path} is damaged: {found}")
    if not ours:
        raise CloudError(f"{path} is a database, but not one of the cloud")


def restore(source: Path, database: Path, stamp: str) -> Path | None:
    """Put a copy of the backup in the place of the database; where the one before is kept now, None: there was none.

    CloudError when the backup at `source` is not sound, or a process has the database open.
    """
    check(source)
    if database.exists():
        _claim(database)
    database.parent.mkdir(parents=True, exist_ok=True)
    part = database.with_name(database.name + ".part")
    shutil.copyfile(source, part)
    with part.open("rb") as file:
        os.fsync(file.fileno())
    kept = None
    if database.exists():
        kept = database.with_name(f"{database.name}.before-{stamp}")
        for suffix in _SIDE_FILES:
            side = database.with_name(database.name + suffix)
            if side.exists():
                side.rename(kept.with_name(kept.name + suffix))
    part.rename(database)
    return kept


def _claim(database: Path) -> None:
    """CloudError while another process has the database open."""
    try:
        with closing(sqlite3.connect(database, timeout=0.5, isolation_level=None)) as connection:
            # Leaving WAL mode needs the file for oneself; any other connection, idle or not, is in the way.
            connection.execute("PRAGMA journal_mode = DELETE").fetchone()
    except sqlite3.OperationalError as error:
        raise CloudError(f"{database} is in use ({error}): stop pistegate-cloud first") from error
    except sqlite3.DatabaseError:
        return  # too damaged to be opened: that may be why it is replaced
