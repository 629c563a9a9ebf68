# SPDX-License-Identifier: Apache-2.0
"""What a gate does with the templates that it holds: whose may open, whose must go, what the cloud is told of it.

The cloud's document names who opens by finger alone, with the claim, and who is to be erased. Both are looked at again
at each start: a gate that was off when somebody withdrew erases before it does anything else with fingers.
"""

import logging
from collections.abc import Callable
from typing import Final

from pistegate_edge.fingers.errors import LibraryFull
from pistegate_edge.fingers.store import Receipt, TemplateStore
from pistegate_protocol.documents import FingerList
from pistegate_protocol.errors import CodecError
from pistegate_protocol.events import FingerErased
from pistegate_protocol.fingers import ticket_of

log = logging.getLogger(__name__)

# Removed or told in one go: a commit of SQLite, during which nobody is served; 20 ms on an SD card, estimate.
AT_ONCE: Final = 50
WITHDRAWN: Final = "withdrawn"


class Keeper:
    """Of one gate. `watch`: fingers may open alone here."""

    def __init__(self, store: TemplateStore, wall_ms: Callable[[], int], *, watch: bool) -> None:
        self._store = store
        self._wall_ms = wall_ms
        self._watch = watch
        self._claims: dict[bytes, bytes] = {}
        self._to_go: list[bytes] = []
        self._holders: dict[int, bytes] = {}
        self._seen: object = None
        self._by_others = store.changes()[0]
        if not watch:
            store.unassign()

    def told(self, document: FingerList | None) -> None:
        """The cloud's document, at the start and whenever there is a newer one."""
        entries = [] if document is None else document.entries
        self._seen = None
        self._claims = {holder: signed for holder, signed in entries if signed}
        self._to_go = [holder for holder, signed in entries if not signed and not self._store.gone(holder)]

    def claim(self, holder: bytes) -> bytes | None:
        """The signed claim that this finger opens by alone."""
        return self._claims.get(holder)

    def sealed(self, ticket: int) -> tuple[bytes, bytes] | None:
        """Name and sealed template of the finger that is on file for a ticket."""
        holder = self._holders.get(ticket)
        sealed = None if holder is None else self._store.get(holder, self._wall_ms())
        return None if holder is None or sealed is None else (holder, sealed)

    @property
    def tickets(self) -> frozenset[int]:
        """Tickets of which a finger is on file."""
        return frozenset(self._holders)

    @property
    def held(self) -> int:
        """How many templates there are."""
        return len(self._holders)

    def look(self, capacity: int | None) -> bool:
        """What is held now; a slot for each that opens alone, in a sensor of `capacity`. Whether that changed."""
        if self._seen == (self._store.changes(), capacity):
            return False  # 20,000 holders are 20 ms, and this is asked every second
        before, by_others = self._holders, self._store.changes()[0]
        found = self._store.holders(self._wall_ms())
        self._holders = {ticket: holder for holder in found if (ticket := _ticket(holder)) is not None}
        changed = self._holders != before or by_others != self._by_others
        changed = self._assign(capacity) or changed
        self._by_others, self._seen = by_others, (self._store.changes(), capacity)
        return changed

    def erase(self) -> bool:
        """Some of those that must go; whether there were any."""
        self._store.expire(self._wall_ms())
        now, self._to_go = self._to_go[:AT_ONCE], self._to_go[AT_ONCE:]
        if now:
            self._store.remove_all(now, WITHDRAWN, self._wall_ms())
        return bool(now)

    def tell(self, record: Callable[[FingerErased], bool]) -> int:
        """Receipts into the ledger, some at once; how many. One that finds no room is told later."""
        receipts = self._store.untold()[:AT_ONCE]
        for count, receipt in enumerate(receipts):
            if not record(event_of(receipt)):
                return count
            self._store.told(receipt.number)
        return len(receipts)

    @property
    def busy(self) -> bool:
        """Whether more is to be erased at once."""
        return bool(self._to_go)

    def _assign(self, capacity: int | None) -> bool:
        """Slots for those who open alone and have none; a full library says so, the others come by card."""
        if not self._watch or capacity is None:
            return False
        now_ms = self._wall_ms()
        there = {holder for holder, _ in self._store.library(now_ms).values()}
        missing = [holder for holder in self._holders.values() if holder in self._claims and holder not in there]
        try:
            for holder in missing:
                self._store.assign(holder, capacity)
        except LibraryFull as error:
            log.warning("%s", error)
        return bool(missing)


def event_of(receipt: Receipt) -> FingerErased:
    """As the cloud is told."""
    return FingerErased(receipt.at_ms, receipt.holder, receipt.why, receipt.slot)


def _ticket(holder: bytes) -> int | None:
    try:
        return ticket_of(holder)
    except CodecError:
        return None
