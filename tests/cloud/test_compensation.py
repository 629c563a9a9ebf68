# SPDX-License-Identifier: Apache-2.0
"""Compensation after a stop: previewed, agreed to, given in chunks that go on after a crash, once for each ticket."""

import asyncio
from typing import Any

from after_sales import passes
from order_desk import OrderDesk

from pistegate_cloud.notifications.models import Notification
from pistegate_cloud.orders.models import Order, Refund
from pistegate_cloud.tickets.models import Ticket

CASH = {"method": "cash", "currency": "CNY"}
PRICE = 29800


async def stopped(cloud: Any, quantity: int) -> tuple[Any, int]:
    """An order all of whose tickets passed, then a stop of an hour; its number."""
    order = await cloud.sell(1, quantity)
    desk = OrderDesk(cloud, None, None, "2026-01-17", "2026-01-17")  # type: ignore[arg-type]
    for seq, one in enumerate(order["tickets"], 1):
        await passes(desk, one["number"], seq=seq)
    stop = await cloud.post("/suspensions", {"site": 1, "area": 0, "reason": "wind", "clocks_paused": False})
    cloud.clock.now_ms += 3_600_000
    body = {"site": 1, "suspension": stop["id"], "way": "refund", "bp": 3000, "reason": "wind"}
    assert (await cloud.http.post("/compensations", json=body)).json()["code"] == "stop_not_over"
    await cloud.post(f"/suspensions/{stop['id']}/end", {})
    cloud.clock.now_ms += 1
    return order, stop["id"]


async def test_a_part_goes_back_once_in_chunks(cloud: Any) -> None:
    """Two chunks of two at once, then the rest; each ticket once; a later refund gives back only what is left."""
    order, stop = await stopped(cloud, 5)
    body = {"site": 1, "suspension": stop, "way": "refund", "bp": 3000, "reason": "wind"}
    draft = await cloud.post("/compensations", body)
    assert (draft["state"], draft["total"], draft["amount"]) == ("draft", 5, 5 * 8940)
    assert (await cloud.http.post("/compensations", json=body)).json()["code"] == "compensation_nobody"
    path = f"/compensations/{draft['id']}/run"
    await cloud.post(path, {"chunk": 1})
    await asyncio.gather(*(cloud.http.post(path, json={"chunk": 2}) for _ in range(2)))
    for _ in range(3):
        last = await cloud.post(path, {"chunk": 2})
    assert (last["state"], last["done"], last["given"]) == ("done", 5, 5 * 8940)
    assert sum(row.amount for row in await Refund.all()) == 5 * 8940
    assert await Ticket.filter(status="revoked").count() == 0
    first = order["tickets"][0]["number"]
    told = await cloud.get(f"/orders/{order['id']}/refund", ticket=first)
    assert told["lines"][0]["paid"] == PRICE - 8940


async def test_who_bought_hears_of_it_once(sqlite_cloud: Any) -> None:
    """Two tickets of an order with a phone: one message that says what both get."""
    order, stop = await stopped(sqlite_cloud, 2)
    await Order.filter(id=order["id"]).update(phone="13800000000")
    body = {"site": 1, "suspension": stop, "way": "refund", "bp": 3000, "reason": "wind"}
    draft = await sqlite_cloud.post("/compensations", body)
    for _ in range(2):
        await sqlite_cloud.post(f"/compensations/{draft['id']}/run", {})
    [message] = await Notification.filter(kind="lift_stop")
    assert message.values == {"what": {"amount": 2 * 8940, "currency": "CNY"}}


async def test_an_extension_by_days_is_an_amendment_of_each(sqlite_cloud: Any) -> None:
    """A ticket that was refunded since the preview is passed over, the others hold a day longer."""
    order, stop = await stopped(sqlite_cloud, 3)
    body = {"site": 1, "suspension": stop, "way": "extension", "days": 1, "reason": "wind"}
    draft = await sqlite_cloud.post("/compensations", body)
    gone = order["tickets"][0]["number"]
    await sqlite_cloud.post(f"/tickets/{gone}/revoke", {"reason": "stolen"})
    done = await sqlite_cloud.post(f"/compensations/{draft['id']}/run", {})
    assert (done["state"], done["done"], done["passed_over"]) == ("done", 2, 1)
    assert [str(row.amended_until) for row in await Ticket.exclude(number=gone)] == ["2026-01-18"] * 2


async def test_a_dropped_draft_leaves_its_tickets_free(sqlite_cloud: Any) -> None:
    """Another way may be chosen; what was dropped runs no more."""
    _, stop = await stopped(sqlite_cloud, 1)
    body = {"site": 1, "suspension": stop, "way": "refund", "bp": 3000, "reason": "wind"}
    draft = await sqlite_cloud.post("/compensations", body)
    await sqlite_cloud.post(f"/compensations/{draft['id']}/drop", {})
    assert (await sqlite_cloud.post("/compensations", body))["total"] == 1
    answer = await sqlite_cloud.http.post(f"/compensations/{draft['id']}/run", json={})
    assert answer.json()["code"] == "state_conflict"
