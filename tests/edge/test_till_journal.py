# SPDX-License-Identifier: Apache-2.0
"""The till's journal: uses with their requests in one commit, what the next run finds, and a full disk."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from till_bench import NOW, ModelCard, later, open_use

from pistegate_edge.clock import Clock
from pistegate_edge.core.inputs import Fault, FaultChanged
from pistegate_edge.errors import JournalFull
from pistegate_edge.journal.store import Store
from pistegate_edge.recorder import PROBE_S
from pistegate_edge.till import journal as journal_module
from pistegate_edge.till.core.actions import Answer, RecordEnd, RecordSettled, RecordUse
from pistegate_edge.till.core.codes import Code
from pistegate_edge.till.core.inputs import UseFailed, UseRecorded
from pistegate_edge.till.core.unsettled import OpenUse
from pistegate_edge.till.journal import TillJournal
from pistegate_edge.till.recorder import TillRecorder
from pistegate_protocol.events import CardUseEnded, Settled, Stream, UseResult, admission_name

CARD = ModelCard(purse=5000)
EVENT = open_use(CARD).event
NEWEST = bytes(range(16))


def opened(directory: Path, run: int = 1) -> TillJournal:
    """The journal of a run."""
    return TillJournal(directory, 1, 21, 131_072, Clock(), run, "test")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[TillJournal]:
    """The first run's."""
    with opened(tmp_path) as journal:
        yield journal


def begin(journal: TillJournal, request: str = "r1") -> OpenUse:
    """A use made durable."""
    seq, name = journal.begin(RecordUse(EVENT, request, b"digest--", 4, NEWEST))
    return OpenUse(
        epoch=journal.epoch, seq=seq, name=name, event=EVENT, request=request, digest=b"digest--", counter=4,
        newest=NEWEST,
    )  # fmt: skip


def end(journal: TillJournal, use: OpenUse, result: UseResult, answer: Answer | None = None) -> None:
    """How it ended."""
    unsettled = result in (UseResult.UNCONFIRMED, UseResult.INTERRUPTED)
    journal.end(RecordEnd(CardUseEnded(NOW.wall_ms, use.epoch, use.seq, result), use, unsettled, answer))


def answer(request: str = "r1") -> Answer:
    """What it is answered with."""
    return Answer(request, Code.DONE, {"kind": "debit", "amount": 1800, "item": "咖啡"})


def test_use_is_named_as_the_cloud_names_it(journal: TillJournal) -> None:
    """By device, epoch and number, as admissions are."""
    use = begin(journal)
    assert use.name == admission_name(21, journal.epoch, use.seq)
    assert use.seq == 2


def test_next_run_finds_a_use_without_its_end_whole(tmp_path: Path) -> None:
    """With the request that it serves and what the card looked like before."""
    with opened(tmp_path) as journal:
        use = begin(journal)
        assert journal.interrupted_requests() == []  # it is this run's own
    with opened(tmp_path, 2) as journal:
        assert journal.interrupted_requests() == [use]
        end(journal, use, UseResult.INTERRUPTED)
        assert journal.interrupted_requests() == []
        assert journal.unsettled_requests() == [use]


@pytest.mark.parametrize(("result", "kept"), [(UseResult.VOID, False), (UseResult.UNCONFIRMED, True)])
def test_use_of_which_nobody_knows_is_kept_and_a_void_one_is_not(tmp_path: Path, result: UseResult, kept: bool) -> None:
    """Over a restart too."""
    with opened(tmp_path) as journal:
        use = begin(journal)
        end(journal, use, result)
    with opened(tmp_path, 2) as journal:
        assert journal.unsettled_requests() == ([use] if kept else [])
        assert journal.remembered() == []


@pytest.mark.parametrize("charged", [True, False])
def test_settled_use_is_remembered_only_if_it_happened(tmp_path: Path, charged: bool) -> None:
    """What did not happen may be asked again."""
    with opened(tmp_path) as journal:
        use = begin(journal)
        end(journal, use, UseResult.UNCONFIRMED)
        told = Settled(NOW.wall_ms, use.epoch, use.seq, charged)
        journal.settle(RecordSettled(told, use, answer() if charged else None))
    with opened(tmp_path, 2) as journal:
        assert journal.unsettled_requests() == []
        assert [one.answer for one in journal.remembered()] == ([answer()] if charged else [])


def test_what_was_done_is_remembered_in_its_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest; older ones are forgotten, one of which nobody knows never."""
    monkeypatch.setattr(journal_module, "REMEMBERED", 3)
    with opened(tmp_path) as journal:
        unsure = begin(journal, "unsure")
        end(journal, unsure, UseResult.UNCONFIRMED)
        for n in range(6):
            end(journal, begin(journal, f"r{n}"), UseResult.DONE, answer(f"r{n}"))
    with opened(tmp_path, 2) as journal:
        assert [one.answer.id for one in journal.remembered()] == ["r3", "r4", "r5"]
        assert [one.digest for one in journal.remembered()] == [b"digest--"] * 3
        assert [use.request for use in journal.unsettled_requests()] == ["unsure"]


class Disk:
    """A disk that can be full, under a recorder; `told` is what the core hears."""

    def __init__(self, journal: TillJournal, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = False
        self.told: list[Any] = []
        self.recorder = TillRecorder(journal, self.told.append, lambda stream, last: None)
        insert = Store._insert

        def guarded(store: Store, *arguments: Any) -> bytes:
            if self.full:
                raise JournalFull("no room")
            return insert(store, *arguments)

        monkeypatch.setattr(Store, "_insert", guarded)


def test_full_disk_begins_nothing(journal: TillJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    """The core is told, and the cloud's chain has no gap; it goes on when there is room."""
    disk = Disk(journal, monkeypatch)
    disk.full = True
    disk.recorder.use(RecordUse(EVENT, "r1", b"digest--", 4, NEWEST), NOW)
    assert disk.told == [FaultChanged(Fault.DISK, True, "no room"), UseFailed("no room")]
    disk.full = False
    disk.recorder.tick(later(PROBE_S))
    assert disk.told[-1] == FaultChanged(Fault.DISK, False)
    disk.recorder.use(RecordUse(EVENT, "r1", b"digest--", 4, NEWEST), later(3))
    assert disk.told[-1] == UseRecorded(journal.epoch, 2, admission_name(21, journal.epoch, 2))


def test_end_that_finds_no_room_is_written_when_there_is(journal: TillJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    """The card was changed: its end is kept, in order, and not lost."""
    disk = Disk(journal, monkeypatch)
    first, second = begin(journal, "r1"), begin(journal, "r2")
    disk.full = True
    for use in (first, second):
        event = CardUseEnded(NOW.wall_ms, use.epoch, use.seq, UseResult.DONE)
        disk.recorder.ended(RecordEnd(event, use, False, answer(use.request)), NOW)
    assert journal.remembered() == []
    disk.full = False
    disk.recorder.tick(later(PROBE_S))
    assert [one.answer.id for one in journal.remembered()] == ["r1", "r2"]
    assert journal.last_seq(Stream.LEDGER) == 5
