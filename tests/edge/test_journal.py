# SPDX-License-Identifier: Apache-2.0
"""The journal: durable, chained, and never silently empty."""

import shutil
import sqlite3
from pathlib import Path

import pytest
from journal_damage import ONE_USED

from pistegate_edge.clock import Clock
from pistegate_edge.core.actions import RecordAdmission, RecordOutcome, RecordSettled
from pistegate_edge.core.owed import OwedEntry
from pistegate_edge.errors import JournalDamaged, JournalFull, JournalInUse, JournalLost
from pistegate_edge.journal import aside, opening
from pistegate_edge.journal.files import Files
from pistegate_edge.journal.journal import Journal
from pistegate_protocol.events import (
    EVENTS,
    Admitted,
    EpochOpened,
    Incident,
    Outcome,
    OutcomeKind,
    Settled,
    Stream,
    admission_name,
    epoch_counter,
    first_head,
    next_head,
)

KIB = 1024
GATE = 3


def open_journal(directory: Path, random32: int = 1) -> Journal:
    """A journal of gate 3 of site 1."""
    return Journal(directory, 1, GATE, 64 * KIB, Clock(), random32, "test")


def admitted(ticket: int = 1, n: int = 1) -> RecordAdmission:
    """An admission."""
    return RecordAdmission(Admitted(1000, ticket, b"\x01card", bytes(8), n, n, ONE_USED, bytes(8)), n)


def outcome(journal: Journal, seq: int, passed: int = 1) -> RecordOutcome:
    """An outcome of this epoch."""
    kind = OutcomeKind.PASSED if passed else OutcomeKind.NOT_PASSED
    return RecordOutcome(Outcome(2000, journal.epoch, seq, kind, passed))


def test_commits_are_durable_by_configuration(tmp_path: Path) -> None:
    """WAL with synchronous FULL is what survived simulated power cuts; anything else is refused at start."""
    with open_journal(tmp_path) as journal:
        assert journal._db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert journal._db.execute("PRAGMA synchronous").fetchone()[0] == 2


def test_journal_that_cannot_be_durable_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite answers a pragma that it does not follow with silence: it is read back."""

    class Deaf(sqlite3.Connection):
        def execute(self, sql: str, *parameters: object) -> sqlite3.Cursor:  # type: ignore[override]
            return super().execute(sql.replace("= FULL", "= NORMAL"), *parameters)  # type: ignore[arg-type]

    plain = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: plain(*a, **k, factory=Deaf))
    with pytest.raises(JournalDamaged, match="synchronous"):
        open_journal(tmp_path)


def test_both_streams_are_chained_from_their_first_event(tmp_path: Path) -> None:
    """Seq has no gaps, and every head is the hash of the one before with the payload."""
    with open_journal(tmp_path) as journal:
        seq, name = journal.admit(admitted())
        assert (seq, name) == (2, admission_name(GATE, journal.epoch, 2))
        journal.outcome(outcome(journal, seq))
        journal.note(Incident(1, "forced_arm", ""))
        for stream in Stream:
            previous, payloads = journal.fetch(stream, journal.epoch, 1, 100)
            head = first_head(GATE, stream, journal.epoch)
            assert previous == head
            for number, payload in enumerate(payloads, 1):
                head = next_head(head, payload)
                assert journal.head_at(stream, journal.epoch, number) == head
            assert journal.last_seq(stream) == len(payloads)


def test_epochs_name_their_predecessor_and_their_counter_rises(tmp_path: Path) -> None:
    """The first event of an epoch carries the head before it."""
    with open_journal(tmp_path, 0xFFFFFFFF) as first:
        seq, _ = first.admit(admitted())
        first.outcome(outcome(first, seq))
        last = first.head_at(Stream.LEDGER, first.epoch, 3)
        before = first.epoch
    with open_journal(tmp_path, 0) as second:
        opened = EVENTS.decode(second.fetch(Stream.LEDGER, second.epoch, 1, 1)[1][0])
        assert isinstance(opened, EpochOpened)
        assert (opened.previous_epoch, opened.previous_head) == (before, last)
        assert epoch_counter(second.epoch) == epoch_counter(before) + 1


def test_admission_without_outcome_is_found_at_the_next_start(tmp_path: Path) -> None:
    """With the PASSes journaled of it; one with an outcome is not."""
    with open_journal(tmp_path) as first:
        done, _ = first.admit(admitted(1))
        first.outcome(outcome(first, done))
        seq, name = first.admit(admitted(2, n=3))
        first.progress(first.epoch, seq, 2)
        epoch = first.epoch
    with open_journal(tmp_path) as second:
        (found,) = second.unfinished()
        assert (found.epoch, found.seq, found.name, found.n, found.passed) == (epoch, seq, name, 3, 2)


def test_unsettled_admissions_and_owed_persons_survive_until_they_are_settled(tmp_path: Path) -> None:
    """What a card has yet to tell, and who may come again, outlive a restart; a settlement ends both."""
    with open_journal(tmp_path) as first:
        seq, name = first.admit(admitted())
        entry = OwedEntry(name, 1, first._clock.monotonic() + 100)
        event = Outcome(1, first.epoch, seq, OutcomeKind.CARD_UNCONFIRMED, 0)
        first.outcome(RecordOutcome(event, entry, unsettled=True))
        epoch = first.epoch
    with open_journal(tmp_path) as second:
        assert [one.name for one in second.unsettled()] == [name]
        (owed,) = second.owed()
        assert (owed.admission, owed.persons) == (name, 1)
        assert owed.until is not None
        assert abs(owed.until - (entry.until or 0)) < 0.001
        second.settled(RecordSettled(Settled(2, epoch, seq, False), (name,)))
    with open_journal(tmp_path) as third:
        assert third.unsettled() == []
        assert third.owed() == []


def test_owed_persons_of_an_earlier_boot_have_at_most_their_120_seconds(tmp_path: Path) -> None:
    """Monotonic readings of another boot say nothing: what is left is reckoned by the wall clock, and bounded."""
    with open_journal(tmp_path) as first:
        seq, name = first.admit(admitted())
        event = Outcome(1, first.epoch, seq, OutcomeKind.NOT_PASSED, 0)
        first.outcome(RecordOutcome(event, OwedEntry(name, 1, first._clock.monotonic() + 100)))
    clock = Clock()
    clock.boot_id = "another boot"
    with Journal(tmp_path, 1, GATE, 64 * KIB, clock, 2, "test") as second:
        (owed,) = second.owed()
        assert owed.until is not None
        assert 90 < owed.until - clock.monotonic() <= 100.5


def test_only_acknowledged_events_leave_the_outbox(tmp_path: Path) -> None:
    """`pending` holds every epoch that the cloud has not stored to its end, across restarts, oldest first."""
    with open_journal(tmp_path, 1) as first:
        first.admit(admitted())
        first.acknowledge(Stream.LEDGER, first.epoch, 1)
        old = first.epoch
    with open_journal(tmp_path, 2) as second:
        ledger = [p for p in second.pending() if p.stream is Stream.LEDGER]
        assert [(p.epoch, p.acked_seq, p.last_seq) for p in ledger] == [(old, 1, 2), (second.epoch, 0, 1)]
        second.acknowledge(Stream.LEDGER, old, 2)
        assert [p.epoch for p in second.pending() if p.stream is Stream.LEDGER] == [second.epoch]
        second.acknowledge(Stream.LEDGER, old, 1)  # a late duplicate takes nothing back
        assert [p.epoch for p in second.pending() if p.stream is Stream.LEDGER] == [second.epoch]


def test_nothing_is_recorded_of_a_failed_commit(tmp_path: Path) -> None:
    """Full disk: no admission, and the chain goes on where it was."""
    with open_journal(tmp_path) as journal:
        fill_up(journal)
        seq = admit_until_full(journal)
        assert journal.last_seq(Stream.LEDGER) == seq
        make_room(journal)
        assert journal.admit(admitted())[0] == seq + 1
    open_journal(tmp_path).close()


def test_admissions_need_the_reserve(tmp_path: Path) -> None:
    """Without room for its outcome, no lane is opened."""
    with open_journal(tmp_path) as journal:
        journal.reserve.give_up()
        with pytest.raises(JournalFull):
            journal.admit(admitted())
        assert journal.reserve.take()
        journal.admit(admitted())


def admit_until_full(journal: Journal) -> int:
    """The last seq that found room."""
    seq = journal.last_seq(Stream.LEDGER)
    for _ in range(200):
        try:
            seq, _ = journal.admit(admitted())
        except JournalFull:
            return seq
    raise AssertionError("never full")


def fill_up(journal: Journal) -> None:
    """The database may not grow any more."""
    pages = journal._db.execute("PRAGMA page_count").fetchone()[0]
    journal._db.execute(f"PRAGMA max_page_count = {pages}")


def make_room(journal: Journal) -> None:
    """It may."""
    journal._db.execute("PRAGMA max_page_count = 1000000")


@pytest.mark.parametrize("harm", ["payload", "head", "missing", "garbage"])
def test_damaged_journal_is_salvaged_at_start(tmp_path: Path, harm: str) -> None:
    """An unattended gate opens in the morning: what is valid goes on, the file is kept, and both are told."""
    with open_journal(tmp_path) as journal:
        for ticket in range(3):
            journal.admit(admitted(ticket))
        counter = epoch_counter(journal.epoch)
    path = tmp_path / opening.FILE_NAME
    damage(path, harm)
    before = path.read_bytes()
    with open_journal(tmp_path) as journal:
        assert journal.mark is not None
        assert (tmp_path / journal.mark.kept).read_bytes() == before
        assert "kept" in journal.mark.told
        assert epoch_counter(journal.epoch) == counter + 1
        assert journal.set_aside is None
    open_journal(tmp_path).close()


def test_journal_of_which_nothing_is_left_keeps_the_gate_shut_and_untouched(tmp_path: Path) -> None:
    """Never an empty start: each start says the same and changes nothing, so restarts by the system are harmless."""
    with open_journal(tmp_path) as journal:
        journal.admit(admitted())
    path = tmp_path / opening.FILE_NAME
    for harmed in (b"", bytes(8192), None):
        if harmed is None:
            path.unlink()
        else:
            path.write_bytes(harmed)
        for _ in range(2):
            with pytest.raises(JournalLost, match="set-aside"):
                open_journal(tmp_path)
            assert path.exists() is (harmed is not None)
            assert harmed is None or path.read_bytes() == harmed
    opening_by_hand(tmp_path)
    with open_journal(tmp_path) as fresh:
        assert fresh.created
        assert epoch_counter(fresh.epoch) == 2


def opening_by_hand(directory: Path) -> None:
    """Somebody knows that the journal is gone."""
    aside.set_aside(Files(directory), "20260115T020000Z")


def damage(path: Path, harm: str) -> None:
    """Harm a closed journal."""
    if harm == "garbage":
        data = bytearray(path.read_bytes())
        data[4096 : 4096 + 512] = b"\xa5" * 512
        path.write_bytes(bytes(data))
    else:
        statement = {
            "payload": "UPDATE event SET payload = zeroblob(10) WHERE stream = 1 AND seq = 2",
            "head": "UPDATE event SET head = zeroblob(32) WHERE stream = 1 AND seq = 2",
            "missing": "DELETE FROM event WHERE stream = 1 AND seq = 2",
        }[harm]
        connection = sqlite3.connect(path)
        connection.execute(statement)
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()


def test_set_aside_keeps_the_file_and_the_epoch_counter(tmp_path: Path) -> None:
    """The remedy: the old file stays under a name with its date, the new journal knows that it follows one."""
    open_journal(tmp_path).close()
    with open_journal(tmp_path) as journal:
        counter = epoch_counter(journal.epoch)
    damage(tmp_path / opening.FILE_NAME, "head")
    kept = aside.set_aside(Files(tmp_path), "20260115T020000Z")
    assert kept == "journal-20260115T020000Z.sqlite"
    for extra in range(1, 3):  # told again until a tidy shows that it was recorded
        with open_journal(tmp_path) as fresh:
            assert fresh.set_aside == kept
            assert epoch_counter(fresh.epoch) == counter + extra
    with open_journal(tmp_path) as fresh:
        fresh.tidy()
    with open_journal(tmp_path) as later:
        assert later.set_aside is None
    assert (tmp_path / kept).exists()


def test_a_copied_storage_makes_two_histories_that_can_be_told_apart(tmp_path: Path) -> None:
    """A cloned or restored card: both go on from one head, under epochs and names of their own."""
    (tmp_path / "one").mkdir()
    with open_journal(tmp_path / "one", 1) as journal:
        journal.admit(admitted())
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    found = []
    for directory, random32 in (("one", 2), ("two", 3)):
        with open_journal(tmp_path / directory, random32) as journal:
            assert journal.mark is None
            opened = EVENTS.decode(journal.fetch(Stream.LEDGER, journal.epoch, 1, 1)[1][0])
            found.append((opened.previous_epoch, opened.previous_head, journal.epoch, journal.admit(admitted())[1]))
    (one, two) = found
    assert one[:2] == two[:2]
    assert one[2] != two[2]
    assert one[3] != two[3]


def test_journal_of_another_gate_is_refused(tmp_path: Path) -> None:
    """A wrong device number in gate.toml must not continue somebody else's chain."""
    open_journal(tmp_path).close()
    with pytest.raises(JournalDamaged, match="belongs to gate 3"):
        Journal(tmp_path, 1, 4, 64 * KIB, Clock(), 1, "test")


def test_two_gates_with_one_journal_are_refused(tmp_path: Path) -> None:
    """Bad input: a second process with the same configuration, or a set-aside beside a running gate."""
    with open_journal(tmp_path):
        with pytest.raises(JournalInUse, match="stop it first"):
            open_journal(tmp_path)
        with pytest.raises(JournalInUse):
            aside.set_aside(Files(tmp_path), "20260115T020000Z")
    open_journal(tmp_path).close()


def test_journal_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    """Both ends refuse a version that they do not know, and the message holds the remedy."""
    open_journal(tmp_path).close()
    connection = sqlite3.connect(tmp_path / opening.FILE_NAME)
    connection.execute(f"PRAGMA user_version = {opening.SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(JournalDamaged, match="update this gate"):
        open_journal(tmp_path)
