# SPDX-License-Identifier: Apache-2.0
"""A drawer from its float to its close: whose it is, what is in it, and what the books say."""

import asyncio
from typing import Any

import pytest
from staff_hands import code, hire, hired, sign_in
from tortoise.transactions import in_transaction

from pistegate_cloud.audit.models import AuditEntry
from pistegate_cloud.ledger.models import Posting
from pistegate_cloud.shifts import service
from pistegate_cloud.shifts.models import DrawerMove, Shift
from pistegate_cloud.staff.caller import Caller

FLOAT = 50_000
DAY = "2026-01-17"


class Office:
    """Site 1 with two windows; people by name."""

    def __init__(self, cloud: Any) -> None:
        self.cloud = cloud
        self.people: dict[str, dict[str, str]] = {}

    async def ask(self, who: str, method: str, path: str, body: Any = None, **headers: str) -> Any:
        return await self.cloud.http.request(method, path, json=body, headers=self.people[who] | headers)

    async def open(self, who: str, window: int = 1, cash: int = FLOAT) -> Any:
        body = {"site": 1, "window": window, "currency": "CNY", "float": cash}
        return await self.ask(who, "POST", "/shifts", body)

    async def sell(self, who: str, quantity: int = 1) -> Any:
        """Day tickets of 298.00 for cash."""
        tender = {"method": "cash", "tendered": 10_000_000, "currency": "CNY"}
        lines = [{"product": 1, "quantity": quantity, "visit_date": DAY}]
        return await self.ask(
            who, "POST", "/orders", {"site": 1, "channel": "window", "lines": lines, "payment": tender}
        )

    async def balance(self, account: str) -> int:
        rows = await Posting.filter(account__code=account).values_list("amount", flat=True)
        return sum(int(str(row)) for row in rows)


@pytest.fixture
async def office(cloud: Any) -> Office:
    return await _office(cloud)


@pytest.fixture
async def sqlite_office(sqlite_cloud: Any) -> Office:
    return await _office(sqlite_cloud)


async def _office(cloud: Any) -> Office:
    for window in (1, 2):
        await cloud.post("/windows", {"site": 1, "number": window, "name": f"Window {window}"})
    found = Office(cloud)
    for name in ("ann", "bo"):
        found.people[name] = await hired(cloud, name, "seller", 1)
    found.people["mei"] = await hired(cloud, "mei", "manager", 1)
    return found


async def test_a_day_at_a_window_ends_with_books_that_agree(office: Office) -> None:
    """Float, three tickets, cash to the safe at noon, one yuan short at the count: all of it is in the safe."""
    shift = (await office.open("ann")).json()
    assert (shift["state"], shift["float"], shift["expected"]) == ("open", FLOAT, None)
    assert (await office.sell("ann", 3)).status_code == 201
    move = {"kind": "to_safe", "amount": 80_000}
    for _ in range(2):
        moved = await office.ask("ann", "POST", f"/shifts/{shift['id']}/cash", move, **{"Idempotency-Key": "noon"})
        assert moved.status_code == 200
    drawer = FLOAT + 3 * 29_800 - 80_000
    counted = (await office.ask("ann", "POST", f"/shifts/{shift['id']}/count", {"cash": drawer - 100})).json()
    assert counted["expected"]["cash"] == drawer
    assert counted["difference"] == {"cash": -100}
    closed = (await office.ask("ann", "POST", f"/shifts/{shift['id']}/close")).json()
    assert (closed["state"], closed["over_short"]) == ("closed", -100)
    assert await office.balance("tenders:cash") == 0
    assert await office.balance("cash_over_short") == 100
    assert await office.balance("safe") == 3 * 29_800 - 100
    assert sum([row.amount for row in await DrawerMove.filter(shift_id=shift["id"])]) + 3 * 29_800 == 0


async def test_one_open_shift_a_window_and_a_seller_also_when_asked_at_once(office: Office) -> None:
    """Two windows of one seller, two sellers at one window, ten requests in a crowd: one comes through."""
    answers = await asyncio.gather(*(office.open(who, 1) for who in ("ann", "bo") * 5))
    assert sorted(code(answer) for answer in answers) == ["201", *["shift_open"] * 9]
    opener = (
        "ann"
        if answers[0].status_code == 201
        else next(who for who, answer in zip(("ann", "bo") * 5, answers, strict=True) if answer.status_code == 201)
    )
    assert code(await office.open(opener, 2)) == "shift_open"
    assert await Shift.filter(closed_ms=None).count() == 1
    assert await office.balance("safe") == -FLOAT


async def test_a_lost_answer_opens_no_second_shift(sqlite_office: Office) -> None:
    """The same key gives the same shift."""
    body = {"site": 1, "window": 1, "currency": "CNY", "float": FLOAT}
    answers = [
        (await sqlite_office.ask("ann", "POST", "/shifts", body, **{"Idempotency-Key": "k"})).json() for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert (await sqlite_office.ask("ann", "GET", "/shifts/mine")).json()["id"] == answers[0]["id"]


async def test_what_is_expected_is_hidden_until_it_is_counted(sqlite_office: Office) -> None:
    """Neither in the seller's own view, nor by the report, which is a manager's."""
    shift = (await sqlite_office.open("ann")).json()["id"]
    await sqlite_office.sell("ann")
    assert (await sqlite_office.ask("ann", "GET", "/shifts/mine")).json()["expected"] is None
    for who in ("ann", "bo"):
        assert code(await sqlite_office.ask(who, "GET", f"/shifts/{shift}/report")) == "scope_missing"
    report = (await sqlite_office.ask("mei", "GET", f"/shifts/{shift}/report")).json()
    assert report["taken"] == {"cash": 29_800}
    assert report["expected"] == {"cash": FLOAT + 29_800}
    assert report["drawer"] == {"float": FLOAT}
    assert report["shift"]["expected"] is None


async def test_without_a_shift_a_person_takes_no_cash_and_a_machine_does(sqlite_office: Office) -> None:
    """Nor with a shift that is counted: what came after would be nobody's."""
    assert code(await sqlite_office.sell("ann")) == "shift_needed"
    assert (await sqlite_office.cloud.sell())["status"] == "paid"
    shift = (await sqlite_office.open("ann")).json()["id"]
    assert code(await sqlite_office.sell("ann")) == "201"
    await sqlite_office.ask("ann", "POST", f"/shifts/{shift}/count", {"cash": FLOAT + 29_800})
    assert code(await sqlite_office.sell("ann")) == "shift_needed"


async def test_a_count_waits_for_a_sale_that_is_underway(office: Office) -> None:
    """What a transaction takes that began before the count is in what is expected; after it, nothing is sold."""
    shift = (await office.open("ann")).json()["id"]
    ann = (await office.ask("ann", "GET", "/sessions/mine")).json()["user"]["number"]
    selling = asyncio.Event()

    async def count() -> Any:
        await selling.wait()
        return await office.ask("ann", "POST", f"/shifts/{shift}/count", {"cash": FLOAT})

    counting = asyncio.create_task(count())  # here, not inside: a task made in a transaction would be part of it
    async with in_transaction():
        found = await service.of(Caller("Ann", f"user:{ann}", user=ann), 1)
        assert found is not None
        selling.set()
        early, _ = await asyncio.wait({counting}, timeout=0.3)
        assert not early
        await DrawerMove.create(site_id=1, shift_id=shift, kind="float", amount=777, actor="Ann", at_ms=1)
    assert (await counting).json()["expected"]["cash"] == FLOAT + 777
    assert code(await office.sell("ann")) == "shift_needed"


async def test_a_drawer_is_handed_over_when_both_count_the_same(sqlite_office: Office) -> None:
    """The next seller's count must agree; theirs is the drawer then, and the difference is the first one's."""
    first = (await sqlite_office.open("ann")).json()["id"]
    await sqlite_office.sell("ann")
    over = f"/shifts/{first}/take-over"
    assert code(await sqlite_office.ask("bo", "POST", over, {"cash": 1})) == "shift_uncounted"
    await sqlite_office.ask("ann", "POST", f"/shifts/{first}/count", {"cash": FLOAT + 29_900})
    assert code(await sqlite_office.ask("bo", "POST", over, {"cash": FLOAT + 29_800})) == "shift_count_differs"
    assert code(await sqlite_office.ask("ann", "POST", over, {"cash": FLOAT + 29_900})) == "shift_not_yours"
    assert code(await sqlite_office.ask("ann", "POST", f"/shifts/{first}/reopen")) == "scope_missing"
    assert code(await sqlite_office.ask("mei", "POST", f"/shifts/{first}/reopen")) == "200"
    await sqlite_office.ask("ann", "POST", f"/shifts/{first}/count", {"cash": FLOAT + 29_900})
    second = await sqlite_office.ask("bo", "POST", over, {"cash": FLOAT + 29_900})
    assert second.json()["before"] == first
    assert second.json()["float"] == FLOAT + 29_900
    closed = await Shift.get(id=first)
    assert (closed.state, closed.over_short) == ("closed", 100)
    assert await sqlite_office.balance("tenders:cash") == FLOAT + 29_900
    assert code(await sqlite_office.sell("ann")) == "shift_needed"
    assert code(await sqlite_office.sell("bo")) == "201"


async def test_nobody_counts_or_closes_anothers_drawer(sqlite_office: Office) -> None:
    """Only who opened it; and nothing is closed uncounted."""
    shift = (await sqlite_office.open("ann")).json()["id"]
    for verb, body in (("count", {"cash": 0}), ("close", None), ("cash", {"kind": "to_safe", "amount": 1})):
        answer = await sqlite_office.ask("bo", "POST", f"/shifts/{shift}/{verb}", body)
        assert code(answer) == "shift_not_yours", verb
    assert code(await sqlite_office.ask("ann", "POST", f"/shifts/{shift}/close")) == "shift_uncounted"


async def test_a_manager_ends_the_shift_of_a_seller_who_is_gone(sqlite_office: Office) -> None:
    """Counted and closed by them, and on record so; the window is free again."""
    shift = (await sqlite_office.open("ann")).json()["id"]
    number = (await sqlite_office.ask("ann", "GET", "/sessions/mine")).json()["user"]["number"]
    await sqlite_office.cloud.post(f"/staff/users/{number}/deactivate", {})
    assert code(await sqlite_office.open("bo")) == "shift_open"
    assert code(await sqlite_office.ask("mei", "POST", f"/shifts/{shift}/count", {"cash": FLOAT})) == "200"
    assert code(await sqlite_office.ask("mei", "POST", f"/shifts/{shift}/close")) == "200"
    assert code(await sqlite_office.open("bo")) == "201"
    entry = await AuditEntry.get(action="shift.close")
    assert entry.actor == "Mei"


async def test_a_seller_of_one_window_opens_no_other(sqlite_office: Office) -> None:
    """Permission by window; an unknown or a closed window opens for nobody."""
    await hire(sqlite_office.cloud, "cy", "seller", 1, 2)
    sqlite_office.people["cy"] = await sign_in(sqlite_office.cloud, "cy")
    assert code(await sqlite_office.open("cy", 1)) == "window_not_allowed"
    assert code(await sqlite_office.open("cy", 2)) == "201"
    assert code(await sqlite_office.open("ann", 9)) == "unknown_reference"
    await sqlite_office.cloud.post("/windows", {"site": 1, "number": 1, "name": "x", "active": False})
    assert code(await sqlite_office.open("ann", 1)) == "unknown_reference"
    mine = (await sqlite_office.ask("cy", "GET", "/sessions/mine")).json()
    assert mine["window"] == 2


async def test_terminal_totals_are_compared_and_only_cash_is_posted(sqlite_office: Office) -> None:
    """A card terminal whose slip says less is shown; the bank, not the drawer, is asked about it."""
    shift = (await sqlite_office.open("ann")).json()["id"]
    lines = [{"product": 1, "quantity": 1, "visit_date": DAY}]
    payments = [{"method": "terminal", "currency": "CNY", "reference": "T1"}]
    body = {"site": 1, "channel": "window", "lines": lines, "payments": payments}
    assert code(await sqlite_office.ask("ann", "POST", "/orders", body)) == "201"
    count = {"cash": FLOAT, "terminal": 29_000}
    counted = (await sqlite_office.ask("ann", "POST", f"/shifts/{shift}/count", count)).json()
    assert counted["difference"] == {"cash": 0, "terminal": -800}
    closed = (await sqlite_office.ask("ann", "POST", f"/shifts/{shift}/close")).json()
    assert closed["over_short"] == 0


async def test_a_signed_bill_that_is_paid_in_cash_is_in_the_drawer(sqlite_office: Office) -> None:
    """签单: signed, it brings nothing; settled at the window, it does."""
    account = {"site": 1, "code": "HOTEL", "name": "Hotel", "currency": "CNY"}
    limits = {"credit_limit": 100_000, "approval_over": 100_000}
    number = (await sqlite_office.cloud.post("/accounts", account | limits))["number"]
    shift = (await sqlite_office.open("mei")).json()["id"]
    lines = [{"product": 1, "quantity": 1, "visit_date": DAY}]
    signed = [{"method": "account", "currency": "CNY", "account": "HOTEL"}]
    order = {"site": 1, "channel": "window", "lines": lines, "payments": signed}
    assert code(await sqlite_office.ask("mei", "POST", "/orders", order)) == "201"
    report = (await sqlite_office.ask("mei", "GET", f"/shifts/{shift}/report")).json()
    assert report["expected"] == {"cash": FLOAT}
    paid = {"amount": 29_800, "method": "cash"}
    assert code(await sqlite_office.ask("mei", "POST", f"/accounts/{number}/payments", paid)) in {"200", "201"}
    report = (await sqlite_office.ask("mei", "GET", f"/shifts/{shift}/report")).json()
    assert report["expected"] == {"cash": FLOAT + 29_800}


async def test_the_shift_of_a_window_at_a_time_is_found(sqlite_office: Office) -> None:
    """For what a box of the site tells later."""
    at = sqlite_office.cloud.clock.now_ms
    first = (await sqlite_office.open("ann")).json()["id"]
    sqlite_office.cloud.clock.now_ms += 1000
    await sqlite_office.ask("ann", "POST", f"/shifts/{first}/count", {"cash": FLOAT})
    await sqlite_office.ask("ann", "POST", f"/shifts/{first}/close")
    sqlite_office.cloud.clock.now_ms += 1000
    second = (await sqlite_office.open("bo")).json()["id"]
    for when, wanted in ((at, first), (at + 999, first), (at + 1500, second), (at + 9999, second)):
        found = await service.at(1, 1, when)
        assert str(found.id if found else None) == wanted, when
    assert await service.at(1, 2, at) is None
