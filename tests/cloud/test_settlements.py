# SPDX-License-Identifier: Apache-2.0
"""Settlements: done once whatever breaks, whoever comes at the same time, with a card, a ticket or a document."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from guests_at_gates import at
from order_desk import order_desk
from ski_area import SATURDAY, Area, Visitor, named, told
from staff_hands import hired
from tortoise.transactions import in_transaction
from wallet_desk import check_books

from pistegate_cloud.audit.models import AuditEntry
from pistegate_cloud.deposits import queries as deposits
from pistegate_cloud.deposits.models import Deposit
from pistegate_cloud.rentals.models import Loan
from pistegate_cloud.settlements import paying
from pistegate_cloud.settlements.models import Settlement
from pistegate_cloud.tickets.models import Ticket
from pistegate_cloud.wallets.invariants import disagreements

SESSION, PLAIN, DEPOSIT = 20, 21, 22
SHED = 41
PRODUCTS: list[dict[str, Any]] = [
    {"number": SESSION, "name": named("2 hours"), "price": 20000}
    | {"terms": {"clock": {"minutes": 120}, "overtime": 60, "tracked": True}},
    {"number": PLAIN, "name": named("Day"), "price": 10000},
    {"number": DEPOSIT, "name": named("Deposit"), "price": 30000, "kind": "deposit"},
]
CONTENT: dict[str, Any] = {
    "day_types": [{"code": "day", "name": named("Day")}],
    "deposits": [{"code": "hall", "name": named("Deposit"), "otherwise": 50000, "methods": ["cash"]}],
    "overtime": [
        {"code": "hall", "name": named("Overtime"), "tiers": [{"up_to": 15, "fee": 5000}, {"fee": "list_price"}]}
    ],
    "offers": [{"product": SESSION, "deposit": "hall", "overtime": "hall"}],
}
TERMS: dict[str, Any] = {
    "site": 1,
    "currency": "CNY",
    "clock": {"free": 15, "tiers": [{"up_to": 120, "fee": 8000}]},
    "damages": [
        {"code": "scratch", "price": 3000, "name": {"en": "Scratch", "zh-CN": "划痕"}},
        {"code": "lost", "price": 15000, "name": {"en": "Lost", "zh-CN": "丢失"}},
    ],
}
CASH = [{"method": "cash", "currency": "CNY"}]
DOCUMENT = {"kind": "resident_id", "number": "999999199003070012"}


async def opened(cloud: Any, new_card: Any, new_gate: Any) -> Area:
    area = Area(cloud, new_card, new_gate)
    await area.open(PRODUCTS, CONTENT)
    await area.till(SHED)
    assert (await cloud.http.put("/rentals/terms", json=TERMS)).is_success
    terms = {"site": 1, "currency": "CNY", "offline_cap": 50000}
    assert (await cloud.http.put("/wallets/terms", json=terms)).is_success
    return area


@pytest.fixture
async def area(sqlite_cloud: Any, new_card: Any, new_gate: Any) -> Area:
    """A small hall with a rental shed."""
    return await opened(sqlite_cloud, new_card, new_gate)


async def ticket(area: Area, product: int = SESSION, *, deposit: bool = True) -> int:
    """Sold at nine, with its deposit; its number."""
    at(area.cloud, SATURDAY, "09:00")
    number = int((await area.sell({"product": product, "visit_date": SATURDAY}))["tickets"][0]["number"])
    if deposit:
        await area.cloud.post("/deposits", {"site": 1, "tickets": [number], "payments": CASH})
    return number


async def with_everything(area: Area) -> Visitor:
    """A guest with a deposit of 500, 100 on the card, an hour of skis (80) and ten minutes of overtime (50)."""
    guest = await area.visitor(await ticket(area))
    uid = guest.card.uid.hex()
    wallet = (await area.cloud.post("/wallets", {"site": 1, "currency": "CNY", "uid": uid}))["wallet"]
    await area.cloud.post(f"/wallets/{wallet}/recharge", {"amount": 10000, "currency": "CNY", "payments": CASH})
    await area.cloud.post(f"/wallets/{wallet}/load", {"amount": 10000, "site": 1, "encoder": 1, "wait_ms": 0})
    assert guest.passes(SATURDAY, "10:00") == "in"
    guest.rents(SATURDAY, "10:05", SHED, "skis")
    guest.rents(SATURDAY, "11:05", SHED, "skis", back=True)
    assert guest.passes(SATURDAY, "12:10", 2, exit=True) == "out overtime"
    await area.tell()
    return guest


async def settled_right(area: Area) -> None:
    """130 of charges: 100 from the card, 30 of the deposit; 470 back, once."""
    books = await area.balances()
    assert books["tenders:cash"] == 20000 + 13000
    assert not {"deposits_held", "wallets", "wallet_cards", "tenders:deposit", "tenders:wallet"} & books.keys()
    [row] = await Settlement.all()
    assert (row.state, row.charges, row.back, row.open_key) == ("settled", 13000, 47000, None)
    assert await disagreements(1) == []
    await area.reconciles(SATURDAY)


async def test_a_settlement_repeated_with_its_key_is_done_once(area: Area) -> None:
    """The same answer again, although the card is blank by now."""
    guest = await with_everything(area)
    headers = {"Idempotency-Key": "window-1-77"}
    area.cloud.http.headers.update(headers)
    first = (await guest.checks_out(SATURDAY, "12:20")).json()
    second = (await guest.checks_out(SATURDAY, "12:21")).json()
    assert first == second
    assert told(first) == [
        ("rental", 8000),
        ("overtime", 5000),
        ("card_balance", 0),
        ("wallet_used", 0),
        ("deposit_used", 0),
        ("deposit_back", -47000),
    ]
    await settled_right(area)


async def test_a_crash_after_the_wipe_loses_nothing(area: Area, monkeypatch: pytest.MonkeyPatch) -> None:
    """The card is blank and nothing is paid; the same call again goes on from what was read before."""
    guest = await with_everything(area)

    async def crash(*_: Any, **__: Any) -> None:
        raise RuntimeError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(paying, "order_of", crash)
        assert (await guest.checks_out(SATURDAY, "12:20")).status_code == 500
    [row] = await Settlement.all()
    assert (row.state, row.order_id) == ("begun", None)
    assert (await area.cloud.get("/settlements", state="begun"))["items"][0]["uid"] == guest.card.uid.hex()
    assert (await guest.checks_out(SATURDAY, "12:30")).status_code == 201
    await settled_right(area)


@pytest.mark.parametrize("unheard", [False, True])
async def test_a_card_torn_away_at_any_exchange_is_settled_in_the_end(area: Area, unheard: bool) -> None:
    """Taken off the encoder after 6, 12, 18 … exchanges: repeated until it succeeds, everything is paid once."""
    guest = await with_everything(area)
    at(area.cloud, SATURDAY, "12:20")
    encoder = area.cloud.encoder()
    encoder.card, encoder.cut_unheard = guest.card, unheard
    for cut in (*range(2, 60, 6), None):
        encoder.cut_after, encoder.exchanges = cut, 0
        answer = await area.cloud.http.post("/settlements", json={"site": 1, "encoder": 1, "wait_ms": 0})
        if answer.is_success:
            break
        assert answer.json()["code"] in ("card_lost", "reader_lost"), answer.text
    assert answer.status_code == 201
    await settled_right(area)
    await check_books(area.cloud)


async def test_a_settlement_given_up_leaves_the_money_in_the_wallet(
    area: Area, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dropped, it can be settled by ticket: what was on the card is in the account."""
    guest = await with_everything(area)

    async def crash(*_: Any, **__: Any) -> None:
        raise RuntimeError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(paying, "order_of", crash)
        await guest.checks_out(SATURDAY, "12:20")
    [row] = await Settlement.all()
    dropped = await area.cloud.post(f"/settlements/{row.id}/drop", {})
    assert dropped["state"] == "dropped"
    assert (await area.cloud.http.post(f"/settlements/{row.id}/drop", json={})).json()["code"] == "state_conflict"
    books = await area.balances()
    assert (books["wallets"], books["deposits_held"]) == (-10000, -50000)


async def test_the_next_guests_card_is_not_settled_for_the_one_before(
    area: Area, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Begun, never finished, and the card sold again: a person must finish or drop it first."""
    guest = await with_everything(area)

    async def crash(*_: Any, **__: Any) -> None:
        raise RuntimeError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(paying, "order_of", crash)
        await guest.checks_out(SATURDAY, "12:20")
    number = await ticket(area, PLAIN, deposit=False)
    area.cloud.encoder().card = guest.card
    await area.cloud.post(f"/tickets/{number}/issue", {"encoder": 1, "wait_ms": 0})
    refused = (await guest.checks_out(SATURDAY, "15:00")).json()
    [row] = await Settlement.all()
    assert (refused["code"], str(row.id) in refused["detail"]) == ("settlement_begun", True)
    assert row.read["ticket"] == guest.ticket


async def test_overtime_paid_before_leaving_is_not_asked_for_again(area: Area) -> None:
    """A supplementary order of 50; the deposit stays held, and comes back whole."""
    number = await ticket(area)
    guest = await area.visitor(number)
    assert guest.passes(SATURDAY, "10:00") == "in"
    await area.tell()
    at(area.cloud, SATURDAY, "12:10")
    body = {"site": 1, "ticket": number}
    short = await area.cloud.http.post("/settlements/overtime", json=body)
    assert short.json()["code"] == "settlement_short"
    paid = await area.cloud.post("/settlements/overtime", body | {"payments": CASH})
    assert (paid["charges"], paid["back"]) == (5000, 0)
    order = await area.cloud.get(f"/orders/{paid['order']}")
    assert (order["kind"], order["total"], order["lines"][0]["kind"]) == ("supplementary", 5000, "overtime")
    assert guest.passes(SATURDAY, "12:12", 2, exit=True) == "out overtime"
    await area.tell()
    answer = (await guest.checks_out(SATURDAY, "12:20")).json()
    assert told(answer) == [("overtime", 0), ("overtime_paid", 0), ("deposit_back", -50000)]
    assert (await area.balances())["tenders:cash"] == 25000


async def test_who_is_still_inside_pays_until_now_and_who_left_unheard_does_not(area: Area) -> None:
    """In at ten; at 12:10 the card says inside: ten minutes over. Left at 11, known to the card alone: nothing."""
    inside = await area.visitor(await ticket(area))
    assert inside.passes(SATURDAY, "10:00") == "in"
    await area.tell()
    seen = await inside.looks(SATURDAY, "12:10")
    assert [(key, amount) for key, amount in told(seen) if key == "overtime"] == [("overtime", 5000)]
    assert inside.passes(SATURDAY, "11:00", 2, exit=True) == "out"
    seen = await inside.looks(SATURDAY, "12:30")
    assert seen["charges"] == 0


async def test_without_a_card_equipment_and_deposit_are_settled_by_the_ticket(area: Area) -> None:
    """A counter: an hour of skis 80, boots lost 150; 270 of 500 back; the piece is out of stock for good."""
    number = await ticket(area)
    pieces = [{"kind": "skis", "label": "K2-1"}, {"kind": "boots", "label": "B-1"}]
    await area.cloud.post("/rentals/pieces", {"site": 1, "pieces": pieces})
    at(area.cloud, SATURDAY, "10:00")
    await area.cloud.post("/rentals/loans", {"site": 1, "ticket": number, "pieces": pieces})
    at(area.cloud, SATURDAY, "11:00")
    await area.cloud.post("/rentals/loans/return", {"site": 1, "ticket": number, "labels": ["K2-1"]})
    body = {"site": 1, "ticket": number}
    out = await area.cloud.http.post("/settlements", json=body)
    assert (out.json()["code"], "boots B-1" in out.json()["detail"]) == ("settlement_equipment_out", True)
    lost = {"damages": [{"code": "lost", "kind": "boots"}]}
    answer = await area.cloud.post("/settlements", body | lost)
    assert told(answer) == [("rental", 8000), ("lost", 15000), ("deposit_used", 0), ("deposit_back", -27000)]
    states = {row["label"]: row["state"] for row in (await area.cloud.get("/rentals/pieces", site=1))["items"]}
    assert states == {"K2-1": "in", "B-1": "retired"}
    nothing = await area.cloud.post("/settlements", body)
    assert (nothing["charges"], nothing["back"]) == (0, 0)


async def test_a_deposit_for_a_document_is_found_by_the_document(area: Area) -> None:
    """No ticket, no card: equipment against an ID, scratched; 270 of 300 back, and nobody sees the number."""
    order = await area.sell({"product": DEPOSIT, "visit_date": "2026-01-10"})
    [deposit] = (await area.cloud.get("/deposits", order=order["id"]))["items"]
    bound = await area.cloud.post(f"/deposits/{deposit['deposit']}/bind", {"document": DOCUMENT})
    assert (bound["by_document"], bound["ticket"]) == (True, None)
    await area.cloud.post("/rentals/pieces", {"site": 1, "pieces": [{"kind": "skis", "label": "K2-1"}]})
    holder = {"site": 1, "document": DOCUMENT}
    await area.cloud.post("/rentals/loans", holder | {"pieces": [{"kind": "skis", "label": "K2-1"}]})
    area.cloud.clock.now_ms += 600_000
    await area.cloud.post("/rentals/loans/return", holder | {"labels": ["K2-1"]})
    answer = await area.cloud.post("/settlements", holder | {"damages": [{"code": "scratch", "kind": "skis"}]})
    assert told(answer) == [("rental_free", 0), ("damage", 3000), ("deposit_used", 0), ("deposit_back", -27000)]
    assert DOCUMENT["number"] not in str(answer)
    [piece] = (await area.cloud.get("/rentals/pieces", site=1))["items"]
    assert piece["state"] == "damaged"
    [loan], [row], [settlement] = await Loan.all(), await Deposit.all(), await Settlement.all()
    kept = (loan.document, loan.last4, row.document, settlement.read["document"], settlement.subject)
    assert kept == (None, None, None, None, "document")


async def test_deposits_sold_with_tickets_are_each_tickets_own(area: Area) -> None:
    """Two in one order, two tickets: one each. In a bundle: of the bundle's ticket, whatever else was bought."""
    two = {"visit_date": "2026-01-10", "quantity": 2}
    order = await area.sell({"product": PLAIN} | two, {"product": DEPOSIT} | two)
    rows = (await area.cloud.get("/deposits", order=order["id"]))["items"]
    assert [row["ticket"] for row in rows] == [each["number"] for each in order["tickets"]]
    bundle = {"number": 23, "name": named("Day with card"), "price": 40000, "kind": "bundle", "areas": []}
    plain = {"site": 1, "code": "P23", "currency": "CNY"}
    await area.cloud.post("/products", plain | bundle)
    parts = [{"product": PLAIN, "amount": 10000}, {"product": DEPOSIT, "amount": 30000}]
    content = CONTENT | {"offers": [*CONTENT["offers"], {"product": 23, "parts": parts}]}
    await area.cloud.post("/price-lists", {"site": 1, "content": content})
    single = {"visit_date": "2026-01-10"}
    order = await area.sell({"product": PLAIN} | single, {"product": 23} | single)
    assert order["total"] == 50000
    [row] = (await area.cloud.get("/deposits", order=order["id"]))["items"]
    mine = await Ticket.get(number=row["ticket"]).select_related("line")
    assert (row["amount"], mine.line.parent_id) == (30000, 2)


async def test_a_deposit_is_given_back_once_whoever_settles_at_the_same_time(
    cloud: Any, new_card: Any, new_gate: Any
) -> None:
    """Four windows settle one guest at the same moment, by the ticket and by the ID: 500 back, once."""
    area = await opened(cloud, new_card, new_gate)
    number = await ticket(area)
    [deposit] = (await cloud.get("/deposits", ticket=number))["items"]
    await cloud.post(f"/deposits/{deposit['deposit']}/bind", {"document": DOCUMENT})
    guests: list[dict[str, Any]] = [{"ticket": number}, {"document": DOCUMENT}] * 2
    answers = await asyncio.gather(*(cloud.http.post("/settlements", json={"site": 1} | guest) for guest in guests))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert sum(answer.json().get("back", 0) for answer in answers) == 50000
    books = await area.balances()
    assert (books["tenders:cash"], books.get("deposits_held", 0)) == (20000, 0)


async def test_no_more_leaves_a_deposit_than_is_in_it(cloud: Any, new_card: Any, new_gate: Any) -> None:
    """Eight draw 200 each of 500 at the same moment: two get it."""
    area = await opened(cloud, new_card, new_gate)
    number = await ticket(area)
    [deposit] = (await cloud.get("/deposits", ticket=number))["items"]

    async def draw() -> bool:
        async with in_transaction():
            return await deposits.draw(deposit["deposit"], "spent", 20000, None, 0)

    assert sorted(await asyncio.gather(*(draw() for _ in range(8)))) == [False] * 6 + [True] * 2
    assert (await cloud.get(f"/deposits/{deposit['deposit']}"))["held"] == 10000


async def test_a_deposit_is_taken_once_and_in_the_ways_that_were_agreed(area: Area) -> None:
    """A second one for the same ticket, and one by a way that the list does not name, are refused."""
    number = await ticket(area)
    body = {"site": 1, "tickets": [number], "payments": CASH}
    assert (await area.cloud.http.post("/deposits", json=body)).json()["code"] == "deposit_held"
    other = await ticket(area, deposit=False)
    terminal = [{"method": "terminal", "currency": "CNY", "reference": "R-1"}]
    refused = await area.cloud.http.post("/deposits", json=body | {"tickets": [other], "payments": terminal})
    assert refused.json()["code"] == "deposit_method"
    plain = await ticket(area, PLAIN, deposit=False)
    assert (await area.cloud.http.post("/deposits", json=body | {"tickets": [plain]})).json()["code"] == "deposit_none"


async def test_damage_without_a_price_and_too_much_money_are_refused_in_words(area: Area) -> None:
    """Nothing is half done: the deposit is still held."""
    number = await ticket(area)
    body: dict[str, Any] = {"site": 1, "ticket": number}
    burnt = await area.cloud.http.post("/settlements", json=body | {"damages": [{"code": "burnt", "kind": "skis"}]})
    assert (burnt.status_code, burnt.json()["code"]) == (422, "settlement_price")
    much = {"payments": [{"method": "cash", "currency": "CNY", "amount": 1, "tendered": 100}]}
    assert (await area.cloud.http.post("/settlements", json=body | much)).json()["code"] == "settlement_too_much"
    assert (await area.cloud.get("/deposits", ticket=number))["items"][0]["state"] == "held"
    assert (await area.cloud.get("/settlements", site=1))["items"] == []


async def test_deposit_and_recharge_by_wechat_go_back_by_wechat(
    sqlite_cloud: Any, new_card: Any, new_gate: Any, tmp_path: Path
) -> None:
    """Held once the provider's money is there; settled, both are on their way back, and wait for nobody's cash."""
    native = [{"method": "wechat_native", "currency": "CNY"}]
    area = await opened(sqlite_cloud, new_card, new_gate)
    content = CONTENT | {"deposits": [CONTENT["deposits"][0] | {"methods": ["wechat_native"]}]}
    await area.cloud.post("/price-lists", {"site": 1, "content": content})
    guest = await area.visitor(await ticket(area, deposit=False))
    uid = guest.card.uid.hex()
    wallet = (await area.cloud.post("/wallets", {"site": 1, "currency": "CNY", "uid": uid}))["wallet"]
    with order_desk(area.cloud, tmp_path) as desk:
        body = {"site": 1, "tickets": [guest.ticket], "uid": uid, "payments": native}
        taken = await area.cloud.post("/deposits", body)
        assert (taken["status"], taken["deposits"], taken["device"][:9]) == ("new", [], "weixin://")
        recharge = {"amount": 10000, "currency": "CNY", "payments": native}
        recharged = await area.cloud.post(f"/wallets/{wallet}/recharge", recharge)
        assert (recharged["status"], recharged["account"]) == ("new", 0)
        for order in (taken["order"], recharged["order"]):
            assert desk.guest_pays(await area.cloud.get(f"/orders/{order}"))
            assert await desk.deliver() == 204
        [deposit] = (await area.cloud.get("/deposits", uid=uid))["items"]
        assert (deposit["state"], deposit["ticket"]) == ("held", guest.ticket)
        answer = (await guest.checks_out(SATURDAY, "09:30")).json()
        assert [(back["of"], back["method"], back["amount"], back["waits"]) for back in answer["returned"]] == [
            ("deposit", "wechat_native", 50000, True),
            ("wallet", "wechat_native", 10000, True),
        ]
        books = await area.balances()
        assert (books["refunds_due:wechat"], books.get("deposits_held", 0)) == (-60000, 0)
        await desk.later()
        await desk.later()
        assert sum(desk.sim.books.refunds[number].amount for number in desk.sim.books.refunds) == 60000


async def test_a_sellers_drawer_has_what_was_taken_less_what_went_back(area: Area) -> None:
    """Float 300, deposit 500, recharge 100, 50 of overtime: 550 went back, 350 are left. No shift, no deposit."""
    await area.cloud.post("/windows", {"site": 1, "number": 1, "name": "Window 1"})
    guest = await area.visitor(await ticket(area, deposit=False))
    seller = await hired(area.cloud, "ann", "seller", 1)
    deposit = {"site": 1, "tickets": [guest.ticket], "payments": CASH}
    refused = await area.cloud.http.post("/deposits", json=deposit, headers=seller)
    assert refused.json()["code"] == "shift_needed"
    opening = {"site": 1, "window": 1, "currency": "CNY", "float": 30000}
    shift = await area.cloud.post("/shifts", opening, **seller)
    await area.cloud.post("/deposits", deposit, **seller)
    body = {"site": 1, "currency": "CNY", "uid": guest.card.uid.hex()}
    wallet = (await area.cloud.post("/wallets", body, **seller))["wallet"]
    recharge = {"amount": 10000, "currency": "CNY", "payments": CASH}
    await area.cloud.post(f"/wallets/{wallet}/recharge", recharge, **seller)
    assert guest.passes(SATURDAY, "10:00") == "in"
    assert guest.passes(SATURDAY, "12:10", 2, exit=True) == "out overtime"
    await area.tell()
    at(area.cloud, SATURDAY, "09:50")  # the session of a person does not outlive an hour unused
    area.cloud.encoder().card = guest.card
    settled = await area.cloud.http.post("/settlements", json={"site": 1, "encoder": 1, "wait_ms": 0}, headers=seller)
    assert (settled.json()["charges"], settled.json()["back"]) == (5000, 50000 + 10000 - 5000)
    report = await area.cloud.get(f"/shifts/{shift['id']}/report")
    assert report["expected"]["cash"] == 30000 + 50000 + 10000 - 55000


async def test_every_deed_is_on_record(area: Area, monkeypatch: pytest.MonkeyPatch) -> None:
    """Taken, bound, made spendable, overtime paid, begun and given up, settled: who did it, in its transaction."""
    number = await ticket(area)
    guest = await area.visitor(number)
    wallet = (await area.cloud.post("/wallets", {"site": 1, "currency": "CNY"}))["wallet"]
    [deposit] = (await area.cloud.get("/deposits", ticket=number))["items"]
    path = f"/deposits/{deposit['deposit']}"
    await area.cloud.post(f"{path}/bind", {"uid": guest.card.uid.hex()})
    await area.cloud.post(f"{path}/spendable", {"wallet": wallet})
    assert guest.passes(SATURDAY, "10:00") == "in"
    await area.tell()
    at(area.cloud, SATURDAY, "12:10")
    await area.cloud.post("/settlements/overtime", {"site": 1, "ticket": number, "payments": CASH})

    async def crash(*_: Any, **__: Any) -> None:
        raise RuntimeError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(paying, "order_of", crash)
        await guest.checks_out(SATURDAY, "12:10")
    row = await Settlement.get(state="begun")
    await area.cloud.post(f"/settlements/{row.id}/drop", {})
    await area.cloud.post("/settlements", {"site": 1, "ticket": number})
    rows = await AuditEntry.all().order_by("id")
    subjects = {(entry.action, entry.subject.partition(":")[0]) for entry in rows if entry.actor == "test"}
    assert subjects >= {
        ("deposit.bind", "deposit"),
        ("deposit.spendable", "deposit"),
        ("order.supplementary", "settlement"),
        ("order.settlement", "settlement"),
        ("settlement.drop", "settlement"),
    }
