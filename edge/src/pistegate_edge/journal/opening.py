# SPDX-License-Identifier: Apache-2.0
"""Opening the journal's database: pragmas asserted, schema brought up to date, damage found."""

import contextlib
import sqlite3
from importlib.resources import files as resources
from pathlib import Path

from pistegate_edge.errors import JournalBroken, JournalDamaged, JournalFull
from pistegate_edge.journal import chains
from pistegate_edge.journal.epochs import epoch_rows
from pistegate_edge.journal.files import Files
from pistegate_edge.journal.log import unreachable
from pistegate_edge.journal.pages import page_size
from pistegate_edge.journal.rows import first_misfit

FILE_NAME = "journal.sqlite"
SCHEMA_VERSION = 5  # schema_N.sql leads from N - 1 to N
# What a full disk looks like: on tmpfs, making the -shm file fails as an I/O error (measured).
_FULL = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_SHMSIZE,
    sqlite3.SQLITE_IOERR_SHMOPEN,
    sqlite3.SQLITE_IOERR_SHMMAP,
)

_UNREADABLE = (sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS)


def connect(files: Files, name: str = FILE_NAME) -> sqlite3.Connection:
    """A connection in WAL mode with synchronous FULL; both are read back, for SQLite answers a refusal silently."""
    connection = files.connect(name)
    try:
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        connection.execute("PRAGMA synchronous = FULL")
        synchronous = connection.execute("PRAGMA synchronous").fetchone()[0]
        if mode != "wal" or synchronous != 2:
            raise JournalDamaged(
                f"{files.directory / name}: journal mode {mode}, synchronous {synchronous}; wal and 2 (FULL) are "
                "needed. Is the directory on a network file system? Put [storage] directory on a local disk."
            )
        connection.execute("PRAGMA foreign_keys = ON")
        # Checkpoints run between passages (Journal.tidy), not inside an admission's commit.
        connection.execute("PRAGMA wal_autocheckpoint = 0")
    except BaseException:
        connection.close()
        raise
    return connection


def create(connection: sqlite3.Connection, site: int, gate: int, epoch_counter: int) -> None:
    """The tables of an empty database, in one transaction; closes the connection when that fails."""
    identity = f"INSERT INTO identity VALUES (1, {int(site)}, {int(gate)}, {int(epoch_counter)}, NULL);"
    _run_in_one(connection, _steps_from(0) + identity)


def migrate(connection: sqlite3.Connection) -> None:
    """An older schema to this release's, all or nothing; closes the connection when that fails."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version < SCHEMA_VERSION:
        _run_in_one(connection, _steps_from(version))


def _steps_from(version: int) -> str:
    folder = resources(__package__)
    steps = range(version + 1, SCHEMA_VERSION + 1)
    return "".join((folder / f"schema_{step}.sql").read_text("utf-8") for step in steps)


def _run_in_one(connection: sqlite3.Connection, script: str) -> None:
    try:
        connection.executescript(f"BEGIN IMMEDIATE; {script} COMMIT;")
    except BaseException:
        connection.close()
        raise


def verify(files: Files, site: int, gate: int, name: str = FILE_NAME) -> None:
    """JournalBroken unless database, identity and chains are sound; JournalDamaged for what no salvage can cure.

    Changes nothing.
    """
    path = files.directory / name
    try:
        with contextlib.closing(open_to_read(files, name)) as connection:
            _verify(connection, path, site, gate)
        _verify_log(files, path, name)
    except sqlite3.DatabaseError as error:
        if is_full(error):
            raise JournalFull(f"no room to open {path}: {error}; free some and start again") from error
        if is_damage(error):
            raise JournalBroken(path, str(error)) from error
        raise
    except (ValueError, TypeError) as error:  # values that nobody wrote
        raise JournalBroken(path, str(error)) from error


def open_to_read(files: Files, name: str = FILE_NAME) -> sqlite3.Connection:
    """A read-only connection; JournalBroken for an empty file, whose log SQLite would delete at once."""
    if not files.read_start(name):
        raise JournalBroken(files.directory / name, "it is empty")
    return files.connect(name, read_only=True)


def _verify(connection: sqlite3.Connection, path: Path, site: int, gate: int) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise JournalDamaged(
            f"{path}: schema {version} is newer than this release ({SCHEMA_VERSION}): update this gate"
        )
    found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise JournalBroken(path, " ".join(str(found).replace("*", "").split()))
    check_owner(connection.execute("SELECT site, gate FROM identity").fetchone(), path, site, gate)
    if bad := chains.first_break(chains.events(connection), epoch_rows(connection), gate):
        raise JournalBroken(path, bad)
    if table := first_misfit(connection):
        raise JournalBroken(path, f"table {table} holds a row that nobody wrote so")


def _verify_log(files: Files, path: Path, name: str) -> None:
    log = files.read_bytes(name + "-wal")
    if not log:
        return
    if behind := unreachable(log, page_size(files.read_start(name), log)):
        raise JournalBroken(path, f"{behind} commits of its write-ahead log lie behind a damaged one")


def check_owner(owner: tuple[int, int] | None, path: Path, site: int, gate: int) -> None:
    """JournalDamaged when the journal is another gate's: that is no damage, and nothing may be taken from it."""
    if owner is None:
        raise JournalBroken(path, "it does not say whose it is")
    if owner != (site, gate):
        raise JournalDamaged(
            f"{path} belongs to gate {owner[1]} of site {owner[0]}, "
            f"the configuration says gate {gate} of site {site}. "
            "Correct [device] in gate.toml, or name another [storage] directory."
        )


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is wrong or cannot be read, not the rights or the room: only then is it salvaged."""
    code = _code(error)
    return code in _UNREADABLE or code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)


def is_full(error: sqlite3.Error) -> bool:
    """Whether there was no room."""
    return _code(error) in _FULL


def _code(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", 0))
