# SPDX-License-Identifier: Apache-2.0
"""A read-only look at a journal, also while its gate runs."""

import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

from pistegate_edge.journal.opening import FILE_NAME, damaged, is_damage
from pistegate_protocol.events import EVENTS, Admitted, AdmittedV1, Outcome, OutcomeV1, Refused, Stream


def summary(directory: Path) -> dict[str, Any]:
    """Counts by epoch and stream; JournalDamaged when the file cannot be read, FileNotFoundError without one."""
    path = directory / FILE_NAME
    if not path.exists():
        raise FileNotFoundError(f"there is no journal at {path}: has this gate ever run?")
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            return _counts(connection, path)
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        raise damaged(path, str(error)) from error


def _counts(connection: sqlite3.Connection, path: Path) -> dict[str, Any]:
    rows = connection.execute(
        "SELECT e.stream, e.epoch, e.acked_seq, COUNT(v.seq) FROM epoch e"
        " LEFT JOIN event v ON v.stream = e.stream AND v.epoch = e.epoch"
        " GROUP BY e.stream, e.epoch ORDER BY e.position, e.stream"
    ).fetchall()
    epochs = [
        {"stream": Stream(stream).name.lower(), "epoch": epoch, "events": events, "acked": acked}
        for stream, epoch, acked, events in rows
    ]
    count = "SELECT COUNT(*) FROM admission WHERE state = ?"
    return {
        "path": str(path),
        "events": sum(line["events"] for line in epochs),
        "unacknowledged": sum(line["events"] - line["acked"] for line in epochs),
        "unfinished": connection.execute(count, ("unfinished",)).fetchone()[0],
        "unsettled": connection.execute(count, ("unsettled",)).fetchone()[0],
        "owed": connection.execute("SELECT COUNT(*) FROM owed").fetchone()[0],
        **_totals(connection),
        "epochs": epochs,
    }


def _totals(connection: sqlite3.Connection) -> dict[str, Any]:
    """What the events still kept here add up to: admissions, persons passed and unknown, refusals by reason."""
    admissions, passed, unknown, refused = 0, 0, 0, Counter[str]()
    for (payload,) in connection.execute("SELECT payload FROM event"):
        match EVENTS.decode(payload):
            case Admitted() | AdmittedV1():
                admissions += 1
            case Outcome() | OutcomeV1() as outcome:
                passed += outcome.passed
                unknown += outcome.unknown
            case Refused() as refusal:
                refused[refusal.reason] += refusal.times
    return {"admissions": admissions, "passed": passed, "unknown": unknown, "refused": dict(sorted(refused.items()))}
