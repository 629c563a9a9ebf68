# SPDX-License-Identifier: Apache-2.0
"""A day on which everything goes wrong at once: at its end every fen has one place, and every ticket was paid."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
from order_desk import PAYS, OrderDesk, number_of, order_desk
from tortoise.transactions import in_transaction

from pistegate_cloud.errors import Problem
from pistegate_cloud.ledger import service as ledger
from pistegate_cloud.orders import cancelling
from pistegate_cloud.orders import queries as orders
from pistegate_cloud.orders.models import Order, Payment, Refund
from pistegate_cloud.payments.rules import PAYABLE_MS
from pistegate_cloud.staff.caller import system
from pistegate_cloud.stock.models import Stock, StockProduct
from pistegate_cloud.tenders import service as tenders
from pistegate_cloud.tenders.models import CustomerAccount, Voucher
from pistegate_cloud.tickets.models import Ticket

PLACES, STEPS = 30, 60
VALUE = 1000  # of a voucher
PRICE = 29800


@pytest.fixture
def desk(sqlite_cloud: Any, tmp_path: Path) -> Iterator[OrderDesk]:
    """A window and a provider."""
    with order_desk(sqlite_cloud, tmp_path) as made:
        yield made


class BadDay:
    """Windows, guests, a provider and a line, all moved by one seed."""

    def __init__(self, desk: OrderDesk, seed: int, codes: list[str]) -> None:
        self.desk, self.chance, self.codes = desk, Random(seed), codes
        self.keys: list[tuple[str, dict[str, Any]]] = []

    def tendered(self) -> list[dict[str, Any]]:
        whole = [
            {"method": "cash"},
            {"method": "wechat_native"},
            {"method": "wechat_code", "code": PAYS[:-2] + f"{self.chance.randrange(8):02d}"},
        ]
        parts = [{"method": "account", "account": "HOTEL", "amount": self.chance.randrange(1, 5000)}]
        if self.codes:
            parts.append({"method": "voucher", "voucher": self.chance.choice(self.codes)})
        picked = self.chance.sample(parts, self.chance.randrange(len(parts) + 1))
        return [{"currency": "CNY", **one} for one in [*picked, self.chance.choice(whole)]]

    async def sell(self) -> None:
        """A new order, or an old request again, because its answer was lost."""
        if self.keys and self.chance.random() < 0.3:
            key, body = self.chance.choice(self.keys)
        else:
            key, body = f"k{len(self.keys)}", self.desk.body(*self.tendered())
            self.keys.append((key, body))
        answer = await self.desk.cloud.http.post("/orders", json=body, headers={"Idempotency-Key": key})
        assert answer.status_code < 500, answer.text

    async def some(self) -> Any:
        rows = await Order.all()
        return await self.desk.now({"id": self.chance.choice(rows).id}) if rows else None

    async def guest(self) -> None:
        """Pays what is shown, sometimes although it was closed meanwhile."""
        order = await self.some()
        waits = [one for one in order["payments"] if one["method"] == "wechat_native"] if order else []
        if not waits or number_of(order) not in self.desk.sim.books.orders:
            return
        shown = self.desk.sim.books.of(number_of(order))
        if shown.state == "CLOSED" and self.chance.random() < 0.5:
            shown.state = "NOTPAY"
        self.desk.guest_pays(order)

    async def line(self) -> None:
        """Answers get lost, notifications come in any order, twice, or never."""
        self.desk.sim.ways.troubles = [self.chance.choice(["", "", "unknown", "refused", "hang"]) for _ in range(2)]
        held = self.desk.sim.post.held
        for index in self.chance.sample(range(len(held)), min(2, len(held))):
            assert await self.desk.deliver(index) < 500

    async def clock(self) -> None:
        await self.desk.later(self.chance.choice([100, 5_000, 60_000]))
        await cancelling.expire_due(self.desk.clock)

    async def person(self) -> None:
        """Cancels, pays an order that waits, gives money back, settles money without an order."""
        order = await self.some()
        if order is None:
            return
        path = f"/orders/{order['id']}"
        body = {"payments": self.tendered()}
        late = [one for one in order["payments"] if one["state"] == "late"]
        if late and self.chance.random() < 0.7:
            settle = f"/payments/{late[0]['provider_payment']}/settle"
            answer = await self.desk.cloud.http.post(settle, json={"reason": "left"})
        elif self.chance.random() < 0.5:
            answer = await self.desk.cloud.http.post(f"{path}/cancel", json={"reason": "x"})
        else:
            answer = await self.desk.cloud.http.post(f"{path}/payments", json=body)
        assert answer.status_code < 500, answer.text
        if order["status"] == "paid" and self.chance.random() < 0.5:
            await self.refund(order, self.chance.randrange(1, PRICE))

    async def refund(self, order: Any, amount: int) -> None:
        row, now_ms = await orders.found(order["id"]), self.desk.clock.now_ms
        with suppress(Problem):  # more than is left of it
            async with in_transaction():
                made = await tenders.give_back(row, amount, reason="x", caller=system("test"), now_ms=now_ms)
                moneys = [*tenders.moneys_of(row, made), ledger.Money("compensation", amount)]
                await ledger.record("refund", site=1, order=row.id, currency="CNY", at_ms=now_ms, moneys=moneys)

    async def quiet(self) -> None:
        """The evening: nothing goes wrong any more, and everything comes to its end."""
        self.desk.sim.ways.troubles = []
        for index in range(len(self.desk.sim.post.held)):  # the provider tells until it is heard
            assert await self.desk.deliver(index) < 500
        for _ in range(8):
            await self.desk.later(PAYABLE_MS)
            await cancelling.expire_due(self.desk.clock)


@pytest.mark.parametrize("seed", range(3))
async def test_a_day_on_which_everything_goes_wrong(desk: OrderDesk, seed: int) -> None:
    """Answers and notifications lost, doubled, late; requests repeated; cancels and refunds at random."""
    await lived(desk, seed, at_once=1)


async def test_five_at_once_on_such_a_day(cloud: Any, tmp_path: Path) -> None:
    """The same by five at a time, on both databases: nobody waits for another for ever, and the books are right."""
    with order_desk(cloud, tmp_path) as desk:
        await lived(desk, 7, at_once=5)


async def lived(desk: OrderDesk, seed: int, at_once: int) -> None:
    """A day of STEPS deeds."""
    place = await Stock.create(site_id=1, code="ALL", day=desk.day, capacity=PLACES, left=PLACES)
    await StockProduct.create(site_id=1, stock=place, product=1, day=desk.day)
    account = {"site": 1, "code": "HOTEL", "name": "Hotel", "currency": "CNY", "credit_limit": 30000}
    await desk.cloud.post("/accounts", account | {"approval_over": 10**9})
    batch = {"site": 1, "name": "x", "value": VALUE, "price": VALUE, "currency": "CNY", "quantity": 12}
    made = await desk.cloud.post("/voucher-batches", batch | {"valid_from": desk.today, "valid_until": desk.day})
    day = BadDay(desk, seed, made["codes"])
    deeds = [day.sell, day.sell, day.guest, day.line, day.clock, day.person]
    for _ in range(STEPS // at_once):
        await asyncio.gather(*(day.chance.choice(deeds)() for _ in range(at_once)))
    await day.quiet()
    await check(desk, place)


async def check(desk: OrderDesk, place: Stock) -> None:
    """What has to be true, whatever happened."""
    rows = await Order.all()
    assert {row.status for row in rows} <= {"paid", "expired", "cancelled"}
    assert not [row for row in rows if row.paying is not None]
    paid = [row for row in rows if row.status == "paid"]
    for row in rows:
        done = [one for one in await Payment.filter(order_id=row.id) if one.state == "done"]
        tickets = await Ticket.filter(order_id=row.id).count()
        assert (sum(one.amount for one in done), tickets) == ((row.total, 1) if row in paid else (0, 0)), row.status
    assert (await Stock.get(id=place.id)).left == PLACES - len(paid)
    books = await desk.books()
    assert not {name for name in books if name.startswith(("in_doubt", "expected", "refunds_due"))}, books
    late = sum(one.amount for one in await Payment.filter(state="late"))
    assert books.get("unassigned:wechat", 0) == -late
    assert books.get("tenders:wechat", 0) == desk.sim.books.balance
    back = sum(one.amount for one in await Refund.filter(payment__state="done"))
    assert sum(amount for name, amount in books.items() if name.startswith("deferred")) == -PRICE * len(paid)
    assert books.get("compensation", 0) == back
    [account] = await CustomerAccount.all()
    assert books.get(f"receivables:{account.id}", 0) == account.used
    signed = await Payment.filter(method="account", state="done")
    assert account.used == sum(one.amount - one.given_back for one in signed)
    for voucher in await Voucher.all():
        spent = await Payment.filter(voucher_id=voucher.id, state="done")
        assert sum(one.amount - one.given_back for one in spent) + voucher.left == VALUE
