# SPDX-License-Identifier: Apache-2.0
"""Orders paid through a provider: made once by its word, whatever comes late, twice, at once or not at all."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from order_desk import PAYS, OrderDesk, number_of, order_desk
from pypdfium2 import PdfDocument
from staff_hands import hired

from pistegate_cloud.errors import Problem
from pistegate_cloud.ledger import queries as ledger
from pistegate_cloud.orders import cancelling, making, paying
from pistegate_cloud.orders.models import Order, Payment
from pistegate_cloud.payments import reversing
from pistegate_cloud.payments.reconciling import reconcile_due
from pistegate_cloud.payments.rules import PAYABLE_MS
from pistegate_cloud.stock.models import Stock, StockProduct
from pistegate_cloud.tickets.models import Ticket

NATIVE = {"method": "wechat_native"}
CASH = {"method": "cash"}
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


def code(end: str) -> dict[str, str]:
    return {"method": "wechat_code", "code": PAYS[:-2] + end}


async def slot(desk: OrderDesk, left: int) -> Stock:
    """Product 1 has so many places today."""
    row = await Stock.create(site_id=1, code="MORNING", day=desk.day, capacity=left, left=left)
    await StockProduct.create(site_id=1, stock=row, product=1, day=desk.day)
    return row


async def test_a_shown_code_pays_the_order_by_its_notification(desk: OrderDesk) -> None:
    """New with a link and no ticket; told paid: tickets, books; told again: nothing more."""
    sold = await desk.sell(NATIVE, quantity=2)
    assert (sold["status"], sold["tickets"], sold["device"][:9]) == ("new", [], "weixin://")
    assert await desk.books() == {"in_doubt:wechat": 2 * PRICE, "expected:wechat": -2 * PRICE}
    assert desk.guest_pays(sold)
    assert [await desk.deliver() for _ in range(3)] == [204, 204, 204]
    paid = await desk.now(sold)
    assert (paid["status"], len(paid["tickets"]), paid["payments"][0]["state"]) == ("paid", 2, "done")
    assert await desk.books() == {"tenders:wechat": 2 * PRICE, "deferred:lift": -2 * PRICE}


async def test_a_repeated_request_is_one_order_and_gets_its_link_again(lite: OrderDesk) -> None:
    """The answer was lost: the same order, the same payment, a link; after it was paid the order as it is."""
    first, again = await lite.sell(NATIVE, key="k1"), await lite.sell(NATIVE, key="k1")
    assert (first["id"], number_of(first), len(lite.sim.books.orders)) == (again["id"], number_of(again), 1)
    assert again["device"] == first["device"]
    lite.guest_pays(first)
    await lite.deliver()
    paid = await lite.sell(NATIVE, key="k1")
    assert (paid["id"], paid["status"], len(paid["tickets"])) == (first["id"], "paid", 1)


@pytest.mark.parametrize("end", ["00", "01", "03", "07"])
async def test_a_payment_code_pays_at_once_or_when_it_is_known(lite: OrderDesk, end: str) -> None:
    """At once; after a password; with an answer of 500; without any answer: paid once, one ticket."""
    sold = await lite.sell(code(end), key=end)
    if end != "00":
        assert [sold["status"], (await lite.sell(code(end), key=end))["status"]] == ["new", "new"]
        await lite.later()
    paid = await lite.sell(code(end), key=end)
    assert (paid["status"], len(paid["tickets"])) == ("paid", 1)
    sent = [target for method, target, _ in lite.sim.requests if method == "POST" and target.endswith("codepay")]
    assert len(sent) == 1
    assert await lite.books() == {"tenders:wechat": PRICE, "deferred:lift": -PRICE}


@pytest.mark.parametrize("end", ["05", "06"])
async def test_a_refused_code_leaves_an_order_that_is_paid_otherwise(lite: OrderDesk, end: str) -> None:
    """No money on it, or no such code: the order waits, and cash pays it; nothing is left in doubt."""
    sold = await lite.sell(code(end))
    assert (sold["status"], sold["payments"][0]["state"]) == ("new", "void")
    paid = await lite.pay(sold, CASH)
    assert (paid["status"], [one["state"] for one in paid["payments"]]) == ("paid", ["void", "done"])
    assert await lite.books() == {"tenders:cash": PRICE, "deferred:lift": -PRICE}


async def test_a_code_that_nobody_knows_is_reversed_and_its_order_ends(lite: OrderDesk) -> None:
    """A password is never typed: reversed after 45 s; the order waits on, and expires; its place is free again."""
    places = await slot(lite, 1)
    sold = await lite.sell(code("02"))
    assert (await Stock.get(id=places.id)).left == 0
    await lite.later(46_000)
    await lite.later()
    assert (await lite.now(sold))["payments"][0]["state"] == "void"
    await lite.later(PAYABLE_MS)
    assert await cancelling.expire_due(lite.clock) == 1
    assert ((await lite.now(sold))["status"], (await Stock.get(id=places.id)).left) == ("expired", 1)
    assert await lite.books() == {}


@pytest.mark.parametrize("ways", [[CASH, NATIVE], [NATIVE, CASH]])
async def test_two_cashiers_pay_one_order(desk: OrderDesk, ways: list[dict[str, str]]) -> None:
    """At the same moment, one with cash, one with a shown code, ten times over: the order is paid once."""
    sold = await desk.sell()
    assert sold["status"] == "new"
    path, wanted = f"/orders/{sold['id']}/payments", ways * 5
    bodies = [{"payments": [{"currency": "CNY", **one}]} for one in wanted]
    answers = await asyncio.gather(*(desk.cloud.http.post(path, json=body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    assert {answer.json()["code"] for answer in answers if answer.is_error} <= {"order_being_paid", "state_conflict"}
    if (await desk.now(sold))["status"] == "new":
        desk.guest_pays(await desk.now(sold))
        await desk.deliver()
    paid = await desk.now(sold)
    assert (paid["status"], len(paid["tickets"]), sum(one["amount"] for one in paid["payments"])) == ("paid", 1, PRICE)


async def test_thirty_windows_sell_the_last_ten_places(desk: OrderDesk) -> None:
    """Each one place, at once: ten orders, twenty refusals, nothing half done."""
    places = await slot(desk, 10)
    answers = await asyncio.gather(*(desk.cloud.http.post("/orders", json=desk.body(CASH)) for _ in range(30)))
    assert sorted(answer.status_code for answer in answers) == [201] * 10 + [409] * 20
    assert {answer.json()["code"] for answer in answers if answer.is_error} == {"sold_out"}
    assert ((await Stock.get(id=places.id)).left, await Order.all().count(), await Ticket.all().count()) == (0, 10, 10)
    assert await desk.books() == {"tenders:cash": 10 * PRICE, "deferred:lift": -10 * PRICE}


async def test_notification_against_expiry(desk: OrderDesk) -> None:
    """Paid in the last second: notification, question and expiry at once: one paid order, its place kept."""
    places = await slot(desk, 1)
    sold = await desk.sell(NATIVE)
    desk.guest_pays(sold)
    desk.clock.now_ms += PAYABLE_MS - 1000
    notice = desk.deliver()
    desk.clock.now_ms += 1000
    await asyncio.gather(notice, cancelling.expire_due(desk.clock), desk.later(0), cancelling.expire_due(desk.clock))
    assert ((await desk.now(sold))["status"], (await Stock.get(id=places.id)).left) == ("paid", 0)
    assert await desk.books() == {"tenders:wechat": PRICE, "deferred:lift": -PRICE}


async def test_an_order_is_not_expired_while_its_money_may_come(lite: OrderDesk) -> None:
    """The provider is silent: it keeps its place until it is known, and a person sees it."""
    sold = await lite.sell(NATIVE)
    lite.sim.ways.troubles = ["refused"] * 3
    await lite.later(PAYABLE_MS + 1)
    assert await cancelling.expire_due(lite.clock) == 0
    assert [one["id"] for one in (await lite.cloud.get("/orders", attention=True))["items"]] == [sold["id"]]
    lite.sim.ways.troubles = []
    await lite.later(60_000)
    assert (await lite.now(sold))["status"] == "expired"


async def late_money(lite: OrderDesk) -> Any:
    """An order that was given up, and whose money comes all the same."""
    sold = await lite.sell(NATIVE)
    order = lite.sim.books.of(number_of(sold))
    await lite.later(PAYABLE_MS + 1)
    assert (await lite.now(sold))["status"] == "expired"
    order.state = "NOTPAY"  # the provider closed it, and paid it all the same
    lite.guest_pays(sold)
    assert [await lite.deliver() for _ in range(2)] == [204, 204]
    return await lite.now(sold)


async def test_money_without_an_order_goes_back(lite: OrderDesk) -> None:
    """Told after its order had expired: no ticket, shown to a person, given back once, by the provider."""
    late = await late_money(lite)
    assert (late["status"], late["tickets"], late["payments"][0]["state"]) == ("expired", [], "late")
    assert await lite.books() == {"tenders:wechat": PRICE, "unassigned:wechat": -PRICE}
    loose = (await lite.cloud.get("/payments", attention=True))["items"]
    assert [one["number"] for one in loose] == [number_of(late)]
    path = f"/payments/{loose[0]['id']}/settle"
    first, again = [await lite.cloud.post(path, {"reason": "the guest has left"}) for _ in range(2)]
    assert first["refund"] == again["refund"]
    for _ in range(2):
        await lite.later()
    assert (await lite.books(), lite.sim.books.balance) == ({}, 0)
    assert (await lite.cloud.get("/payments", attention=True))["items"] == []


async def test_money_without_an_order_pays_another(lite: OrderDesk) -> None:
    """The guest orders again: attached to an order of just this amount, its ticket is made."""
    late = await late_money(lite)
    payment = late["payments"][0]["provider_payment"]
    dear, fits = await lite.sell(quantity=2), await lite.sell()
    for order, wanted in ((dear, "order_costs_otherwise"), (late, "state_conflict")):
        body = {"order": order["id"], "reason": "x"}
        assert await lite.refused(f"/payments/{payment}/settle", body) == wanted
    for _ in range(2):
        await lite.cloud.post(f"/payments/{payment}/settle", {"order": fits["id"], "reason": "ordered again"})
    paid = await lite.now(fits)
    assert (paid["status"], len(paid["tickets"])) == ("paid", 1)
    assert await lite.books() == {"tenders:wechat": PRICE, "deferred:lift": -PRICE}
    assert await lite.refused(f"/payments/{payment}/settle", {"reason": "x"}) == "payment_not_loose"


@pytest.mark.parametrize("error", [Problem("sold_out", what="x", left=0, asked=1), KeyError("a bug")])
async def test_paid_and_not_issued_keeps_the_money(
    lite: OrderDesk, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Something keeps the order from being made when its money comes: kept apart, seen by a person, settled later."""
    sold = await lite.sell(NATIVE)
    lite.guest_pays(sold)

    async def broken(*args: Any, **more: Any) -> None:
        raise error

    with monkeypatch.context() as planted:
        planted.setattr(making.hooks, "sold", broken)
        assert await lite.deliver() == 204
    stuck = await lite.now(sold)
    assert (stuck["status"], stuck["tickets"]) == ("new", [])
    assert stuck["trouble"] in ("paid and not issued: sold_out", "paid and not issued: KeyError")
    assert await lite.books() == {"tenders:wechat": PRICE, "unassigned:wechat": -PRICE}
    payment = stuck["payments"][0]["provider_payment"]
    await lite.cloud.post(f"/payments/{payment}/settle", {"order": sold["id"], "reason": "there is room again"})
    assert ((await lite.now(sold))["status"], (await lite.now(sold))["trouble"]) == ("paid", None)


async def test_cancelling(lite: OrderDesk) -> None:
    """The shown code is closed first, so that nobody pays it later; a paid order is refunded, not cancelled."""
    sold = await lite.sell(NATIVE)
    for _ in range(2):
        gone = await lite.cloud.post(f"/orders/{sold['id']}/cancel", {"reason": "went home"})
        assert (gone["status"], gone["payments"][0]["state"]) == ("cancelled", "void")
    assert not lite.guest_pays(sold)
    paid = await lite.sell(CASH)
    assert await lite.refused(f"/orders/{paid['id']}/cancel", {"reason": "x"}) == "state_conflict"
    meanwhile = await lite.sell(NATIVE)
    lite.guest_pays(meanwhile)
    assert await lite.refused(f"/orders/{meanwhile['id']}/cancel", {"reason": "x"}) == "state_conflict"
    assert (await lite.now(meanwhile))["status"] == "paid"


async def test_cash_instead_of_a_shown_code(lite: OrderDesk) -> None:
    """The phone is empty: the code is closed first; paid after all in that moment, no cash is taken."""
    sold = await lite.sell(NATIVE)
    instead = {"payments": [{"currency": "CNY", **CASH}], "instead": True}
    assert await lite.refused(f"/orders/{sold['id']}/payments", instead | {"instead": False}) == "order_being_paid"
    paid = await lite.cloud.post(f"/orders/{sold['id']}/payments", instead)
    assert (paid["status"], [one["state"] for one in paid["payments"]]) == ("paid", ["void", "done"])
    assert not lite.guest_pays(sold)
    other = await lite.sell(NATIVE)
    lite.guest_pays(other)
    assert await lite.refused(f"/orders/{other['id']}/payments", instead) == "state_conflict"
    assert (await lite.now(other))["status"] == "paid"
    assert await lite.books() == {"tenders:cash": PRICE, "tenders:wechat": PRICE, "deferred:lift": -2 * PRICE}


async def test_what_has_paid_an_order_is_not_reversed(lite: OrderDesk) -> None:
    """A seller cancels in the moment in which the code is paid: the order is paid, its money stays."""
    sold = await lite.sell(code("00"))
    lite.clock.now_ms += 16_000
    with pytest.raises(Problem, match="state_conflict"):
        await reversing.reverse(UUID(sold["payments"][0]["provider_payment"]), lite.wechat, lite.clock)
    assert ((await lite.now(sold))["status"], lite.sim.books.balance) == ("paid", PRICE)


async def test_groups_and_outlets(lite: OrderDesk) -> None:
    """A group names its leader; an outlet keeps the money in its own books and owes it to the other site."""
    group = await lite.sell(CASH, kind="group", quantity=40, leader="王领队", agency="Snow Tours", expected=40)
    assert (group["kind"], len(group["tickets"]), group["expected"]) == ("group", 40, 40)
    assert await lite.refused_sale(CASH, leader="x") == "invalid_request"
    await lite.cloud.post("/sites", {"number": 2, "group": 1, "name": "Town 市区", "zone": "Asia/Shanghai"})
    await lite.cloud.post("/sites", {"number": 3, "group": 9, "name": "Far", "zone": "Asia/Shanghai"})
    assert await lite.refused_sale(CASH, selling_site=3) == "outlet_of_another_group"
    before = await lite.books()
    await lite.sell(CASH, selling_site=2)
    after = await lite.books()
    assert {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)} == {
        "between_sites:2": PRICE,
        "deferred:lift": -PRICE,
    }
    assert await ledger.balances(2) == {("tenders:cash", "CNY"): PRICE, ("between_sites:1", "CNY"): -PRICE}
    for unfit in ({"method": "wallet", "wallet": 1}, {"method": "deposit", "deposit": 1}):
        assert await lite.refused_sale(unfit, selling_site=2) == "tenders_unclear"
    online = await lite.sell(NATIVE, selling_site=2)
    lite.guest_pays(online)
    await lite.deliver()
    assert (await lite.now(online))["status"] == "paid"
    assert (await ledger.balances(2))["between_sites:1", "CNY"] == -2 * PRICE
    groups = (await lite.cloud.get("/orders", site=1, kind="group", channel="window"))["items"]
    assert [one["id"] for one in groups] == [group["id"]]


async def test_payments_off(sqlite_cloud: Any) -> None:
    """A cloud without [wechat]: refused before anything is stored."""
    body = {"site": 1, "channel": "web", "lines": [{"product": 1, "visit_date": "2026-01-17"}]}
    payments = [{"method": "wechat_native", "currency": "CNY"}]
    answer = await sqlite_cloud.http.post("/orders", json=body | {"payments": payments})
    assert (answer.json()["code"], await Order.all().count()) == ("payments_off", 0)


async def test_bills_are_fetched_once_and_differences_kept(lite: OrderDesk) -> None:
    """Read once, the next day at ten; what only the provider has is a finding, until a person explains it."""
    sold = await lite.sell(NATIVE)
    lite.guest_pays(sold)
    await lite.deliver()
    strange = await lite.sell(NATIVE)
    lite.guest_pays(strange)  # and nobody tells us
    assert await reconcile_due(lite.wechat, lite.clock) == 0
    lite.clock.now_ms += 86_400_000 + 10 * 3_600_000
    assert await reconcile_due(lite.wechat, lite.clock) >= 1
    assert await reconcile_due(lite.wechat, lite.clock) == 0
    [bill] = [one for one in (await lite.cloud.get("/provider-bills"))["items"] if one["lines"]]
    assert (bill["lines"], bill["findings"]) == (2, 1)
    [finding] = (await lite.cloud.get("/bill-findings", attention=True))["items"]
    assert (finding["kind"], finding["payment"], finding["billed"]) == ("not_ours", number_of(strange), PRICE)
    await lite.cloud.post(f"/bill-findings/{finding['number']}/explain", {"words": "asked for it: paid"})
    assert (await lite.cloud.get("/bill-findings", attention=True))["items"] == []
    assert await lite.refused(f"/bill-findings/{finding['number']}/explain", {"words": "x"}) == "state_conflict"


async def test_a_quote_keeps_its_price_for_a_while(lite: OrderDesk) -> None:
    """Ordered by its quote within ten minutes; afterwards refused in words, and nothing is kept."""
    lines = [{"product": 1, "quantity": 1, "visit_date": lite.day}]
    quote = await lite.cloud.post("/quotes", {"site": 1, "channel": "window", "lines": lines})
    number = quote.get("id") or quote.get("quote")
    assert (await lite.sell(CASH, quote=number))["total"] == PRICE
    lite.clock.now_ms += 11 * 60_000
    assert await lite.refused_sale(CASH, quote=number) == "quote_expired"
    assert await Order.all().count() == 1


async def test_a_seller_takes_money_in_a_shift(lite: OrderDesk) -> None:
    """Without an open shift no money is taken; in one, order and payment name it and who sold."""
    cloud = lite.cloud
    seller = await hired(cloud, "ann", "seller", 1)
    body = lite.body(CASH)
    refused = await cloud.http.post("/orders", json=body, headers=seller)
    assert (refused.json()["code"], await Order.all().count()) == ("shift_needed", 0)
    await cloud.post("/windows", {"site": 1, "number": 1, "name": "Window 1"})
    shift = {"site": 1, "window": 1, "currency": "CNY", "float": 10000}
    opened = await cloud.http.post("/shifts", json=shift, headers=seller)
    assert opened.status_code == 201, opened.text
    sold = await cloud.http.post("/orders", json=body, headers=seller)
    assert sold.status_code == 201, sold.text
    order = await Order.get(id=sold.json()["id"])
    payment = await Payment.get(order_id=order.id)
    assert str(order.shift_id) == str(payment.shift_id) == opened.json()["id"]
    assert order.operator == payment.operator


async def test_the_tickets_of_an_order_on_one_print(lite: OrderDesk) -> None:
    """A page for each ticket that holds; printed again it is the same; an order without tickets has no print."""
    sold = await lite.sell(CASH, quantity=3)
    first, again = [await lite.cloud.http.post(f"/orders/{sold['id']}/codes.pdf") for _ in range(2)]
    assert (first.status_code, first.headers["content-type"]) == (200, "application/pdf")
    assert first.content == again.content
    assert len(PdfDocument(first.content)) == 3
    await lite.cloud.post(f"/tickets/{sold['tickets'][0]['number']}/revoke", {"reason": "x"})
    fewer = await lite.cloud.http.post(f"/orders/{sold['id']}/codes.pdf")
    assert len(PdfDocument(fewer.content)) == 2
    empty = await lite.sell()
    assert await lite.refused(f"/orders/{empty['id']}/codes.pdf", {}) == "not_found"


@pytest.mark.parametrize("payment", [NATIVE, code("00")])
async def test_a_crash_before_the_provider_is_asked(
    lite: OrderDesk, payment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kept and never sent: repeated at once it is sent, once; repeated by nobody it ends, and its place is free."""
    places = await slot(lite, 2)

    async def crash(*_: Any) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as planted:
        planted.setattr(paying.payments, "begin", crash)
        for key in ("again", "never"):
            answer = await lite.cloud.http.post("/orders", json=lite.body(payment), headers={"Idempotency-Key": key})
            assert answer.status_code == 500
    assert lite.sim.requests == []
    sold = await lite.sell(payment, key="again")
    if payment == NATIVE:
        lite.guest_pays(sold)
        await lite.deliver()
    assert (await lite.now(sold))["status"] == "paid"
    for _ in range(4):
        await lite.later(PAYABLE_MS)
        await cancelling.expire_due(lite.clock)
    states = {one["status"] for one in (await lite.cloud.get("/orders"))["items"]}
    assert (states, (await Stock.get(id=places.id)).left) == ({"paid", "expired"}, 1)
    assert await lite.books() == {"tenders:wechat": PRICE, "deferred:lift": -PRICE}
