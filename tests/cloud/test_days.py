# SPDX-License-Identifier: Apache-2.0
"""Business days: when they begin, what is posted to them, and that a closed one stays as it was."""

import asyncio
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from tortoise.exceptions import BaseORMException
from tortoise.transactions import in_transaction

from pistegate_cloud.clock import ms_of
from pistegate_cloud.database import is_postgres
from pistegate_cloud.days import recognition, rules, service
from pistegate_cloud.days.models import BusinessDay, RevenuePart
from pistegate_cloud.days.recognition import run
from pistegate_cloud.errors import Problem
from pistegate_cloud.ledger import queries as ledger
from pistegate_cloud.ledger import service as books
from pistegate_protocol.events import AdmittedV1, OutcomeKind, OutcomeV1
from pistegate_protocol.usage import NO_ADMISSION

NOON_MS = 1768622400000  # 2026-01-17 12:00 in Shanghai
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
DAY, NEXT = date(2026, 1, 17), date(2026, 1, 18)
ZONE = ZoneInfo("Asia/Shanghai")


def tap(gate: Any, ticket: int, at: int, passed: int = 1) -> None:
    seq = gate.add(AdmittedV1(at, ticket, b"\x01card", b"claimdig", 1, 1, bytes(15), NO_ADMISSION))
    gate.add(OutcomeV1(at + 1000, gate.epoch, seq, OutcomeKind.PASSED, passed, 0))


async def told(cloud: Any, gate: Any) -> None:
    await cloud.receive([gate.batch()])
    await cloud.services.ingest.apply_pending()
    await run(cloud.clock.now_ms)


async def close(cloud: Any, day: date = DAY, **more: Any) -> Any:
    return await cloud.http.post("/days/close", json={"site": 1, "day": str(day), **more})


def test_a_night_belongs_to_the_day_on_which_it_began() -> None:
    """Cut-over 04:00 from the 17th on: 03:59 is the day before, on the first such day too; before it, midnight."""
    cut_overs = [(DAY, 240)]
    midnight = NOON_MS - 12 * HOUR_MS
    assert rules.business_day(midnight - 1, ZONE, cut_overs) == DAY - timedelta(days=1)
    assert rules.business_day(midnight + 4 * HOUR_MS - 1, ZONE, cut_overs) == DAY - timedelta(days=1)
    assert rules.business_day(midnight + 4 * HOUR_MS, ZONE, cut_overs) == DAY
    assert rules.business_day(midnight + DAY_MS + 2 * HOUR_MS, ZONE, cut_overs) == DAY
    for day in (DAY - timedelta(days=1), DAY, NEXT):
        begins = ms_of(rules.begins(day, ZONE, cut_overs))
        assert rules.business_day(begins, ZONE, cut_overs) == day
        assert rules.business_day(begins - 1, ZONE, cut_overs) == day - timedelta(days=1)


async def test_revenue_waits_for_the_first_passage(cloud: Any, new_gate: Any) -> None:
    """Sold: deferred. Passed twice, told twice, looked at twice: all of it revenue, once."""
    ticket = (await cloud.sell(1))["tickets"][0]["number"]
    await run(cloud.clock.now_ms)
    balances = await ledger.balances(1)
    assert (balances["tenders:cash", "CNY"], balances["deferred:lift", "CNY"]) == (29800, -29800)
    gate = new_gate(1)
    tap(gate, ticket, NOON_MS)
    tap(gate, ticket, NOON_MS + HOUR_MS)
    await told(cloud, gate)
    await told(cloud, gate)
    balances = await ledger.balances(1)
    assert (balances["deferred:lift", "CNY"], balances["revenue:lift", "CNY"]) == (0, -29800)
    assert await RevenuePart.filter(open=True).count() == 0


async def test_what_nobody_used_is_revenue_after_its_last_day(cloud: Any, new_gate: Any) -> None:
    """A family's two days: half of it on the first, the rest by expiry on the third; the ride ticket whole."""
    order = await cloud.sell(3)
    await cloud.sell(2)
    gate = new_gate(1)
    tap(gate, order["tickets"][0]["number"], NOON_MS)
    await told(cloud, gate)
    assert (await ledger.balances(1))["revenue:lift", "CNY"] == -30000
    cloud.clock.now_ms += DAY_MS
    await run(cloud.clock.now_ms)
    assert (await ledger.balances(1))["revenue:lift", "CNY"] == -34000
    cloud.clock.now_ms += DAY_MS
    await run(cloud.clock.now_ms)
    assert (await ledger.balances(1))["revenue:lift", "CNY"] == -64000


async def test_a_passage_before_its_sale_is_found(cloud: Any, new_gate: Any) -> None:
    """A contingency ticket's passage is applied and read before its order is booked: the sale finds it."""
    gate = new_gate(1)
    ticket = (await cloud.sell(1))["tickets"][0]["number"]
    tap(gate, ticket, NOON_MS)
    await cloud.receive([gate.batch()])
    await cloud.services.ingest.apply_pending()
    await recognition._read_passages(cloud.clock.now_ms)
    cloud.clock.now_ms += 2 * recognition.SURE_MS
    await recognition._read_passages(cloud.clock.now_ms)
    await run(cloud.clock.now_ms)
    assert (await ledger.balances(1))["revenue:lift", "CNY"] == -29800


async def test_a_closed_day_is_immutable(cloud: Any) -> None:
    """Closed with a report that reconciles; the database refuses to open it, to remove it and to post to it."""
    await cloud.sell(1)
    early = await close(cloud)
    assert (early.status_code, early.json()["code"]) == (409, "day_not_over")
    cloud.clock.now_ms += DAY_MS
    report = (await close(cloud)).json()
    assert report["state"] == "closed"
    assert [check for check in report["checks"] if check["books"] != check["other"]] == []
    assert (await close(cloud)).json() == report  # again: the same
    deeds = (await cloud.get("/audit", site=1))["items"]
    assert [(deed["subject"], deed["after"]["digest"]) for deed in deeds if deed["action"] == "day.close"] == [
        (f"day:1:{DAY}", report["digest"])
    ]
    assert (await cloud.get(f"/days/{DAY}", site=1))["digest"] == report["digest"]
    # The expiry of the unused ticket went to its own day, which was open.
    assert {row["account"]: row["closing"] for row in report["trial_balance"]}["revenue:lift"] == -29800
    with pytest.raises((BaseORMException, asyncpg.PostgresError), match="closed"):
        await BusinessDay.filter(site_id=1, day=DAY).update(state="open")
    with pytest.raises((BaseORMException, asyncpg.PostgresError), match="closed"):
        await BusinessDay.filter(site_id=1, day=DAY).delete()
    with pytest.raises(Problem, match="day_closed"):
        await books.post(
            [books.Line("tenders:cash", 1, "CNY"), books.Line("sales", -1, "CNY")],
            kind="planted",
            site=1,
            order=None,
            at_ms=NOON_MS,
            day=DAY,
        )


async def test_a_late_gates_passages_post_to_the_open_day(cloud: Any, new_gate: Any) -> None:
    """Both sides say so: the day of posting shows the operating day, the operating day how much was posted later."""
    ticket = (await cloud.sell(3))["tickets"][0]["number"]
    cloud.clock.now_ms += DAY_MS
    first = (await close(cloud)).json()
    assert first["passages"]["tickets"] == 0
    gate = new_gate(1)
    tap(gate, ticket, NOON_MS)
    await told(cloud, gate)
    second = await cloud.get(f"/days/{NEXT}", site=1)
    assert second["other_days"] == [{"event": "use", "operating_day": str(DAY), "transactions": 1}]
    assert {row["account"]: row["closing"] for row in second["trial_balance"]}["revenue:lift"] == -30000
    live = await cloud.get(f"/days/{DAY}", site=1)
    assert live == first  # as it was closed


async def test_what_does_not_reconcile_is_not_closed(cloud: Any) -> None:
    """A planted tender that no order has: told, and the day is open again; accepted with a reason, it is reported."""
    order = await cloud.sell(1)
    await books.record(
        "sale",
        site=1,
        currency="CNY",
        at_ms=NOON_MS,
        order=order["id"],
        moneys=[books.Money("tender", 100, "cash"), books.Money("revenue", 100, "lift")],
    )
    cloud.clock.now_ms += DAY_MS
    answer = await close(cloud)
    assert (answer.status_code, answer.json()["code"]) == (409, "day_differs")
    assert "29900 / 29800" in answer.json()["detail"]
    assert await service.posting_day(1, NOON_MS) == DAY
    report = (await close(cloud, accept_differences=True, reason="planted")).json()
    assert (report["state"], report["reason"]) == ("closed", "planted")
    assert await service.posting_day(1, NOON_MS) == NEXT


async def test_days_close_in_any_order(cloud: Any) -> None:
    """The 18th before the 17th: what belongs to the 18th goes to the 19th, the 17th still takes its own."""
    cloud.clock.now_ms += 2 * DAY_MS
    assert (await close(cloud, NEXT)).status_code == 200
    assert await service.posting_day(1, NOON_MS + DAY_MS) == NEXT + timedelta(days=1)
    assert await service.posting_day(1, NOON_MS) == DAY
    assert (await close(cloud, DAY)).status_code == 200
    assert await service.posting_day(1, NOON_MS) == NEXT + timedelta(days=1)
    assert [row["day"] for row in await cloud.get("/days", site=1)] == [str(NEXT), str(DAY)]


async def test_the_cut_over_is_only_set_for_days_to_come(cloud: Any) -> None:
    """Tomorrow on: kept. Today: refused, because what was sold today is posted already."""
    late = await cloud.http.put("/days/cut-over", json={"site": 1, "from_day": str(DAY), "minutes": 240})
    assert (late.status_code, late.json()["code"]) == (409, "cut_over_past")
    assert (await cloud.http.put("/days/cut-over", json={"site": 1, "from_day": str(NEXT), "minutes": 240})).is_success
    night = NOON_MS + DAY_MS + 14 * HOUR_MS  # 02:00 on the 19th
    assert await service.business_day(1, night) == NEXT


async def test_a_close_waits_for_a_sale_that_is_underway(cloud: Any) -> None:
    """What is posted and not committed yet is in the report."""
    cloud.clock.now_ms += DAY_MS
    posted, go_on = asyncio.Event(), asyncio.Event()

    async def slow_sale() -> None:
        async with in_transaction():
            await books.record("wallet_top_up", site=1, currency="CNY", at_ms=NOON_MS, moneys=[_CASH])
            posted.set()
            await go_on.wait()

    sale = asyncio.create_task(slow_sale())
    await posted.wait()
    closing = asyncio.create_task(close(cloud, accept_differences=True))
    while is_postgres(cloud.services.database) and not await _waiting(cloud):  # noqa: ASYNC110 - it tells no event
        await asyncio.sleep(0)
    go_on.set()
    await sale
    report = (await closing).json()
    assert {row["account"]: row["closing"] for row in report["trial_balance"]}["tenders:cash"] == 500


_CASH = books.Money(books.AMOUNT, 500, "cash")


async def _waiting(cloud: Any) -> bool:
    """Whether somebody waits for a lock of a site's postings."""
    rows = await cloud.services.database.execute_query_dict(
        "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = "
        "(SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    return bool(rows)
