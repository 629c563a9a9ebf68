# SPDX-License-Identifier: Apache-2.0
"""Exchange, supplement, extension, free tickets, a group at its arrival: each an order of its kind, to the fen."""

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
from pistegate_cloud.orders.models import Order, Payment, Refund
from pistegate_cloud.tickets.models import Denial, Ticket

CASH = {"method": "cash", "currency": "CNY"}
PRICE = 29800


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


async def another(desk: OrderDesk, number: int, price: int, **more: Any) -> None:
    """A product at a price."""
    plain = {"site": 1, "code": f"P{number}", "name": {"en": "P", "zh-CN": "P"}, "currency": "CNY", "areas": [0]}
    await desk.cloud.post("/products", plain | {"number": number, "price": price, "tax_bp": 600} | more)


def instead(desk: OrderDesk, product: int, **more: Any) -> dict[str, Any]:
    """The body of an exchange."""
    return {"product": product, "visit_date": desk.day, "channel": "window", "reason": "wish", **more}


async def test_an_upgrade_costs_the_difference(lite: OrderDesk) -> None:
    """The old ticket is denied, the money it brought pays the new one, the guest pays the rest; all back is zero."""
    await another(lite, 101, PRICE + 5000)
    order = await lite.sell(CASH, quantity=2)
    ticket, _ = numbers(order)
    path = f"/tickets/{ticket}/exchange"
    told = await lite.cloud.get(path, product=101, visit_date=lite.day, channel="window")
    assert told["difference"] == 5000
    done = await lite.cloud.post(path, instead(lite, 101, payments=[CASH], expected=5000))
    new = done["order"]
    assert (new["kind"], new["before"], new["total"]) == ("exchange", order["id"], PRICE + 5000)
    assert sorted(one["amount"] for one in new["payments"]) == [5000, PRICE]
    assert [row.ticket_id for row in await Denial.all()] == [ticket]
    assert (await lite.books())["tenders:cash"] == 2 * PRICE + 5000
    await lite.cloud.post(f"/orders/{new['id']}/refund", {"reason": "ill"})
    await lite.cloud.post(f"/orders/{order['id']}/refund", {"reason": "ill"})
    assert await lite.books() == {}


async def test_a_cheaper_one_gives_the_difference_back(lite: OrderDesk) -> None:
    """And nothing of it is in the drawer twice."""
    await another(lite, 101, 20000)
    ticket = numbers(await lite.sell(CASH))[0]
    done = await lite.cloud.post(f"/tickets/{ticket}/exchange", instead(lite, 101, expected=20000 - PRICE))
    assert done["difference"] == 20000 - PRICE
    assert (await lite.books())["tenders:cash"] == 20000
    assert await lite.refused(f"/tickets/{ticket}/exchange", instead(lite, 101)) == "state_conflict"


async def test_two_clerks_exchange_one_ticket_once(desk: OrderDesk) -> None:
    """One does it; nothing of the other's is left."""
    await another(desk, 101, 20000)
    ticket = numbers(await desk.sell(CASH))[0]
    send = [desk.cloud.http.post(f"/tickets/{ticket}/exchange", json=instead(desk, 101)) for _ in range(3)]
    answers = await asyncio.gather(*send)
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409], [answer.text for answer in answers]
    assert await Order.filter(kind="exchange").count() == 1
    assert (await desk.books())["tenders:cash"] == 20000


async def test_a_used_ticket_is_not_exchanged(lite: OrderDesk) -> None:
    """Its clock would start anew."""
    ticket = numbers(await lite.sell(CASH))[0]
    await passes(lite, ticket)
    assert await lite.refused(f"/tickets/{ticket}/exchange", instead(lite, 1)) == "ticket_used"


async def test_money_of_a_provider_is_carried_over_and_goes_back_there(lite: OrderDesk) -> None:
    """An exchange moves no provider's money; the refund of the new order goes back through it."""
    await another(lite, 101, PRICE)
    order = await lite.sell({"method": "wechat_native"})
    lite.guest_pays(order)
    await lite.deliver()
    order = await lite.now(order)
    ticket = numbers(order)[0]
    done = await lite.cloud.post(f"/tickets/{ticket}/exchange", instead(lite, 101))
    assert done["difference"] == 0
    back = await lite.cloud.post(f"/orders/{done['order']['id']}/refund", {"reason": "ill"})
    assert [one["state"] for one in back["after"]["refunds"]] == ["underway"]
    await lite.later()
    await lite.later()
    assert await lite.books() == {}
    assert await Payment.filter(provider_payment_id__not_isnull=True).count() == 2


async def test_a_difference_is_paid_once(lite: OrderDesk) -> None:
    """What a child's ticket lacks to an adult's; again, there is none; refunded by itself, unless it was used."""
    await another(lite, 101, PRICE + 8000)
    order = await lite.sell(CASH)
    ticket = numbers(order)[0]
    path, body = f"/tickets/{ticket}/supplement", instead(lite, 101, payments=[CASH])
    done = await lite.cloud.post(path, body)
    assert (done["difference"], done["order"]["kind"]) == (8000, "supplementary")
    assert await lite.refused(path, body) == "difference_none"
    told = await lite.cloud.get(f"/orders/{done['order']['id']}/refund")
    assert told["amount"] == 8000
    await passes(lite, ticket)
    assert (await lite.cloud.get(f"/orders/{done['order']['id']}/refund"))["amount"] == 0


async def test_a_paid_extension_is_an_amendment(lite: OrderDesk) -> None:
    """Order and amendment together, or neither."""
    ticket = numbers(await lite.sell(CASH))[0]
    path = f"/tickets/{ticket}/extension"
    body = {"valid_until": "2027-01-01", "amount": 5000, "channel": "window", "reason": "wish"}
    done = await lite.cloud.post(path, body | {"payments": [CASH]}, **{"Idempotency-Key": "e"})
    assert (done["order"]["kind"], done["amendment"]["valid_until"]) == ("extension", "2027-01-01")
    assert await lite.cloud.post(path, body | {"payments": [CASH]}, **{"Idempotency-Key": "e"}) == done
    short = body | {"valid_until": "2027-01-02", "payments": [CASH | {"tendered": 1}]}
    assert await lite.refused(path, short) == "payment_too_small"
    assert (await Ticket.get(number=ticket)).last_day.isoformat() == "2027-01-01"


async def test_free_tickets_have_a_reason_and_somebody_who_agreed(lite: OrderDesk) -> None:
    """Nobody without the right; above their limit a second person; no money anywhere."""
    lines = [{"product": 1, "quantity": 20, "visit_date": lite.day}]
    body = {"site": 1, "channel": "press", "reason": "press day", "lines": lines}
    manager = await hired(lite.cloud, "ann", "manager", 1)
    seller = await hired(lite.cloud, "bob", "seller", 1)
    send = lite.cloud.http.post
    assert (await send("/orders/free", json=body, headers=seller)).json()["code"] == "scope_missing"
    assert (await send("/orders/free", json=body, headers=manager)).json()["code"] == "approval_needed"
    done = await lite.cloud.post("/orders/free", body | {"lines": [lines[0] | {"quantity": 2}]})
    assert (done["kind"], done["total"], len(done["tickets"])) == ("free", 0, 2)
    row = await Order.get(id=done["id"])
    assert row.reason == "press day"
    assert row.approver
    assert await lite.books() == {}


async def test_thirty_seven_of_forty_came(lite: OrderDesk) -> None:
    """Tickets of three who did not are released and given back; those who came keep theirs; again, nothing happens."""
    order = await lite.sell(CASH, quantity=40, kind="group", expected=40)
    came = sorted(numbers(order))
    for seq, ticket in enumerate(came[:2], 1):
        await passes(lite, ticket, seq=seq)
    path = f"/orders/{order['id']}/arrival"
    done = await lite.cloud.post(path, {"arrived": 37, "reason": "three are ill"})
    assert done["amount"] == 3 * PRICE
    gone = {row.number for row in await Ticket.filter(status="revoked")}
    assert len(gone) == 3
    assert not gone & set(came[:2])
    assert await lite.refused(path, {"arrived": 38, "reason": "late"}) == "arrived_too_many"
    again = await lite.cloud.post(path, {"arrived": 37, "reason": "again"})
    assert again["amount"] == 0
    assert await Refund.all().count() == 1
    single = await lite.sell(CASH)
    assert await lite.refused(f"/orders/{single['id']}/arrival", {"arrived": 0, "reason": "-"}) == "group_needed"


async def test_a_void_is_of_unused_tickets(lite: OrderDesk) -> None:
    """A sale by mistake goes back whole; not after a passage, whoever agrees."""
    order = await lite.sell(CASH, quantity=2)
    path = f"/orders/{order['id']}/refund"
    await passes(lite, numbers(order)[0])
    assert await lite.refused(path, {"reason": "mistake", "void": True}) == "ticket_used"
    done = await lite.cloud.post(path, {"reason": "mistake", "void": True, "tickets": numbers(order)[1:]})
    assert done["amount"] == PRICE


async def test_the_day_reconciles_after_all_of_it(desk: OrderDesk) -> None:
    """Odd amounts with tax, a used ticket, exchanges, a supplement, parts back: the books agree to the fen."""
    await another(desk, 101, 33333)
    await another(desk, 102, 10001)
    order = await desk.sell(CASH, product=101, quantity=7)
    one, two, three, four, *_ = numbers(order)
    await passes(desk, one)
    await recognition.run(desk.clock.now_ms)
    await desk.cloud.post(f"/tickets/{two}/exchange", instead(desk, 102))
    dearer = await desk.cloud.post(f"/tickets/{three}/exchange", instead(desk, 1 if PRICE > 33333 else 101))
    await desk.cloud.post(f"/tickets/{four}/exchange", instead(desk, 102))
    supplied = instead(desk, 1, payments=[CASH])
    await desk.cloud.post(f"/tickets/{numbers(await desk.sell(CASH, product=102))[0]}/supplement", supplied)
    await desk.cloud.post(f"/orders/{dearer['order']['id']}/refund", {"reason": "ill"})
    await desk.cloud.post(f"/orders/{order['id']}/refund", {"reason": "ill"})
    await recognition.run(desk.clock.now_ms)
    report = await reporting.report(1, date.fromisoformat(desk.today), "open")
    assert differences(report.checks) == []
    assert (await desk.books())["tenders:cash"] == 33333 + 2 * 10001 + PRICE
