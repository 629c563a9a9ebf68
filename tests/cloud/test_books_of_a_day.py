# SPDX-License-Identifier: Apache-2.0
"""A whole day of a one-card area, closed: every check agrees, and an independent program accepts its books."""

import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

from guests_at_gates import at
from ski_area import SATURDAY, SUNDAY, Area, named

from pistegate_cloud.ledger import exporting

DAY, DEPOSIT, INSURANCE, SUITE, COACH = 30, 31, 32, 33, 34
SHED, KITCHEN = 41, 42
PRODUCTS: list[dict[str, Any]] = [
    {"number": DAY, "name": named("Area day"), "price": 29800, "tax_bp": 600},
    {"number": DEPOSIT, "name": named("Deposit"), "price": 20000, "kind": "deposit"},
    {"number": INSURANCE, "name": named("Insurance"), "price": 2000, "kind": "insurance", "passthrough": True},
    {"number": COACH, "name": named("Coach"), "price": 30000, "kind": "coach", "tax_bp": 600, "department": "coach"},
    {"number": SUITE, "name": named("Day and coach"), "price": 50001, "kind": "bundle"},
]
BUNDLE = {"offers": [{"product": SUITE, "parts": [{"product": DAY, "bp": 5000}, {"product": COACH, "bp": 5000}]}]}
RENTAL: dict[str, Any] = {
    "site": 1,
    "currency": "CNY",
    "clock": {"starts": ["skis"], "free": 15, "tiers": [{"up_to": 240, "fee": 12000}]},
    "tax_bp": 600,
}


async def test_a_day_is_closed_and_its_books_are_accepted(
    cloud: Any, new_card: Any, new_gate: Any, tmp_path: Path
) -> None:
    """Ticket, insurance, deposit as spending money, lunch, skis, a bundle; used, settled, closed the next morning."""
    area = Area(cloud, new_card, new_gate)
    await area.open(PRODUCTS, BUNDLE)
    for till in (SHED, KITCHEN):
        await area.till(till)
    wallets = {"site": 1, "currency": "CNY", "offline_cap": 50000}
    for path, terms in (("/rentals/terms", RENTAL), ("/wallets/terms", wallets)):
        assert (await cloud.http.put(path, json=terms)).is_success
    at(cloud, SATURDAY, "09:00")
    lines = [{"product": product, "visit_date": SATURDAY} for product in (DAY, DEPOSIT, INSURANCE)]
    order = await area.sell(*lines)
    bundle = await area.sell({"product": SUITE, "visit_date": SATURDAY})
    await area.sell({"product": DAY, "visit_date": SUNDAY})
    guest = await area.visitor(order["tickets"][0]["number"])
    [deposit] = (await cloud.get("/deposits", order=order["id"]))["items"]
    uid = guest.card.uid.hex()
    wallet = (await cloud.post("/wallets", {"site": 1, "currency": "CNY", "uid": uid}))["wallet"]
    await cloud.post(f"/deposits/{deposit['deposit']}/bind", {"uid": uid})
    await cloud.post(f"/deposits/{deposit['deposit']}/spendable", {"wallet": wallet})
    cloud.encoder().card = guest.card
    await cloud.post(f"/wallets/{wallet}/load", {"amount": 20000, "site": 1, "encoder": 1, "wait_ms": 0})
    assert guest.passes(SATURDAY, "09:20") == "in"
    guest.rents(SATURDAY, "09:10", SHED, "skis=K2-1")
    guest.spends(SATURDAY, "11:30", KITCHEN, 4500, "noodles")
    guest.rents(SATURDAY, "12:40", SHED, "skis=K2-1", back=True)
    await area.tell()
    assert (await guest.checks_out(SATURDAY, "12:50")).is_success
    at(cloud, SUNDAY, "08:00")
    answer = await cloud.http.post("/days/close", json={"site": 1, "day": SATURDAY})
    assert answer.is_success, answer.text
    report = answer.json()
    assert {check["check"] for check in report["checks"]} >= {"orders", "tax", "payments", "deferred", "wallets"}
    assert [check for check in report["checks"] if check["books"] != check["other"]] == []
    closing = {row["account"]: row["closing"] for row in report["trial_balance"]}
    assert closing["deferred:lift"] == -(29800 - 1687)  # Sunday's ticket alone is still owed for
    assert closing.get("deferred:coach", 0) == 0  # its day is over
    assert (closing["passthrough:lift"], closing.get("deposits_held", 0)) == (-2000, 0)
    assert report["passages"]["tickets"] == 1
    assert len(bundle["tickets"]) == 1
    book = tmp_path / "day.beancount"
    book.write_text(
        await exporting.beancount_book(1, date.fromisoformat(SATURDAY), date.fromisoformat(SUNDAY)), "utf-8"
    )
    checked = subprocess.run(  # noqa: ASYNC221 - nothing else runs
        [Path(sys.executable).with_name("bean-check"), book], capture_output=True, text=True, check=False, timeout=60
    )
    assert (checked.returncode, checked.stderr) == (0, "")
