# SPDX-License-Identifier: Apache-2.0
"""Pick-up by a code or by number and phone, not guessable; an order's tickets given out as codes at once."""

from typing import Any

from pistegate_cloud.codes.models import CodeIssue
from pistegate_cloud.pickups.models import Pickup

CASH = {"method": "cash", "currency": "CNY"}


async def ordered(cloud: Any, quantity: int = 3) -> Any:
    """An online order whose guest gave a phone number."""
    lines = [{"product": 1, "quantity": quantity, "visit_date": "2026-01-17"}]
    body = {"site": 1, "channel": "online", "lines": lines, "payments": [CASH], "phone": "13800001234"}
    return await cloud.post("/orders", body)


async def test_a_code_picks_up_and_the_newest_alone(sqlite_cloud: Any) -> None:
    """Whatever case and dashes; stored hashed; the one before it is refused; picked up again, the same tickets."""
    order = await ordered(sqlite_cloud)
    old, new = [(await sqlite_cloud.post(f"/orders/{order['id']}/pickup-code", {}))["code"] for _ in range(2)]
    assert old != new
    given = await sqlite_cloud.post("/pickups", {"site": 1, "code": new.lower().replace("-", "")})
    assert given["order"] == order["id"]
    assert {one["ticket"] for one in given["tickets"]} == {one["number"] for one in order["tickets"]}
    assert await sqlite_cloud.post("/pickups", {"site": 1, "code": new}) == given
    refused = await sqlite_cloud.http.post("/pickups", json={"site": 1, "code": old})
    assert refused.json()["code"] == "pickup_unknown"
    row = await Pickup.get(order_id=order["id"])
    assert row.times == 2
    assert new.replace("-", "") not in str(vars(row))


async def test_nobody_guesses_the_phone_for_long(sqlite_cloud: Any) -> None:
    """Ten wrong ones in a minute, then even the right one waits; the answer never says what was wrong."""
    order = await ordered(sqlite_cloud)
    body = {"site": 1, "number": order["id"], "phone_last": "1234"}
    assert len((await sqlite_cloud.post("/pickups", body))["tickets"]) == 3
    wrong = [
        (await sqlite_cloud.http.post("/pickups", json=body | {"phone_last": f"{n:04}"})).json()["code"]
        for n in range(12)
    ]
    assert wrong == ["pickup_unknown"] * 10 + ["too_many_attempts"] * 2
    assert (await sqlite_cloud.http.post("/pickups", json=body)).json()["code"] == "too_many_attempts"
    sqlite_cloud.clock.seconds += 61
    assert (await sqlite_cloud.post("/pickups", body))["order"] == order["id"]


async def test_a_group_on_codes_is_the_same_as_one_by_one(cloud: Any) -> None:
    """Those given out before keep their code; again, all are the same; refunded ones are left out."""
    order = await ordered(cloud, 5)
    first = order["tickets"][0]["number"]
    alone = await cloud.post(f"/tickets/{first}/code", {})
    path = f"/orders/{order['id']}/codes"
    given = await cloud.post(path, {})
    texts = {one["ticket"]: one["text"] for one in given["tickets"]}
    assert texts[first] == alone["text"]
    assert await cloud.post(path, {}) == given
    assert await CodeIssue.all().count() == 5
    last = order["tickets"][-1]["number"]
    for number, text in texts.items():
        assert (await cloud.get(f"/tickets/{number}/code"))["text"] == text
    await cloud.post(f"/orders/{order['id']}/refund", {"reason": "ill", "tickets": [last]})
    assert last not in {one["ticket"] for one in (await cloud.post(path, {}))["tickets"]}
