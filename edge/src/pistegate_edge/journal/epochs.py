# SPDX-License-Identifier: Apache-2.0
"""Rows of the epoch table: where each chain begins here, and how far the cloud has it. Every row carries a sum.

A chain proves its events; nothing but the sum proves how far they were acknowledged, and events that are taken for
acknowledged are never sent again.
"""

import sqlite3
import zlib
from dataclasses import dataclass
from typing import Self

from pistegate_protocol.events import Stream, first_head

_COLUMNS = "stream, epoch, position, acked_seq, kept_from, anchor"


@dataclass(frozen=True, slots=True)
class EpochRow:
    """One epoch of one stream. `position` orders epochs; `anchor`: the head before `kept_from`, None at its beginning.

    `sound`: whether the stored sum fits; a row without one is believed.
    """

    stream: int
    epoch: int
    position: int
    acked_seq: int = 0
    kept_from: int = 1
    anchor: bytes | None = None
    sound: bool = True

    @classmethod
    def read(cls, row: tuple[object, ...]) -> Self:
        """From a row of SELECTED columns; ValueError when it cannot be one."""
        stream, epoch, position, acked, kept, anchor, stored = row
        numbers = (stream, epoch, position, acked, kept)
        if not all(isinstance(number, int) for number in numbers) or not isinstance(anchor, (bytes, type(None))):
            raise ValueError("a row of the epochs cannot be read")
        found = cls(*numbers, anchor)  # type: ignore[arg-type]
        sound = stored is None or stored == found.sum
        return found if sound else cls(*numbers, anchor, sound=False)  # type: ignore[arg-type]

    @property
    def sum(self) -> int:
        """What the stored sum must be."""
        numbers = (int(self.stream), self.epoch, self.position, self.acked_seq, self.kept_from)
        return zlib.crc32(repr(numbers).encode() + (self.anchor or b""))

    def head_before(self, gate: int) -> bytes:
        """The chain's head before its first event here."""
        return first_head(gate, Stream(self.stream), self.epoch) if self.anchor is None else self.anchor

    def write(self, connection: sqlite3.Connection) -> None:
        """Insert or replace it."""
        connection.execute(
            f"INSERT OR REPLACE INTO epoch ({_COLUMNS}, sum) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (self.stream, self.epoch, self.position, self.acked_seq, self.kept_from, self.anchor, self.sum),
        )


SELECTED = f"{_COLUMNS}, sum"
_SELECTED_BEFORE_5 = "stream, epoch, position, acked_seq, 1, NULL, NULL"
_WITH_ANCHORS = 5  # schema


def epoch_row(connection: sqlite3.Connection, stream: int, epoch: int) -> EpochRow | None:
    """The row of this epoch."""
    row = connection.execute(f"SELECT {SELECTED} FROM epoch WHERE stream = ? AND epoch = ?", (stream, epoch)).fetchone()
    return None if row is None else EpochRow.read(row)


def epoch_rows(connection: sqlite3.Connection) -> list[EpochRow]:
    """All, in order of their positions, of any schema; ValueError when one cannot be a row."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    selected = SELECTED if version >= _WITH_ANCHORS else _SELECTED_BEFORE_5
    rows = connection.execute(f"SELECT {selected} FROM epoch ORDER BY position, stream")
    return [EpochRow.read(row) for row in rows]
