# SPDX-License-Identifier: Apache-2.0
"""What a gate's journal holds, read from its file while the gate runs or after."""

import sqlite3
from pathlib import Path

from pistegate_protocol.events import EVENTS, Admitted, Incident, Outcome, Refused, Settled, Stream


def events(directory: Path, stream: Stream) -> list[object]:
    """Every event of a stream, in order."""
    connection = sqlite3.connect(f"file:{directory}/journal.sqlite?mode=ro", uri=True)
    try:
        rows = connection.execute(
            "SELECT v.payload FROM event v JOIN epoch e ON e.stream = v.stream AND e.epoch = v.epoch"
            " WHERE v.stream = ? ORDER BY e.position, v.seq",
            (stream,),
        ).fetchall()
    finally:
        connection.close()
    return [EVENTS.decode(row[0]) for row in rows]


def outcomes(directory: Path) -> list[Outcome]:
    """The outcomes."""
    return [event for event in events(directory, Stream.LEDGER) if isinstance(event, Outcome)]


def admissions(directory: Path) -> list[Admitted]:
    """The admissions."""
    return [event for event in events(directory, Stream.LEDGER) if isinstance(event, Admitted)]


def settlements(directory: Path) -> list[Settled]:
    """The settlements."""
    return [event for event in events(directory, Stream.LEDGER) if isinstance(event, Settled)]


def refusals(directory: Path) -> list[str]:
    """Reasons of the refusals."""
    return [event.reason for event in events(directory, Stream.NOTES) if isinstance(event, Refused)]


def incidents(directory: Path) -> list[str]:
    """Codes of the incidents."""
    return [event.code for event in events(directory, Stream.NOTES) if isinstance(event, Incident)]
