# SPDX-License-Identifier: Apache-2.0
"""The till's journal: card uses with the operator's requests that they serve, so that none is done twice."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pistegate_edge.clock import Clock
from pistegate_edge.errors import JournalFull
from pistegate_edge.journal.files import Files
from pistegate_edge.journal.journal import Journal
from pistegate_edge.journal.journal import OpenUse as CardUseRow
from pistegate_edge.journal.retention import KEEP_DAYS
from pistegate_edge.journal.store import Chain
from pistegate_edge.till.core.actions import Answer, RecordEnd, RecordSettled, RecordUse
from pistegate_edge.till.core.codes import Code
from pistegate_edge.till.core.memory import REMEMBERED, Remembered
from pistegate_edge.till.core.unsettled import OpenUse
from pistegate_protocol.events import CardUse, Stream, UseResult, admission_name

# The till's own table beside the gate's, in the same file and the same commits; a changed layout takes a new name.
_TABLE = """
CREATE TABLE IF NOT EXISTS till_request_1 (
    position INTEGER PRIMARY KEY,             -- order of use
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    request TEXT NOT NULL,                    -- the operator's id
    digest BLOB NOT NULL,
    counter INTEGER NOT NULL,                 -- the card's transactions before this one
    newest BLOB NOT NULL,                     -- the card's newest record before it
    answer TEXT,                              -- JSON of what the request is answered with, once it is done
    UNIQUE (epoch, seq)
)
"""
_UNDECIDED = frozenset({UseResult.UNCONFIRMED, UseResult.INTERRUPTED})


class TillJournal(Journal):
    """The journal of a till."""

    def __init__(
        self,
        directory: Path,
        site: int,
        number: int,
        reserve_bytes: int,
        clock: Clock,
        random32: int,
        software: str,
        *,
        keep_days: int = KEEP_DAYS,
        files: Files | None = None,
    ) -> None:
        super().__init__(
            directory, site, number, reserve_bytes, clock, random32, software, keep_days=keep_days, files=files
        )
        self._device = number
        try:
            with self._full_told():
                self._db.execute(_TABLE)
        except BaseException:
            self.close()
            raise

    def begin(self, action: RecordUse) -> tuple[int, bytes]:
        """One durable commit before the card's; returns the use's seq and name. JournalFull: nothing was recorded."""
        if not self.reserve.held:
            raise JournalFull("the disk reserve is not held")
        chain = self._chains[Stream.LEDGER]
        seq = chain.seq + 1
        name = admission_name(self._device, self.epoch, seq)
        row = (self.epoch, seq, action.request, action.digest, action.counter, action.newest)
        with self._full_told(), self._transaction():
            head = self._insert(Stream.LEDGER, self.epoch, chain, action.event)
            self._db.execute("INSERT INTO card_use (epoch, seq, name) VALUES (?, ?, ?)", (self.epoch, seq, name))
            self._db.execute(
                "INSERT INTO till_request_1 (epoch, seq, request, digest, counter, newest) VALUES (?, ?, ?, ?, ?, ?)",
                row,
            )
        self._chains[Stream.LEDGER] = Chain(seq, head)
        return seq, name

    def end(self, action: RecordEnd) -> None:
        """How a use ended; takes the reserve when the disk is full."""
        event = action.event

        def write() -> None:
            self._append_in(Stream.LEDGER, event)
            key = (event.epoch, event.seq)
            if event.result in _UNDECIDED:
                self._db.execute("UPDATE card_use SET state = 'unsettled' WHERE epoch = ? AND seq = ?", key)
            else:
                self._known(key, action.answer)

        self._with_reserve(write)

    def settle(self, action: RecordSettled) -> None:
        """What a card told of a use; takes the reserve when the disk is full."""
        event = action.event

        def write() -> None:
            self._append_in(Stream.LEDGER, event)
            self._known((event.epoch, event.seq), action.answer)

        self._with_reserve(write)

    def interrupted_requests(self) -> list[OpenUse]:
        """Uses of earlier runs without an end, oldest first."""
        return [self._with_request(row) for row in self.open_uses()]

    def unsettled_requests(self) -> list[OpenUse]:
        """Uses after which the card has not come back, oldest first."""
        return [self._with_request(row) for row in self.unsettled_uses()]

    def remembered(self) -> list[Remembered]:
        """Requests that changed a card, oldest first; those beyond what is remembered are deleted."""
        limit = "SELECT MAX(position) FROM till_request_1"
        with self._full_told():
            self._db.execute(
                f"DELETE FROM till_request_1 WHERE answer IS NOT NULL AND position <= ({limit}) - ?",
                (REMEMBERED,),
            )
        return list(self._remembered())

    def _remembered(self) -> Iterator[Remembered]:
        rows = self._db.execute(
            "SELECT request, digest, answer FROM till_request_1 WHERE answer IS NOT NULL ORDER BY position"
        )
        for request, digest, answer in rows:
            told = json.loads(answer)
            yield Remembered(bytes(digest), Answer(request, Code(told["code"]), told["values"]))

    def _known(self, key: tuple[int, int], answer: Answer | None) -> None:
        """What became of a use is known: its request is answered for good, or begins anew."""
        self._db.execute("DELETE FROM card_use WHERE epoch = ? AND seq = ?", key)
        if answer is None:
            self._db.execute("DELETE FROM till_request_1 WHERE epoch = ? AND seq = ?", key)
            return
        told = json.dumps({"code": answer.code.value, "values": dict(answer.values)})
        self._db.execute("UPDATE till_request_1 SET answer = ? WHERE epoch = ? AND seq = ?", (told, *key))

    def _with_request(self, row: CardUseRow) -> OpenUse:
        values: dict[str, Any] = {"request": "", "digest": b"", "counter": 0, "newest": b""}
        found = self._db.execute(
            "SELECT request, digest, counter, newest FROM till_request_1 WHERE epoch = ? AND seq = ?",
            (row.epoch, row.seq),
        ).fetchone()
        if found is not None:
            values = {
                "request": found[0], "digest": bytes(found[1]), "counter": found[2], "newest": bytes(found[3])
            }  # fmt: skip
        event: CardUse = row.event
        return OpenUse(epoch=row.epoch, seq=row.seq, name=row.name, event=event, **values)
