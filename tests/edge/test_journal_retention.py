# SPDX-License-Identifier: Apache-2.0
"""What a journal forgets and when; and that it stays bounded."""

from pathlib import Path

import pytest
from journal_aging import DAY_S, Hands, acknowledge_all, opened, run_for
from journal_damage import ONE_USED, fill

from pistegate_edge.core.actions import RecordAdmission, RecordOutcome, RecordSettled
from pistegate_edge.core.owed import OwedEntry
from pistegate_edge.journal import opening, retention, store
from pistegate_edge.journal.files import Files
from pistegate_edge.journal.journal import Journal
from pistegate_protocol.events import (
    EVENTS,
    Admitted,
    CardUse,
    Dropped,
    EpochOpened,
    Incident,
    Outcome,
    OutcomeKind,
    Settled,
    Stream,
    UseKind,
)


def kept_events(journal: Journal, stream: Stream = Stream.LEDGER) -> int:
    """How many are still there."""
    return int(journal._db.execute("SELECT COUNT(*) FROM event WHERE stream = ?", (stream,)).fetchone()[0])


def test_events_go_when_the_cloud_has_had_them_for_the_days_of_running_that_are_set(tmp_path: Path) -> None:
    """Not before, not without its acknowledgement; the chain verifies at start, and the next run names its head."""
    clock = Hands()
    with opened(tmp_path, clock) as journal:
        fill(journal, 30)
        head = journal.head_at(Stream.LEDGER, journal.epoch, 61)
        journal.acknowledge(Stream.LEDGER, journal.epoch, 41)
        run_for(journal, clock, 3 * DAY_S - 2 * retention.MARK_S)
        assert kept_events(journal) == 61
        run_for(journal, clock, 4 * retention.MARK_S)
        assert kept_events(journal) == 20
        run_for(journal, clock, 5 * DAY_S)
        assert kept_events(journal) == 20  # the cloud has no more
        epoch = journal.epoch
        assert journal.fetch(Stream.LEDGER, epoch, 42, 100)[0] == journal.head_at(Stream.LEDGER, epoch, 41)
        assert journal.is_forgotten(Stream.LEDGER, epoch, 40)
        assert not journal.is_forgotten(Stream.LEDGER, epoch, 41)
        assert journal.head_at(Stream.LEDGER, epoch, 40) is None
        acknowledge_all(journal)
        run_for(journal, clock, 4 * DAY_S)
        assert kept_events(journal) == 0
    with opened(tmp_path, clock) as journal:
        event = EVENTS.decode(journal.fetch(Stream.LEDGER, journal.epoch, 1, 1)[1][0])
        assert isinstance(event, EpochOpened)
        assert (event.previous_epoch, event.previous_head) == (epoch, head)
        assert [p.epoch for p in journal.pending() if p.stream is Stream.LEDGER] == [journal.epoch]


def test_nothing_ripens_while_the_cloud_is_not_heard(tmp_path: Path) -> None:
    """It may have been restored meanwhile, from before it had the event: only the same one, days later, proves it."""
    clock = Hands()
    with opened(tmp_path, clock) as journal:
        fill(journal, 10)
        acknowledge_all(journal)
        journal.heard()
        run_for(journal, clock, 5 * DAY_S, alone=True)
        assert kept_events(journal) == 21
    with opened(tmp_path, clock) as journal:
        run_for(journal, clock, DAY_S, alone=True)
        assert kept_events(journal) == 22
        journal.replay(2)
        run_for(journal, clock, 2 * DAY_S)
        assert kept_events(journal) == 22  # restored: nothing is acknowledged any more
        acknowledge_all(journal)
        run_for(journal, clock, 4 * DAY_S)
        assert kept_events(journal) == 0


@pytest.mark.parametrize("jump_days", [40, -40])
def test_a_clock_that_jumps_makes_no_event_old(tmp_path: Path, jump_days: int) -> None:
    """Set forward by a month, or back: age is what the device ran, over restarts too."""
    clock = Hands()
    with opened(tmp_path, clock) as journal:
        fill(journal, 10)
        acknowledge_all(journal)
        run_for(journal, clock, DAY_S)
    clock.wall += jump_days * DAY_S * 1000
    clock.mono = 5.0  # another boot
    with opened(tmp_path, clock) as journal:
        run_for(journal, clock, DAY_S)
        clock.wall -= 2 * jump_days * DAY_S * 1000
        run_for(journal, clock, DAY_S - retention.MARK_S * 3)
        assert kept_events(journal) == 22
        run_for(journal, clock, retention.MARK_S * 6)
        assert kept_events(journal) == 1  # of the second run, which nobody acknowledged


def test_a_restart_may_cost_age_but_never_adds_any(tmp_path: Path) -> None:
    """A gate that restarts every five minutes never reckons itself older than it is."""
    clock = Hands()
    with opened(tmp_path, clock, keep_days=2) as journal:
        fill(journal, 5)
        acknowledge_all(journal)
        run_for(journal, clock, retention.MARK_S)
    for _ in range(20):
        clock.on(3600)
        with opened(tmp_path, clock, keep_days=2) as journal:
            run_for(journal, clock, retention.MARK_S - 1, step=60)
            assert journal._ran_before <= 21 * retention.MARK_S
    assert kept_in(tmp_path) >= 11


def kept_in(directory: Path) -> int:
    """Ledger events of a closed journal."""
    connection = Files(directory).connect(opening.FILE_NAME, read_only=True)
    try:
        return int(connection.execute("SELECT COUNT(*) FROM event WHERE stream = 1").fetchone()[0])
    finally:
        connection.close()


def test_what_still_waits_keeps_its_event(tmp_path: Path) -> None:
    """An unsettled admission, an unfinished one, a card use and owed persons outlive the chain they were written in."""
    clock = Hands()
    with opened(tmp_path, clock) as journal:
        fill(journal, 60)  # the 49th card did not answer
    with opened(tmp_path, clock) as journal:
        (before,) = journal.unsettled()
        use = CardUse(1, UseKind.DEBIT, b"\x01card", 1, 5, 0, "CNY", 100, 0)
        journal.begin_use(use)
        fill(journal, 1)
    with opened(tmp_path, clock) as journal:
        acknowledge_all(journal)
        run_for(journal, clock, 4 * DAY_S)
        assert kept_events(journal) == 0
    with opened(tmp_path, clock) as journal:
        assert journal.unsettled() == [before]
        assert len(journal._db.execute("SELECT * FROM owed").fetchall()) == 1
        (found,) = journal.open_uses()
        assert found.event == use
        journal.settled(RecordSettled(Settled(1, before.epoch, before.seq, False), (before.name,)))
    with opened(tmp_path, clock) as journal:
        assert journal.unsettled() == []


def test_an_admission_without_outcome_keeps_its_event(tmp_path: Path) -> None:
    """Even if the gate idles for a week before anybody tells how it ended."""
    clock = Hands()
    with opened(tmp_path, clock) as journal:
        fill(journal, 3)
        event = Admitted(1, 9, b"\x01card999", b"claim999", 1, 1, ONE_USED, bytes(8))
        journal.admit(RecordAdmission(event, 1))
        acknowledge_all(journal)
        run_for(journal, clock, 7 * DAY_S)
    with opened(tmp_path, clock) as journal:
        (found,) = journal.unfinished()
        assert found.claim == b"claim999"
        entry = OwedEntry(found.name, 1, clock.mono + 100)
        event = Outcome(1, found.epoch, found.seq, OutcomeKind.INTERRUPTED, 0, 1)
        journal.outcome(RecordOutcome(event, entry, unsettled=True))
    with opened(tmp_path, clock) as journal:
        assert [one.claim for one in journal.unsettled()] == [b"claim999"]


def test_a_replay_offers_all_that_is_kept_and_keeps_it(tmp_path: Path) -> None:
    """The cloud was restored: what it had acknowledged ripens anew, for as many days."""
    clock = Hands()
    with opened(tmp_path, clock) as journal:
        fill(journal, 10)
        journal.acknowledge(Stream.LEDGER, journal.epoch, 11)
        run_for(journal, clock, 3 * DAY_S + 3 * retention.MARK_S)
        assert kept_events(journal) == 10
        acknowledge_all(journal)
        run_for(journal, clock, DAY_S)
        journal.replay(2)
        assert journal.generation == 2
        assert next((p.acked_seq, p.first_seq, p.last_seq) for p in journal.pending()) == (11, 12, 21)
        run_for(journal, clock, 4 * DAY_S)
        assert kept_events(journal) == 10


def test_forgetting_is_cut_into_small_commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A guest who comes in between waits for one of them at most; the rest goes on later."""
    monkeypatch.setattr(retention, "FORGET_CHUNK", 7)
    clock = Hands()
    with opened(tmp_path, clock) as journal:
        fill(journal, 30)
        acknowledge_all(journal)
        clock.on(retention.MARK_S)
        journal.tidy()
        clock.on(3 * DAY_S)
        journal.heard()
        left = []
        for _ in range(12):
            journal.tidy()
            left.append(kept_events(journal))
        assert left[:3] == [61, 54, 47] or left[:3] == [54, 47, 40]
        assert left[-1] == 0
        fill(journal, 1)
    opened(tmp_path, clock).close()


# Notes


def test_old_notes_that_the_cloud_never_had_are_dropped_and_the_drop_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gate that was alone for a season: the oldest runs' notes go, newer ones and the ledger stay."""
    monkeypatch.setattr(retention, "NOTES_MAX", 100)
    clock = Hands()
    for run in range(6):
        with opened(tmp_path, clock) as journal:
            for number in range(20):
                journal.note(Incident(1, "forced_arm", f"{run} {number}"))
            fill(journal, 5)
    with opened(tmp_path, clock) as journal:
        assert kept_events(journal, Stream.NOTES) <= 60
        assert kept_events(journal) == 6 * 11 + 1
        rows = journal._db.execute("SELECT payload FROM event WHERE stream = 2 AND epoch != ?", (journal.epoch,))
        kept = [event for (payload,) in rows if not isinstance(event := EVENTS.decode(payload), Dropped)]
        assert kept[-1] == Incident(0, "reader_lost", "for the time 0")
        assert len(kept) + dropped_in(tmp_path) == 6 * 23  # of a run: 20 here, 2 of `fill`, its opening
    opened(tmp_path, clock).close()


def test_notes_beyond_the_bound_are_counted_and_told_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device that chatters for weeks without a network: the disk stays, and nothing is dropped silently."""
    monkeypatch.setattr(retention, "NOTES_MAX", 50)
    monkeypatch.setattr(store, "CROWDED_TOLD", 30)
    clock = Hands()
    with opened(tmp_path, clock) as journal:
        for number in range(120):
            journal.note(Incident(1, "forced_arm", str(number)))
        assert journal.last_seq(Stream.NOTES) == 50 + 2
        acknowledge_all(journal)
        journal.note(Incident(1, "forced_arm", "after"))
        events = [EVENTS.decode(p) for p in journal.fetch(Stream.NOTES, journal.epoch, 1, 99)[1]]
        assert [event.count for event in events if isinstance(event, Dropped)] == [30, 30, 11]
        assert isinstance(events[-1], Incident)
        assert events[-1].detail == "after"
    with opened(tmp_path, clock) as journal:
        for number in range(60):
            journal.note(Incident(1, "forced_arm", str(number)))
    assert dropped_in(tmp_path) == 30 + 30 + 11 + 13  # the rest is told at the end of a run


def dropped_in(directory: Path) -> int:
    """Sum of what Dropped tells."""
    connection = Files(directory).connect(opening.FILE_NAME, read_only=True)
    try:
        events = [EVENTS.decode(p) for (p,) in connection.execute("SELECT payload FROM event WHERE stream = 2")]
    finally:
        connection.close()
    return sum(event.count for event in events if isinstance(event, Dropped))


# Bounds


def test_a_month_of_passages_with_acknowledgements_stays_bounded(tmp_path: Path) -> None:
    """Thirty days in proportion (700 events a day): once the first days are forgotten, the file grows no more."""
    clock = Hands()
    sizes = []
    for _ in range(30):
        with opened(tmp_path, clock) as journal:
            fill(journal, 300)
            acknowledge_all(journal)
            run_for(journal, clock, 10 * 3600)
        sizes.append((tmp_path / opening.FILE_NAME).stat().st_size)
        clock.on(14 * 3600)
    assert max(sizes[10:]) <= 1.1 * sizes[9], sizes
    assert kept_in(tmp_path) <= 9 * 601


def test_what_the_cloud_has_not_yet_fits_the_room_that_the_guide_asks_for(tmp_path: Path) -> None:
    """200,000 events alone in 200 MB, a salvage beside them included: at most 250 bytes each (216 measured)."""
    clock = Hands()
    with opened(tmp_path, clock) as journal:
        before = journal._db.execute("PRAGMA page_count").fetchone()[0]
        fill(journal, 1500)
        pages = journal._db.execute("PRAGMA page_count").fetchone()[0] - before
        events = journal._db.execute("SELECT COUNT(*) FROM event").fetchone()[0]
    assert pages * 4096 / events <= 250  # each passage here is of another card, whose signed claim is kept beside it


def test_rows_of_forgotten_epochs_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Years of restarts: the newest are kept to know late acknowledgements by."""
    monkeypatch.setattr(retention, "EPOCHS_MAX", 4)
    clock = Hands()
    for _ in range(9):
        with opened(tmp_path, clock) as journal:
            acknowledge_all(journal)
            run_for(journal, clock, 4 * DAY_S, step=DAY_S / 4)
    with opened(tmp_path, clock) as journal:
        rows = journal._db.execute("SELECT COUNT(*) FROM epoch WHERE stream = 1").fetchone()[0]
        assert rows <= 6
