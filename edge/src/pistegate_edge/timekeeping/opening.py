# SPDX-License-Identifier: Apache-2.0
"""A gate's clock at the start of its run: what earlier runs left in the journal is read before a new event is dated."""

import contextlib
import sqlite3
from pathlib import Path

from pistegate_edge.clock import Clock
from pistegate_edge.config import Config
from pistegate_edge.journal.files import Files
from pistegate_edge.journal.opening import FILE_NAME
from pistegate_edge.timekeeping.guarded import GuardedClock
from pistegate_edge.timekeeping.marks import MARK_EVENTS, before
from pistegate_edge.timekeeping.told import Before
from pistegate_protocol.documents import DocumentRefused
from pistegate_protocol.errors import CodecError
from pistegate_protocol.events import EVENTS, Event, Stream
from pistegate_protocol.messages import TimeTold
from pistegate_protocol.signing import KeyRing
from pistegate_protocol.time_marks import TIME_MARK, verify_time

_EPOCHS = 20  # of a stream to look through: most restart with few events or none


def guarded_clock(config: Config, system: Clock, files: Files | None = None) -> GuardedClock:
    """Over the clock that the configuration names. `files`: the journal's directory, where it is not the configured."""
    if config.storage is None:
        return GuardedClock(system)
    keys = KeyRing(config.document_keys)
    files = files or Files(Path(config.storage.directory))
    return GuardedClock(system, left_behind(files, system.steady_id, keys, config.device.site))


def left_behind(files: Files, steady_id: bytes, keys: KeyRing, site: int) -> Before:
    """What the journal there tells of the time; nothing where there is none, or it is damaged (whoever opens it says).

    Changes nothing.
    """
    if not files.exists(FILE_NAME):
        return Before()
    try:
        with contextlib.closing(files.connect(FILE_NAME, read_only=True)) as connection:
            streams = [_newest(connection, stream) for stream in Stream]
            return before(streams, steady_id, _stored(connection, keys, site))
    except sqlite3.DatabaseError:
        return Before()


def _newest(connection: sqlite3.Connection, stream: Stream) -> list[Event]:
    """The newest events of a stream, in order."""
    epochs = connection.execute(
        "SELECT epoch FROM epoch WHERE stream = ? ORDER BY position DESC LIMIT ?", (stream, _EPOCHS)
    ).fetchall()
    payloads: list[bytes] = []
    for (epoch,) in epochs:
        rows = connection.execute(
            "SELECT payload FROM event WHERE stream = ? AND epoch = ? ORDER BY seq DESC LIMIT ?",
            (stream, epoch, MARK_EVENTS - len(payloads)),
        )
        payloads += [row[0] for row in rows]
        if len(payloads) >= MARK_EVENTS:
            break
    return [event for payload in reversed(payloads) if (event := _event(payload)) is not None]


def _event(payload: bytes) -> Event | None:
    try:
        event: Event = EVENTS.decode(payload)
    except CodecError:
        return None  # of a newer release
    return event


def _stored(connection: sqlite3.Connection, keys: KeyRing, site: int) -> int | None:
    """The time that the cloud signed last, as far as it was kept."""
    row = connection.execute("SELECT key_id, body, signature FROM document WHERE name = ?", (TIME_MARK,)).fetchone()
    if row is None:
        return None
    try:
        return verify_time(TimeTold(row[0], bytes(row[1]), bytes(row[2])), keys, site).issued_at
    except (DocumentRefused, CodecError):
        return None
