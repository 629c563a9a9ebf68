# SPDX-License-Identifier: Apache-2.0
"""A full disk at every kind of record: what is durable, what waits, and what the gate says of itself meanwhile."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from gate_bench import DOCUMENTS, public
from journal_damage import ONE_USED
from journal_reading import incidents, outcomes

from pistegate_edge.clock import Clock
from pistegate_edge.core.actions import RecordAdmission, RecordOutcome, RecordProgress
from pistegate_edge.core.inputs import AdmissionFailed, AdmissionRecorded, Fault, FaultChanged
from pistegate_edge.core.now import Now
from pistegate_edge.downlink import DocumentStore
from pistegate_edge.errors import JournalFull
from pistegate_edge.journal.files import Files
from pistegate_edge.journal.journal import Journal
from pistegate_edge.recorder import PROBE_S, Recorder
from pistegate_protocol.documents import DenyList, sign_document
from pistegate_protocol.events import EVENTS, Admitted, Dropped, Incident, Outcome, OutcomeKind, Stream
from pistegate_protocol.signing import KeyRing

SITE, GATE = 1, 3
RESERVE_PAYS = 3  # commits that find room once the reserve is given up


class SmallDisk(Files):
    """`room`: commits that still fit; None: as many as wanted."""

    room: int | None = None

    def allocate(self, name: str, size: int) -> None:
        """The reserve."""
        if self.room is not None:
            raise OSError(errno.ENOSPC, "no room")
        super().allocate(name, size)

    def remove(self, name: str) -> None:
        """Giving the reserve up makes room."""
        if name == "reserve" and self.exists(name) and self.room is not None:
            self.room += RESERVE_PAYS
        super().remove(name)


class FullJournal(Journal):
    """A real one, whose commits fail as SQLite's do on a full disk."""

    disk: SmallDisk

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with super()._transaction():
            yield
            if self.disk.room is not None:
                if self.disk.room <= 0:
                    error = sqlite3.OperationalError("database or disk is full")
                    error.sqlite_errorcode = sqlite3.SQLITE_FULL
                    raise error
                self.disk.room -= 1


class Bench:
    """A recorder over a small disk, and what it told the passage protocol."""

    def __init__(self, directory: Path) -> None:
        disk = SmallDisk(directory)
        FullJournal.disk = disk
        self.disk = disk
        self.journal = FullJournal(directory, SITE, GATE, 65_536, Clock(), 1, "test", files=disk)
        self.told: list[object] = []
        self.recorder = Recorder(self.journal, self.told.append, lambda stream, last: None)
        self.at = 100.0

    def now(self) -> Now:
        """A little later each time."""
        self.at += 0.01
        return Now(self.at, datetime(2026, 1, 15, tzinfo=UTC), 1_768_435_200_000 + int(self.at * 1000))

    def wait(self, seconds: float) -> None:
        """The loop ticks when it is due."""
        end = self.at + seconds
        while self.at < end:
            self.at += 0.5
            self.recorder.tick(self.now())

    def admit(self) -> int:
        """The seq of an admission of 20."""
        event = Admitted(1, 1, b"\x01card", b"claim001", 20, 20, ONE_USED, bytes(8))
        self.recorder.admission(RecordAdmission(event, 20), self.now())
        recorded = [one for one in self.told if isinstance(one, AdmissionRecorded)]
        return recorded[-1].seq if recorded else 0

    def faults(self) -> list[bool]:
        """Changes of the disk fault."""
        return [one.present for one in self.told if isinstance(one, FaultChanged) and one.fault is Fault.DISK]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A gate's recorder and journal."""
    bench = Bench(tmp_path)
    yield bench
    bench.disk.room = None
    bench.journal.close()


def test_full_at_an_admission_is_out_of_service_until_there_is_room(bench: Bench) -> None:
    """The reserve is for outcomes: it is still held, and the gate must not come back each time it finds it so."""
    bench.disk.room = 0
    bench.admit()
    assert [type(one) for one in bench.told] == [FaultChanged, AdmissionFailed]
    assert bench.journal.reserve.held
    bench.wait(20 * PROBE_S)
    assert bench.faults() == [True]
    bench.disk.room = None
    bench.wait(2 * PROBE_S)
    assert bench.faults() == [True, False]
    assert bench.admit()


def test_progress_leaves_room_for_the_outcome(bench: Bench, tmp_path: Path) -> None:
    """Twenty persons of a party pass on a full disk: what the reserve gives is not used up by the first of them."""
    seq = bench.admit()
    bench.disk.room = 0
    for passed in range(1, 21):
        bench.recorder.record(RecordProgress(bench.journal.epoch, seq, passed), bench.now())
    event = Outcome(2, bench.journal.epoch, seq, OutcomeKind.PASSED, 20)
    bench.recorder.record(RecordOutcome(event), bench.now())
    assert [(one.seq, one.passed) for one in outcomes(tmp_path)] == [(seq, 20)]
    assert bench.faults() == [True]


def test_an_outcome_without_any_room_waits_and_is_written_first(bench: Bench, tmp_path: Path) -> None:
    """Somebody else took what the reserve gave: in memory, in order, before the gate is in service again."""
    seq = bench.admit()
    bench.disk.room = -RESERVE_PAYS - 5
    event = Outcome(2, bench.journal.epoch, seq, OutcomeKind.PASSED, 20)
    bench.recorder.record(RecordOutcome(event), bench.now())
    bench.wait(5 * PROBE_S)
    assert outcomes(tmp_path) == []
    assert bench.faults() == [True]
    bench.disk.room = None
    bench.wait(2 * PROBE_S)
    assert [one.seq for one in outcomes(tmp_path)] == [seq]
    assert bench.faults() == [True, False]
    assert incidents(tmp_path)[-1] == "disk_full"


def test_notes_on_a_full_disk_are_counted(bench: Bench) -> None:
    """They take no reserve; how many there were is told before the gate is in service again."""
    bench.disk.room = 0
    for number in range(7):
        bench.recorder.note(Incident(1, "forced_arm", str(number)), bench.now())
    assert bench.journal.reserve.held
    bench.wait(3 * PROBE_S)
    bench.disk.room = None
    bench.wait(2 * PROBE_S)
    assert bench.faults() == [True, False]
    rows = bench.journal._db.execute("SELECT payload FROM event WHERE stream = ? ORDER BY seq", (Stream.NOTES,))
    told = [EVENTS.decode(payload) for (payload,) in rows]
    assert [event.count for event in told if isinstance(event, Dropped)] == [7]


def test_a_document_that_finds_no_room_is_not_in_force_and_is_taken_later(bench: Bench) -> None:
    """All or nothing: its version is not told, so the cloud sends it again."""
    store = DocumentStore(bench.journal, KeyRing({1: public(DOCUMENTS)}), SITE)
    signed = sign_document(DenyList(SITE, 1, 1, [(4711, 1)]), 1, DOCUMENTS)
    bench.disk.room = 0
    with pytest.raises(JournalFull):
        store.apply(signed)
    assert store.facts.deny == {}
    assert store.versions() == {}
    bench.disk.room = None
    assert store.apply(signed) is not None
    assert store.facts.deny == {4711: 1}


def test_an_acknowledgement_that_finds_no_room_is_made_up_by_the_next(bench: Bench) -> None:
    """Events are sent twice after a restart, never forgotten too early."""
    bench.admit()
    bench.admit()
    epoch = bench.journal.epoch
    bench.disk.room = 0
    with pytest.raises(JournalFull):
        bench.journal.acknowledge(Stream.LEDGER, epoch, 2)
    assert [p.acked_seq for p in bench.journal.pending() if p.stream is Stream.LEDGER] == [0]
    bench.disk.room = None
    bench.journal.acknowledge(Stream.LEDGER, epoch, 3)
    assert [p.acked_seq for p in bench.journal.pending() if p.stream is Stream.LEDGER] == [3]


def test_tidying_on_a_full_disk_waits(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between passages nothing is urgent enough to end the gate."""
    bench.disk.room = 0
    monkeypatch.setattr(bench.journal, "_marked_at", -1e9)
    bench.journal.tidy()
    assert bench.told == []
