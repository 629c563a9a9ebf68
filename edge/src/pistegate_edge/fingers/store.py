# SPDX-License-Identifier: Apache-2.0
"""The sealed templates that a gate holds, which of them are in the sensor's library, and receipts of their deletion.

A withdrawal destroys the sealed template at once. A receipt is written only when nothing is left: for one that was in
the library too, when the sensor has erased its slot and shown it empty.
"""

import sqlite3
import threading
from dataclasses import dataclass
from pathlib import Path

from pistegate_edge.fingers.errors import LibraryFull

_SCHEMA = """
CREATE TABLE IF NOT EXISTS finger (
    holder BLOB PRIMARY KEY, sealed BLOB NOT NULL, until_ms INTEGER NOT NULL, slot INTEGER UNIQUE
) STRICT;
CREATE TABLE IF NOT EXISTS erasing (slot INTEGER PRIMARY KEY, holder BLOB NOT NULL, why TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS receipt (
    number INTEGER PRIMARY KEY AUTOINCREMENT, holder BLOB NOT NULL, why TEXT NOT NULL, at_ms INTEGER NOT NULL,
    slot INTEGER, told INTEGER NOT NULL DEFAULT 0
) STRICT;
"""
SLOTS_MAX = 200  # 1:N by the sensor: a false finger gets 200 tries at once. R503 claims 1 in 100,000 for one [read]


@dataclass(frozen=True, slots=True)
class Receipt:
    """Nothing of this holder's finger is left on this gate since `at_ms`; `slot`: erased in the sensor too."""

    number: int
    holder: bytes
    why: str
    at_ms: int
    slot: int | None

    def record(self) -> dict[str, str | int | None]:
        """For JSON, to be told to the cloud in a signed event."""
        return {"holder": self.holder.hex(), "why": self.why, "at_ms": self.at_ms, "slot": self.slot}


class TemplateStore:
    """One file; usable from several threads. sqlite3.Error when the disk fails."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # What is deleted is overwritten in the file, and no write-ahead log keeps a copy of it for days.
        for pragma in ("secure_delete = ON", "journal_mode = DELETE", "synchronous = FULL"):
            self._db.execute(f"PRAGMA {pragma}").fetchall()
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def put(self, holder: bytes, sealed: bytes, until_ms: int) -> None:
        """Hold a sealed template until `until_ms`; a second one replaces the first, which leaves its slot."""
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._vacate(holder, "replaced")
            self._db.execute(
                "INSERT INTO finger (holder, sealed, until_ms) VALUES (?, ?, ?) ON CONFLICT (holder)"
                " DO UPDATE SET sealed = excluded.sealed, until_ms = excluded.until_ms, slot = NULL",
                (holder, sealed, until_ms),
            )

    def get(self, holder: bytes, now_ms: int) -> bytes | None:
        """The sealed template; None where there is none, or its time is over."""
        query = "SELECT sealed FROM finger WHERE holder = ? AND until_ms > ?"
        with self._lock:
            row = self._db.execute(query, (holder, now_ms)).fetchone()
        return None if row is None else bytes(row[0])

    def remove(self, holder: bytes, why: str, now_ms: int) -> None:
        """Withdrawn or revoked: destroyed now, the receipt once nothing is left. Also for one that was never here."""
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            waits = self._vacate(holder, why)
            self._db.execute("DELETE FROM finger WHERE holder = ?", (holder,))
            waits = (
                waits or self._db.execute("SELECT 1 FROM erasing WHERE holder = ?", (holder,)).fetchone() is not None
            )
            self._db.execute("UPDATE erasing SET why = ? WHERE holder = ?", (why, holder))
            if not waits:
                self._receive(holder, why, now_ms, None)

    def expire(self, now_ms: int) -> int:
        """Remove those whose time is over; how many."""
        with self._lock:
            rows = self._db.execute("SELECT holder FROM finger WHERE until_ms <= ?", (now_ms,)).fetchall()
            for (holder,) in rows:
                self.remove(bytes(holder), "expired", now_ms)
        return len(rows)

    def assign(self, holder: bytes, capacity: int) -> int:
        """A slot of the library for a template that is held; LibraryFull, KeyError."""
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            row = self._db.execute("SELECT slot FROM finger WHERE holder = ?", (holder,)).fetchone()
            if row is None:
                raise KeyError("no template of this holder is held")
            if row[0] is not None:
                return int(row[0])
            query = "SELECT slot FROM finger WHERE slot IS NOT NULL UNION SELECT slot FROM erasing"
            used = {slot for (slot,) in self._db.execute(query)}
            room = min(capacity, SLOTS_MAX)
            free = next((slot for slot in range(room) if slot not in used), None)
            if free is None:
                raise LibraryFull(f"the sensor's library is full: {room} pass holders; the others need their card")
            self._db.execute("UPDATE finger SET slot = ? WHERE holder = ?", (free, holder))
            return free

    def library(self, now_ms: int) -> dict[int, tuple[bytes, bytes]]:
        """What is to be in the sensor: slot to (holder, sealed template)."""
        query = "SELECT slot, holder, sealed FROM finger WHERE slot IS NOT NULL AND until_ms > ?"
        with self._lock:
            return {slot: (bytes(holder), bytes(sealed)) for slot, holder, sealed in self._db.execute(query, (now_ms,))}

    def holder_of(self, slot: int, now_ms: int) -> bytes | None:
        """Whose finger is in a slot; None where nobody's is to be."""
        query = "SELECT holder FROM finger WHERE slot = ? AND until_ms > ?"
        with self._lock:
            row = self._db.execute(query, (slot, now_ms)).fetchone()
        return None if row is None else bytes(row[0])

    def to_erase(self) -> list[int]:
        """Slots that the sensor still has to erase."""
        with self._lock:
            return [slot for (slot,) in self._db.execute("SELECT slot FROM erasing ORDER BY slot")]

    def erased(self, slot: int, now_ms: int) -> None:
        """The sensor erased the slot and showed it empty; the receipt follows, unless a new template took its place."""
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            row = self._db.execute("SELECT holder, why FROM erasing WHERE slot = ?", (slot,)).fetchone()
            if row is None:
                return
            self._db.execute("DELETE FROM erasing WHERE slot = ?", (slot,))
            left = self._db.execute("SELECT 1 FROM erasing WHERE holder = ?", (row[0],)).fetchone()
            if row[1] != "replaced" and left is None:
                self._receive(bytes(row[0]), row[1], now_ms, slot)

    def untold(self) -> list[Receipt]:
        """Receipts that the cloud was not told, oldest first."""
        query = "SELECT number, holder, why, at_ms, slot FROM receipt WHERE NOT told ORDER BY number"
        with self._lock:
            return [Receipt(n, bytes(holder), why, at, slot) for n, holder, why, at, slot in self._db.execute(query)]

    def told(self, number: int) -> None:
        """A receipt is in the gate's journal."""
        with self._lock:
            self._db.execute("UPDATE receipt SET told = 1 WHERE number = ?", (number,))

    def _vacate(self, holder: bytes, why: str) -> bool:
        """Have the sensor erase the holder's slot; whether it has one."""
        row = self._db.execute("SELECT slot FROM finger WHERE holder = ? AND slot IS NOT NULL", (holder,)).fetchone()
        if row is None:
            return False
        self._db.execute("INSERT OR REPLACE INTO erasing VALUES (?, ?, ?)", (row[0], holder, why))
        return True

    def _receive(self, holder: bytes, why: str, now_ms: int, slot: int | None) -> None:
        self._db.execute(
            "INSERT INTO receipt (holder, why, at_ms, slot) VALUES (?, ?, ?, ?)", (holder, why, now_ms, slot)
        )
