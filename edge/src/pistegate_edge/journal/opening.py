# SPDX-License-Identifier: Apache-2.0
"""Opening the journal's database: pragmas asserted, damage found, a damaged file set aside on command only."""

import contextlib
import fcntl
import sqlite3
from importlib.resources import files
from pathlib import Path
from typing import IO

from pistegate_edge.errors import JournalDamaged, JournalFull, JournalInUse
from pistegate_protocol.events import Stream, first_head, next_head

FILE_NAME = "journal.sqlite"
LOCK_NAME = "lock"
SCHEMA_VERSION = 3  # schema_N.sql leads from N - 1 to N
SET_ASIDE_MARK = "journal.set-aside"  # holds the kept file's name and the last epoch counter until the next start
_SIDE_FILES = ("-wal", "-shm")
_CACHED_STATEMENTS = 64
# What a full disk looks like: on tmpfs, making the -shm file fails as an I/O error (measured).
_FULL = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_SHMSIZE,
    sqlite3.SQLITE_IOERR_SHMOPEN,
    sqlite3.SQLITE_IOERR_SHMMAP,
)


def lock(directory: Path) -> IO[bytes]:
    """The journal is this process's until the file is closed; JournalInUse when it is another one's.

    SQLite would let two gates write by turns, and so break both chains.
    """
    file = (directory / LOCK_NAME).open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise JournalInUse(f"another gate process uses {directory}: stop it first") from error
    return file


def connect(path: Path) -> sqlite3.Connection:
    """A connection in WAL mode with synchronous FULL; both are read back, for SQLite answers a refusal silently."""
    connection = sqlite3.connect(path, isolation_level=None, cached_statements=_CACHED_STATEMENTS)
    try:
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        connection.execute("PRAGMA synchronous = FULL")
        synchronous = connection.execute("PRAGMA synchronous").fetchone()[0]
        if mode != "wal" or synchronous != 2:
            raise JournalDamaged(
                f"{path}: journal mode {mode}, synchronous {synchronous}; wal and 2 (FULL) are needed. "
                "Is the directory on a network file system? Put [storage] directory on a local disk."
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
    identity = f"INSERT INTO identity VALUES (1, {int(site)}, {int(gate)}, {int(epoch_counter)});"
    _run_in_one(connection, _steps_from(0) + identity)


def migrate(connection: sqlite3.Connection) -> None:
    """An older schema to this release's, all or nothing; closes the connection when that fails."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version < SCHEMA_VERSION:
        _run_in_one(connection, _steps_from(version))


def _steps_from(version: int) -> str:
    folder = files(__package__)
    steps = range(version + 1, SCHEMA_VERSION + 1)
    return "".join((folder / f"schema_{step}.sql").read_text("utf-8") for step in steps)


def _run_in_one(connection: sqlite3.Connection, script: str) -> None:
    try:
        connection.executescript(f"BEGIN IMMEDIATE; {script} COMMIT;")
    except BaseException:
        connection.close()
        raise


def verify(path: Path, site: int, gate: int) -> None:
    """JournalDamaged with the remedy unless database, identity and chains are sound; changes nothing."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            _verify(connection, path, site, gate)
    except sqlite3.DatabaseError as error:
        if is_full(error):
            raise JournalFull(f"no room to open {path}: {error}; free some and start again") from error
        if is_damage(error):
            raise damaged(path, str(error)) from error
        raise


def _verify(connection: sqlite3.Connection, path: Path, site: int, gate: int) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise JournalDamaged(
            f"{path}: schema {version} is newer than this release ({SCHEMA_VERSION}): update this gate"
        )
    found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise damaged(path, str(found))
    owner = connection.execute("SELECT site, gate FROM identity").fetchone()
    if owner != (site, gate):
        raise JournalDamaged(
            f"{path} belongs to gate {owner[1] if owner else '?'} of site {owner[0] if owner else '?'}, "
            f"the configuration says gate {gate} of site {site}. "
            "Correct [device] in gate.toml, or name another [storage] directory."
        )
    _verify_chains(connection, path, gate)


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is wrong, not the disk or the rights: only then may it be set aside."""
    return _code(error) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)


def is_full(error: sqlite3.Error) -> bool:
    """Whether there was no room."""
    return _code(error) in _FULL


def _code(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", 0))


def damaged(path: Path, what: str) -> JournalDamaged:
    """The error for a journal that does not verify."""
    return JournalDamaged(
        f"the journal {path} is damaged: {what}. The gate stays shut and nothing was changed. "
        "To keep the file under a name with its date and go on with a new journal: "
        "pistegate-gate journal set-aside --config GATE.TOML"
    )


def _verify_chains(connection: sqlite3.Connection, path: Path, gate: int) -> None:
    """Recompute every head from the payloads."""
    rows = connection.execute("SELECT stream, epoch, seq, payload, head FROM event ORDER BY stream, epoch, seq")
    last: tuple[int, int] | None = None
    head, expected = b"", 1
    for stream, epoch, seq, payload, stored in rows:
        if (stream, epoch) != last:
            last, head, expected = (stream, epoch), first_head(gate, Stream(stream), epoch), 1
        head = next_head(head, payload)
        if seq != expected or head != stored:
            raise damaged(path, f"the chain of stream {stream}, epoch {epoch} breaks at event {seq}")
        expected += 1


def set_aside(directory: Path, stamp: str) -> Path:
    """Rename the journal and its side files to a name with `stamp`; returns the kept file's path.

    A mark is left so that the next start knows that the new journal follows a damaged one.
    """
    with lock(directory):
        return _set_aside(directory, stamp)


def _set_aside(directory: Path, stamp: str) -> Path:
    path = directory / FILE_NAME
    kept = directory / f"journal-{stamp}.sqlite"
    if not path.exists():
        raise FileNotFoundError(f"there is no journal at {path}")
    if kept.exists():
        raise FileExistsError(f"{kept} exists already; try again")
    counter = _last_counter(path)
    (directory / SET_ASIDE_MARK).write_text(f"{kept.name}\n{counter}\n")
    for suffix in _SIDE_FILES:
        side = path.with_name(path.name + suffix)
        if side.exists():
            side.rename(kept.with_name(kept.name + suffix))
    path.rename(kept)
    return kept


def read_mark(directory: Path) -> tuple[str, int] | None:
    """Name of the kept file and its last epoch counter, while the mark is there."""
    mark = directory / SET_ASIDE_MARK
    if not mark.exists():
        return None
    name, _, counter = mark.read_text().strip().partition("\n")
    return name, int(counter) if counter.isdigit() else 0


def _last_counter(path: Path) -> int:
    """The newest epoch's counter as far as the damaged file still tells it, else 0."""
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            row = connection.execute("SELECT epoch_counter FROM identity").fetchone()
        finally:
            connection.close()
    except sqlite3.Error:
        return 0
    return int(row[0]) if row else 0
