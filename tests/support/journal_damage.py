# SPDX-License-Identifier: Apache-2.0
"""A journal of 2,000 events with everything in it, harmed in every way; and what must be left of it."""

import tempfile
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pistegate_edge.clock import Clock
from pistegate_edge.core.actions import RecordAdmission, RecordOutcome
from pistegate_edge.core.memory import Confirmed, Memory
from pistegate_edge.core.owed import OwedEntry
from pistegate_edge.journal.epochs import epoch_rows
from pistegate_edge.journal.files import Files
from pistegate_edge.journal.journal import Journal
from pistegate_edge.journal.opening import FILE_NAME
from pistegate_edge.journal.pages import page_size
from pistegate_edge.journal.retention import Forgetting, forget
from pistegate_protocol.events import Admitted, Incident, Outcome, OutcomeKind, Refused, Stream
from pistegate_protocol.messages import SignedDocument
from pistegate_protocol.usage import Usage, encode_counters

SITE, GATE = 1, 3
WAL = FILE_NAME + "-wal"
Key = tuple[int, int, int]  # stream, epoch, seq
ONE_USED = encode_counters(Usage(claim=b"", used_total=1))


@dataclass(frozen=True, slots=True)
class Truth:
    """What was written. `places`: page images of the two files that hold an event, as (file, offset of the page)."""

    events: dict[Key, tuple[bytes, bytes]]
    first: dict[tuple[int, int], int]
    places: dict[Key, list[tuple[str, int]]]
    files: dict[str, bytes]
    page: int


def opened(directory: Path, random32: int = 7) -> Journal:
    """The journal of gate 3 of site 1."""
    return Journal(directory, SITE, GATE, 65_536, Clock(), random32, "test")


def fill(journal: Journal, passages: int) -> None:
    """Cards that pass, one that does not answer, and what is noted beside."""
    journal._db.execute("PRAGMA synchronous = OFF")  # nobody cuts the power here
    for number in range(passages):
        card, claim = number.to_bytes(7, "big"), number.to_bytes(8, "big")
        medium = b"\x02" if number % 10 == 9 else b"\x01" + card
        event = Admitted(1000 + number, number, medium, claim, 1, 1, ONE_USED, bytes(8))
        seq, name = journal.admit(RecordAdmission(event, 1))
        if number % 50 == 48:
            outcome = Outcome(2000 + number, journal.epoch, seq, OutcomeKind.CARD_UNCONFIRMED, 0)
            owed = OwedEntry(name, 1, journal._clock.monotonic() + 100)
            journal.outcome(RecordOutcome(outcome, owed, unsettled=True))
        else:
            outcome = Outcome(2000 + number, journal.epoch, seq, OutcomeKind.PASSED, 1)
            memory = Memory(medium, claim, Confirmed(1, 0, 0), b"signed" * 20)
            journal.outcome(RecordOutcome(outcome, memory=memory))
        if number % 5 == 0:
            journal.note(Refused(number, "expired", medium, number))
            journal.note(Incident(number, "reader_lost", f"for the time {number}"))


@cache
def damaged_truth() -> Truth:
    """One for all tests of a process."""
    with tempfile.TemporaryDirectory() as directory:
        return written(Path(directory))


def written(directory: Path, passages: int = 950) -> Truth:
    """Three runs; of the first the beginning is forgotten; the last was cut off with an admission open."""
    for run, share in enumerate((2, 3), 1):
        with opened(directory, run) as journal:
            fill(journal, passages // share)
            journal.acknowledge(Stream.LEDGER, journal.epoch, 200)
            journal.store_document("deny_list", run, SignedDocument(1, bytes(5000), bytes(64)))
            if run == 1:
                with journal._transaction():
                    row = next(row for row in epoch_rows(journal._db) if row.stream == Stream.LEDGER)
                    forget(journal._db, Forgetting(row, 100, 0))
            journal.tidy()
    journal = opened(directory, 3)
    fill(journal, passages // 20)
    event = Admitted(1, 1, b"\x01" + bytes(7), bytes(8), 1, 1, ONE_USED, bytes(8))
    journal.admit(RecordAdmission(event, 1))
    files = {name: Files(directory).read_bytes(name) for name in (FILE_NAME, WAL, "epoch", "reserve")}
    truth = _truth(journal, files)
    journal.close()
    return truth


def _truth(journal: Journal, files: dict[str, bytes]) -> Truth:
    rows = journal._db.execute("SELECT stream, epoch, seq, payload, head FROM event")
    events = {(stream, epoch, seq): (payload, head) for stream, epoch, seq, payload, head in rows}
    first = {(row.stream, row.epoch): row.kept_from for row in epoch_rows(journal._db)}
    size = page_size(files[FILE_NAME], files[WAL])
    starts = {FILE_NAME: range(0, len(files[FILE_NAME]), size), WAL: range(56, len(files[WAL]), size + 24)}
    places: dict[Key, list[tuple[str, int]]] = {key: [] for key in events}
    tails = {(payload + head)[-8:]: (payload + head, key) for key, (payload, head) in events.items()}
    for name, offsets in starts.items():
        for offset in offsets:
            page = files[name][offset : offset + size]
            for at in range(8, len(page) + 1):
                if (found := tails.get(page[at - 8 : at])) and page[:at].endswith(found[0]):
                    places[found[1]].append((name, offset))
    return Truth(events, first, places, files, size)


def laid_out(truth: Truth, directory: Path, **changed: bytes | None) -> None:
    """The files of a run that was cut off, some of them changed or (None) missing."""
    for name, data in (truth.files | changed).items():
        if data is not None:
            (directory / name).write_bytes(data)


def surely_left(truth: Truth, harmed: dict[str, bytes]) -> dict[Key, tuple[bytes, bytes]]:
    """Of each chain the events before the first of which no page image is whole."""
    left: dict[Key, tuple[bytes, bytes]] = {}
    for (stream, epoch), first in truth.first.items():
        seq = first
        while (key := (stream, epoch, seq)) in truth.events and any(
            _whole(truth, harmed, name, offset) for name, offset in truth.places[key]
        ):
            left[key] = truth.events[key]
            seq += 1
    return left


def _whole(truth: Truth, harmed: dict[str, bytes], name: str, offset: int) -> bool:
    before = 24 if name == WAL else 0  # the frame's header
    end = offset + truth.page
    return harmed[name][offset - before : end] == truth.files[name][offset - before : end]


def events_in(directory: Path) -> dict[Key, tuple[bytes, bytes]]:
    """Of the journal as it is now."""
    with closing(Files(directory).connect(FILE_NAME, read_only=True)) as connection:
        rows = connection.execute("SELECT stream, epoch, seq, payload, head FROM event").fetchall()
    return {(stream, epoch, seq): (bytes(payload), bytes(head)) for stream, epoch, seq, payload, head in rows}
