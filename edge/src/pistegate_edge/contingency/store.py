# SPDX-License-Identifier: Apache-2.0
"""What a box keeps: one SQLite file, WAL and FULL; every change is durable when the call returns.

One connection behind a lock: requests of the page come on threads of their own.
"""

import secrets
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import files as resources
from pathlib import Path
from typing import Any, Self

import msgspec

from pistegate_edge.contingency.shapes import Batch, Head, Sale, Ticket, Totals
from pistegate_edge.errors import EdgeError, JournalDamaged, JournalFull
from pistegate_edge.journal.files import Files
from pistegate_edge.journal.opening import is_full
from pistegate_protocol.contingency import METHODS, batch_digest

FILE_NAME = "contingency.sqlite"
SCHEMA_VERSION = 1
_BOX, _BOX_BYTES = "box", 8
_SALE = "batch, receipt, at_ms, method, reference, amount, tendered, state, told"


class NoneLeft(EdgeError):
    """Fewer tickets are left than were asked for."""


class BatchBroken(EdgeError):
    """A batch's tickets are not those that the cloud made."""


class SharedFiles(Files):
    """A directory whose database several threads use, one after another; nobody else can read it."""

    def connect(self, name: str, *, read_only: bool = False) -> sqlite3.Connection:
        """See Files."""
        if read_only:
            return super().connect(name, read_only=True)
        path = self.directory / name
        path.touch(mode=0o600)
        return sqlite3.connect(path, isolation_level=None, check_same_thread=False)


def open_store(directory: Path, device: str) -> "BoxStore":
    """The store in a directory, which is made where it is missing; see BoxStore."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return BoxStore(SharedFiles(directory), device)


class BoxStore:
    """The tickets and sales of one box. `box`: names this store; a new or wiped one has another name."""

    def __init__(self, files: Files, device: str) -> None:
        """JournalDamaged where it is another box's, or cannot be used; JournalInUse."""
        self._files_lock = files.lock()
        self._lock = threading.RLock()
        try:
            self._db = _opened(files, device)
            self.box = self.fact(_BOX) or secrets.token_hex(_BOX_BYTES)
            self.keep_facts({_BOX: self.box})
        except BaseException:
            self._files_lock.close()
            raise

    def close(self) -> None:
        """Let go."""
        with self._lock:
            self._db.close()
            self._files_lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _commit(self) -> Iterator[sqlite3.Connection]:
        """Durable when this is left; JournalFull: nothing of it was done."""
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    yield self._db
                    self._db.execute("COMMIT")
                except BaseException:
                    if self._db.in_transaction:
                        self._db.execute("ROLLBACK")
                    raise
            except sqlite3.DatabaseError as error:
                if not is_full(error):
                    raise
                raise JournalFull(f"no room for another sale: {error}; free some") from error

    def fact(self, name: str) -> str | None:
        """Something kept by name."""
        with self._lock:
            row = self._db.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def keep_facts(self, facts: Mapping[str, str]) -> None:
        """Keep some things by name."""
        with self._commit() as db:
            db.executemany("INSERT OR REPLACE INTO fact VALUES (?, ?)", list(facts.items()))

    def batch(self, number: str) -> Batch | None:
        """A batch."""
        return next(iter(self._batches("id = ?", number)), None)

    def batches(self) -> list[Batch]:
        """All that are not closed, in order of day and number."""
        return self._batches("state != 'closed'")

    def of_day(self, window: int, day: str) -> list[Batch]:
        """A window's batches of a day, in order, closed ones too."""
        return self._batches("window = ? AND day = ?", window, day)

    def newest(self, window: int) -> Batch | None:
        """A window's last batch, whatever became of it."""
        return next(iter(self._batches("window = ?", window)[::-1]), None)

    def zones(self) -> list[str]:
        """The time zones of the site's windows: one, as a rule."""
        with self._lock:
            rows = self._db.execute("SELECT DISTINCT json_extract(head, '$.zone') FROM batch").fetchall()
            return [str(row[0]) for row in rows]

    def windows(self) -> list[int]:
        """Windows that have a batch here."""
        with self._lock:
            rows = self._db.execute("SELECT DISTINCT window FROM batch ORDER BY window").fetchall()
            return [int(row[0]) for row in rows]

    def _batches(self, where: str, *values: object) -> list[Batch]:
        query = f"SELECT head, state, drawer FROM batch WHERE {where} ORDER BY day, number"
        with self._lock:
            rows = self._db.execute(query, values).fetchall()
        return [Batch(msgspec.json.decode(head, type=Head), state, drawer) for head, state, drawer in rows]

    def begin_batch(self, head: Head) -> None:
        """A batch of which no ticket is here yet."""
        text = msgspec.json.encode(head).decode()
        with self._commit() as db:
            values = (head.id, head.window, head.number, head.day, head.until_ms, text)
            db.execute("INSERT OR IGNORE INTO batch VALUES (?, ?, ?, ?, ?, ?, 'fetching', NULL)", values)

    def last_serial(self, batch: str) -> int:
        """How far a batch has come; 0: not at all."""
        with self._lock:
            row = self._db.execute("SELECT MAX(serial) FROM ticket WHERE batch = ?", (batch,)).fetchone()
        return int(row[0] or 0)

    def add_tickets(self, batch: str, tickets: Sequence[Ticket]) -> None:
        """Some more of a batch's."""
        rows = [(batch, each.serial, each.number, each.product, each.code) for each in tickets]
        with self._commit() as db:
            db.executemany("INSERT INTO ticket VALUES (?, ?, ?, ?, ?, NULL)", rows)

    def finish_batch(self, head: Head) -> None:
        """All have come: it may be sold. BatchBroken: they are not what was made; they are thrown away."""
        query = "SELECT serial, number, product, code FROM ticket WHERE batch = ? ORDER BY serial"
        with self._commit() as db:
            whole = batch_digest(db.execute(query, (head.id,)).fetchall()) == head.digest
            if whole:
                db.execute("UPDATE batch SET state = 'ready' WHERE id = ? AND state = 'fetching'", (head.id,))
            else:
                db.execute("DELETE FROM ticket WHERE batch = ?", (head.id,))
        if not whole:
            raise BatchBroken(f"the tickets of batch {head.number} of window {head.window} are not those of the cloud")

    def move_batch(self, batch: str, state: str, *before: str) -> None:
        """Another state, from one of these."""
        marks = ", ".join("?" * len(before))
        with self._commit() as db:
            query = f"UPDATE batch SET state = ? WHERE id = ? AND state IN ({marks})"
            db.execute(query, (state, batch, *before))

    def set_drawer(self, batch: str, amount: int) -> None:
        """The change that the seller begins with."""
        with self._commit() as db:
            db.execute("UPDATE batch SET drawer = ? WHERE id = ?", (amount, batch))

    def left(self, batch: str) -> dict[int, int]:
        """Tickets that can be sold, by product."""
        query = "SELECT product, COUNT(*) FROM ticket WHERE batch = ? AND receipt IS NULL GROUP BY product"
        with self._lock:
            return {int(p): int(n) for p, n in self._db.execute(query, (batch,)).fetchall()}

    def sell(
        self,
        head: Head,
        counts: Mapping[int, int],
        form: str,
        *,
        at_ms: int,
        method: str,
        reference: str | None,
        tendered: int,
    ) -> Sale:
        """The lowest numbers that are left, recorded before anybody sees a code. NoneLeft; again: the same sale."""
        amount = head.price(counts)
        with self._commit() as db:
            before = db.execute("SELECT batch, receipt FROM sale WHERE form = ?", (form,)).fetchone()
            if before is None:
                state = db.execute("SELECT state FROM batch WHERE id = ?", (head.id,)).fetchone()
                if state != ("ready",):
                    raise NoneLeft(f"batch {head.number} is closed")
                row = db.execute(
                    "SELECT COALESCE(MAX(receipt), 0) + 1 FROM sale WHERE batch = ?", (head.id,)
                ).fetchone()
                before = (head.id, row[0])
                db.execute(
                    "INSERT INTO sale VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'open', NULL)",
                    (*before, form, at_ms, method, reference, amount, tendered),
                )
                for product, count in counts.items():
                    _draw(db, before, product, count)
        return self._sale(*before)

    def _sale(self, batch: str, receipt: int) -> Sale:
        found = self.sale(batch, receipt)
        if found is None:
            raise JournalDamaged(f"receipt {receipt} of {batch} is gone")
        return found

    def sale(self, batch: str, receipt: int) -> Sale | None:
        """A receipt."""
        return next(iter(self._sales("batch = ? AND receipt = ?", batch, receipt)), None)

    def sales(self, batch: str) -> list[Sale]:
        """A batch's receipts, the newest first."""
        return self._sales("batch = ?", batch)[::-1]

    def untold(self, batch: str) -> list[Sale]:
        """Receipts of which the cloud does not know, in order."""
        return self._sales("batch = ? AND told IS NULL", batch)

    def _sales(self, where: str, *values: object) -> list[Sale]:
        query = f"SELECT {_SALE} FROM sale WHERE {where} ORDER BY batch, receipt"
        with self._lock:
            return [Sale(*row) for row in self._db.execute(query, values).fetchall()]

    def tickets(self, batch: str, receipt: int) -> list[Ticket]:
        """The tickets of a receipt."""
        query = "SELECT serial, number, product, code FROM ticket WHERE batch = ? AND receipt = ? ORDER BY serial"
        with self._lock:
            return [Ticket(*row) for row in self._db.execute(query, (batch, receipt)).fetchall()]

    def end_sale(self, sale: Sale, state: str) -> bool:
        """Given to the guest, or voided; False: it was one of the two before."""
        with self._commit() as db:
            query = "UPDATE sale SET state = ? WHERE batch = ? AND receipt = ? AND state = 'open' AND told IS NULL"
            return _changed(db, query, (state, sale.batch, sale.receipt)) == 1

    def told(self, batch: str, answers: Mapping[int, str]) -> None:
        """What the cloud answered to some receipts; one that nobody saw a code of counts as given from here on."""
        with self._commit() as db:
            for receipt, answer in answers.items():
                db.execute(
                    "UPDATE sale SET state = 'given' WHERE batch = ? AND receipt = ? AND state = 'open'",
                    (batch, receipt),
                )
                db.execute("UPDATE sale SET told = ? WHERE batch = ? AND receipt = ?", (answer, batch, receipt))

    def totals(self, batch: str) -> Totals:
        """What was sold of a batch."""
        sales = self._sales("batch = ?", batch)
        good = [sale for sale in sales if sale.state != "void"]
        with self._lock:
            row = self._db.execute(
                "SELECT COUNT(*) FROM ticket t JOIN sale s ON s.batch = t.batch AND s.receipt = t.receipt"
                " WHERE t.batch = ? AND s.state != 'void'",
                (batch,),
            ).fetchone()
        by_method = {method: sum(sale.amount for sale in good if sale.method == method) for method in METHODS}
        return Totals(len(good), int(row[0]), len(sales) - len(good), by_method)

    def receipts(self, batch: str) -> int:
        """How many receipts there are: the last one's number."""
        with self._lock:
            row = self._db.execute("SELECT COALESCE(MAX(receipt), 0) FROM sale WHERE batch = ?", (batch,)).fetchone()
        return int(row[0])

    def forget(self, before_ms: int) -> None:
        """Codes of batches that were over long ago; their receipts stay."""
        with self._commit() as db:
            old = "SELECT id FROM batch WHERE state = 'closed' AND until_ms < ?"
            db.execute(f"DELETE FROM ticket WHERE batch IN ({old})", (before_ms,))


def _draw(db: sqlite3.Connection, receipt: Sequence[Any], product: int, count: int) -> None:
    """Give a receipt the lowest `count` tickets of a product; NoneLeft."""
    left = "SELECT serial FROM ticket WHERE batch = ? AND product = ? AND receipt IS NULL ORDER BY serial LIMIT ?"
    serials = [row[0] for row in db.execute(left, (receipt[0], product, count)).fetchall()]
    if len(serials) < count:
        raise NoneLeft(f"{len(serials)} of product {product} are left")
    for serial in serials:
        query = "UPDATE ticket SET receipt = ? WHERE batch = ? AND serial = ? AND receipt IS NULL"
        if _changed(db, query, (receipt[1], receipt[0], serial)) != 1:
            raise NoneLeft(f"ticket {serial} was sold meanwhile")


def _changed(db: sqlite3.Connection, query: str, values: Sequence[Any]) -> int:
    """Rows that a statement changes."""
    before = db.total_changes
    db.execute(query, values)
    return db.total_changes - before


def _opened(files: Files, device: str) -> sqlite3.Connection:
    path, db = files.directory / FILE_NAME, files.connect(FILE_NAME)
    try:
        mode = db.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        db.execute("PRAGMA synchronous = FULL")
        if mode != "wal" or db.execute("PRAGMA synchronous").fetchone()[0] != 2:
            raise JournalDamaged(f"{path}: WAL and FULL are needed; put [contingency] directory on a local disk")
        db.execute("PRAGMA foreign_keys = ON")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            script = (resources(__package__) / "schema_1.sql").read_text("utf-8")
            db.executescript(f"BEGIN IMMEDIATE; {script} INSERT INTO identity VALUES (1, '{device}'); COMMIT;")
        elif version > SCHEMA_VERSION:
            raise JournalDamaged(f"{path}: schema {version} is of a newer release: update this box")
        owner = db.execute("SELECT device FROM identity").fetchone()
        if owner != (device,):
            raise JournalDamaged(
                f"{path} belongs to {owner and owner[0]}, the configuration says {device}: was this disk copied? "
                "Name another [contingency] directory"
            )
    except sqlite3.DatabaseError as error:
        db.close()
        raise JournalDamaged(f"{path} cannot be read ({error}). Keep the file: it holds sales; ask for help") from error
    except BaseException:
        db.close()
        raise
    return db
