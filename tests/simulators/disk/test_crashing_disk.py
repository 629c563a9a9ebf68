# SPDX-License-Identifier: Apache-2.0
"""The crashing disk: what SQLite promises under power cuts holds on it, and what it does not promise breaks."""

import sqlite3
from random import Random

import pytest

from pistegate_edge.journal.files import Files
from pistegate_simulators.disk import FATES, CrashingConnection, Disk, DiskFiles, DiskFull, Fate, PowerCut

COMMITS = 4


def connect(disk: Disk, synchronous: str = "FULL", mode: str = "WAL") -> CrashingConnection:
    """A connection as the journal makes it."""
    connection = CrashingConnection(disk, "journal.sqlite")
    assert connection.execute(f"PRAGMA journal_mode = {mode}").fetchone() == (mode.lower(),)
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    return connection


def outbox(disk: Disk) -> CrashingConnection:
    """An empty outbox and a balance, durable."""
    connection = connect(disk)
    connection.executescript(
        "BEGIN; CREATE TABLE event (seq INTEGER PRIMARY KEY, payload BLOB);"
        "CREATE TABLE balance (one INTEGER PRIMARY KEY, units INTEGER); INSERT INTO balance VALUES (1, 100); COMMIT;"
    )
    connection.close()
    return connection


def work(connection: CrashingConnection, told: list[int]) -> None:
    """Commits of an event and a debit each; `told`: what was reported as durable."""
    for seq in range(1, COMMITS + 1):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO event VALUES (?, ?)", (seq, bytes(700)))
        connection.execute("UPDATE balance SET units = units - 1")
        connection.execute("COMMIT")
        told.append(seq)


def operations_of_work(synchronous: str) -> int:
    """How many there are to be cut at."""
    disk = Disk(Random(0))
    outbox(disk)
    connection = connect(disk, synchronous)
    before = disk.operations
    work(connection, [])
    return disk.operations - before


def after_cut(synchronous: str, operation: int, fate: Fate) -> tuple[int, bool]:
    """(commits lost although they were told, whether the database is torn) when cut at this operation of the work."""
    disk = Disk(Random(f"{operation} {fate}"))
    outbox(disk)
    connection = connect(disk, synchronous)
    disk.cut_at = disk.operations + operation
    told: list[int] = []
    with pytest.raises(PowerCut):
        work(connection, told)
    disk.power_on(fate)
    found = connect(disk, synchronous)
    assert found.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    seqs = [seq for (seq,) in found.execute("SELECT seq FROM event ORDER BY seq")]
    (units,) = found.execute("SELECT units FROM balance").fetchone() or (0,)
    return len(told) - min(len(told), len(seqs)), seqs != list(range(1, len(seqs) + 1)) or units + len(seqs) != 100


def test_cut_at_every_operation_loses_no_commit_under_wal_full() -> None:
    """What COMMIT returned for is there, whole, whatever became of the rest."""
    for operation in range(1, operations_of_work("FULL") + 1):
        for fate in FATES:
            assert after_cut("FULL", operation, fate) == (0, False), (operation, fate)


def test_lazy_sync_loses_commits() -> None:
    """The disk is no proof unless the same cuts find WAL with synchronous NORMAL."""
    found = [
        after_cut("NORMAL", operation, fate) for operation in range(1, operations_of_work("NORMAL")) for fate in FATES
    ]
    assert sum(lost > 0 for lost, _ in found) > len(found) // 4
    assert not any(torn for _, torn in found)


def test_killed_process_keeps_what_it_wrote() -> None:
    """The page cache survives a kill; the connection of the dead process reaches nothing any more."""
    disk = Disk(Random(1))
    outbox(disk)
    connection = connect(disk, "OFF")
    work(connection, [])
    disk.kill()
    with pytest.raises(PowerCut):
        connection.execute("INSERT INTO event VALUES (99, x'00')")
    assert connect(disk).execute("SELECT COUNT(*) FROM event").fetchone() == (COMMITS,)


def test_full_disk_is_told_as_sqlite_tells_it_and_nothing_is_lost() -> None:
    """A write without room fails with SQLITE_FULL; with room again the work goes on."""
    disk = Disk(Random(1))
    outbox(disk)
    connection = connect(disk)
    disk.capacity = disk.used
    with pytest.raises(sqlite3.OperationalError) as caught:
        work(connection, [])
    assert caught.value.sqlite_errorcode == sqlite3.SQLITE_FULL
    if connection.in_transaction:
        connection.execute("ROLLBACK")
    with pytest.raises(DiskFull):
        disk.write("other", disk.files["journal.sqlite"], disk.used, b"more")
    disk.capacity = None
    work(connection, [])
    assert connection.execute("SELECT units FROM balance").fetchone() == (100 - COMMITS,)


def test_restored_image_is_what_it_was() -> None:
    """An image written back forgets everything since, and what was open on the card before is dead."""
    disk = Disk(Random(1))
    outbox(disk).close()
    image = disk.image()
    connection = connect(disk)
    work(connection, [])
    disk.restore(image)
    with pytest.raises(PowerCut):
        connection.execute("SELECT 1 FROM event").fetchall()
    assert connect(disk).execute("SELECT COUNT(*) FROM event").fetchone() == (0,)


def test_unnamed_file_may_be_gone_after_a_cut() -> None:
    """A file whose entry was never synced is there or not; synced once, it is there."""
    kept = 0
    for seed in range(40):
        disk = Disk(Random(seed))
        file = disk.open("new")
        disk.write("new", file, 0, b"abc")
        synced = disk.open("synced")
        disk.write("synced", synced, 0, b"abc")
        disk.sync(synced)
        disk.cut()
        disk.power_on()
        assert bytes(disk.files["synced"].data) == b"abc"
        kept += "new" in disk.files
    assert 0 < kept < 40


def test_simulated_files_stand_in_for_every_method_of_the_real_ones() -> None:
    """A method that the journal's directory gets is met here, not on the test machine's disk."""
    public = {name for name in vars(Files) if not name.startswith("_")} - {"read_text"}  # it reads by read_bytes
    assert public <= vars(DiskFiles).keys()


def test_reader_leaves_the_log_where_it_is() -> None:
    """Only the last writer that closes in order takes the log away: who may not write cannot lock either."""
    disk = Disk(Random(1))
    outbox(disk)
    connection = connect(disk)
    work(connection, [])
    disk.kill()
    reader = CrashingConnection(disk, "journal.sqlite", read_only=True)
    assert reader.execute("SELECT COUNT(*) FROM event").fetchone() == (COMMITS,)
    reader.close()
    assert disk.files["journal.sqlite-wal"].data
    connect(disk).close()
    assert "journal.sqlite-wal" not in disk.files
