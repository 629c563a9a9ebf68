# SPDX-License-Identifier: Apache-2.0
"""Links to ticket pages: one person each, ended and made anew, dead with their ticket, not to be guessed."""

from typing import Any
from uuid import UUID

import pytest
from staff_hands import code
from tortoise.transactions import in_transaction

from pistegate_cloud.audit.models import AuditEntry
from pistegate_cloud.authority.attempts import PER_MINUTE
from pistegate_cloud.notifications import links
from pistegate_cloud.notifications.models import TicketLink
from pistegate_cloud.staff.caller import system

DAY_MS = 86_400_000


@pytest.fixture
async def cloud(sqlite_cloud: Any) -> Any:
    return sqlite_cloud


async def linked(cloud: Any, quantity: int = 1, product: int = 1) -> tuple[Any, list[str]]:
    """An order, and a link to each of its tickets."""
    order = await cloud.sell(product, quantity)
    made = [await cloud.post(f"/tickets/{one['number']}/link", {}) for one in order["tickets"]]
    return order, [one["token"] for one in made]


async def opened(cloud: Any, token: str, method: str = "GET", what: str = "", **more: Any) -> Any:
    """As a guest's phone asks: without any token of ours."""
    return await cloud.http.request(method, f"/t/{token}{what}", headers={"Authorization": ""}, **more)


async def test_a_link_shows_its_ticket_and_no_other(cloud: Any) -> None:
    """Two of one order: each link has its own."""
    order, tokens = await linked(cloud, 2)
    for ticket, token in zip(order["tickets"], tokens, strict=True):
        answer = await opened(cloud, token)
        assert [one["number"] for one in answer.json()["tickets"]] == [ticket["number"]]
        assert answer.headers["cache-control"] == "no-store"
        assert "phone" not in answer.text


async def test_looking_starts_no_clock_and_the_code_is_the_ticket_s(cloud: Any) -> None:
    """A messenger that previews a link does not put the ticket on a medium; asking for the code does, once."""
    order, (token,) = await linked(cloud)
    await opened(cloud, token)
    assert code(await opened(cloud, token, what="/code.png")) == "code_not_issued"
    given = await opened(cloud, token, "POST", "/code")
    staff = await cloud.get(f"/tickets/{order['tickets'][0]['number']}/code")
    assert given.json()["text"] == staff["text"]
    picture = await opened(cloud, token, what="/code.png")
    assert picture.content.startswith(b"\x89PNG")
    assert picture.headers["cache-control"] == "no-store"


async def test_the_database_holds_no_token(cloud: Any) -> None:
    """Who copies it cannot open anything."""
    _, (token,) = await linked(cloud)
    rows = await TicketLink.all().values()
    assert rows
    assert all(token not in str(value) for row in rows for value in row.values())


async def test_a_new_link_ends_the_one_before(cloud: Any) -> None:
    """Sent to the wrong person: make it anew, or end it."""
    order, (first,) = await linked(cloud)
    path = f"/tickets/{order['tickets'][0]['number']}/link"
    second = (await cloud.post(path, {}))["token"]
    assert code(await opened(cloud, first)) == "link_over"
    assert code(await opened(cloud, second)) == "200"
    assert (await cloud.http.post(f"{path}/end")).status_code == 204
    assert code(await opened(cloud, second)) == "link_over"


async def test_a_link_dies_with_its_ticket(cloud: Any) -> None:
    """Cancelled, or past its last day."""
    order, (cancelled, past) = await linked(cloud, 2)
    await cloud.post(f"/tickets/{order['tickets'][0]['number']}/revoke", {"reason": "test"})
    assert code(await opened(cloud, cancelled)) == "link_over"
    assert code(await opened(cloud, past)) == "200"
    cloud.clock.now_ms += DAY_MS
    assert code(await opened(cloud, past)) == "link_over"
    assert code(await opened(cloud, past, "POST", "/code")) == "link_over"


async def test_guesses_are_counted_and_a_right_link_opens_all_the_same(cloud: Any) -> None:
    """Ten wrong ones a minute from one address; guests behind the same address are not locked out."""
    _, (token,) = await linked(cloud)
    told = [code(await opened(cloud, f"{n:022d}")) for n in range(PER_MINUTE + 1)]
    assert told == ["link_unknown"] * PER_MINUTE + ["too_many_attempts"]
    assert code(await opened(cloud, token)) == "200"
    cloud.clock.seconds += 61
    assert code(await opened(cloud, f"{0:022d}")) == "link_unknown"


async def test_a_group_s_leader_hands_each_person_a_link_of_their_own(cloud: Any) -> None:
    """The order's link lists its tickets and shows no code; from it each gets one link, and both are on record."""
    order = await cloud.sell(1, 3)
    async with in_transaction():
        token = await links.of_order(UUID(order["id"]), 1, system("test"), cloud.clock.now_ms)
    listed = (await opened(cloud, token)).json()
    assert (listed["kind"], len(listed["tickets"])) == ("order", 3)
    assert code(await opened(cloud, token, "POST", "/code")) == "not_found"
    number = order["tickets"][1]["number"]
    made = await opened(cloud, token, "POST", "/links", json={"ticket": number})
    assert [one["number"] for one in (await opened(cloud, made.json()["token"])).json()["tickets"]] == [number]
    other = (await cloud.sell())["tickets"][0]["number"]
    assert code(await opened(cloud, token, "POST", "/links", json={"ticket": other})) == "not_found"
    noted = await AuditEntry.filter(action="link.make").order_by("id").values_list("actor", "subject")
    assert [tuple(row) for row in noted] == [("system", f"order:{order['id']}"), ("guest", f"ticket:{number}")]
