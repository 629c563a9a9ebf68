# SPDX-License-Identifier: Apache-2.0
"""The sealed templates that a gate holds, which of them are in a sensor's library, and receipts of their deletion.

A withdrawal destroys the sealed template at once. A receipt is written only when nothing is left: for one that was in
the library of a sensor too, when that sensor, and not the one that took its place, has erased it and shown it empty.
"""

import sqlite3
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pistegate_edge.fingers.errors import HolderGone, LibraryFull

_SCHEMA = """
CREATE TABLE IF NOT EXISTS finger (
    holder BLOB PRIMARY KEY, sealed BLOB NOT NULL, until_ms INTEGER NOT NULL, slot INTEGER UNIQUE,
    filled INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS erasing (
    mark BLOB NOT NULL, slot INTEGER NOT NULL, holder BLOB NOT NULL, why TEXT NOT NULL, PRIMARY KEY (mark, slot)
) STRICT;
CREATE TABLE IF NOT EXISTS receipt (
    number INTEGER PRIMARY KEY AUTOINCREMENT, holder BLOB NOT NULL, why TEXT NOT NULL, at_ms INTEGER NOT NULL,
    slot INTEGER, told INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS finger_until ON finger (until_ms);
CREATE INDEX IF NOT EXISTS receipt_holder ON receipt (holder);
CREATE INDEX IF NOT EXISTS receipt_untold ON receipt (number) WHERE NOT told;
CREATE TABLE IF NOT EXISTS sensor (one INTEGER PRIMARY KEY CHECK (one = 1), mark BLOB NOT NULL) STRICT;
"""
SLOTS_MAX = 200  # 1:N by the sensor: a false finger gets 200 tries at once. R503 claims 1 in 100,000 for one [read]
_STAYS = ("replaced", "moved")  # why a slot is erased though its holder stays: no receipt


@dataclass(frozen=True, slots=True)
class Receipt:
    """Nothing of this holder's finger is left on this gate since `at_ms`; `slot`: erased in a sensor too."""

    number: int
    holder: bytes
    why: str
    at_ms: int
    slot: int | None

    def record(self) -> dict[str, str | int | None]:
        """For JSON, to be told to the cloud in a signed event."""
        return {"holder": self.holder.hex(), "why": self.why, "at_ms": self.at_ms, "slot": self.slot}


class TemplateStore:
    """One file; usable from several threads. sqlite3.Error when the disk fails.

    `mark`: the name that this gate wrote into the sensor it last worked with; None before the first one.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        path.touch(0o600)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # What is deleted is overwritten in the file, and no write-ahead log keeps a copy of it for days.
        for pragma in ("secure_delete = ON", "journal_mode = DELETE", "synchronous = FULL"):
            self._db.execute(f"PRAGMA {pragma}").fetchall()
        self._db.executescript(_SCHEMA)
        row = self._db.execute("SELECT mark FROM sensor").fetchone()
        self.mark: bytes | None = None if row is None else bytes(row[0])

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    # Templates.

    def put(self, holder: bytes, sealed: bytes, until_ms: int) -> None:
        """Hold a sealed template until `until_ms`; a second one replaces it, in another slot. HolderGone."""
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            if self._gone(holder):
                raise HolderGone(f"the finger {holder.hex()} was withdrawn or is over: enrol it anew, with consent")
            self._vacate(holder, "replaced")
            self._db.execute(
                "INSERT INTO finger (holder, sealed, until_ms) VALUES (?, ?, ?) ON CONFLICT (holder) DO UPDATE"
                " SET sealed = excluded.sealed, until_ms = excluded.until_ms, slot = NULL, filled = 0",
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
        self.remove_all([holder], why, now_ms)

    def remove_all(self, holders: Iterable[bytes], why: str, now_ms: int) -> None:
        """`remove` each of them, in one commit."""
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            for holder in holders:
                self._remove(holder, why, now_ms)

    def _remove(self, holder: bytes, why: str, now_ms: int) -> None:
        self._vacate(holder, why)
        self._db.execute("DELETE FROM finger WHERE holder = ?", (holder,))
        self._db.execute("UPDATE erasing SET why = ? WHERE holder = ?", (why, holder))
        if not self._waits(holder):
            self._receive(holder, why, now_ms, None)

    def gone(self, holder: bytes) -> bool:
        """Whether this holder's finger was removed here, or is being removed."""
        with self._lock:
            return self._gone(holder)

    def holders(self, now_ms: int) -> list[bytes]:
        """Whose templates are held."""
        with self._lock:
            found = self._db.execute("SELECT holder FROM finger WHERE until_ms > ? ORDER BY holder", (now_ms,))
            return [bytes(holder) for (holder,) in found]

    def everything(self, now_ms: int) -> list[tuple[bytes, bytes, int]]:
        """Holder, sealed template, end: for other gates of the site."""
        query = "SELECT holder, sealed, until_ms FROM finger WHERE until_ms > ? ORDER BY holder"
        with self._lock:
            return [(bytes(holder), bytes(sealed), end) for holder, sealed, end in self._db.execute(query, (now_ms,))]

    def changes(self) -> tuple[int, int]:
        """Other numbers when the file has changed: by another process (`finger put`), by this one."""
        with self._lock:
            return int(self._db.execute("PRAGMA data_version").fetchone()[0]), self._db.total_changes

    def expire(self, now_ms: int) -> int:
        """Remove those whose time is over; how many."""
        with self._lock:
            rows = self._db.execute("SELECT holder FROM finger WHERE until_ms <= ?", (now_ms,)).fetchall()
            if rows:
                self.remove_all([bytes(holder) for (holder,) in rows], "expired", now_ms)
        return len(rows)

    # The library of the sensor named by `mark`.

    def assign(self, holder: bytes, capacity: int) -> int:
        """A slot of the library for a template that is held; LibraryFull, KeyError."""
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            row = self._db.execute("SELECT slot FROM finger WHERE holder = ?", (holder,)).fetchone()
            if row is None:
                raise KeyError("no template of this holder is held")
            if row[0] is not None:
                return int(row[0])
            query = "SELECT slot FROM finger WHERE slot IS NOT NULL UNION SELECT slot FROM erasing WHERE mark IS ?"
            used = {slot for (slot,) in self._db.execute(query, (self.mark,))}
            room = min(capacity, SLOTS_MAX)
            free = next((slot for slot in range(room) if slot not in used), None)
            if free is None:
                raise LibraryFull(f"the sensor's library is full: {room} pass holders; the others need their card")
            self._db.execute("UPDATE finger SET slot = ? WHERE holder = ?", (free, holder))
            return free

    def unassign(self) -> None:
        """No finger opens alone here any more: the sensor has to erase all of them."""
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            for (holder,) in self._db.execute("SELECT holder FROM finger WHERE slot IS NOT NULL").fetchall():
                self._vacate(holder, "moved")
            self._db.execute("UPDATE finger SET slot = NULL, filled = 0")

    def library(self, now_ms: int) -> dict[int, tuple[bytes, bytes]]:
        """What is to be in the sensor: slot to (holder, sealed template)."""
        query = "SELECT slot, holder, sealed FROM finger WHERE slot IS NOT NULL AND until_ms > ?"
        with self._lock:
            return {slot: (bytes(holder), bytes(sealed)) for slot, holder, sealed in self._db.execute(query, (now_ms,))}

    def filled(self, slot: int, sealed: bytes) -> None:
        """Told before the sensor is: from now on it may hold this template in this slot, which it had shown empty."""
        with self._lock:
            self._db.execute("UPDATE finger SET filled = 1 WHERE slot = ? AND sealed = ?", (slot, sealed))

    def known(self) -> dict[int, bytes]:
        """What the sensor may hold, and holds where its index says that the slot is used: slot to sealed template."""
        with self._lock:
            found = self._db.execute("SELECT slot, sealed FROM finger WHERE slot IS NOT NULL AND filled")
            return {slot: bytes(sealed) for slot, sealed in found}

    def holder_of(self, slot: int, now_ms: int) -> bytes | None:
        """Whose finger is in a slot; None where nobody's is to be."""
        query = "SELECT holder FROM finger WHERE slot = ? AND until_ms > ?"
        with self._lock:
            row = self._db.execute(query, (slot, now_ms)).fetchone()
        return None if row is None else bytes(row[0])

    def to_erase(self) -> list[int]:
        """Slots that the sensor still has to erase."""
        with self._lock:
            found = self._db.execute("SELECT slot FROM erasing WHERE mark IS ? ORDER BY slot", (self.mark,))
            return [slot for (slot,) in found]

    def erased(self, slot: int, now_ms: int) -> None:
        """The sensor erased the slot and showed it empty."""
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._done("mark IS ? AND slot = ?", (self.mark, slot), now_ms)

    # Sensors come and go.

    def moved_to(self, mark: bytes) -> None:
        """Another sensor, which is empty and named `mark`, takes the place of the one before; that one's slots wait."""
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            if self.mark is not None and self.mark != mark:
                self._db.execute(
                    "INSERT OR REPLACE INTO erasing SELECT ?, slot, holder, 'moved' FROM finger WHERE slot IS NOT NULL"
                    " AND filled",
                    (self.mark,),
                )
            self._db.execute("UPDATE finger SET filled = 0")
            self._db.execute("INSERT OR REPLACE INTO sensor VALUES (1, ?)", (mark,))
            self.mark = mark

    def emptied(self, mark: bytes, now_ms: int) -> None:
        """The sensor `mark` holds nothing any more: shown by itself, or a person wiped or destroyed it."""
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._done("mark IS ?", (mark,), now_ms)
            if mark == self.mark:
                self._db.execute("UPDATE finger SET filled = 0")

    def away(self) -> dict[bytes, int]:
        """Sensors that were taken out with fingers in them: mark to how many slots. Receipts wait for them."""
        query = "SELECT mark, count(*) FROM erasing WHERE mark IS NOT ? GROUP BY mark"
        with self._lock:
            return {bytes(mark): count for mark, count in self._db.execute(query, (self.mark,))}

    def waiting(self) -> int:
        """How many holders' receipts wait for a sensor."""
        query = "SELECT count(DISTINCT holder) FROM erasing WHERE why NOT IN (?, ?)"
        with self._lock:
            return int(self._db.execute(query, _STAYS).fetchone()[0])

    # Receipts.

    def untold(self) -> list[Receipt]:
        """Receipts that the cloud was not told, oldest first."""
        query = "SELECT number, holder, why, at_ms, slot FROM receipt WHERE NOT told ORDER BY number"
        with self._lock:
            return [Receipt(n, bytes(holder), why, at, slot) for n, holder, why, at, slot in self._db.execute(query)]

    def told(self, number: int) -> None:
        """A receipt is in the gate's journal."""
        with self._lock:
            self._db.execute("UPDATE receipt SET told = 1 WHERE number = ?", (number,))

    def _vacate(self, holder: bytes, why: str) -> None:
        """Have the sensor erase the holder's slot. One that no sensor was ever opened for is in none."""
        if self.mark is not None:
            self._db.execute(
                "INSERT OR REPLACE INTO erasing SELECT ?, slot, holder, ? FROM finger WHERE holder = ?"
                " AND slot IS NOT NULL",
                (self.mark, why, holder),
            )

    def _done(self, which: str, values: tuple[object, ...], now_ms: int) -> None:
        """These slots are empty; receipts for holders of whom nothing is left by it."""
        rows = self._db.execute(f"SELECT slot, holder, why FROM erasing WHERE {which}", values).fetchall()
        self._db.execute(f"DELETE FROM erasing WHERE {which}", values)
        for holder, (slot, why) in {holder: (slot, why) for slot, holder, why in rows}.items():
            if why not in _STAYS and not self._waits(holder):
                self._receive(bytes(holder), why, now_ms, slot)

    def _gone(self, holder: bytes) -> bool:
        query = (
            "SELECT 1 FROM receipt WHERE holder = ? UNION SELECT 1 FROM erasing WHERE holder = ? AND why NOT IN (?, ?)"
        )
        return self._db.execute(query, (holder, holder, *_STAYS)).fetchone() is not None

    def _waits(self, holder: bytes) -> bool:
        return self._db.execute("SELECT 1 FROM erasing WHERE holder = ?", (holder,)).fetchone() is not None

    def _receive(self, holder: bytes, why: str, now_ms: int, slot: int | None) -> None:
        self._db.execute(
            "INSERT INTO receipt (holder, why, at_ms, slot) VALUES (?, ?, ?, ?)", (holder, why, now_ms, slot)
        )
