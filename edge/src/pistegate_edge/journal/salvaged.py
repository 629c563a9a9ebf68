# SPDX-License-Identifier: Apache-2.0
"""Of one chain's events, the prefix that verifies; and what a salvage kept and lost, in words."""

import sqlite3
from dataclasses import dataclass, field

from pistegate_edge.journal.epochs import EpochRow
from pistegate_protocol.events import SHORT_TEXT_MAX, Stream, epoch_counter, first_head, next_head

Rivals = dict[tuple[int, int, int], list[tuple[bytes, bytes]]]  # other (payload, head) of (stream, epoch, seq)
_NEIGHBOURS = 1_000  # a number further off than this from the one before was not written by the gate


@dataclass(slots=True)
class Report:
    """What was kept. `lost`: events by (stream, epoch) that were there, and neither are here nor does the cloud have.

    `unreadable`: tables of which rows may be missing; `admissions_lost`: admissions that waited for their outcome.
    """

    kept: int = 0
    epochs: int = 0
    lost: dict[tuple[int, int], int] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    admissions_lost: int = 0

    def words(self, what: str) -> str:
        """For an incident, and so no longer than one may be; the kept file tells the rest."""
        lines = [f"{self.kept} events of {self.epochs} chains kept, {sum(self.lost.values())} lost"]
        lines += [f"{Stream(key[0]).name.lower()} {epoch_counter(key[1])}: {n} lost" for key, n in self.lost.items()]
        if self.admissions_lost:
            lines.append(f"{self.admissions_lost} open admissions lost")
        if self.unreadable:
            lines.append("unreadable: " + ", ".join(self.unreadable))
        return "; ".join([*lines, what])[:SHORT_TEXT_MAX]


def settle(
    new: sqlite3.Connection, gate: int, key: tuple[int, int], row: EpochRow | None, rivals: Rivals, report: Report
) -> None:
    """Keep of one chain what verifies, delete the rest of its events, write its row."""
    stream, epoch = key
    begin = row or _begin_of(new, gate, key)
    if begin is None:
        new.execute("DELETE FROM event WHERE stream = ? AND epoch = ?", key)
        return
    last = _walk(new, begin, begin.head_before(gate), rivals)
    seen = _seen(new, key, max(last, begin.acked_seq))
    new.execute(
        "DELETE FROM event WHERE stream = ? AND epoch = ? AND (seq < ? OR seq > ?)", (*key, begin.kept_from, last)
    )
    EpochRow(stream, epoch, begin.position, min(begin.acked_seq, last), begin.kept_from, begin.anchor).write(new)
    report.kept += last - begin.kept_from + 1
    report.epochs += 1
    lost = seen - max(last, begin.acked_seq)
    if lost:
        report.lost[key] = lost


def _walk(new: sqlite3.Connection, begin: EpochRow, head: bytes, rivals: Rivals) -> int:
    """The last seq up to which events follow each other without a gap or a wrong head."""
    key, expected = (begin.stream, begin.epoch), begin.kept_from
    rows = new.execute(
        "SELECT seq, payload, head FROM event WHERE stream = ? AND epoch = ? AND seq >= ? ORDER BY seq",
        (*key, expected),
    ).fetchall()
    for seq, payload, stored in rows:
        if seq != expected:
            break
        if next_head(head, payload) != stored:
            others = [other for other in rivals.get((*key, seq), ()) if next_head(head, other[0]) == other[1]]
            if not others:
                break
            payload, stored = others[0]
            new.execute(
                "UPDATE event SET payload = ?, head = ? WHERE stream = ? AND epoch = ? AND seq = ?",
                (payload, stored, *key, seq),
            )
        head = stored
        expected += 1
    return expected - 1


def _begin_of(new: sqlite3.Connection, gate: int, key: tuple[int, int]) -> EpochRow | None:
    """Where a chain begins of which no row tells: at its first event, else after the first of its longest run.

    That one's head cannot be proved; what follows it can. Everything kept is offered to the cloud once more.
    """
    stream, epoch = key
    position = epoch_counter(epoch)
    rows = new.execute("SELECT seq, payload, head FROM event WHERE stream = ? AND epoch = ? ORDER BY seq", key)
    runs: list[tuple[int, bytes, int]] = []  # first seq, its head, length
    before = (0, first_head(gate, Stream(stream), epoch))
    for seq, payload, head in rows:
        if seq == before[0] + 1 and next_head(before[1], payload) == head:
            if seq == 1:
                return EpochRow(stream, epoch, position)
            first, anchor, length = runs[-1]
            runs[-1] = (first, anchor, length + 1)
        else:
            runs.append((seq, head, 1))
        before = (seq, head)
    first, anchor, length = max(runs, key=lambda run: run[2], default=(0, b"", 0))
    return None if length < 2 else EpochRow(stream, epoch, position, first, first + 1, anchor)


def _seen(new: sqlite3.Connection, key: tuple[int, int], last: int) -> int:
    """The highest seq beyond `last` that was written, as far as what is left of the pages shows it."""
    rows = new.execute("SELECT seq FROM event WHERE stream = ? AND epoch = ? AND seq > ? ORDER BY seq", (*key, last))
    for (seq,) in rows:
        if seq - last > _NEIGHBOURS:
            break
        last = seq
    return last
