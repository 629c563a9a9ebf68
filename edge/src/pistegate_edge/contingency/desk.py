# SPDX-License-Identifier: Apache-2.0
"""What a seller does at a box: log in, sell, show, void, say what is in the drawer. No HTTP here."""

import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from pistegate_edge.contingency import rules
from pistegate_edge.contingency.rules import Line, Stock, Why
from pistegate_edge.contingency.shapes import Batch, Head, Sale, Ticket, Totals
from pistegate_edge.contingency.store import BoxStore, NoneLeft
from pistegate_edge.errors import EdgeError
from pistegate_edge.timekeeping.guarded import GuardedClock
from pistegate_protocol.contingency import pin_matches

PERSONS_MAX: Final = 100  # tickets of one receipt
MONEY_MAX: Final = 10**9  # minor units of one receipt
REFERENCE_MAX: Final = 64
TRIES_MAX: Final = 5  # wrong PINs in LOCK_MS; a million of them take four months
LOCK_MS: Final = 60_000
SESSION_MS: Final = 12 * 3_600_000
HEARD: Final = "heard_ms"


class Refused(EdgeError):
    """What a seller asked for is not done; `key`: of the words, at `contingency.KEY`."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


@dataclass(frozen=True, slots=True)
class Asked:
    """What a seller typed."""

    counts: Mapping[int, int]
    method: str
    reference: str
    tendered: int | None
    form: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How a window stands. `heard_ms`: when the cloud was heard last (None: never); `soon_ms`: until it may sell."""

    why: Why | None
    batch: Batch | None
    left: Mapping[int, int]
    heard_ms: int | None
    soon_ms: int
    now_ms: int


@dataclass(slots=True)
class _Session:
    window: int
    until_ms: int


@dataclass(slots=True)
class Desk:
    """The windows of one box."""

    store: BoxStore
    clock: GuardedClock
    line: Line
    _sessions: dict[str, _Session] = field(default_factory=dict)
    _wrong: list[int] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def log_in(self, window: int, pin: str) -> str:
        """A session for a window; Refused pin_wrong, pin_wait."""
        now = self.clock.steady_ms()
        with self._lock:
            self._wrong = [at for at in self._wrong if now - at < LOCK_MS]
            if len(self._wrong) >= TRIES_MAX:
                raise Refused("pin_wait")
            self._wrong.append(now)  # before it is looked at: who asks in parallel has no more tries
        newest = self.store.newest(window)
        if newest is None or not _opens(pin, newest.head):
            raise Refused("pin_wrong")
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._wrong.remove(now)
            self._sessions[token] = _Session(window, now + SESSION_MS)
        return token

    def log_out(self, token: str) -> None:
        """End a session."""
        with self._lock:
            self._sessions.pop(token, None)

    def window(self, token: str) -> int | None:
        """The window of a session; None: log in."""
        with self._lock:
            found = self._sessions.get(token)
        return found.window if found is not None and self.clock.steady_ms() < found.until_ms else None

    def standing(self, window: int) -> Standing:
        """Whether and what a window may sell."""
        now_ms = self.clock.wall_ms()
        batch = self._batch(window, now_ms)
        left = {} if batch is None or batch.state != "ready" else self.store.left(batch.head.id)
        stock = Stock(batch is not None and batch.state == "ready", sum(left.values()))
        steady = self.clock.steady_ms()
        cut, trusted = self.line.is_cut(steady), self.clock.standing().trusted
        heard = self.store.fact(HEARD)
        return Standing(
            rules.why_not(cut=cut, trusted=trusted, stock=stock),
            batch,
            left,
            None if heard is None else int(heard),
            self.line.left_ms(steady),
            now_ms,
        )

    def _batch(self, window: int, now_ms: int) -> Batch | None:
        """Today's that can be sold of; else the last one of today, so that its receipts can be seen."""
        found = [batch for batch in self._today(window, now_ms) if now_ms < batch.head.until_ms]
        for batch in found:
            if batch.state == "ready" and self.store.left(batch.head.id):
                return batch
        return found[-1] if found else None

    def _today(self, window: int, now_ms: int) -> list[Batch]:
        zones = [ZoneInfo(zone) for zone in self.store.zones()]
        days = {datetime.fromtimestamp(now_ms / 1000, zone).date().isoformat() for zone in zones}
        return [batch for day in sorted(days) for batch in self.store.of_day(window, day)]

    def sell(self, window: int, asked: Asked) -> Sale:
        """Sell, durably, before any code is seen; the same form again: the same sale. Refused with a word."""
        standing = self.standing(window)
        if standing.why is not None or standing.batch is None:
            raise Refused(f"why_{standing.why or Why.NO_BATCH}")
        head = standing.batch.head
        counts = {product: count for product, count in asked.counts.items() if count}
        known = {offer.product for offer in head.offers}
        if not counts or not counts.keys() <= known or sum(counts.values()) > PERSONS_MAX:
            raise Refused("count_wrong")
        price = head.price(counts)
        tendered = price if asked.tendered is None else asked.tendered
        reference = asked.reference.strip()
        if asked.method == "terminal" and not _is_reference(reference):
            raise Refused("reference_missing")
        if asked.method == "cash" and not price <= tendered <= MONEY_MAX:
            raise Refused("too_little")
        try:
            return self.store.sell(
                head,
                counts,
                asked.form,
                at_ms=standing.now_ms,
                method=asked.method,
                reference=reference if asked.method == "terminal" else None,
                tendered=tendered if asked.method == "cash" else price,
            )
        except NoneLeft as error:
            raise Refused("too_few") from error

    def sale(self, window: int, batch: str, receipt: int) -> tuple[Head, Sale]:
        """A receipt of this window; Refused not_here."""
        found, sale = self.store.batch(batch), self.store.sale(batch, receipt)
        if found is None or sale is None or found.head.window != window:
            raise Refused("not_here")
        return found.head, sale

    def give(self, window: int, batch: str, receipt: int) -> None:
        """From here on the guest has the codes."""
        _, sale = self.sale(window, batch, receipt)
        if sale.state == "void":
            raise Refused("voided")
        if sale.state == "open":
            self.store.end_sale(sale, "given")

    def void(self, window: int, batch: str, receipt: int) -> None:
        """Take a sale back whose codes nobody saw; Refused void_late."""
        _, sale = self.sale(window, batch, receipt)
        if sale.state == "void":
            return
        if not rules.may_void(sale.state, sale.at_ms, self.clock.wall_ms()) or not self.store.end_sale(sale, "void"):
            raise Refused("void_late")

    def codes(self, window: int, batch: str, receipt: int) -> Sequence[Ticket]:
        """The tickets of a receipt that was given; Refused not_given."""
        _, sale = self.sale(window, batch, receipt)
        if sale.state != "given":
            raise Refused("not_given")
        return self.store.tickets(batch, receipt)

    def begin_drawer(self, window: int, amount: int) -> None:
        """Say what change the drawer began with."""
        standing = self.standing(window)
        if standing.batch is None or not 0 <= amount <= MONEY_MAX:
            raise Refused("why_no_batch" if standing.batch is None else "amount_wrong")
        self.store.set_drawer(standing.batch.head.id, amount)

    def day(self, window: int) -> list[tuple[Batch, Totals]]:
        """Today's batches with what was sold of each."""
        today = self._today(window, self.clock.wall_ms())
        return [(batch, self.store.totals(batch.head.id)) for batch in today]


def _is_reference(text: str) -> bool:
    return 1 <= len(text) <= REFERENCE_MAX and text.isascii() and text.isprintable() and " " not in text


def _opens(pin: str, head: Head) -> bool:
    return pin_matches(pin, bytes.fromhex(head.pin_salt), bytes.fromhex(head.pin_hash))
