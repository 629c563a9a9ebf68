# SPDX-License-Identifier: Apache-2.0
"""A new journal out of what is valid in a damaged one: the prefix of each chain that verifies, rows that can be read.

Events are taken from the pages themselves, so a broken index, header or table costs none. The damaged file is only
read; it is kept under a name with its date, and the new one takes its place once it is whole and verified.
"""

import contextlib
import sqlite3
from collections import defaultdict

from pistegate_edge.errors import JournalDamaged, JournalLost
from pistegate_edge.journal import aside, opening
from pistegate_edge.journal.epochs import epoch_rows
from pistegate_edge.journal.files import Files
from pistegate_edge.journal.pages import Image, Record
from pistegate_edge.journal.salvaged import Report, Rivals, settle
from pistegate_edge.journal.tables import OldTables
from pistegate_edge.journal.waiting import rebuild
from pistegate_protocol.documents import DOCUMENT_NAMES
from pistegate_protocol.events import EVENT_MAX, HEAD_BYTES, Stream, epoch_counter

_COLUMNS = 5  # of an event, and of a document
SIGNATURE_BYTES = 64
_SEQ_END = 1 << 32
_NEWER_DOCUMENT = (
    "INSERT INTO document VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET version = excluded.version,"
    " key_id = excluded.key_id, body = excluded.body, signature = excluded.signature WHERE excluded.version > version"
)


def salvage(files: Files, site: int, gate: int, stamp: str, what: str) -> aside.Mark:
    """Put a salvaged journal in the place of the damaged one; JournalLost when nothing of it verifies."""
    aside.forget_half(files)
    try:
        with contextlib.closing(files.connect(aside.SALVAGING)) as new:
            new.execute("PRAGMA synchronous = FULL")
            counter, report = _fill(files, new, site, gate)
    except (sqlite3.Error, JournalDamaged):
        aside.forget_half(files)  # on a full disk it would take the little room there is
        raise
    if not report.kept:
        aside.forget_half(files)
        raise JournalLost(files.directory / opening.FILE_NAME, f"is damaged ({what}), and nothing of it verifies")
    opening.verify(files, site, gate, aside.SALVAGING)
    files.rename(aside.SALVAGING, aside.SALVAGED)
    mark = aside.Mark(aside.kept_name(files, stamp), counter, report.words(what))
    mark.write(files)
    aside.exchange(files, mark)
    return mark


def _fill(files: Files, new: sqlite3.Connection, site: int, gate: int) -> tuple[int, Report]:
    """Everything that can be had, in one transaction; returns the newest epoch's counter and what was kept."""
    name = opening.FILE_NAME
    with OldTables(files, name) as old:
        identity = old.identity()
        if identity is not None:
            opening.check_owner(identity[:2], files.directory / name, site, gate)
        opening.create(new, site, gate, 0)
        new.execute("BEGIN IMMEDIATE")
        rivals = _take_records(new, Image.of(files.read_bytes(name), files.read_bytes(name + "-wal")))
        report = Report(unreadable=old.copied_into(new))
        report.admissions_lost = rebuild(new, gate, report.unreadable)
        rows = {(row.stream, row.epoch): row for row in old.epochs() if row.sound}
        new.execute("UPDATE identity SET generation = ?", (old.generation(),))
    for key in sorted({*_chains_in(new), *rows}):
        settle(new, gate, key, rows.get(key), rivals, report)
    found = [epoch_counter(row.epoch) for row in epoch_rows(new)]
    counter = max(aside.last_counter(files), identity[2] if identity is not None else 0, *found, 0)
    new.execute("UPDATE identity SET epoch_counter = ?", (counter,))
    new.execute("COMMIT")
    return counter, report


def _take_records(new: sqlite3.Connection, image: Image) -> Rivals:
    """Put what looks like an event or a document into its table; returns events that another has the place of."""
    rivals: Rivals = defaultdict(list)
    for record in image.records():
        if len(record) != _COLUMNS:
            continue
        if _is_event(record):
            _take_event(new, record, rivals)
        elif _is_document(record):
            new.execute(_NEWER_DOCUMENT, record)
    return rivals


def _is_event(record: Record) -> bool:
    stream, epoch, seq, payload, head = record
    return (
        stream in (Stream.LEDGER, Stream.NOTES)
        and isinstance(epoch, int)
        and isinstance(seq, int)
        and 0 < seq < _SEQ_END
        and isinstance(payload, bytes)
        and 0 < len(payload) <= EVENT_MAX
        and isinstance(head, bytes)
        and len(head) == HEAD_BYTES
    )


def _take_event(new: sqlite3.Connection, record: Record, rivals: Rivals) -> None:
    if new.execute("INSERT OR IGNORE INTO event VALUES (?, ?, ?, ?, ?)", record).rowcount:
        return
    stream, epoch, seq, payload, head = record
    query = "SELECT payload, head FROM event WHERE stream = ? AND epoch = ? AND seq = ?"
    if new.execute(query, (stream, epoch, seq)).fetchone() != (payload, head):
        rivals[stream, epoch, seq].append((payload, head))  # type: ignore[index, arg-type]


def _is_document(record: Record) -> bool:
    name, version, key_id, body, signature = record
    return (
        isinstance(name, str)
        and name in DOCUMENT_NAMES.values()
        and isinstance(version, int)
        and isinstance(key_id, int)
        and isinstance(body, bytes)
        and isinstance(signature, bytes)
        and len(signature) == SIGNATURE_BYTES
    )


def _chains_in(new: sqlite3.Connection) -> list[tuple[int, int]]:
    return new.execute("SELECT DISTINCT stream, epoch FROM event").fetchall()
