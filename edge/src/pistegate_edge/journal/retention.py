# SPDX-License-Identifier: Apache-2.0
"""What may be forgotten, and when: events that the cloud has had for long enough, notes beyond what is kept.

Age is counted in seconds that the device ran, never by a wall clock: a clock that is set cannot make events old, and a
device never runs longer than the world. `ripening` remembers what was acknowledged when.
"""

import sqlite3
from dataclasses import dataclass, replace

from pistegate_edge.journal.epochs import EpochRow, epoch_row, epoch_rows
from pistegate_protocol.errors import CodecError
from pistegate_protocol.events import EVENTS, Dropped, Stream

# Days of running. The cloud is backed up daily: a backup that is restored lacks up to a day, the one before it (the
# last one failed unseen) two, and a third is the margin. A gate that runs ten hours a day keeps a week.
KEEP_DAYS = 3
DAY_S = 86_400
MARK_S = 600  # seconds between marks: what a restart may cost of the age, which then only grows later
FORGET_CHUNK = 500  # events of one transaction; under 20 ms with its sync, between passages (docs/decisions/0027)
NOTES_MAX = 20_000  # notes that the cloud has not; 100 bytes each. 140 a day are usual, so a season of them
EPOCHS_MAX = 1_000  # rows of forgotten epochs kept per stream, so that late acknowledgements are known as such


@dataclass(frozen=True, slots=True)
class Forgetting:
    """The next events to go: those of `row` up to `seq`; the cloud had them when the device had run `ran` seconds."""

    row: EpochRow
    seq: int
    ran: int


def mark(connection: sqlite3.Connection, ran: int) -> None:
    """In a transaction: remember what is acknowledged now, and that the device has run `ran` seconds."""
    connection.execute("UPDATE running SET ran = ?", (ran,))
    connection.execute(
        "INSERT OR IGNORE INTO ripening SELECT stream, epoch, ?, acked_seq FROM epoch e"
        " WHERE acked_seq >= kept_from AND acked_seq > COALESCE("
        "(SELECT MAX(seq) FROM ripening r WHERE r.stream = e.stream AND r.epoch = e.epoch), 0)",
        (ran,),
    )


def ripe(connection: sqlite3.Connection, before: int) -> Forgetting | None:
    """What was acknowledged when the device had run at most `before` seconds, the oldest of it."""
    found = connection.execute(
        "SELECT stream, epoch, ran, seq FROM ripening WHERE ran <= ? ORDER BY ran, stream, epoch LIMIT 1", (before,)
    ).fetchone()
    if found is None:
        return None
    stream, epoch, ran, seq = found
    row = epoch_row(connection, stream, epoch)
    if row is None:
        raise sqlite3.DatabaseError(f"an epoch {epoch} ripens that is not there")
    return Forgetting(row, min(seq, row.acked_seq), ran)


def forget(connection: sqlite3.Connection, what: Forgetting) -> None:
    """In a transaction: one chunk of it. Admissions and card uses that still wait take their event's payload over."""
    row, last = what.row, min(what.seq, what.row.kept_from + FORGET_CHUNK - 1)
    if last >= row.kept_from:
        if row.stream == Stream.LEDGER:
            _take_over(connection, row.epoch, last)
        shorten(connection, row, last)
    if last >= what.seq:
        key = (row.stream, row.epoch, what.ran)
        connection.execute("DELETE FROM ripening WHERE stream = ? AND epoch = ? AND ran = ?", key)


def shorten(connection: sqlite3.Connection, row: EpochRow, last: int) -> None:
    """Delete the events of an epoch up to `last`; its chain then begins at the head after that."""
    key = (row.stream, row.epoch, last)
    head = connection.execute("SELECT head FROM event WHERE stream = ? AND epoch = ? AND seq = ?", key).fetchone()[0]
    connection.execute("DELETE FROM event WHERE stream = ? AND epoch = ? AND seq <= ?", key)
    replace(row, kept_from=last + 1, anchor=bytes(head), acked_seq=max(row.acked_seq, last)).write(connection)


def _take_over(connection: sqlite3.Connection, epoch: int, last: int) -> None:
    for table in ("admission", "card_use"):
        connection.execute(
            f"UPDATE {table} SET payload = (SELECT payload FROM event v"
            f" WHERE v.stream = ? AND v.epoch = {table}.epoch AND v.seq = {table}.seq)"
            f" WHERE epoch = ? AND seq <= ? AND payload IS NULL",
            (Stream.LEDGER, epoch, last),
        )


def drop_notes(connection: sqlite3.Connection, current: int, most: int) -> int:
    """In a transaction: drop whole epochs' notes that the cloud has not, oldest first, until `most` are left.

    Returns how many were dropped, those counted by earlier drops among them. The `current` epoch keeps its notes: the
    cloud waits for a gap within an epoch, never for an epoch.
    """
    rows = [row for row in epoch_rows(connection) if row.stream == Stream.NOTES and row.epoch != current]
    left = {row.epoch: _last(connection, row) - row.acked_seq for row in rows}
    waiting, dropped = sum(left.values()), 0
    for row in rows:
        if waiting <= most:
            break
        if left[row.epoch] > 0:
            dropped += _notes_in(connection, row)
            waiting -= left[row.epoch]
            shorten(connection, row, _last(connection, row))
    return dropped


def _last(connection: sqlite3.Connection, row: EpochRow) -> int:
    found = connection.execute(
        "SELECT MAX(seq) FROM event WHERE stream = ? AND epoch = ?", (row.stream, row.epoch)
    ).fetchone()[0]
    return row.kept_from - 1 if found is None else int(found)


def _notes_in(connection: sqlite3.Connection, row: EpochRow) -> int:
    count = 0
    for (payload,) in connection.execute(
        "SELECT payload FROM event WHERE stream = ? AND epoch = ? AND seq > ?", (row.stream, row.epoch, row.acked_seq)
    ):
        try:
            event = EVENTS.decode(payload)
        except CodecError:
            event = None
        count += event.count if isinstance(event, Dropped) else 1
    return count


def forget_epochs(connection: sqlite3.Connection, current: int) -> None:
    """In a transaction: the rows of the oldest epochs of which nothing is left, beyond EPOCHS_MAX of a stream."""
    for stream in Stream:
        rows = [row for row in epoch_rows(connection) if row.stream == stream and row.epoch != current]
        for row in rows[: max(0, len(rows) - EPOCHS_MAX)]:
            if _last(connection, row) < row.kept_from:
                connection.execute("DELETE FROM epoch WHERE stream = ? AND epoch = ?", (stream, row.epoch))
                connection.execute("DELETE FROM ripening WHERE stream = ? AND epoch = ?", (stream, row.epoch))
