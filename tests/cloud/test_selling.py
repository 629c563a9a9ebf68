# SPDX-License-Identifier: Apache-2.0
"""Orders: priced, paid in cash, booked, once per idempotency key."""

import asyncio
from typing import Any

import pytest

from pistegate_cloud.ledger import queries as ledger

DAY = "2026-01-17"


def order(**changes: Any) -> dict[str, Any]:
    body = {
        "site": 1,
        "channel": "window",
        "lines": [{"product": 1, "quantity": 2, "visit_date": DAY}],
        "payment": {"method": "cash", "tendered": 60000, "currency": "CNY"},
    }
    return body | changes


async def test_a_sale_gives_tickets_change_and_balanced_books(cloud: Any) -> None:
    """Two day tickets for 596.00, paid with 600.00: 4.00 change, 596.00 in the drawer, owed until used."""
    sold = await cloud.post("/orders", order())
    assert (sold["status"], sold["total"], sold["payments"][0]["change"]) == ("paid", 59600, 400)
    assert [ticket["status"] for ticket in sold["tickets"]] == ["sold", "sold"]
    assert all(0 <= ticket["number"] < 2**48 for ticket in sold["tickets"])
    assert await ledger.balances(1) == {("tenders:cash", "CNY"): 59600, ("deferred:lift", "CNY"): -59600}
    assert await ledger.imbalance(1) == 0
    again = await cloud.get(f"/orders/{sold['id']}")
    tickets = sorted(again.pop("tickets"), key=lambda t: t["number"])
    assert tickets == sorted(sold.pop("tickets"), key=lambda t: t["number"])
    assert again == sold


async def test_validity_runs_from_the_visit_date(cloud: Any) -> None:
    """A two-day product for tomorrow is valid tomorrow and the day after."""
    lines = [{"product": 3, "visit_date": "2026-01-18"}]
    ticket = (await cloud.post("/orders", order(lines=lines)))["tickets"][0]
    assert (ticket["valid_from"], ticket["valid_until"]) == ("2026-01-18", "2026-01-19")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"payment": {"method": "cash", "tendered": 59599, "currency": "CNY"}}, "payment_too_small"),
        ({"payment": {"method": "cash", "tendered": 60000, "currency": "EUR"}}, "wrong_currency"),
        ({"payment": {"method": "cash", "tendered": -1, "currency": "CNY"}}, "invalid_request"),
        ({"payment": {"method": "cash", "tendered": 10**30, "currency": "CNY"}}, "invalid_request"),
        ({"payment": {"method": "iou", "tendered": 1, "currency": "CNY"}}, "invalid_request"),
        ({"lines": []}, "invalid_request"),
        ({"lines": [{"product": 9, "visit_date": DAY}]}, "unknown_reference"),
        ({"lines": [{"product": 1, "visit_date": "2026-01-16"}]}, "visit_date_past"),
        ({"lines": [{"product": 1, "quantity": 0, "visit_date": DAY}]}, "invalid_request"),
        ({"lines": [{"product": 1, "quantity": 300, "visit_date": DAY}] * 2}, "amount_too_large"),
        ({"site": 2}, "unknown_reference"),
        ({"channel": "a\x00b"}, "invalid_request"),
        ({"surprise": 1}, "invalid_request"),
    ],
)
async def test_a_wrong_order_is_refused_and_leaves_nothing(cloud: Any, changes: dict[str, Any], code: str) -> None:
    """Every refusal has its code as problem+json, and nothing is half done."""
    answer = await cloud.http.post("/orders", json=order(**changes))
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code
    assert answer.json()["status"] == answer.status_code
    assert (await cloud.get("/orders"))["items"] == []
    assert await ledger.balances(1) == {}


async def test_a_repeated_sale_is_one_sale(cloud: Any) -> None:
    """The same key gives the same order, also when both requests run at once."""
    headers = {"Idempotency-Key": "till-1-0001"}
    answers = await asyncio.gather(*(cloud.post("/orders", order(), **headers) for _ in range(4)))
    assert {answer["id"] for answer in answers} == {answers[0]["id"]}
    assert await ledger.balances(1) == {("tenders:cash", "CNY"): 59600, ("deferred:lift", "CNY"): -59600}
    other = await cloud.http.post("/orders", json=order(channel="web"), headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")


async def test_orders_are_listed_in_pages(cloud: Any) -> None:
    """Each order comes once, oldest first."""
    ids = [(await cloud.sell(2))["id"] for _ in range(5)]
    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = await cloud.get("/orders", site=1, limit=2, **after)
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert sorted(seen) == sorted(ids)
    assert len(seen) == 5
