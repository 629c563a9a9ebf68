# SPDX-License-Identifier: Apache-2.0
"""A damaged journal: what is valid of it goes on, nothing is made up, no epoch is used twice, the file is kept."""

import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journal_damage import (
    FILE_NAME,
    GATE,
    SITE,
    WAL,
    Key,
    Truth,
    damaged_truth,
    events_in,
    laid_out,
    opened,
    surely_left,
    written,
)

from pistegate_edge.clock import Clock
from pistegate_edge.errors import JournalBroken, JournalDamaged, JournalFull, JournalLost
from pistegate_edge.journal import aside, opening, salvage
from pistegate_edge.journal.files import Files
from pistegate_edge.journal.journal import Journal
from pistegate_edge.journal.pages import Image
from pistegate_edge.journal.salvage import _is_event
from pistegate_protocol.events import EVENTS, EpochOpened, Stream, epoch_counter


@pytest.fixture(scope="module")
def truth() -> Truth:
    """A journal of 2,000 events whose last run was cut off."""
    return damaged_truth()


def flip(data: bytes, at: int) -> bytes:
    """One bit the other way."""
    at %= len(data)
    return data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]


def zero(data: bytes, at: int) -> bytes:
    """A page of zeros, as a card that lost a block gives."""
    start = at % len(data) // 4096 * 4096
    return data[:start] + bytes(len(data[start : start + 4096])) + data[start + 4096 :]


def cut(data: bytes, at: int) -> bytes:
    """The end is missing."""
    return data[: at % len(data)]


def garbage(data: bytes, at: int) -> bytes:
    """A sector of something else."""
    start = at % len(data) // 512 * 512
    return data[:start] + b"\xa5" * len(data[start : start + 512]) + data[start + 512 :]


def check(truth: Truth, directory: Path, harmed: dict[str, bytes]) -> bool:
    """Start a journal on these files; whether it was salvaged."""
    laid_out(truth, directory, **harmed)
    left = surely_left(truth, truth.files | harmed)
    try:
        journal = opened(directory, 99)
    except JournalLost:
        assert not left, "there was something to salvage"
        assert (directory / FILE_NAME).read_bytes() == harmed.get(FILE_NAME, truth.files[FILE_NAME])
        return True
    with journal:
        epoch, salvaged = journal.epoch, journal.mark is not None
        kept = {key: event for key, event in events_in(directory).items() if key[1] != epoch}
        made_up = {key for key, event in kept.items() if truth.events.get(key) != event}
        assert not made_up, "events that nobody wrote"
        lost = {key for key in left if key not in kept} - spared(truth, left, harmed)
        assert not lost, f"{len(lost)} valid events are gone, from {min(lost)}"
        assert epoch_counter(epoch) > max(epoch_counter(key[1]) for key in truth.events)
        first = EVENTS.decode(journal.fetch(Stream.LEDGER, epoch, 1, 1)[1][0])
        assert isinstance(first, EpochOpened)
        newest = max((key[1] for key in kept if key[0] == Stream.LEDGER), default=0)
        ends = [kept[key][1] for key in sorted(kept) if key[:2] == (Stream.LEDGER, newest)]
        if ends:
            assert (first.previous_epoch, first.previous_head) == (newest, ends[-1])
        for one in journal.unfinished():
            assert (Stream.LEDGER, one.epoch, one.seq) in truth.events
        if salvaged:
            assert journal.mark is not None
            damaged = (directory / journal.mark.kept).read_bytes()
            assert damaged == harmed.get(FILE_NAME, truth.files[FILE_NAME])
    with opened(directory, 100) as again:
        assert again.rolled_back is None
    return salvaged


def spared(truth: Truth, left: dict[Key, tuple[bytes, bytes]], harmed: dict[str, bytes]) -> set[Key]:
    """Events that may be gone although their pages are whole.

    The first one of a chain whose beginning was forgotten: the cloud has it, and it stands in for the lost head before.
    The last ones of the log: their commit may be in what is missing, as after a power cut.
    """
    firsts = {(*chain, first) for chain, first in truth.first.items() if first > 1}
    ends = {max(key for key in left if key[0] == stream) for stream in Stream if any(key[0] == stream for key in left)}
    return firsts | (ends if WAL in harmed else set())


@settings(max_examples=15, deadline=None)
@given(harm=st.sampled_from([flip, zero, cut, garbage]), at=st.integers(0, 1 << 30))
def test_damage_anywhere_in_the_file(harm, at: int) -> None:  # type: ignore[no-untyped-def]
    """Flipped, zeroed, cut off, overwritten: found at start, or of no consequence to any event."""
    with tempfile.TemporaryDirectory() as directory:
        check(damaged_truth(), Path(directory), {FILE_NAME: harm(damaged_truth().files[FILE_NAME], at)})


@settings(max_examples=15, deadline=None)
@given(harm=st.sampled_from([flip, zero, cut, garbage]), at=st.integers(0, 1 << 30))
def test_damage_anywhere_in_the_log(harm, at: int) -> None:  # type: ignore[no-untyped-def]
    """SQLite takes a damaged frame for the log's end; commits behind it are taken from there all the same."""
    with tempfile.TemporaryDirectory() as directory:
        check(damaged_truth(), Path(directory), {WAL: harm(damaged_truth().files[WAL], at)})


@settings(max_examples=6, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([flip, zero, garbage]), st.integers(0, 1 << 30)), min_size=2, max_size=6))
def test_damage_in_several_places(harms) -> None:  # type: ignore[no-untyped-def]
    """A dying card loses more than one block."""
    data = damaged_truth().files[FILE_NAME]
    for harm, at in harms:
        data = harm(data, at)
    with tempfile.TemporaryDirectory() as directory:
        check(damaged_truth(), Path(directory), {FILE_NAME: data})


def test_a_zeroed_header_costs_nothing_but_tables(truth: Truth, tmp_path: Path) -> None:
    """No table can be found any more: events come from the pages, what is open from the events, and it is told."""
    laid_out(truth, tmp_path)
    with opened(tmp_path) as journal:
        before = journal.unsettled()
    checkpointed(truth, tmp_path)
    path = tmp_path / FILE_NAME
    path.write_bytes(bytes(4096) + path.read_bytes()[4096:])
    with opened(tmp_path) as journal:
        assert journal.mark is not None
        assert " 0 lost" in journal.mark.told
        assert "owed" in journal.mark.told
        kept = {key: event for key, event in events_in(tmp_path).items() if key[1] != journal.epoch}
        first = min(key for key in truth.events if key[0] == Stream.LEDGER)
        assert truth.events.keys() - kept.keys() == {first}  # its head stands in for the one before
        assert [one.seq for one in journal.unfinished()] == [max(k for k in truth.events if k[0] == 1)[2]]
        assert {one.name for one in journal.unsettled()} == {
            one.name for one in before if (one.epoch, one.seq) > first[1:]
        }
        assert journal.document("deny_list") is not None


def test_rows_of_whole_tables_are_taken_over(truth: Truth, tmp_path: Path) -> None:
    """Owed persons, what cards confirmed, claims, usage of codes, documents, what waits: as they were."""
    laid_out(truth, tmp_path)
    with opened(tmp_path) as journal:
        before = knowledge(journal)
        assert all(before)
    laid_out(truth, tmp_path)
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute("UPDATE event SET head = zeroblob(32) WHERE stream = 2 AND seq = 3")
    connection.close()
    with opened(tmp_path) as journal:
        assert journal.mark is not None
        assert "unreadable" not in journal.mark.told
        assert knowledge(journal) == before


def knowledge(journal: Journal) -> list[object]:
    """What a gate begins with."""
    told = [journal.unfinished(), journal.unsettled(), journal.verified_claims(), journal.document("deny_list")]
    tables = ("confirmed", "ticket_usage", "owed")
    return told + [journal._db.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in tables]


def checkpointed(truth: Truth, directory: Path) -> None:
    """The files of the cut off run, all of it in the database."""
    laid_out(truth, directory)
    connection = sqlite3.connect(directory / FILE_NAME)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def test_a_missing_log_is_told(truth: Truth, tmp_path: Path) -> None:
    """The file without its log looks sound, and lacks the last run: nothing but the counter apart can tell."""
    laid_out(truth, tmp_path, **{WAL: None})
    with opened(tmp_path) as journal:
        assert journal.rolled_back == (3, 2)
        assert epoch_counter(journal.epoch) == 4
    with opened(tmp_path) as journal:
        assert journal.rolled_back is None
        assert not journal.log_is_gone


def test_a_log_missing_after_its_run_began_is_told(tmp_path: Path) -> None:
    """The run's beginning is in the file, its end was in the log alone."""
    with opened(tmp_path) as journal:
        journal._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        files = {name: Files(tmp_path).read_bytes(name) for name in (FILE_NAME, "epoch")}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    with opened(tmp_path) as journal:
        assert journal.log_is_gone
        assert journal.rolled_back is None
    with opened(tmp_path) as journal:
        assert not journal.log_is_gone


def test_the_journal_of_another_gate_is_not_salvaged(truth: Truth, tmp_path: Path) -> None:
    """A wrong device number beside damage: nothing is taken from somebody else's journal, nothing is renamed."""
    laid_out(truth, tmp_path, **{FILE_NAME: garbage(truth.files[FILE_NAME], len(truth.files[FILE_NAME]) // 2)})
    before = (tmp_path / FILE_NAME).read_bytes()
    with pytest.raises(JournalDamaged, match="belongs to gate 3"):
        Journal(tmp_path, SITE, GATE + 1, 65_536, Clock(), 1, "test")
    assert (tmp_path / FILE_NAME).read_bytes() == before


class CutOff(Files):
    """The power goes at the n-th change of a name."""

    def __init__(self, directory: Path, left: int) -> None:
        super().__init__(directory)
        self.left = left

    def _spend(self) -> None:
        if self.left == 0:
            raise PowerCut
        self.left -= 1

    def rename(self, old: str, new: str) -> None:
        self._spend()
        super().rename(old, new)

    def write_text(self, name: str, text: str) -> None:
        self._spend()
        super().write_text(name, text)

    def remove(self, name: str) -> None:
        self._spend()
        super().remove(name)


class PowerCut(BaseException):
    """Nothing catches it."""


@pytest.mark.parametrize("mark", [None, aside.Mark("journal-old.sqlite", 1)], ids=["first", "after an older one"])
def test_a_salvage_cut_off_at_any_step_is_finished_by_the_next_start(tmp_path: Path, mark: aside.Mark | None) -> None:
    """Never an empty start, the damaged file never lost, the salvage told at last; also after an older set-aside."""
    (tmp_path / "made").mkdir()
    truth = written(tmp_path / "made", 240)
    harmed = zero(truth.files[FILE_NAME], len(truth.files[FILE_NAME]) // 2)
    left = surely_left(truth, truth.files | {FILE_NAME: harmed})
    for step in range(30):
        directory = tmp_path / str(step)
        directory.mkdir()
        laid_out(truth, directory, **{FILE_NAME: harmed})
        if mark is not None:
            (directory / mark.kept).write_bytes(b"kept before")
            mark.write(Files(directory))
        files = CutOff(directory, step)
        try:
            journal = Journal(directory, SITE, GATE, 65_536, Clock(), 8, "test", files=files)
        except PowerCut:
            pass
        else:
            files.left = 100
            journal.close()
            break
        with opened(directory) as journal:
            assert journal.mark is not None
            assert "kept" in journal.mark.told
            assert (directory / journal.mark.kept).read_bytes() == harmed
            assert left.keys() - events_in(directory).keys() <= spared(truth, left, {})
        assert mark is None or (directory / mark.kept).read_bytes() == b"kept before"
    assert 6 < step < 29


def test_what_was_lost_is_told_by_epoch(truth: Truth, tmp_path: Path) -> None:
    """How many events neither this journal nor the cloud has, by stream and run."""
    laid_out(truth, tmp_path)
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        epoch, last = connection.execute(
            "SELECT epoch, MAX(seq) FROM event WHERE stream = 1 AND epoch >> 32 = 2"
        ).fetchone()
        connection.execute("DELETE FROM event WHERE stream = 1 AND epoch = ? AND seq = ?", (epoch, last - 9))
    connection.close()
    with opened(tmp_path) as journal:
        assert journal.mark is not None
        assert "ledger 2: 10 lost" in journal.mark.told
        assert told_next(tmp_path) == journal.mark.told


def told_next(directory: Path) -> str:
    """As the next start would read it."""
    mark = aside.Mark.read(Files(directory))
    return "" if mark is None else mark.told


@pytest.mark.parametrize("what", ["first", "nothing"])
def test_a_disk_too_full_to_salvage_changes_nothing(
    truth: Truth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """The damaged file stays where it is, and the next start, with room, salvages it."""
    harmed = zero(truth.files[FILE_NAME], len(truth.files[FILE_NAME]) // 2)
    laid_out(truth, tmp_path, **{FILE_NAME: harmed})
    plain = salvage._take_records

    def no_room(new: sqlite3.Connection, image: object) -> object:
        pages = new.execute("PRAGMA page_count").fetchone()[0]
        new.execute(f"PRAGMA max_page_count = {pages + (2 if what == 'first' else 0)}")
        return plain(new, image)  # type: ignore[arg-type]

    monkeypatch.setattr(salvage, "_take_records", no_room)
    with pytest.raises(JournalFull):
        opened(tmp_path)
    assert (tmp_path / FILE_NAME).read_bytes() == harmed
    assert not list(tmp_path.glob("journal-*.sqlite"))
    assert not list(tmp_path.glob("journal.salv*"))
    monkeypatch.undo()
    opened(tmp_path).close()


def test_a_torn_last_commit_is_no_damage(truth: Truth, tmp_path: Path) -> None:
    """A power cut under way in the log's last commit is what the log is for."""
    log = truth.files[WAL]
    laid_out(truth, tmp_path, **{WAL: log[:-2000] + bytes(2000)})
    with opened(tmp_path) as journal:
        assert journal.mark is None


def test_commits_behind_a_damaged_frame_are_found(truth: Truth, tmp_path: Path) -> None:
    """SQLite alone would begin without them, and say nothing."""
    laid_out(truth, tmp_path, **{WAL: flip(truth.files[WAL], len(truth.files[WAL]) // 2)})
    with sqlite3.connect(f"file:{tmp_path / FILE_NAME}?mode=ro", uri=True) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    with pytest.raises(JournalBroken, match="log"):
        opening.verify(Files(tmp_path), SITE, GATE)


def test_an_emptied_file_beside_its_log(truth: Truth, tmp_path: Path) -> None:
    """SQLite deletes the log of an empty file as soon as it is opened: it is never opened."""
    assert surely_left(truth, truth.files | {FILE_NAME: b""})
    assert check(truth, tmp_path, {FILE_NAME: b""})


def test_a_damaged_list_of_free_pages_hides_none(truth: Truth, tmp_path: Path) -> None:
    """What is no list any more must not be taken for one: its numbers would be those of pages full of events."""
    checkpointed(truth, tmp_path)
    data = bytearray((tmp_path / FILE_NAME).read_bytes())
    busy = b"".join(number.to_bytes(4, "big") for number in (0, 40, *range(2, 42)))
    data += busy.ljust(4096, b"\0")
    data[32:40] = (len(data) // 4096).to_bytes(4, "big") + (7).to_bytes(4, "big")  # the header knows of 7
    events = sum(_is_event(record) for record in Image.of(bytes(data), b"").records() if len(record) == 5)
    assert events >= len(truth.events)


def test_no_epoch_is_used_twice_though_nothing_but_the_events_tells_their_counters(
    truth: Truth, tmp_path: Path
) -> None:
    """The header is gone, and so is the file that holds the counter apart."""
    checkpointed(truth, tmp_path)
    (tmp_path / aside.COUNTER).unlink()
    path = tmp_path / FILE_NAME
    path.write_bytes(bytes(4096) + path.read_bytes()[4096:])
    with opened(tmp_path) as journal:
        assert epoch_counter(journal.epoch) == 4
        assert journal.rolled_back is None


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE ticket_usage SET usage = zeroblob(32) WHERE rowid = (SELECT MIN(rowid) FROM ticket_usage)",
        "UPDATE owed SET until_wall = 'soon'",
        "UPDATE confirmed SET used_total = 'many'",
        "UPDATE epoch SET acked_seq = acked_seq + 50 WHERE stream = 1",
    ],
)
def test_a_row_that_nobody_wrote_so_does_not_wait_for_a_guest_to_be_found(
    truth: Truth, tmp_path: Path, harm: str
) -> None:
    """What would stop the gate in the middle of the day, or make it send too little, is found at start."""
    laid_out(truth, tmp_path)
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute(harm)
    connection.commit()
    connection.close()
    with opened(tmp_path) as journal:
        assert journal.mark is not None
        assert " 0 lost" in journal.mark.told
        journal.owed()
        for ticket in range(475):
            known = journal.ticket_usage(ticket)
            assert known.card is not None or known.others is not None
    with opened(tmp_path) as journal:
        assert journal.mark is not None
        journal.tidy()
    with opened(tmp_path) as journal:
        assert journal.mark is None
