# SPDX-License-Identifier: Apache-2.0
"""Figures of reports: rides and visitors differ, hours are the site's, both sides reconcile."""

import csv
import io
from typing import Any

from pistegate_protocol.events import AdmittedV1, OutcomeKind, OutcomeV1, Override, OverrideKind, Refused, Stream
from pistegate_protocol.usage import NO_ADMISSION

NOON_MS = 1768622400000  # 12:00 in Shanghai
HOUR_MS = 3_600_000
DAY = "2026-01-17"


def tap(gate: Any, ticket: int, at: int, kind: OutcomeKind, n: int = 1, passed: int = 0, unknown: int = 0) -> None:
    seq = gate.add(AdmittedV1(at, ticket, b"\x01card", b"claimdig", n, n, bytes(15), NO_ADMISSION))
    gate.add(OutcomeV1(at + 1000, gate.epoch, seq, kind, passed, unknown))


async def a_day(cloud: Any, new_gate: Any) -> None:
    """A day ticket twice at post 1 (noon, 13 h) and once at post 2; a family of three; one each of every bad end."""
    single = (await cloud.sell(1))["tickets"][0]["number"]
    family = (await cloud.sell(3))["tickets"][0]["number"]
    one, three = new_gate(1), new_gate(3)
    tap(one, single, NOON_MS, OutcomeKind.PASSED, passed=1)
    tap(one, single, NOON_MS + HOUR_MS, OutcomeKind.PASSED, passed=1)
    tap(one, family, NOON_MS + 60_000, OutcomeKind.PASSED, n=3, passed=3)
    tap(one, family, NOON_MS + 120_000, OutcomeKind.PASSED, n=3, passed=2)
    tap(one, single, NOON_MS + 7000, OutcomeKind.NOT_PASSED)
    tap(one, single, NOON_MS + 8000, OutcomeKind.CARD_VOID)
    tap(one, single, NOON_MS + 9000, OutcomeKind.INTERRUPTED, unknown=1)
    tap(three, single, NOON_MS - 5 * HOUR_MS, OutcomeKind.PASSED, passed=1)
    tap(three, single, NOON_MS - 13 * HOUR_MS, OutcomeKind.PASSED, passed=1)  # the evening before, in Shanghai
    one.add(Refused(NOON_MS, "passback", b"\x01card", single, 4), Stream.NOTES)
    await cloud.receive([one.batch(), one.batch(stream=Stream.NOTES), three.batch()])
    await cloud.services.ingest.apply_pending()


async def test_passages_per_post_and_hour(cloud: Any, new_gate: Any) -> None:
    """Rides count each time, visitors each person once per cell; a family of three that rode five times is three."""
    await a_day(cloud, new_gate)
    report = await cloud.get("/reports/passages", site=1, day=DAY)
    cells = [(row["post"], row["hour"], row["rides"], row["persons"]) for row in report["rows"]]
    assert cells == [(1, 12, 6, 4), (1, 13, 1, 1), (2, 7, 1, 1)]
    assert (report["rides"], report["persons"]) == (8, 4)
    yesterday = await cloud.get("/reports/passages", site=1, day="2026-01-16")
    assert [(row["hour"], row["rides"]) for row in yesterday["rows"]] == [(23, 1)]


async def test_sales_per_product_and_channel(cloud: Any) -> None:
    """Tickets and money per product and channel."""
    await cloud.sell(1, 2)
    await cloud.sell(1)
    await cloud.sell(2)
    report = await cloud.get("/reports/sales", site=1, day=DAY)
    rows = [(row["product"], row["channel"], row["tickets"], row["amount"]) for row in report["rows"]]
    assert rows == [("DAY", "window", 3, 89400), ("ONE", "window", 1, 4000)]
    assert (report["tickets"], report["amount"]) == (4, 93400)
    assert (await cloud.get("/reports/sales", site=1, day="2026-01-18"))["rows"] == []


async def test_reconciliation(cloud: Any, new_gate: Any) -> None:
    """Persons passed over all outcomes, admissions by how they ended, refusals by reason, the books beside them."""
    await a_day(cloud, new_gate)
    report = await cloud.get("/reports/reconciliation", site=1)
    expected = {
        "admissions": 9,
        "open": 0,
        "passed": 9,
        "not_passed": 1,
        "card_void": 1,
        "card_unconfirmed": 0,
        "interrupted": 1,
        "unknown": 1,
        "refused": {"passback": 4},
        "ledger_imbalance": 0,
        "orders": 2,
        "tickets": 2,
        "sold_amount": 89800,
    }
    assert {name: report[name] for name in expected} == expected
    assert (await cloud.get("/reports/reconciliation", site=1, day=DAY))["passed"] == 8
    empty = await cloud.get("/reports/reconciliation", site=1, day="2020-01-01")
    assert (empty["admissions"], empty["sold_amount"], empty["refused"]) == (0, 0, {})


async def test_csv_opens_in_excel_with_chinese_headings(cloud: Any) -> None:
    """By `?format=csv` or Accept; a byte order mark first; a name that begins like a formula is defused."""
    await cloud.post("/posts", {"site": 1, "number": 5, "area": 0, "name": "=1+1"})
    await cloud.sell(1)
    headers = {"Accept": "text/csv", "Accept-Language": "zh-CN"}
    answer = await cloud.http.get("/reports/sales", params={"site": 1, "day": DAY}, headers=headers)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="sales-1-{DAY}.csv"'
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows == [["产品", "渠道", "币种", "门票", "金额（最小货币单位）"], ["DAY", "window", "CNY", "1", "29800"]]
    for name in ("passages", "reconciliation"):
        query = {"site": 1, "day": DAY, "format": "csv"}
        assert (await cloud.http.get(f"/reports/{name}", params=query)).content.startswith(b"\xef\xbb\xbf")
    json = await cloud.http.get("/reports/sales", params={"site": 1, "day": DAY, "format": "json"}, headers=headers)
    assert json.json()["amount"] == 29800


async def test_csv_defuses_formulas(cloud: Any, new_gate: Any) -> None:
    """A post named like a formula comes as text."""
    await cloud.post("/posts", {"site": 1, "number": 5, "area": 0, "name": "=HYPERLINK(1)"})
    await cloud.post("/gates", {"site": 1, "number": 9, "post": 5, "name": "x"})
    gate = new_gate(9)
    tap(gate, 1, NOON_MS, OutcomeKind.PASSED, passed=1)
    await cloud.receive([gate.batch()])
    await cloud.services.ingest.apply_pending()
    answer = await cloud.http.get("/reports/passages", params={"site": 1, "day": DAY, "format": "csv"})
    assert "'=HYPERLINK(1)" in answer.text


async def test_a_report_of_an_unknown_site_says_so(cloud: Any) -> None:
    """Not an empty report."""
    answer = await cloud.http.get("/reports/sales", params={"site": 7, "day": DAY})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_reference")


async def test_people_let_through_by_hand_are_counted_apart(cloud: Any, new_gate: Any) -> None:
    """A rescue sledge with three through an open lane, by the key; a ski school by a staff card: who, why, how many."""
    gate = new_gate(1)
    gate.add(Override(NOON_MS, 1, OverrideKind.FREE, 0, 0, None, None, "rescue"))
    for second in range(1, 4):
        gate.add(Override(NOON_MS + second * 1000, 1, OverrideKind.FREE, 1, 0, None, None, "rescue"))
    gate.add(Override(NOON_MS + 60_000, 2, OverrideKind.GROUP, 0, 1, b"\x01staffca", 77, "ski school"))
    await cloud.receive([gate.batch(), gate.batch()])
    await cloud.services.ingest.apply_pending()
    page = await cloud.get("/overrides", site=1, day=DAY, gate=1)
    told = [(row["number"], row["kind"], row["entries"], row["exits"], row["ticket"]) for row in page["items"]]
    assert told == [(1, "free", 0, 0, None), *[(1, "free", 1, 0, None)] * 3, (2, "group", 0, 1, 77)]
    assert page["items"][0]["why"] == "rescue"
    report = await cloud.get("/reports/reconciliation", site=1, day=DAY)
    assert (report["overridden"], report["passed"], report["admissions"]) == (4, 0, 0)
    assert (await cloud.get("/reports/reconciliation", site=1, day="2026-01-18"))["overridden"] == 0
    assert await cloud.exceptions() == []
