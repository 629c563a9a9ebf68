# SPDX-License-Identifier: Apache-2.0
"""Refunds by policy: money, stock, denial at the gates, books and state of the order, all or nothing, once."""

import asyncio
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from after_sales import numbers, passes
from order_desk import OrderDesk, order_desk
from staff_hands import hired

from pistegate_cloud.days import recognition, reporting
from pistegate_cloud.days.checking import differences
from pistegate_cloud.orders.models import Refund
from pistegate_cloud.stock.models import Stock, StockProduct
from pistegate_cloud.tickets.models import Denial, Ticket

CASH = {"method": "cash"}
PRICE = 29800
CNY = {"currency": "CNY"}
GIVE = {"reason": "guest is ill"}


@pytest.fixture
def desk(cloud: Any, tmp_path: Path) -> Iterator[OrderDesk]:
    """On both databases."""
    with order_desk(cloud, tmp_path) as made:
        yield made


@pytest.fixture
def lite(sqlite_cloud: Any, tmp_path: Path) -> Iterator[OrderDesk]:
    """For what does not depend on the database."""
    with order_desk(sqlite_cloud, tmp_path) as made:
        yield made


async def test_a_part_then_the_rest(lite: OrderDesk) -> None:
    """First one ticket, then all that is left: denied, the money back, the order refunded, the books at zero."""
    order = await lite.sell(CASH, quantity=3)
    first, *_ = numbers(order)
    path = f"/orders/{order['id']}/refund"
    told = await lite.cloud.get(path, ticket=first)
    assert told["amount"] == PRICE
    done = await lite.cloud.post(path, GIVE | {"tickets": [first], "expected": PRICE})
    assert done["after"]["status"] == "part_refunded"
    assert [row.below_revision for row in await Denial.filter(ticket_id=first)] == [1]
    assert await Denial.all().count() == 1
    rest = await lite.cloud.post(path, GIVE)
    assert rest["amount"] == 2 * PRICE
    assert rest["after"]["status"] == "refunded"
    assert await Denial.all().count() == 3
    assert await lite.books() == {}
    assert await lite.refused(path, GIVE) == "state_conflict"


async def test_the_same_request_again_gives_the_same_answer(lite: OrderDesk) -> None:
    """Nothing goes back twice, with the key or without."""
    order = await lite.sell(CASH, quantity=2)
    path, body = f"/orders/{order['id']}/refund", GIVE | {"tickets": numbers(order)[:1]}
    once = await lite.cloud.post(path, body, **{"Idempotency-Key": "a"})
    assert await lite.cloud.post(path, body, **{"Idempotency-Key": "a"}) == once
    assert await lite.refused(path, body) == "ticket_revoked"
    assert await Refund.all().count() == 1


async def test_two_clerks_at_once_give_back_once(desk: OrderDesk) -> None:
    """Both refund all of an order: one does, the other is told so; never more than was paid."""
    order = await desk.sell(CASH, quantity=2)
    path = f"/orders/{order['id']}/refund"
    answers = await asyncio.gather(*(desk.cloud.http.post(path, json=GIVE) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409], [answer.text for answer in answers]
    assert sum(row.amount for row in await Refund.all()) == 2 * PRICE
    assert await desk.books() == {}


async def test_a_used_ticket_goes_by_its_policy(lite: OrderDesk) -> None:
    """Without a policy, what somebody passed with, or perhaps did, does not come back; the others do."""
    order = await lite.sell(CASH, quantity=3)
    used, open_, free = numbers(order)
    await passes(lite, used)
    await passes(lite, open_, "open", 2)
    told = await lite.cloud.get(f"/orders/{order['id']}/refund")
    assert {one["ticket"]: one["back"] for one in told["lines"]} == {used: 0, open_: 0, free: PRICE}
    why = {one["ticket"]: one["why"]["en"] for one in told["lines"]}
    assert why[used] == ["The rules allow no refund here."]


async def test_another_amount_than_the_guest_was_told_changes_nothing(lite: OrderDesk) -> None:
    """Somebody passed between the question and the refund."""
    order = await lite.sell(CASH)
    await passes(lite, numbers(order)[0])
    body = GIVE | {"expected": PRICE}
    assert await lite.refused(f"/orders/{order['id']}/refund", body) == "refund_differs"
    assert await Ticket.filter(status="revoked").count() == 0


async def test_stock_is_free_again(lite: OrderDesk) -> None:
    """What comes back is to be sold again."""
    stock = await Stock.create(site_id=1, code="S", day=lite.day, capacity=2, left=2)
    await StockProduct.create(site_id=1, stock_id=stock.id, product=1, day=lite.day)
    order = await lite.sell(CASH, quantity=2)
    await lite.cloud.post(f"/orders/{order['id']}/refund", GIVE | {"tickets": numbers(order)[:1]})
    await stock.refresh_from_db()
    assert stock.left == 1


async def test_over_the_limit_a_second_person_agrees(lite: OrderDesk) -> None:
    """A seller gives back 200 yuan alone; more needs the manager's agreement to just this."""
    cloud = lite.cloud
    order = await lite.sell(CASH)
    seller = await hired(cloud, "ann", "seller", 1)
    await cloud.post("/windows", {"site": 1, "number": 1, "name": "W"})
    opened = await cloud.http.post(
        "/shifts", json={"site": 1, "window": 1, "currency": "CNY", "float": 0}, headers=seller
    )
    assert opened.is_success, opened.text
    path = f"/orders/{order['id']}/refund"
    refused = await cloud.http.post(path, json=GIVE, headers=seller)
    assert refused.json()["code"] == "approval_needed"
    manager = await hired(cloud, "bob", "manager", 1)
    agreed = await cloud.http.post(
        "/approvals",
        json={"site": 1, "action": "refund", "amount": PRICE, "subject": f"order:{order['id']}"},
        headers=manager,
    )
    assert agreed.is_success, agreed.text
    done = await cloud.http.post(path, json=GIVE | {"approval": agreed.json()["approval"]}, headers=seller)
    assert done.status_code == 200, done.text
    assert await Ticket.filter(status="revoked").count() == 1


async def test_a_fee_by_policy_is_earned_and_the_day_reconciles(lite: OrderDesk) -> None:
    """A fee a piece and a part of the price stay, with their tax; tickets and a meal."""
    cloud, name = lite.cloud, {"en": "P", "zh-CN": "P"}
    plain = {"site": 1, "name": name, "currency": "CNY", "tax_bp": 600}
    await cloud.post(
        "/products", plain | {"number": 101, "code": "A", "price": 19801, "areas": [0], "department": "lift"}
    )
    meal = {"number": 102, "code": "B", "price": 3500, "areas": [], "kind": "meal", "department": "food"}
    await cloud.post("/products", plain | meal)
    rules = [{"used": False, "back": "all", "fee": 500, "fee_bp": 333}]
    content = {
        "policies": [{"code": "p", "name": name, "rules": rules}],
        "offers": [{"product": 101, "policy": "p"}, {"product": 102, "policy": "p"}],
    }
    await cloud.post("/price-lists", {"site": 1, "content": content})
    lines = [{"product": product, "quantity": 3, "visit_date": lite.day} for product in (101, 102)]
    order = await cloud.post("/orders", {"site": 1, "channel": "w", "lines": lines, "payments": [CASH | CNY]})
    path, fee, of_meals = f"/orders/{order['id']}/refund", 500 + 659, 2 * 500 + 233
    done = await cloud.post(path, GIVE | {"tickets": numbers(order)[:1]})
    assert done["amount"] == 19801 - fee
    assert done["lines"][0]["why"]["en"] == ["All of it goes back.", "A fee of 11.59 CNY stays."]
    line = next(one["id"] for one in order["lines"] if one["kind"] == "meal")
    assert (await cloud.post(path, GIVE | {"lines": [{"line": line, "quantity": 2}]}))["amount"] == 7000 - of_meals
    books = await lite.books()
    assert books["revenue:lift"] == -(fee - 66)  # 11.21 of tax was sold with it, 10.55 of that goes back
    assert sum(books.values()) == 0
    await recognition.run(lite.clock.now_ms)
    report = await reporting.report(1, date.fromisoformat(lite.today), "open")
    assert differences(report.checks) == []
