# SPDX-License-Identifier: Apache-2.0
"""What a box and the cloud tell each other: batches come, receipts go, and a batch is closed once all are there.

Every step is durable and can be repeated; a round that broke off goes on where it was. One thread.
"""

import http.client
import json
import logging
import threading
import traceback
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

from pistegate_edge.contingency import rules, times
from pistegate_edge.contingency.desk import HEARD
from pistegate_edge.contingency.rules import Line
from pistegate_edge.contingency.shapes import Answers, Batch, Head, Heads, Sale, Tickets
from pistegate_edge.contingency.store import BatchBroken, BoxStore
from pistegate_edge.errors import CloudRefused, CloudUnreachable, EdgeError
from pistegate_edge.timekeeping.guarded import GuardedClock

log = logging.getLogger(__name__)

AT_ONCE: Final = 200  # tickets of one answer: 60 kB
SALES_AT_ONCE: Final = 50
KEEP_MS: Final = 30 * 86_400_000  # codes of closed batches
MARK: Final = "mark_ms"
_PATH: Final = "/api/v1/contingency/box"
_ERROR_MS: Final = 500  # of the cloud's clock, beside the way
T = TypeVar("T")
Ask = Callable[[str, str, bytes], bytes]
"""Method, path, body: the body of a good answer. CloudUnreachable, CloudRefused."""


class Syncing:
    """One round after another, on whatever thread calls `round`."""

    def __init__(self, store: BoxStore, ask: Ask, clock: GuardedClock, line: Line) -> None:
        self._store = store
        self._ask = ask
        self._clock = clock
        self._line = line
        self._trouble = ""

    def round(self) -> bool:
        """Whether the cloud answered, and everything that could be done is."""
        self._clock.look()
        try:
            heads = self._heads()
            for head in heads.batches:
                self._take_in(head)
            for batch in self._store.batches():
                self._bring(batch)
            self._store.forget(self._clock.wall_ms() - KEEP_MS)
        except (CloudUnreachable, CloudRefused) as error:
            if isinstance(error, CloudUnreachable) or error.code.startswith("5"):
                self._line.failed(self._clock.steady_ms())
            self._tell(str(error))
            return False
        except (EdgeError, msgspec.MsgspecError) as error:
            self._tell(f"{type(error).__name__}: {error}")
            return False
        self._tell("")
        return True

    def _heads(self) -> Heads:
        before = self._clock.steady_ms()
        found = self._get(f"{_PATH}?box={self._store.box}", Heads)
        way = self._clock.steady_ms() - before
        self._clock.signed(found.now_ms + way // 2, way // 2 + _ERROR_MS)
        self._store.keep_facts({HEARD: str(self._clock.wall_ms()), **times.kept(self._clock)})
        return found

    def _take_in(self, head: Head) -> None:
        """News of a batch; what a person took for lost is sold no more."""
        here = self._store.batch(head.id)
        if head.state == "lost":
            self._store.move_batch(head.id, "withdrawn", "fetching", "ready")
            return
        if here is None and head.state == "held":
            self._store.begin_batch(head)
            here = self._store.batch(head.id)
        if here is not None and here.state == "fetching" and head.state == "held":
            self._fetch(head)

    def _fetch(self, head: Head) -> None:
        while (last := self._store.last_serial(head.id)) < head.last_serial:
            found = self._get(f"{_PATH}/{head.id}/tickets?box={self._store.box}&after={last}&limit={AT_ONCE}", Tickets)
            if not found.tickets:
                break
            self._store.add_tickets(head.id, found.tickets)
        try:
            self._store.finish_batch(head)
        except BatchBroken as error:
            log.error("%s; they are fetched again", error)
            raise
        log.info("contingency tickets %d to %d of window %d are here", head.first_serial, head.last_serial, head.window)

    def _bring(self, batch: Batch) -> None:
        """Tell what was sold, and close what is over."""
        number, now_ms = batch.head.id, self._clock.wall_ms()
        over = now_ms >= batch.head.until_ms and self._clock.standing().trusted
        final = [sale for sale in self._store.untold(number) if rules.is_final(sale.state, sale.at_ms, now_ms)]
        for at in range(0, len(final), SALES_AT_ONCE):
            self._send(number, final[at : at + SALES_AT_ONCE])
        untold, sold = len(self._store.untold(number)), self._store.receipts(number)
        steady = not self._line.is_cut(self._clock.steady_ms())
        if batch.state == "ready" and rules.may_close(steady=steady, over=over, sold=sold, untold=untold):
            self._store.move_batch(number, "closing", "ready")  # from here on nothing of it is sold
        if batch.state == "fetching" and over:
            self._store.move_batch(number, "closing", "fetching")
        self._close(number)

    def _send(self, batch: str, sales: list[Sale]) -> None:
        told = {"sales": [self._told(sale) for sale in sales]}
        answers = self._post(f"{_PATH}/{batch}/sales", told, Answers)
        self._store.told(batch, answers.states)
        odd = [receipt for receipt, state in answers.states.items() if state == "trouble"]
        if odd:
            log.error("receipts %s of %s: the manager must look at them in the cloud", odd, batch)

    def _told(self, sale: Sale) -> dict[str, Any]:
        serials = [ticket.serial for ticket in self._store.tickets(sale.batch, sale.receipt)]
        return {
            "receipt": sale.receipt,
            "at_ms": sale.at_ms,
            "serials": serials,
            "method": sale.method,
            "amount": sale.amount,
            "tendered": sale.tendered,
            "reference": sale.reference,
            "void": sale.state == "void",
        }

    def _close(self, number: str) -> None:
        """Whatever was sold is told: the cloud may deny the rest. A sale meanwhile is impossible, it is closing."""
        batch = self._store.batch(number)
        if batch is None or batch.state not in ("closing", "withdrawn") or self._store.untold(number):
            return
        totals = self._store.totals(number)
        drawer = {"drawer": batch.drawer or 0, **totals.by_method}
        self._post(
            f"{_PATH}/{number}/done", {"receipts": self._store.receipts(number), "drawer": drawer}, dict[str, str]
        )
        self._store.move_batch(number, "closed", "closing", "withdrawn")
        log.info("batch %d of window %d is closed: %d sold", batch.head.number, batch.head.window, totals.tickets)

    def _get(self, path: str, kind: type[T]) -> T:
        return self._answered(self._ask("GET", path, b""), kind)

    def _post(self, path: str, body: dict[str, Any], kind: type[T]) -> T:
        return self._answered(self._ask("POST", path, json.dumps(body).encode()), kind)

    def _answered(self, body: bytes, kind: type[T]) -> T:
        found = msgspec.json.decode(body, type=kind, strict=False)
        self._line.answered(self._clock.steady_ms())
        return found

    def _tell(self, trouble: str) -> None:
        """Once, until it is over or another."""
        if trouble != self._trouble:
            self._trouble = trouble
            log.warning("contingency: %s", trouble) if trouble else log.info("contingency: the cloud answers")


class SyncThread:
    """Rounds every so often; `stop` ends it."""

    def __init__(self, syncing: Syncing, every_s: float) -> None:
        self._syncing = syncing
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="contingency", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout_s: float = 3.0) -> None:
        """Ask it to end, and wait."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._syncing.round()
            except Exception:  # noqa: BLE001 - a thread that ends silently would leave the window without tickets
                log.error("unexpected failure of the contingency tickets:\n%s", traceback.format_exc())
            self._stop.wait(self._every_s)


def good(status: int) -> bool:
    """Whether an answer is what was asked for."""
    return http.client.OK <= status < http.client.MULTIPLE_CHOICES
