# SPDX-License-Identifier: Apache-2.0
"""Ways of paying: alone and mixed, to the fen; credit, vouchers and refunds that nobody takes twice."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from order_desk import OrderDesk, order_desk
from tortoise.transactions import in_transaction

from pistegate_cloud.audit.models import AuditEntry
from pistegate_cloud.errors import Problem
from pistegate_cloud.ledger import service as ledger
from pistegate_cloud.orders import queries as orders
from pistegate_cloud.orders.models import Order, Payment
from pistegate_cloud.staff.caller import system
from pistegate_cloud.tenders import service as tenders
from pistegate_cloud.tenders import vouchers as voucher_rules
from pistegate_cloud.tenders.methods import Method, Tendered, allot
from pistegate_cloud.tenders.models import Voucher

CASH = {"method": "cash"}
NATIVE = {"method": "wechat_native"}
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


def tender(method: Method = Method.CASH, amount: int | None = None, **more: Any) -> Tendered:
    return Tendered(method=method, currency=more.pop("currency", "CNY"), amount=amount, **more)


@pytest.mark.parametrize(
    ("tendered", "amounts"),
    [
        ([tender()], [100]),
        ([tender(amount=100, tendered=500)], [100]),
        ([tender(Method.TERMINAL, 60, reference="r"), tender(tendered=50)], [60, 40]),
        ([tender(Method.TERMINAL, 60, reference="r"), tender(Method.ALIPAY, 40, reference="a")], [60, 40]),
        ([tender(Method.WECHAT_CODE, means="1"), tender(Method.WALLET, 1, of="1")], [99, 1]),
    ],
)
def test_several_make_up_the_total(tendered: list[Tendered], amounts: list[int]) -> None:
    """Each has its amount, one may take what is left; change only of cash."""
    found = allot(100, "CNY", tendered)
    assert [one.amount for one in found] == amounts
    assert all((one.tendered or 0) >= (one.amount or 0) for one in found)


@pytest.mark.parametrize(
    ("tendered", "code"),
    [
        ([tender(currency="EUR")], "wrong_currency"),
        ([tender(amount=99)], "payment_too_small"),
        ([tender(tendered=99)], "payment_too_small"),
        ([], "payment_too_small"),
        ([tender(amount=101)], "tenders_too_much"),
        ([tender(Method.TERMINAL, 101, reference="r")], "tenders_too_much"),
        ([tender(Method.TERMINAL)], "reference_missing"),
        ([tender(), tender()], "tenders_unclear"),
        ([tender(Method.WECHAT_CODE, 50), tender(Method.WECHAT_NATIVE, 50)], "tenders_unclear"),
        ([tender(amount=100), tender(Method.TERMINAL, reference="r")], "tenders_unclear"),
        ([tender(Method.FREE)], "tenders_unclear"),
        ([tender(Method.WECHAT_CODE, 0, means="1"), tender()], "tenders_unclear"),
    ],
)
def test_what_does_not_make_up_the_total_is_refused(tendered: list[Tendered], code: str) -> None:
    """Too little, too much, in two ways at once, in another currency, for nothing."""
    with pytest.raises(Problem) as caught:
        allot(100, "CNY", tendered)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("total", "currency", "code"),
    [(0, "CNY", "payment_amount"), (10**9, "CNY", "payment_amount"), (1, "EUR", "wrong_currency")],
)
def test_what_no_provider_takes_is_refused_before_anything_is_kept(total: int, currency: str, code: str) -> None:
    """Nothing at all, a fortune, another currency: the order is not made in the first place."""
    with pytest.raises(Problem) as caught:
        allot(total, currency, [tender(Method.WECHAT_NATIVE, currency=currency)])
    assert caught.value.code == code


async def account(desk: OrderDesk, limit: int, approval_over: int = 10**9) -> Any:
    body = {"site": 1, "code": "HOTEL", "name": "Hotel", "currency": "CNY"}
    return await desk.cloud.post("/accounts", body | {"credit_limit": limit, "approval_over": approval_over})


SIGNED = {"method": "account", "account": "HOTEL"}


async def test_a_bill_is_signed_settled_and_on_the_statement(lite: OrderDesk) -> None:
    """Signed for one order, refused beyond the credit, settled in two parts, never more than is owed."""
    made = await account(lite, 40000)
    sold = await lite.sell(SIGNED)
    assert sold["status"] == "paid"
    assert await lite.books() == {f"receivables:{made['number']}": PRICE, "deferred:lift": -PRICE}
    assert await lite.refused_sale(SIGNED) == "credit_exceeded"
    assert await lite.refused_sale({"method": "account", "account": "MOTEL"}) == "unknown_reference"
    path = f"/accounts/{made['number']}"
    half = {"amount": 9800, "method": "cash"}
    for _ in range(2):
        paid = await lite.cloud.post(f"{path}/payments", half, **{"Idempotency-Key": "one"})
    assert paid["used"] == 20000
    assert await lite.refused(f"{path}/payments", {"amount": 20001, "method": "cash"}) == "account_overpaid"
    assert await lite.refused(f"{path}/payments", {"amount": 1, "method": "terminal"}) == "reference_missing"
    await lite.cloud.post(f"{path}/payments", {"amount": 20000, "method": "terminal", "reference": "T-1"})
    lines = (await lite.cloud.get(f"{path}/statement"))["items"]
    assert [(one["kind"], one["amount"]) for one in lines] == [
        ("signed", PRICE),
        ("settled", -9800),
        ("settled", -20000),
    ]
    assert await lite.books() == {"tenders:cash": 9800, "tenders:terminal": 20000, "deferred:lift": -PRICE}
    await lite.cloud.post(f"{path}/terms", {"credit_limit": 10**6, "approval_over": 10**6, "open": False})
    assert await lite.refused_sale(SIGNED) == "account_closed"


async def test_a_bill_above_its_bound_needs_a_second_person(lite: OrderDesk) -> None:
    """Without approval, and with one that nobody gave: refused, nothing owed, no order."""
    await account(lite, 10**6, approval_over=1000)
    assert await lite.refused_sale(SIGNED) == "approval_needed"
    nobodys = {"approval": "01900000-0000-7000-8000-000000000000"}
    assert await lite.refused_sale(SIGNED | nobodys) == "approval_refused"
    assert ((await lite.cloud.get("/accounts"))["items"][0]["used"], await Order.all().count()) == (0, 0)


async def test_many_sign_on_one_account_at_once(desk: OrderDesk) -> None:
    """Credit for three bills, ten come at once: three are signed, and the account owes just these."""
    made = await account(desk, 3 * PRICE + 1)
    answers = await asyncio.gather(*(desk.cloud.http.post("/orders", json=desk.body(SIGNED)) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 7
    assert await desk.books() == {f"receivables:{made['number']}": 3 * PRICE, "deferred:lift": -3 * PRICE}


async def vouchers(desk: OrderDesk, value: int, quantity: int = 1, **more: Any) -> list[dict[str, str]]:
    body = {"site": 1, "name": "Opening", "value": value, "currency": "CNY", "quantity": quantity}
    days = {"valid_from": desk.today, "valid_until": desk.day}
    made = await desk.cloud.post("/voucher-batches", body | days | more)
    return [{"method": "voucher", "voucher": code} for code in made["codes"]]


async def test_one_voucher_is_redeemed_once(desk: OrderDesk) -> None:
    """Ten windows with one code, the rest in cash: one order."""
    [voucher] = await vouchers(desk, 5000)
    bodies = [desk.body(voucher, CASH) for _ in range(10)]
    answers = await asyncio.gather(*(desk.cloud.http.post("/orders", json=body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    assert {answer.json()["code"] for answer in answers if answer.is_error} == {"voucher_used"}
    assert await desk.books() == {"compensation": 5000, "tenders:cash": PRICE - 5000, "deferred:lift": -PRICE}


async def test_vouchers_their_rest_and_their_end(lite: OrderDesk) -> None:
    """What is left may be spent where the batch says so, else it is ours; wrong, old and voided codes pay nothing."""
    [keeps] = await vouchers(lite, 2 * PRICE, keeps_rest=True, price=2 * PRICE)
    first, second = await lite.sell(keeps), await lite.sell(keeps)
    assert [first["status"], second["status"]] == ["paid", "paid"]
    assert await lite.refused_sale(keeps) == "voucher_used"
    [loses] = await vouchers(lite, PRICE + 100)
    assert (await lite.sell(loses))["payments"][0]["amount"] == PRICE
    assert await lite.refused_sale(loses) == "voucher_used"
    assert (await lite.books())["revenue:vouchers"] == -100
    [small] = await vouchers(lite, 100)
    assert await lite.refused_sale(small) == "payment_too_small"
    assert await lite.refused_sale(small | {"amount": 101}, CASH) == "voucher_too_small"
    assert await lite.refused_sale({"method": "voucher", "voucher": "2222-2222-2222-2222"}, CASH) == "voucher_unknown"
    [late] = await vouchers(lite, 100, valid_from="2020-01-01", valid_until="2020-01-02")
    assert await lite.refused_sale(late, CASH) == "voucher_not_valid"
    batch = (await lite.cloud.get("/voucher-batches"))["items"][2]
    assert (batch["left"], batch["codes"]) == (100, [])
    assert (await lite.cloud.post(f"/voucher-batches/{batch['number']}/void", {}))["left"] == 0
    assert await lite.refused_sale(small, CASH) == "voucher_used"
    assert not [row for row in await Voucher.all() if row.digest in str(small)]


async def test_a_voucher_of_an_order_that_was_never_paid_is_whole_again(lite: OrderDesk) -> None:
    """It was worth more than its order, whose other half never came: the guest bought nothing and lost nothing."""
    [voucher] = await vouchers(lite, 3000, price=3000)
    sold = await lite.sell(voucher | {"amount": 1000}, NATIVE)
    assert await lite.books() != {}
    await lite.cloud.post(f"/orders/{sold['id']}/cancel", {"reason": "x"})
    assert await lite.books() == {}
    assert (await lite.cloud.get("/voucher-batches"))["items"][0]["left"] == 3000


async def test_vouchers_that_nobody_redeemed_end(lite: OrderDesk) -> None:
    """A day after their last one they are worth nothing, and what they were worth is revenue; voided: not owed."""
    sold, *_ = await vouchers(lite, 1000, quantity=3, price=1000)
    await vouchers(lite, 500, quantity=2)
    assert await voucher_rules.expire_due(lite.clock) == 0
    await lite.cloud.post("/voucher-batches/2/void", {})
    assert await lite.books() == {}
    lite.clock.now_ms += 4 * 86_400_000
    assert [await voucher_rules.expire_due(lite.clock) for _ in range(2)] == [3, 0]
    assert await lite.books() == {"vouchers": 3000, "revenue:vouchers": -3000}
    assert (await lite.cloud.get("/voucher-batches"))["items"][0]["left"] == 0
    day = {"lines": [{"product": 1, "visit_date": "2190-01-01"}]}
    assert await lite.refused_sale(sold, CASH, **day) in ("voucher_used", "voucher_not_valid")


async def test_a_mixed_order_waits_for_the_provider_and_lets_all_go(lite: OrderDesk) -> None:
    """Voucher, bill, cash and a shown code: held together; expired: everything is where it was; paid: all at once."""
    made = await account(lite, 10**6)
    [voucher] = await vouchers(lite, 1000, price=1000)
    parts = [voucher, SIGNED | {"amount": 2000}, CASH | {"amount": 3000}, NATIVE]
    sold = await lite.sell(*parts)
    assert [(one["state"], one["amount"]) for one in sold["payments"]] == [
        ("held", 1000),
        ("held", 2000),
        ("held", 3000),
        ("waiting", PRICE - 6000),
    ]
    await lite.cloud.post(f"/orders/{sold['id']}/cancel", {"reason": "x"})
    assert await lite.books() == {}
    again = await lite.sell(*parts)
    lite.guest_pays(again)
    await lite.deliver()
    paid = await lite.now(again)
    assert (paid["status"], {one["state"] for one in paid["payments"]}) == ("paid", {"done"})
    assert await lite.books() == {
        "vouchers": 1000,  # their own sale was not part of this
        f"receivables:{made['number']}": 2000,
        "tenders:cash": 3000,
        "tenders:wechat": PRICE - 6000,
        "deferred:lift": -PRICE,
    }


async def give_back(desk: OrderDesk, order: Any, amount: int, method: str | None = None) -> Any:
    """As a refund does: the money and its posting in one transaction."""
    row = await orders.found(order["id"])
    async with in_transaction():
        made = await tenders.give_back(
            row, amount, reason="refund", caller=system("test"), now_ms=desk.clock.now_ms, method=method
        )
        moneys = [*tenders.moneys_of(row, made), ledger.Money("deferred", amount, "lift")]
        now_ms = desk.clock.now_ms
        await ledger.record("refund", site=1, order=row.id, currency="CNY", at_ms=now_ms, moneys=moneys)
    return made


async def test_money_goes_back_the_way_it_came_the_newest_first(lite: OrderDesk) -> None:
    """Of bill, cash and code: the code's first; never more than came, in all and by each."""
    await account(lite, 10**6)
    sold = await lite.sell(SIGNED | {"amount": 2000}, CASH | {"amount": 3000}, NATIVE)
    lite.guest_pays(sold)
    await lite.deliver()
    made = await give_back(lite, sold, PRICE - 4000)
    assert [(one.method, one.amount, one.state) for one in made] == [
        ("wechat_native", PRICE - 5000, "underway"),
        ("cash", 1000, "done"),
    ]
    assert (await lite.books())["refunds_due:wechat"] == -(PRICE - 5000)
    for amount, method in ((2001, "cash"), (4001, None), (1, "wechat_native")):
        with pytest.raises(Problem, match="refund_too_large"):
            await give_back(lite, sold, amount, method)
    await give_back(lite, sold, 2000, "account")
    await give_back(lite, sold, 2000)
    for _ in range(2):
        await lite.later()
    assert (await lite.books(), lite.sim.books.balance) == ({}, 0)
    assert {one["state"] for one in (await lite.now(sold))["refunds"]} == {"done"}


async def test_refunds_at_once_never_exceed_what_came(desk: OrderDesk) -> None:
    """Ten cashiers give back half of it at once: two do."""
    sold = await desk.sell(CASH)
    done = await asyncio.gather(*(give_back(desk, sold, PRICE // 2) for _ in range(10)), return_exceptions=True)
    assert [one.code for one in done if isinstance(one, Problem)] == ["refund_too_large"] * 8
    assert ((await Payment.get(order_id=sold["id"])).given_back, await desk.books()) == (PRICE, {})


async def test_an_empty_balance_queues_and_then_cash_never_both(desk: OrderDesk) -> None:
    """Nothing is left: the refund waits; cash, cash, sent again, cash at once: one of them, and the books say which."""
    sold = await desk.sell(NATIVE)
    desk.guest_pays(sold)
    await desk.deliver()
    desk.sim.books.dry_at_s = desk.sim.wall()
    [refund] = await give_back(desk, sold, PRICE)
    await desk.later()
    waiting = (await desk.cloud.get("/refunds", attention=True))["items"]
    assert [(one["id"], one["state"]) for one in waiting] == [(str(refund.id), "waiting")]
    desk.sim.books.dry_at_s, desk.sim.books.balance = None, PRICE  # the money is there again: both ways could be gone
    paths = [f"/refunds/{refund.id}/{way}" for way in ("cash", "cash", "retry", "cash")]
    answers = await asyncio.gather(*(desk.cloud.http.post(path) for path in paths))
    given = [answer for answer in answers if answer.is_success]
    assert {answer.json()["code"] for answer in answers if answer.is_error} <= {"state_conflict"}
    for _ in range(3):
        await desk.later()
    [state] = [one["state"] for one in (await desk.now(sold))["refunds"]]
    assert len(given) >= 1
    assert (state, len(desk.sim.books.refunds)) in {("cash", 0), ("done", 1)}
    gone = {"cash": {"tenders:wechat": PRICE, "tenders:cash": -PRICE}, "done": {}}
    assert await desk.books() == gone[state]


async def short(lite: OrderDesk) -> Any:
    """A sale, and its refund that waits: the merchant's balance is empty."""
    sold = await lite.sell(NATIVE)
    lite.guest_pays(sold)
    await lite.deliver()
    lite.sim.books.dry_at_s = lite.sim.wall()
    [refund] = await give_back(lite, sold, PRICE)
    await lite.later()
    return refund


async def test_cash_instead_of_a_refund_is_out_of_the_drawer(lite: OrderDesk) -> None:
    """The books: what WeChat brought is still there, and the drawer has paid. Without the provider's word: no cash."""
    refund = await short(lite)
    lite.sim.ways.troubles = ["refused"]
    assert await lite.refused(f"/refunds/{refund.id}/cash", {}) == "refund_in_doubt"
    await lite.cloud.post(f"/refunds/{refund.id}/cash", {})
    assert await lite.books() == {"tenders:wechat": PRICE, "tenders:cash": -PRICE}


async def test_who_did_what_with_money_is_on_record(lite: OrderDesk) -> None:
    """Each call that moves money or terms leaves its entry, and none of them a code."""
    refund = await short(lite)
    await lite.cloud.post(f"/refunds/{refund.id}/retry", {})
    await lite.cloud.post(f"/refunds/{refund.id}/cash", {})
    await lite.pay(await lite.sell(), CASH)
    waits = await lite.sell(NATIVE)
    await lite.cloud.post(f"/payments/{waits['payments'][0]['provider_payment']}/ask", {})
    await lite.cloud.post(f"/orders/{waits['id']}/cancel", {"reason": "x"})
    await lite.pay(await lite.sell(), NATIVE)
    made = await account(lite, 10**6)
    await lite.sell(SIGNED)
    await lite.cloud.post(f"/accounts/{made['number']}/terms", {"credit_limit": 1})
    await lite.cloud.post(f"/accounts/{made['number']}/payments", {"amount": 1, "method": "cash"})
    [voucher] = await vouchers(lite, 100)
    await lite.cloud.post("/voucher-batches/1/void", {})
    entries = await AuditEntry.all()
    assert {entry.action for entry in entries} >= {
        "order.open",
        "order.individual",
        "order.pay",
        "order.cancel",
        "payment.ask",
        "refund.retry",
        "refund.cash",
        "account.open",
        "account.terms",
        "account.pay",
        "vouchers.make",
        "vouchers.void",
    }
    assert not [entry for entry in entries if voucher["voucher"] in f"{entry.before} {entry.after}"]


async def test_a_refund_that_the_provider_gave_up_is_made_again(lite: OrderDesk) -> None:
    """CLOSED by the bank: the money is still ours; sent again under a new number, it arrives once."""
    sold = await lite.sell(NATIVE)
    lite.guest_pays(sold)
    await lite.deliver()
    lite.sim.ways.refunds_end = False
    [refund] = await give_back(lite, sold, PRICE)
    await lite.later()
    lite.sim.finish_refund(str(refund.provider_refund_id).replace("-", ""), "CLOSED")
    await lite.deliver()
    assert (await lite.now(sold))["refunds"][0]["state"] == "failed"
    lite.sim.ways.refunds_end = True
    await lite.cloud.post(f"/refunds/{refund.id}/retry", {})
    for _ in range(2):
        await lite.later()
    assert (await lite.now(sold))["refunds"][0]["state"] == "done"
    assert (await lite.books(), lite.sim.books.balance) == ({}, 0)


async def test_wrong_money_leaves_nothing(lite: OrderDesk) -> None:
    """Other currency, negative and huge amounts, ways that lack what they need: a problem each, no row."""
    wrong = [
        ({"method": "cash", "currency": "EUR"}, "wrong_currency"),
        ({"method": "wechat_native", "currency": "USD"}, "wrong_currency"),
        ({"method": "cash", "amount": -1}, "invalid_request"),
        ({"method": "cash", "tendered": 10**13}, "invalid_request"),
        ({"method": "wechat_code"}, "invalid_request"),
        ({"method": "wechat_code", "code": "12"}, "invalid_request"),
        ({"method": "terminal"}, "reference_missing"),
        ({"method": "terminal", "reference": "r", "amount": PRICE + 1}, "tenders_too_much"),
        ({"method": "wallet", "wallet": 99}, "not_found"),
        ({"method": "deposit", "deposit": 99}, "not_found"),
        ({"method": "free"}, "tenders_unclear"),
    ]
    for payment, expected in wrong:
        assert await lite.refused_sale(payment) == expected, payment
    assert (await Order.all().count(), await Payment.all().count(), await lite.books()) == (0, 0, {})
    assert lite.sim.requests == []
