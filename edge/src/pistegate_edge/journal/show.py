# SPDX-License-Identifier: Apache-2.0
"""A read-only look at a journal, also while its gate runs."""

import contextlib
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

from pistegate_edge.errors import JournalBroken
from pistegate_edge.journal.epochs import EpochRow, epoch_rows
from pistegate_edge.journal.files import Files
from pistegate_edge.journal.opening import FILE_NAME, is_damage, open_to_read
from pistegate_protocol.events import EVENTS, Admitted, AdmittedV1, Outcome, OutcomeV1, Refused, Stream


def summary(directory: Path, name: str | None = None) -> dict[str, Any]:
    """Counts by epoch and stream; JournalBroken when the file cannot be read, FileNotFoundError without one."""
    path = directory / (name or FILE_NAME)
    if not path.exists():
        raise FileNotFoundError(f"there is no journal at {path}: has this gate ever run?")
    try:
        with contextlib.closing(open_to_read(Files(directory), path.name)) as connection:
            return _counts(connection, path)
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        raise JournalBroken(path, str(error)) from error
    except ValueError as error:  # values that nobody wrote
        raise JournalBroken(path, str(error)) from error


def kept(directory: Path) -> dict[str, int]:
    """Journals that were damaged and kept, with their sizes in bytes."""
    return {path.name: path.stat().st_size for path in sorted(directory.glob("journal-*.sqlite"))}


def _counts(connection: sqlite3.Connection, path: Path) -> dict[str, Any]:
    counted = connection.execute("SELECT stream, epoch, COUNT(*) FROM event GROUP BY stream, epoch")
    events = {(stream, epoch): count for stream, epoch, count in counted}
    epochs = [_line(row, events.get((row.stream, row.epoch), 0)) for row in epoch_rows(connection)]
    count = "SELECT COUNT(*) FROM admission WHERE state = ?"
    return {
        "path": str(path),
        "bytes": path.stat().st_size,
        "events": sum(line["events"] for line in epochs),
        "unacknowledged": sum(line["first"] - 1 + line["events"] - line["acked"] for line in epochs),
        "unfinished": connection.execute(count, ("unfinished",)).fetchone()[0],
        "unsettled": connection.execute(count, ("unsettled",)).fetchone()[0],
        "owed": connection.execute("SELECT COUNT(*) FROM owed").fetchone()[0],
        **_totals(connection),
        "epochs": epochs,
    }


def _line(row: EpochRow, events: int) -> dict[str, Any]:
    """`first`: seq of the first event that is still here; those before were forgotten."""
    stream = Stream(row.stream).name.lower()
    return {"stream": stream, "epoch": row.epoch, "events": events, "first": row.kept_from, "acked": row.acked_seq}


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
