# SPDX-License-Identifier: Apache-2.0
"""The box's tickets and sales: when the power goes, no code was seen that is not recorded, and none is sold twice."""

import contextlib
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pistegate_edge.contingency.shapes import Head, Offer, Sale, Ticket
from pistegate_edge.contingency.store import FILE_NAME, BatchBroken, BoxStore, NoneLeft, open_store
from pistegate_edge.errors import JournalDamaged, JournalInUse
from pistegate_protocol.contingency import batch_digest
from pistegate_simulators.disk import FATES, Disk, DiskFiles, PowerCut

DEVICE = "1/encoder/1"
TICKETS = [Ticket(serial, 10_000 + serial, 1 + serial // 7, f"1{serial:0240d}") for serial in range(1, 11)]
Promised = dict[int, tuple[str, tuple[int, ...]]]


def a_head(number: int = 1, tickets: list[Ticket] = TICKETS) -> Head:
    """A batch of 6 of product 1 and 4 of product 2."""
    digest = batch_digest((each.serial, each.number, each.product, each.code) for each in tickets)
    offers = [Offer(1, {"en": "Day", "zh-CN": "全日票"}, 29_800, 6), Offer(2, {"en": "One"}, 4_000, 4)]
    about = ("CNY", "Asia/Shanghai", "Snow Valley", "00" * 16, "11" * 32)
    return Head(f"batch {number}", 3, number, "2026-01-17", "held", 1, 10, *about, offers, digest, 1_768_665_600_000)


def sell(store: BoxStore, counts: dict[int, int], form: str, head: Head | None = None) -> Sale:
    """For cash."""
    return store.sell(head or a_head(), counts, form, at_ms=1, method="cash", reference=None, tendered=10**6)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[BoxStore]:
    """One with a whole batch."""
    with open_store(tmp_path / "box", DEVICE) as store:
        store.begin_batch(a_head())
        store.add_tickets("batch 1", TICKETS)
        store.finish_batch(a_head())
        yield store


class Work:
    """An outage on a disk: `promised` is what a guest or the seller was told, by receipt."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.promised: Promised = {}

    def run(self) -> None:
        """Batch in two pieces, four sales, one of them void, one told; until the power goes."""
        with BoxStore(DiskFiles(self.disk), DEVICE) as store:
            store.begin_batch(a_head())
            store.add_tickets("batch 1", TICKETS[:5])
            store.add_tickets("batch 1", TICKETS[5:])
            store.finish_batch(a_head())
            for number, counts in enumerate(({1: 2}, {1: 1, 2: 1}, {2: 1}, {1: 1})):
                sale = sell(store, counts, f"form {number}")
                serials = tuple(ticket.serial for ticket in store.tickets(sale.batch, sale.receipt))
                self.promised[sale.receipt] = ("open", serials)
                state = "void" if number == 2 else "given"
                assert store.end_sale(sale, state)
                self.promised[sale.receipt] = (state, serials)
            store.told("batch 1", {1: "booked"})


def wrong(work: Work) -> list[str]:
    """What a box that is switched on again lacks of what was promised."""
    try:
        store = BoxStore(DiskFiles(work.disk), DEVICE)
    except Exception as error:  # noqa: BLE001 - whatever it is, the window has no box
        return [f"does not open: {error}"]
    with store:
        found = []
        for receipt, (state, serials) in work.promised.items():
            sale = store.sale("batch 1", receipt)
            if sale is None:
                found.append(f"lost receipt {receipt}")
                continue
            if state != "open" and sale.state != state:
                found.append(f"receipt {receipt} was {state}, is {sale.state}")
            if tuple(ticket.serial for ticket in store.tickets("batch 1", receipt)) != serials:
                found.append(f"receipt {receipt} has other tickets")
        if [sale.receipt for sale in store.sales("batch 1")][::-1] != list(range(1, store.receipts("batch 1") + 1)):
            found.append("a gap in the receipts")
        if store.batches() and store.batches()[0].state == "ready" and store.left("batch 1").get(1):
            fresh = sell(store, {1: 1}, "after")
            sold = {serial for _, serials in work.promised.values() for serial in serials}
            found += [f"{t.serial} twice" for t in store.tickets("batch 1", fresh.receipt) if t.serial in sold]
    return found


def cut_everywhere() -> tuple[int, list[Any]]:
    """The power goes in each operation of the disk, for each fate of what was not synced."""
    whole = Work(Disk(Random("whole")))
    whole.run()
    red = []
    for at in range(1, whole.disk.operations + 1):
        for fate in FATES:
            work = Work(Disk(Random(f"{at} {fate}")))
            work.disk.cut_at = at
            with contextlib.suppress(PowerCut):
                work.run()
            work.disk.power_on(fate)
            found = wrong(work)
            red += [(at, fate, found)] if found else []
    return whole.disk.operations, red


def test_no_code_is_seen_that_is_not_recorded_whenever_the_power_goes() -> None:
    """Every sale that returned is there with its tickets, its numbers are sold to nobody else, receipts have no gap."""
    logging.disable(logging.CRITICAL)
    try:
        operations, red = cut_everywhere()
    finally:
        logging.disable(logging.NOTSET)
    assert operations > 60
    assert red == []


def test_a_store_that_does_not_wait_for_its_disk_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted bug: commits that are not synced; the test above would be red."""
    real = DiskFiles.connect

    def careless(self: DiskFiles, name: str, *, read_only: bool = False) -> Any:
        db = real(self, name, read_only=read_only)
        execute = db.execute

        def unsynced(sql: str, values: Any = ()) -> Any:
            cursor = execute(sql, values)
            if sql == "PRAGMA synchronous = FULL":
                execute("PRAGMA synchronous = FULL")
            if sql.startswith("PRAGMA foreign_keys"):
                execute("PRAGMA synchronous = NORMAL")
            return cursor

        db.execute = unsynced
        return db

    monkeypatch.setattr(DiskFiles, "connect", careless)
    _, red = cut_everywhere()
    assert any("lost receipt" in word for _, _, words in red for word in words)


def test_the_lowest_numbers_go_first_and_each_once(store: BoxStore) -> None:
    """All ten, then none; what is not enough is not sold in part."""
    assert [t.serial for t in store.tickets("batch 1", sell(store, {1: 3, 2: 1}, "a").receipt)] == [1, 2, 3, 7]
    with pytest.raises(NoneLeft):
        sell(store, {1: 1, 2: 4}, "b")
    sell(store, {1: 3, 2: 3}, "c")
    with pytest.raises(NoneLeft):
        sell(store, {1: 1}, "d")
    assert (store.receipts("batch 1"), store.left("batch 1")) == (2, {})


def test_the_database_itself_sells_no_number_twice_and_forgets_no_sale(store: BoxStore) -> None:
    """Whatever a later release does: a sold number stays sold, a final sale stays as it is, none is deleted."""
    sale = sell(store, {1: 1}, "a")
    assert store.end_sale(sale, "given")
    assert not store.end_sale(sale, "void")
    for query in (
        "UPDATE ticket SET receipt = NULL WHERE serial = 1",
        "UPDATE sale SET state = 'void' WHERE receipt = 1",
        "DELETE FROM sale",
    ):
        with pytest.raises(sqlite3.IntegrityError):
            store._db.execute(query)


def test_tickets_that_are_not_the_clouds_are_thrown_away(tmp_path: Path) -> None:
    """One changed on the way: not sold, fetched again."""
    with open_store(tmp_path, DEVICE) as store:
        store.begin_batch(a_head())
        store.add_tickets("batch 1", [*TICKETS[:9], Ticket(10, 10_010, 2, "forged")])
        with pytest.raises(BatchBroken):
            store.finish_batch(a_head())
        assert (store.batches()[0].state, store.last_serial("batch 1")) == ("fetching", 0)
        with pytest.raises(NoneLeft):
            sell(store, {1: 1}, "a")


def test_a_box_is_one_devices_and_one_processs(tmp_path: Path) -> None:
    """A copied disk under another number, a second process, a damaged file: said, never sold from; others read none."""
    with open_store(tmp_path, DEVICE), pytest.raises(JournalInUse):
        open_store(tmp_path, DEVICE)
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o077 == 0
    with pytest.raises(JournalDamaged, match="belongs to 1/encoder/1"):
        open_store(tmp_path, "1/encoder/2")
    (tmp_path / FILE_NAME).write_bytes(b"no database" * 1000)
    with pytest.raises(JournalDamaged, match="it holds sales"):
        open_store(tmp_path, DEVICE)
