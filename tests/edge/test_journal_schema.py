# SPDX-License-Identifier: Apache-2.0
"""Old journals: a gate that is updated goes on with what it had, and nothing of it is lost or told twice.

data/journal-1.sqlite was written by release 0.1: gate 3 of site 1, two epochs, an admission passed, one unconfirmed
with its owed person, one of three persons cut off after the first, two notes, a deny list.
"""

import shutil
import sqlite3
from importlib.resources import files as resources
from pathlib import Path

import pytest
from gate_bench import DOCUMENTS, public
from journal_damage import ONE_USED

from pistegate_edge.clock import Clock
from pistegate_edge.core.actions import RecordAdmission
from pistegate_edge.core.memory import Confirmed, Memory, TicketUsage
from pistegate_edge.errors import JournalFull
from pistegate_edge.journal import journal as module
from pistegate_edge.journal import opening, store
from pistegate_edge.journal.epochs import epoch_rows
from pistegate_edge.journal.files import Files
from pistegate_edge.journal.journal import Journal
from pistegate_protocol.documents import open_document
from pistegate_protocol.events import (
    EVENTS,
    Admitted,
    AdmittedV1,
    EpochOpened,
    Outcome,
    OutcomeKind,
    Stream,
    epoch_counter,
)
from pistegate_protocol.signing import KeyRing
from pistegate_protocol.usage import Usage, decode_usage, encode_counters

OLD = Path(__file__).parent / "data" / "journal-1.sqlite"
SITE, GATE = 1, 3


def old_journal(tmp_path: Path) -> Path:
    """A folder as release 0.1 left it."""
    shutil.copy(OLD, tmp_path / opening.FILE_NAME)
    return tmp_path


def reopened(directory: Path) -> Journal:
    """By this release."""
    return Journal(directory, SITE, GATE, 65_536, Clock(), 77, "test")


def schema(path: Path) -> list[tuple[object, ...]]:
    """Every table as SQLite keeps it."""
    connection = sqlite3.connect(path)
    try:
        found = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name").fetchall()
        return [*found, connection.execute("PRAGMA user_version").fetchone()]
    finally:
        connection.close()


def test_every_schema_has_its_step() -> None:
    """The newest step is the schema version, and none is missing in between."""
    steps = {path.name for path in resources(store.__package__).iterdir() if path.name.endswith(".sql")}
    assert steps == {f"schema_{number}.sql" for number in range(1, opening.SCHEMA_VERSION + 1)}


def test_old_journal_becomes_what_a_new_one_is(tmp_path: Path) -> None:
    """Migrated or created: the same tables, the same version."""
    (tmp_path / "new").mkdir()
    (tmp_path / "old").mkdir()
    reopened(tmp_path / "new").close()
    reopened(old_journal(tmp_path / "old")).close()
    assert schema(tmp_path / "old" / opening.FILE_NAME) == schema(tmp_path / "new" / opening.FILE_NAME)


def test_what_the_old_release_left_open_is_still_open(tmp_path: Path) -> None:
    """Unfinished and unsettled admissions, owed persons, the deny list, and what the cloud has not acknowledged."""
    with reopened(old_journal(tmp_path)) as journal:
        (unfinished,) = journal.unfinished()
        assert (unfinished.n, unfinished.party, unfinished.passed) == (3, 3, 1)
        (unsettled,) = journal.unsettled()
        assert unsettled.claim == b"claim002"
        assert [(owed.admission, owed.persons) for owed in journal.owed()] == [(unsettled.name, 1)]
        found = journal.document("deny_list")
        assert found is not None
        document = open_document(found[1], KeyRing({1: public(DOCUMENTS)}), SITE, 0)
        assert document.entries == [(4711, 1)]
        waiting = {(p.stream, epoch_counter(p.epoch)): (p.acked_seq, p.last_seq) for p in journal.pending()}
        assert waiting[Stream.LEDGER, 1] == (3, 5)
        assert waiting[Stream.LEDGER, 2] == (0, 2)


def test_the_chain_of_the_old_release_goes_on(tmp_path: Path) -> None:
    """Its events stay byte for byte, and the new epoch names its last head."""
    with reopened(old_journal(tmp_path)) as journal:
        (last,) = [p for p in journal.pending() if p.stream is Stream.LEDGER and epoch_counter(p.epoch) == 2]
        opened = EVENTS.decode(journal.fetch(Stream.LEDGER, journal.epoch, 1, 1)[1][0])
        assert isinstance(opened, EpochOpened)
        assert opened.previous_head == journal.head_at(Stream.LEDGER, last.epoch, last.last_seq)
        events = [EVENTS.decode(payload) for payload in journal.fetch(Stream.LEDGER, last.epoch, 1, 9)[1]]
        assert [type(event) for event in events] == [EpochOpened, AdmittedV1]


def test_journal_of_the_second_schema_goes_on(tmp_path: Path) -> None:
    """data/journal-2.sqlite: the first one migrated, and an admission of two cut off after one; no lane counted."""
    shutil.copy(OLD.with_name("journal-2.sqlite"), tmp_path / opening.FILE_NAME)
    with reopened(tmp_path) as journal:
        assert [(one.n, one.passed) for one in journal.unfinished()] == [(3, 1), (2, 1)]
        assert journal.lane_mark() is None


def test_newest_unfinished_admission_tells_what_the_lane_had_counted(tmp_path: Path) -> None:
    """Of an earlier run alone; an admission that has its outcome asks for nothing."""
    event = Admitted(1, 4711, b"\x01card", b"claim001", 1, 1, ONE_USED, bytes(8))
    with reopened(tmp_path) as journal:
        journal.admit(RecordAdmission(event, 1), ("00c0ffee", 41))
        assert journal.lane_mark() is None
        epoch, (seq, _) = journal.epoch, journal.admit(RecordAdmission(event, 1), ("00c0ffee", 42))
    with reopened(tmp_path) as journal:
        assert journal.lane_mark() == ("00c0ffee", 42)
        journal.outcome(module.RecordOutcome(Outcome(1, epoch, seq, OutcomeKind.INTERRUPTED, 1)))
        assert journal.lane_mark() == ("00c0ffee", 41)


def test_journal_of_the_third_schema_goes_on(tmp_path: Path) -> None:
    """data/journal-3.sqlite: what codes used, and their newest period, are what media without a memory used."""
    shutil.copy(OLD.with_name("journal-3.sqlite"), tmp_path / opening.FILE_NAME)
    before = sqlite3.connect(tmp_path / opening.FILE_NAME)
    rows = before.execute("SELECT ticket, usage, tick FROM code_usage").fetchall()
    before.close()
    assert rows
    with reopened(tmp_path) as journal:
        for ticket, usage, tick in rows:
            assert journal.ticket_usage(ticket) == TicketUsage(None, decode_usage(usage), tick)


def test_what_a_code_used_is_in_the_commit_of_its_admission(tmp_path: Path) -> None:
    """Its new counters under the admission's name; a phone's newest period is never forgotten for an older one."""
    event = Admitted(1, 4711, b"\x00", b"claim001", 1, 1, encode_counters(Usage(claim=b"", used_total=3)), bytes(8))
    with reopened(tmp_path) as journal:
        assert journal.ticket_usage(4711) == TicketUsage()
        journal.admit(RecordAdmission(event, 1, tick=40))
        _, name = journal.admit(RecordAdmission(event, 1, tick=39))
    with reopened(tmp_path) as journal:
        used = Usage(claim=b"claim001", admission=name, used_total=3)
        assert journal.ticket_usage(4711) == TicketUsage(None, used, 40)


def test_full_disk_while_migrating_leaves_the_old_journal_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All or nothing: the next start, with room, migrates it."""
    plain = opening.connect

    def no_room(files: Files) -> sqlite3.Connection:
        connection = plain(files)
        connection.execute(f"PRAGMA max_page_count = {connection.execute('PRAGMA page_count').fetchone()[0]}")
        return connection

    before = schema(OLD)
    monkeypatch.setattr(opening, "connect", no_room)
    with pytest.raises(JournalFull):
        reopened(old_journal(tmp_path))
    monkeypatch.undo()
    assert schema(tmp_path / opening.FILE_NAME) == before
    with reopened(tmp_path) as journal:
        assert len(journal.unfinished()) == 1


def memory(number: int, total: int = 1, signed: bytes | None = None) -> Memory:
    """What an outcome teaches of one card."""
    return Memory(b"\x01" + number.to_bytes(7, "big"), number.to_bytes(8, "big"), Confirmed(total, 0, 0), signed)


def taught(journal: Journal, *memories: Memory) -> None:
    """Outcomes that teach."""
    for what in memories:
        event = Outcome(1, journal.epoch, 1, OutcomeKind.PASSED, 1)
        journal.outcome(module.RecordOutcome(event, memory=what))


def test_what_cards_confirmed_survives_a_restart(tmp_path: Path) -> None:
    """The last counters of each card and claim, and the signed claims by their digests."""
    with reopened(tmp_path) as journal:
        taught(journal, memory(1, 3, b"claim one"), memory(2, 1), memory(1, 4))
    with reopened(tmp_path) as journal:
        assert journal.confirmed(memory(1).medium, memory(1).claim) == Confirmed(4, 0, 0)
        assert journal.confirmed(memory(2).medium, memory(1).claim) is None
        assert journal.verified_claims() == [(memory(1).claim, b"claim one")]


def test_only_so_many_cards_are_remembered_and_the_newest_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A season's cards must not fill the disk; a card that comes again is new again."""
    monkeypatch.setattr(module, "CONFIRMED_MAX", 2)
    monkeypatch.setattr(module, "KNOWN_CLAIMS_MAX", 1)
    with reopened(tmp_path) as journal:
        taught(journal, *(memory(number, 1, b"signed") for number in (1, 2, 3, 1)))
        journal.forget_old()
        known = [number for number in (1, 2, 3) if journal.confirmed(memory(number).medium, memory(number).claim)]
        assert known == [1, 3]
        assert [digest for digest, _ in journal.verified_claims()] == [memory(1).claim]


def test_journal_of_the_third_schema_goes_on_and_forgets_nothing_yet(tmp_path: Path) -> None:
    """data/journal-3.sqlite: 2 runs; six cards, one unconfirmed with its owed person, two codes, one of them open."""
    shutil.copy(OLD.with_name("journal-3.sqlite"), tmp_path / opening.FILE_NAME)
    with reopened(tmp_path) as journal:
        assert [one.claim for one in journal.unfinished()] == [b"claim008"]
        assert journal.lane_mark() == ("00c0ffee", 42)
        assert [one.claim for one in journal.unsettled()] == [b"claim006"]
        assert len(journal.owed()) == 1
        assert journal.confirmed(b"\x01card005", b"claim005") == Confirmed(5, 0, 0)
        waiting = {(p.stream, epoch_counter(p.epoch)): (p.acked_seq, p.last_seq) for p in journal.pending()}
        assert waiting[Stream.LEDGER, 1] == (12, 13)
        assert waiting[Stream.LEDGER, 2] == (0, 4)
        journal.tidy()
    with reopened(tmp_path) as journal:
        assert journal.rolled_back is None
        assert [row.kept_from for row in epoch_rows(journal._db)] == [1] * 8
