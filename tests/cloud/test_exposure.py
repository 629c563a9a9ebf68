# SPDX-License-Identifier: Apache-2.0
"""How many persons tickets let in at most while gates do not hear each other, as the cloud knows it."""

from typing import Any

from pistegate_cloud.tickets.exposure import SILENT_MS
from pistegate_protocol.events import Admitted, Outcome, OutcomeKind
from pistegate_protocol.usage import Usage, decode_usage, encode_counters
from pistegate_simulators import stock

ISSUE = {"encoder": 1, "wait_ms": 0}
DESK = {"site": 1, "encoder": 1, "wait_ms": 0}
FAMILY, ONE, DAY = 3, 2, 1  # products: three persons twice a day for two days; one ride; a day without limit
THREE = {"site": 1, "number": 30, "code": "THREE", "name": {"en": "Three days", "zh-CN": "三日票"}, "price": 60000}
THREE |= {"currency": "CNY", "areas": [0], "entries_per_day": 2, "days": 9, "terms": {"days": 3}}


async def sold(cloud: Any, product: int) -> int:
    return int((await cloud.sell(product))["tickets"][0]["number"])


async def on_code(cloud: Any, product: int) -> int:
    """A ticket given out as a code."""
    ticket = await sold(cloud, product)
    await cloud.post(f"/tickets/{ticket}/code", {})
    return ticket


async def on_card(cloud: Any, new_card: Any, ticket: int) -> Any:
    """Put on a card; the encoder with it."""
    encoder = cloud.encoder()
    encoder.card = new_card()
    await cloud.post(f"/tickets/{ticket}/issue", ISSUE)
    return encoder


async def say_hello(cloud: Any, new_gate: Any, *gates: int) -> None:
    """Gates of the site are heard."""
    await cloud.receive([new_gate(number).hello() for number in gates])


async def exposure(cloud: Any, ticket: int, **query: Any) -> tuple[Any, ...]:
    """Cards, pointers, groups, at most on a day, at most in total."""
    told = await cloud.get(f"/tickets/{ticket}/exposure", **query)
    return told["cards"], told["pointers"], told["groups"], told["most_day"], told["most_total"]


async def test_code_lets_in_once_per_group_and_a_card_once_more(cloud: Any, new_card: Any, new_gate: Any) -> None:
    """Two entries of three persons a day: three gates alone; with a hub one group; a card beside the code adds one."""
    ticket = await on_code(cloud, FAMILY)
    await say_hello(cloud, new_gate, 1, 2, 3)
    assert await exposure(cloud, ticket) == (0, True, 3, 18, None)
    assert await exposure(cloud, ticket, hub=True) == (0, True, 1, 6, None)
    await on_card(cloud, new_card, ticket)
    assert await exposure(cloud, ticket) == (1, True, 3, 24, None)
    assert await exposure(cloud, ticket, hub=True) == (1, True, 1, 12, None)
    told = await cloud.get(f"/tickets/{ticket}/exposure")
    assert (told["allowance_day"], told["allowance_total"], told["gates"], told["silent"]) == (6, None, 3, 0)


async def test_gate_that_falls_silent_is_a_group_of_its_own(cloud: Any, new_gate: Any) -> None:
    """Not heard of for two minutes; heard again, it is one of the group."""
    ticket = await on_code(cloud, ONE)
    await say_hello(cloud, new_gate, 1, 2, 3)
    cloud.clock.now_ms += SILENT_MS
    await say_hello(cloud, new_gate, 1)
    assert await exposure(cloud, ticket, hub=True) == (0, True, 1, 1, 1)
    cloud.clock.now_ms += 1
    assert await exposure(cloud, ticket, hub=True) == (0, True, 3, 3, 3)
    await say_hello(cloud, new_gate, 2, 3)
    assert await exposure(cloud, ticket, hub=True) == (0, True, 1, 1, 1)


async def test_ticket_on_a_card_alone_is_good_for_what_was_sold_whatever_gates_hear(cloud: Any, new_card: Any) -> None:
    """The card brings its count along; a ticket on nothing lets nobody in; without a limit there is no number."""
    ticket = await sold(cloud, ONE)
    assert await exposure(cloud, ticket) == (0, False, 3, 0, 0)
    await on_card(cloud, new_card, ticket)
    assert await exposure(cloud, ticket) == (1, False, 3, 1, 1)
    assert await exposure(cloud, await on_code(cloud, DAY)) == (0, True, 3, None, None)


async def test_card_that_was_replaced_counts_until_every_gate_was_told(
    cloud: Any, new_card: Any, new_gate: Any
) -> None:
    """A silent gate may not know that the lost card is refused."""
    ticket = await sold(cloud, ONE)
    encoder = await on_card(cloud, new_card, ticket)
    lost = encoder.card.uid.hex()
    await cloud.post(f"/cards/{lost}/lost", {"reason": "lost on the piste"})
    encoder.card = new_card()
    await cloud.post(f"/cards/{lost}/replace", DESK)
    assert await exposure(cloud, ticket) == (2, False, 3, 2, 2)
    await say_hello(cloud, new_gate, 1, 2, 3)
    assert await exposure(cloud, ticket) == (1, False, 3, 1, 1)


async def test_site_figure_is_the_sum_of_its_tickets(cloud: Any, new_card: Any, new_gate: Any) -> None:
    """Of tickets that are valid today and on a medium; those without a limit are counted apart."""
    await cloud.post("/products", THREE)
    await say_hello(cloud, new_gate, 1, 2)
    tickets = [await on_code(cloud, product) for product in (FAMILY, FAMILY, ONE, DAY, 30)]
    await on_card(cloud, new_card, tickets[0])
    await sold(cloud, ONE)
    other_day = int((await cloud.sell_on("2026-01-19", ONE))["tickets"][0]["number"])
    await cloud.post(f"/tickets/{other_day}/code", {})
    revoked = await on_code(cloud, ONE)
    await cloud.post(f"/tickets/{revoked}/revoke", {"reason": "refund"})
    for hub in (False, True):
        report = await cloud.get("/reports/exposure", site=1, hub=hub)
        each = [(await exposure(cloud, ticket, hub=hub))[3] for ticket in tickets]
        assert report["most"] == sum(persons for persons in each if persons is not None)
        assert (report["gates"], report["silent"], report["groups"]) == (2, 1, 2 if hub else 3)
        assert (report["tickets"], report["allowance"], report["unlimited"]) == (5, 6 + 6 + 1 + 2, 1)


async def test_site_figure_as_a_table(sqlite_cloud: Any) -> None:
    """CSV, for a spreadsheet."""
    answer = await sqlite_cloud.http.get("/reports/exposure", params={"site": 1, "format": "csv"})
    rows = answer.text.splitlines()
    assert rows[1:] == ["gates,0", "silent,3", "groups,3", "tickets,0", "allowance,0", "most,0", "unlimited,0"]


async def test_new_card_does_not_begin_with_what_a_code_used(cloud: Any, new_card: Any, new_gate: Any) -> None:
    """Gates add up card and codes themselves, and would count it twice."""
    ticket = await on_code(cloud, FAMILY)
    gate = new_gate()
    used = Usage(claim=b"codes", used_total=3)
    seq = gate.add(Admitted(cloud.clock.now_ms, ticket, b"\x00", b"claimdig", 3, 3, encode_counters(used), bytes(8)))
    gate.add(Outcome(cloud.clock.now_ms, gate.epoch, seq, OutcomeKind.PASSED, 3))
    await cloud.receive([gate.batch()])
    await cloud.services.ingest.apply_pending()
    encoder = await on_card(cloud, new_card, ticket)
    assert decode_usage(stock.usage_content(encoder.card)).used_total == 0
