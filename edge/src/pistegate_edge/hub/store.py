# SPDX-License-Identifier: Apache-2.0
"""The hub's journal: one SQLite file, one durable commit for each batch of messages.

What is in it the gates could tell again from their own journals, but for reservations and owed entries. So a damaged
one is kept under another name, and the hub begins anew.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files as resources
from typing import Self

from pistegate_edge.errors import JournalDamaged, JournalFull
from pistegate_edge.hub.book import OwedRow, Reservation
from pistegate_edge.journal import opening
from pistegate_edge.journal.files import Files
from pistegate_protocol.elsewhere import CARD_SOURCE, Elsewhere, merged, newer, of_usage
from pistegate_protocol.events import epoch_counter
from pistegate_protocol.usage import NO_ADMISSION, Usage, decode_counters, encode_counters

FILE_NAME = "hub.sqlite"
SCHEMA_VERSION = 1
KEEP_MS = 400 * 86_400_000  # a ticket that nobody used for so long is over
CARDS_MS = 3 * 86_400_000  # a card that did not come back for so long tells by itself whether it was charged
SPENT_MS = 3 * 86_400_000  # longer than anybody is owed
CHECKPOINT_COMMITS = 1000


class HubStore:
    """The hub's book, on disk. `set_aside`: the name of a damaged file that this one follows, or empty."""

    def __init__(self, files: Files, site: int, hub: int, stamp: str) -> None:
        """`stamp`: for the name of a damaged file. JournalDamaged where it is another hub's, or of a newer release."""
        self._lock = files.lock()
        self._commits = 0
        self.set_aside = ""
        try:
            self._db = self._opened(files, site, hub, stamp)
        except BaseException:
            self._lock.close()
            raise

    def _opened(self, files: Files, site: int, hub: int, stamp: str) -> sqlite3.Connection:
        if files.exists(FILE_NAME) and _damaged(files):
            self.set_aside = f"hub-{stamp}.sqlite"
            for suffix in ("-wal", "-shm", ""):
                if files.exists(FILE_NAME + suffix):
                    files.rename(FILE_NAME + suffix, self.set_aside + suffix)
        connection = opening.connect(files, FILE_NAME)
        try:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                script = (resources(__package__) / "schema_1.sql").read_text("utf-8")
                owner = f"INSERT INTO identity VALUES (1, {int(site)}, {int(hub)});"
                connection.executescript(f"BEGIN IMMEDIATE; {script} {owner} COMMIT;")
            elif version > SCHEMA_VERSION:
                raise JournalDamaged(f"{FILE_NAME}: schema {version} is of a newer release: update this hub")
            found = connection.execute("SELECT site, hub FROM identity").fetchone()
            if tuple(found or ()) != (site, hub):
                raise JournalDamaged(
                    f"{FILE_NAME} belongs to hub {found and found[1]} of site {found and found[0]}, the configuration "
                    f"says hub {hub} of site {site}. Correct [device], or name another [storage] directory."
                )
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def commit(self) -> Iterator[None]:
        """What is done to the book inside is durable when this is left; JournalFull: nothing of it was done."""
        before = self._db.total_changes
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.DatabaseError as error:
            if not opening.is_full(error):
                raise
            raise JournalFull(f"no room for the hub's journal: {error}") from error
        self._commits += self._db.total_changes != before

    def tidy(self) -> None:
        """Between batches: move a grown WAL into the database."""
        if self._commits >= CHECKPOINT_COMMITS:
            self._commits = 0
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def close(self) -> None:
        """Close the database and let go of the lock."""
        self._db.close()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Gates

    def gates(self, since: int) -> list[int]:
        """See Book."""
        return [row[0] for row in self._db.execute("SELECT number FROM gate WHERE joined >= ?", (since,))]

    def decided(self, gate: int, epoch: int) -> int:
        """See Book."""
        row = self._db.execute("SELECT decided FROM gate WHERE number = ? AND epoch = ?", (gate, epoch)).fetchone()
        return 0 if row is None else int(row[0])

    def joined(self, gate: int, epoch: int, decided: int, at: int) -> None:
        """See Book."""
        self._db.execute("INSERT OR REPLACE INTO gate VALUES (?, ?, ?, ?)", (gate, epoch, decided, at))

    def decide(self, gate: int, epoch: int, number: int) -> None:
        """See Book."""
        if number > self.decided(gate, epoch):
            self._db.execute("UPDATE gate SET decided = ? WHERE number = ? AND epoch = ?", (number, gate, epoch))
        self._db.execute("DELETE FROM reservation WHERE gate = ? AND epoch = ? AND number <= ?", (gate, epoch, number))

    def heard(self, gate: int, epoch: int) -> int:
        """See Book."""
        row = self._db.execute("SELECT seq FROM heard WHERE gate = ? AND epoch = ?", (gate, epoch)).fetchone()
        return 0 if row is None else int(row[0])

    def hear(self, gate: int, epoch: int, seq: int) -> None:
        """See Book."""
        if seq > self.heard(gate, epoch):
            self._db.execute("INSERT OR REPLACE INTO heard VALUES (?, ?, ?)", (gate, epoch, seq))

    # Reservations

    def reservation(self, gate: int, epoch: int, number: int) -> Reservation | None:
        """See Book."""
        row = self._db.execute(
            "SELECT * FROM reservation WHERE gate = ? AND epoch = ? AND number = ?", (gate, epoch, number)
        ).fetchone()
        return None if row is None else Reservation(*row)

    def reservations(self, ticket: int) -> list[Reservation]:
        """See Book."""
        rows = self._db.execute("SELECT * FROM reservation WHERE ticket = ?", (ticket,)).fetchall()
        return [Reservation(*row) for row in rows]

    def reserve(self, reservation: Reservation) -> None:
        """See Book."""
        each = reservation
        row = (each.gate, each.epoch, each.number, each.ticket, each.counters, each.owed, each.made)
        self._db.execute("INSERT INTO reservation VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def drop_older(self, gate: int, epoch: int) -> None:
        """See Book."""
        first = epoch_counter(epoch) << 32
        self._db.execute("DELETE FROM reservation WHERE gate = ? AND epoch < ?", (gate, first))

    # What was used

    def elsewhere(self, ticket: int) -> Elsewhere:
        """See Book."""
        rows = self._db.execute("SELECT source, counters FROM used WHERE ticket = ?", (ticket,)).fetchall()
        cards = self._db.execute("SELECT counters FROM card_use WHERE ticket = ?", (ticket,)).fetchall()
        known = [of_usage(bytes(source), _usage(counters)) for source, counters in rows]
        return merged(*known, *(of_usage(CARD_SOURCE, _usage(counters)) for (counters,) in cards))

    def used(self, ticket: int, source: bytes, usage: Usage, at: int) -> None:
        """See Book."""
        row = self._db.execute("SELECT counters FROM used WHERE ticket = ? AND source = ?", (ticket, source)).fetchone()
        usage = usage if row is None else newer(_usage(row[0]), usage)
        values = (ticket, source, encode_counters(usage), at)
        self._db.execute("INSERT OR REPLACE INTO used VALUES (?, ?, ?, ?)", values)

    def card_used(self, name: bytes, ticket: int, usage: Usage, at: int) -> None:
        """See Book."""
        self._db.execute(
            "INSERT OR REPLACE INTO card_use VALUES (?, ?, ?, ?)", (name, ticket, encode_counters(usage), at)
        )

    def card_charged(self, name: bytes, charged: bool) -> None:
        """See Book."""
        row = self._db.execute("SELECT ticket, counters, at FROM card_use WHERE name = ?", (name,)).fetchone()
        if row is None:
            return
        self._db.execute("DELETE FROM card_use WHERE name = ?", (name,))
        if charged:
            self.used(row[0], CARD_SOURCE, _usage(row[1]), row[2])

    # Who is owed

    def owe(self, row: OwedRow) -> None:
        """See Book."""
        if self._db.execute("SELECT 1 FROM spent WHERE admission = ?", (row.admission,)).fetchone():
            return
        values = (row.admission, row.ticket, row.gate, row.epoch, row.seq, row.leads_out, row.persons, row.until)
        self._db.execute("INSERT OR IGNORE INTO owed VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*values, row.held))

    def owed(self, ticket: int, now: int) -> list[OwedRow]:
        """See Book."""
        rows = self._db.execute("SELECT * FROM owed WHERE ticket = ? AND until > ?", (ticket, now)).fetchall()
        return [
            OwedRow(row[0], row[1], row[2], row[3], row[4], bool(row[5]), row[6], row[7], bool(row[8])) for row in rows
        ]

    def let_go(self, gate: int, epoch: int, seq: int, held: frozenset[bytes]) -> None:
        """See Book."""
        rows = self._db.execute(
            "SELECT admission FROM owed WHERE held = 1 AND gate = ? AND epoch = ? AND seq <= ?", (gate, epoch, seq)
        ).fetchall()
        freed = [(name,) for (name,) in rows if name not in held]
        self._db.executemany("UPDATE owed SET held = 0 WHERE admission = ?", freed)

    def spend(self, admission: bytes, at: int) -> None:
        """See Book."""
        self._db.execute("DELETE FROM owed WHERE admission = ?", (admission,))
        self._db.execute("INSERT OR IGNORE INTO spent VALUES (?, ?)", (admission, at))

    def forfeit(self) -> None:
        """See Book."""
        self._db.execute("DELETE FROM owed")

    def forget(self, now: int) -> None:
        """See Book."""
        self._db.execute("DELETE FROM owed WHERE until <= ?", (now,))
        self._db.execute("DELETE FROM spent WHERE at < ?", (now - SPENT_MS,))
        self._db.execute("DELETE FROM card_use WHERE at < ?", (now - CARDS_MS,))
        self._db.execute("DELETE FROM used WHERE at < ?", (now - KEEP_MS,))
        self._db.execute("DELETE FROM reservation WHERE made < ?", (now - KEEP_MS,))


def _usage(counters: bytes) -> Usage:
    return decode_counters(counters, b"", NO_ADMISSION)


def _damaged(files: Files) -> bool:
    try:
        connection = opening.connect(files, FILE_NAME)
        try:
            return bool(connection.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok")
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        if opening.is_damage(error):
            return True
        raise
