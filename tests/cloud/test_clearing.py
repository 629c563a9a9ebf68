# SPDX-License-Identifier: Apache-2.0
"""Sites of a group: shares at recognition, what they owe each other in both books, and what settles it."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tortoise.transactions import in_transaction

from pistegate_cloud.days import part_queries, recognition
from pistegate_cloud.days.models import RevenuePart
from pistegate_cloud.days.refunding import moneys_of_line
from pistegate_cloud.errors import Problem
from pistegate_cloud.ledger import landing, pending, queries
from pistegate_cloud.ledger.service import Money, check, lines_of, record
from pistegate_cloud.orders.models import Order, OrderLine
from pistegate_cloud.pricing.rules import tax_of
from pistegate_protocol.events import AdmittedV1, OutcomeKind, OutcomeV1
from pistegate_protocol.usage import NO_ADMISSION

NOON_MS = 1768622400000
DAY_MS = 24 * 3_600_000
DAY = "2026-01-17"


async def a_shared_ticket(cloud: Any) -> dict[str, Any]:
    """298.00, of which a sister site gets 30 %, and our own coaches 5 %."""
    await cloud.post("/sites", {"number": 2, "group": 1, "name": "Sister", "zone": "Asia/Shanghai"})
    order: dict[str, Any] = await cloud.sell(1)
    shares = [{"site": None, "department": None, "bp": 6500}, {"site": 2, "department": None, "bp": 3000},
              {"site": None, "department": "coach", "bp": 500}]  # fmt: skip
    await OrderLine.filter(order_id=order["id"]).update(terms={"shares": shares})
    return order


async def used(cloud: Any, gate: Any, ticket: int) -> None:
    seq = gate.add(AdmittedV1(NOON_MS, ticket, b"\x01card", b"claimdig", 1, 1, bytes(15), NO_ADMISSION))
    gate.add(OutcomeV1(NOON_MS + 1000, gate.epoch, seq, OutcomeKind.PASSED, 1, 0))
    await cloud.receive([gate.batch()])
    await cloud.services.ingest.apply_pending()
    await recognition.run(cloud.clock.now_ms)


async def test_a_sister_sites_share_is_owed_when_the_ticket_is_used(cloud: Any, new_gate: Any) -> None:
    """Not at the sale; both books say the same, paid once however often it is asked, and never more than is owed."""
    order = await a_shared_ticket(cloud)
    assert not [account for account, _ in await queries.balances(1) if account.startswith("between_sites")]
    await used(cloud, new_gate(1), order["tickets"][0]["number"])
    ours, theirs = await queries.balances(1), await queries.balances(2)
    assert (ours["revenue:lift", "CNY"], ours["revenue:coach", "CNY"]) == (-19370, -1490)
    assert (ours["between_sites:2", "CNY"], theirs["between_sites:1", "CNY"]) == (-8940, 8940)
    assert theirs["revenue:lift", "CNY"] == -8940
    span = {"site": 1, "from": DAY, "to": DAY}
    statement = await cloud.get("/ledger/clearing", **span)
    assert statement["rows"] == [
        {"other": 2, "currency": "CNY", "opening": 0, "closing": -8940, "theirs": 8940, "agree": True}
        | {"events": [{"event": "use", "amount": -8940}]}
    ]
    csv = (await cloud.http.get("/ledger/clearing", params=span | {"format": "csv"})).text
    assert csv.splitlines()[1] == "2,CNY,0,use,-8940,-8940,8940"
    paid = {"site": 1, "other": 2, "currency": "CNY", "amount": 8000}
    for _ in range(2):
        assert (await cloud.post("/ledger/clearing", paid, **{"Idempotency-Key": "jan"}))["left"] == 940
    deeds = [deed["action"] for deed in (await cloud.get("/audit", site=1))["items"]]
    assert deeds.count("clearing.pay") == 1
    answer = await cloud.http.post("/ledger/clearing", json=paid)
    assert (answer.status_code, answer.json()["code"]) == (409, "clearing_too_much")
    [row] = (await cloud.get("/ledger/clearing", site=2, **{"from": DAY, "to": DAY}))["rows"]
    assert (row["closing"], row["agree"]) == (940, True)


async def test_two_payments_at_once_pay_what_is_owed_once(cloud: Any, new_gate: Any) -> None:
    """Each of the whole debt: one is kept, one is refused."""
    order = await a_shared_ticket(cloud)
    await used(cloud, new_gate(1), order["tickets"][0]["number"])
    body = {"site": 1, "other": 2, "currency": "CNY", "amount": 8940}
    answers = await asyncio.gather(*(cloud.http.post("/ledger/clearing", json=body) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert (await queries.balances(1))["between_sites:2", "CNY"] == 0


async def test_what_goes_back_before_use_is_never_revenue(cloud: Any, new_gate: Any) -> None:
    """A third of a ticket goes back: a third less is earned. After use: revenue is taken back, not what is owed."""
    order = await cloud.sell(1, 2)
    first, second = (ticket["number"] for ticket in order["tickets"])
    line = (await OrderLine.get(order_id=order["id"])).id
    async with in_transaction():
        given = await recognition.give_back(order["id"], line, {first: 9800})
    assert given == (9800, 0)
    gate = new_gate(1)
    await used(cloud, gate, first)
    await used(cloud, gate, second)
    assert (await queries.balances(1))["revenue:lift", "CNY"] == -(20000 + 29800)
    async with in_transaction():
        assert await recognition.give_back(order["id"], line, {second: 5000}) == (0, 5000)
    assert await recognition.unrecognised([line]) == {line: 0}
    assert {(part.net, part.recognised, part.given_back) for part in await RevenuePart.all()} == {
        (29800, 20000, 9800),
        (29800, 29800, 0),
    }


async def test_use_and_refund_at_once_share_one_ticket(cloud: Any, new_gate: Any) -> None:
    """Recognised and given back in the same moment: together never more than the ticket cost, and the books agree."""
    order = await cloud.sell(1, 5)
    line = (await OrderLine.get(order_id=order["id"])).id
    numbers = [ticket["number"] for ticket in order["tickets"]]
    gate = new_gate(1)
    for number in numbers:
        seq = gate.add(AdmittedV1(NOON_MS, number, b"\x01card", b"claimdig", 1, 1, bytes(15), NO_ADMISSION))
        gate.add(OutcomeV1(NOON_MS + 1000, gate.epoch, seq, OutcomeKind.PASSED, 1, 0))
    await cloud.receive([gate.batch()])
    await cloud.services.ingest.apply_pending()

    async def refund() -> recognition.GivenBack:
        async with in_transaction():
            return await recognition.give_back(order["id"], line, dict.fromkeys(numbers, 29800))

    given, *_ = await asyncio.gather(refund(), recognition.run(NOON_MS), recognition.run(NOON_MS))
    await recognition.run(NOON_MS)
    parts = await RevenuePart.all()
    assert all(part.recognised + part.given_back <= part.net for part in parts)
    assert sum(part.given_back for part in parts) == given.deferred
    assert -(await queries.balances(1)).get(("revenue:lift", "CNY"), 0) == sum(part.recognised for part in parts)


@pytest.mark.parametrize("uses", [0, 1, 3])
async def test_a_refund_posts_what_was_owed_earned_and_taxed(sqlite_cloud: Any, new_gate: Any, uses: int) -> None:
    """Three tickets at 6 %, none, one or all of them used: all back, less a fee with its own tax, to the fen."""
    order = await sqlite_cloud.sell(1, 3)
    await OrderLine.filter(order_id=order["id"]).update(tax_bp=600, tax=tax_of(89400, 600), amount=89400)
    gate = new_gate(1)
    numbers = [ticket["number"] for ticket in order["tickets"]]
    for number in numbers[:uses]:
        await used(sqlite_cloud, gate, number)
    line = await OrderLine.get(order_id=order["id"])
    async with in_transaction():
        whole = await moneys_of_line(line, dict.fromkeys(numbers, 29800), fee=3000)
        moneys = [*whole, Money("tender", 86400, "cash")]
        await record("refund", site=1, currency="CNY", at_ms=NOON_MS, order=line.order_id, moneys=moneys)
    by = {money.what: money.amount for money in whole}
    assert by["output_tax"] == tax_of(89400, 600)
    assert by.get("deferred", 0) + by.get("revenue", 0) == 89400 - tax_of(89400, 600)
    assert ("deferred" in by, "revenue" in by) == (uses < 3, uses > 0)
    assert (by["fee"], by["fee_tax"]) == (3000 - tax_of(3000, 600), tax_of(3000, 600))
    assert await recognition.unrecognised([line.id]) == {line.id: 0}
    assert sum(part.given_back + part.recognised for part in await RevenuePart.all()) == 89400 - tax_of(89400, 600)


async def test_a_refund_of_more_than_a_ticket_cost_is_refused(sqlite_cloud: Any) -> None:
    """Nor a fee on a deposit; a part of a ticket is a part of its tax."""
    order = await sqlite_cloud.sell(1)
    [number] = (ticket["number"] for ticket in order["tickets"])
    await OrderLine.filter(order_id=order["id"]).update(tax_bp=600, tax=1687)
    line = await OrderLine.get(order_id=order["id"])
    with pytest.raises(ValueError, match="which cost 29800"):
        await moneys_of_line(line, {number: 29801})
    async with in_transaction():
        half = {money.what: money.amount for money in await moneys_of_line(line, {number: 14900})}
    assert half == {"deferred": 14056, "output_tax": 844}
    line.kind = "deposit"
    assert await moneys_of_line(line, {0: 20000}) == [Money("deposit", 20000)]
    with pytest.raises(ValueError, match="no revenue of ours"):
        await moneys_of_line(line, {0: 20000}, fee=1)


async def test_a_part_that_somebody_else_moved_is_not_moved(sqlite_cloud: Any) -> None:
    """Two who read the same figures: the second one's move is refused, and its figures stay as they are."""
    await sqlite_cloud.sell(1)
    await recognition.run(NOON_MS)
    first, second = await RevenuePart.get(), await RevenuePart.get()
    assert await part_queries.move_part(first, recognised=29800)
    assert not await part_queries.move_part(second, given_back=29800)
    kept = await RevenuePart.get()
    assert (kept.recognised, kept.given_back, kept.open) == (29800, 0, False)


async def test_a_business_day_in_money(cloud: Any, new_gate: Any) -> None:
    """Sold by product, department and channel, earned by department, taken by tender, with the persons of that day."""
    order = await cloud.sell(1, 2)
    await cloud.sell(2)
    await used(cloud, new_gate(1), order["tickets"][0]["number"])
    report = await cloud.get("/reports/revenue", site=1, day=DAY)
    assert [(row["product"], row["department"], row["pieces"], row["amount"]) for row in report["sold"]] == [
        ("DAY", "lift", 2, 59600),
        ("ONE", "lift", 1, 4000),
    ]
    assert report["earned"] == [{"department": "lift", "currency": "CNY", "amount": 29800}]
    assert report["tenders"] == [{"tender": "cash", "currency": "CNY", "came": 63600, "went": 0}]
    assert (report["rides"], report["visitors"]) == (1, 1)
    csv = (await cloud.http.get("/reports/revenue", params={"site": 1, "day": DAY, "format": "csv"})).text
    assert csv.splitlines()[1].startswith("DAY,ticket,lift,")
    assert await Order.all().count() == 2


async def test_a_payment_in_doubt_is_resolved_once(cloud: Any) -> None:
    """Pended twice: once. Posted: ours, and nobody's order yet; posted again: nothing; void after that: a conflict."""
    about = {"site": 1, "method": "wechat", "amount": 29800, "currency": "CNY", "now_ms": NOON_MS}
    async with in_transaction():
        assert [await pending.pend("p1", **about), await pending.pend("p1", **about)] == [True, False]
        assert await pending.void("never", NOON_MS) is False
    assert (await queries.balances(1))["in_doubt:wechat", "CNY"] == 29800
    for _ in range(2):
        async with in_transaction():
            assert await pending.post("p1", NOON_MS)
    balances = await queries.balances(1)
    assert (balances["in_doubt:wechat", "CNY"], balances["expected:wechat", "CNY"]) == (0, 0)
    assert (balances["tenders:wechat", "CNY"], balances["unassigned:wechat", "CNY"]) == (29800, -29800)
    with pytest.raises(Problem, match="state_conflict"):
        async with in_transaction():
            await pending.void("p1", NOON_MS)
    async with in_transaction():
        await pending.pend("p2", **about)
        await pending.void("p2", NOON_MS)
    assert (await queries.balances(1))["in_doubt:wechat", "CNY"] == 0


_lines = st.lists(
    st.tuples(
        st.sampled_from(sorted(landing.LANDS)),
        st.sampled_from(["", "lift", "coach"]),
        st.booleans(),
        st.integers(0, 10**9),
        st.sampled_from([0, 100, 600, 1300]),
    ),
    max_size=8,
)


@given(_lines)
def test_every_fen_of_an_orders_lines_lands(lines: list[tuple[str, str, bool, int, int]]) -> None:
    """Whatever is sold together, what its lines post is what they cost: with one tender of that, the sale is zero."""
    moneys = []
    for kind, department, passthrough, amount, tax_bp in lines:
        taxed = not passthrough and landing.LANDS[kind] in ("deferred", "revenue")
        tax = tax_of(amount, tax_bp) if taxed else 0
        moneys += landing.of_line(kind=kind, department=department, passthrough=passthrough, amount=amount, tax=tax)
    total = sum(amount for _, _, _, amount, _ in lines)
    posted = lines_of("sale", [*moneys, Money("tender", total, "cash")], "CNY")
    check("sale", posted)
    assert sum(line.amount for line in posted if line.amount > 0) == total


def test_tax_on_what_is_no_revenue_is_refused() -> None:
    """A deposit with tax, or a kind that nobody placed, would lose money silently: neither does."""
    with pytest.raises(ValueError, match="carries no tax"):
        landing.of_line(kind="deposit", department="", passthrough=False, amount=100, tax=6)
    with pytest.raises(ValueError, match="no place"):
        landing.of_line(kind="souvenir", department="", passthrough=False, amount=100, tax=0)
