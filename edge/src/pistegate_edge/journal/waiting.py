# SPDX-License-Identifier: Apache-2.0
"""Admissions and card uses that wait for their end, and usage of tickets, in a journal that is being salvaged.

Their rows are believed where they could be read. Where not, the ledger tells: what began and has no end still waits.
"""

import sqlite3
from collections.abc import Iterator

from pistegate_edge.journal.usages import Usages
from pistegate_protocol.errors import CodecError
from pistegate_protocol.events import (
    EVENTS,
    Admitted,
    AdmittedV1,
    CardUse,
    CardUseEnded,
    Event,
    Outcome,
    OutcomeKind,
    OutcomeV1,
    Settled,
    Stream,
    UseResult,
    admission_name,
)
from pistegate_protocol.signing import MediumKind
from pistegate_protocol.usage import decode_usage, usage_file

_BEGUN = {"admission": (Admitted, AdmittedV1), "card_use": (CardUse,)}
_UNDECIDED = frozenset(
    {OutcomeKind.CARD_UNCONFIRMED, OutcomeKind.INTERRUPTED, UseResult.UNCONFIRMED, UseResult.INTERRUPTED}
)


def rebuild(new: sqlite3.Connection, gate: int, unreadable: list[str]) -> int:
    """Give each row its event's payload, add those that could not be read; how many rows had to go.

    To be called while all events that were found are still there, also those that no chain reaches any more.
    """
    for table in _BEGUN:
        if table in unreadable:
            _reckon(new, gate, table)
        new.execute(
            f"UPDATE {table} SET payload = (SELECT payload FROM event v"
            f" WHERE v.stream = ? AND v.epoch = {table}.epoch AND v.seq = {table}.seq) WHERE payload IS NULL",
            (Stream.LEDGER,),
        )
    _rebuild_usages(new, gate, "ticket_usage" in unreadable)
    return sum(_without_event(new, table) for table in _BEGUN)


def _rebuild_usages(new: sqlite3.Connection, gate: int, lost: bool) -> None:
    """Rows that tell no usage go; where some may be missing, admissions tell what they charged, in their order."""
    rows = new.execute("SELECT rowid, usage FROM ticket_usage").fetchall()
    bad = [(row,) for row, usage in rows if not _is_usage(usage)]
    new.executemany("DELETE FROM ticket_usage WHERE rowid = ?", bad)
    if not lost and not bad and rows:
        return
    usages = Usages(new)
    for epoch, seq, event in _ledger(new):
        if isinstance(event, Admitted) and _is_usage(usage_file(event.counters, event.claim, event.prev)):
            usages.used(event, None, admission_name(gate, epoch, seq))


def _is_usage(usage: bytes) -> bool:
    try:
        decode_usage(usage)
    except (CodecError, ValueError):
        return False
    return True


def _without_event(new: sqlite3.Connection, table: str) -> int:
    """Delete rows of which nobody can tell any more what was begun."""
    gone = [
        (epoch, seq)
        for epoch, seq, payload in new.execute(f"SELECT epoch, seq, payload FROM {table}").fetchall()
        if not isinstance(_decoded(payload), _BEGUN[table])
    ]
    new.executemany(f"DELETE FROM {table} WHERE epoch = ? AND seq = ?", gone)
    return len(gone)


def _reckon(new: sqlite3.Connection, gate: int, table: str) -> None:
    state = {"admission": "unfinished", "card_use": "open"}[table]
    open_: dict[tuple[int, int], tuple[str, Event]] = {}
    for epoch, seq, event in _ledger(new):
        if isinstance(event, _BEGUN[table]):
            open_[epoch, seq] = state, event
        elif isinstance(event, (Outcome, OutcomeV1, CardUseEnded)):
            found = open_.pop((event.epoch, event.seq), None)
            if found is not None and _may_tell(found[1], event):
                open_[event.epoch, event.seq] = "unsettled", found[1]
        elif isinstance(event, Settled):
            open_.pop((event.epoch, event.seq), None)
    for (epoch, seq), (state, event) in open_.items():
        row = {"epoch": epoch, "seq": seq, "name": admission_name(gate, epoch, seq), "state": state}
        if isinstance(event, (Admitted, AdmittedV1)):
            row["party"] = event.n
        new.execute(
            f"INSERT OR IGNORE INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
            tuple(row.values()),
        )


def _may_tell(begun: Event, ended: Outcome | OutcomeV1 | CardUseEnded) -> bool:
    """Whether a card may still tell whether it was charged."""
    result = ended.result if isinstance(ended, CardUseEnded) else ended.kind
    card = not isinstance(begun, (Admitted, AdmittedV1)) or begun.medium[0] == MediumKind.CARD
    return card and result in _UNDECIDED


def _ledger(new: sqlite3.Connection) -> Iterator[tuple[int, int, Event | None]]:
    rows = new.execute("SELECT epoch, seq, payload FROM event WHERE stream = ? ORDER BY epoch, seq", (Stream.LEDGER,))
    for epoch, seq, payload in rows:
        yield epoch, seq, _decoded(payload)


def _decoded(payload: object) -> Event | None:
    try:
        return EVENTS.decode(payload) if isinstance(payload, bytes) else None
    except CodecError:
        return None
