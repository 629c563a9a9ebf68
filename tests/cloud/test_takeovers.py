# SPDX-License-Identifier: Apache-2.0
"""Where a spare stands, in the cloud's books; on both databases."""

from typing import Any

import pytest

from pistegate_cloud.authority.takeovers import DAY_MS
from pistegate_protocol.documents import DOCUMENTS, TakeoverList
from pistegate_protocol.events import Admitted, ClockState, Outcome, OutcomeKind, PlaceTaken
from pistegate_protocol.messages import SignedDocument
from pistegate_protocol.usage import Usage, encode_counters

NOON_MS = 1768622400000
SPARE = 3  # stands at post 2 in area 1; gates 1 and 2 at post 1 in area 0


async def allowed(cloud: Any, *gates: int, days: int = 30) -> None:
    answer = await cloud.http.post("/takeovers", json={"site": 1, "spare": SPARE, "gates": list(gates), "days": days})
    assert answer.status_code == 204, answer.text


def ride(gate: Any, ticket: int, at: int = NOON_MS + 1000) -> None:
    """One person through on a ticket."""
    counters = encode_counters(Usage(claim=bytes(8)))
    medium = b"\x01\x04" + ticket.to_bytes(6, "big")
    admitted = Admitted(at, ticket, medium, bytes(8), 1, 1, counters, prev=bytes(8), before=counters)
    seq = gate.add(admitted)
    gate.add(Outcome(at + 500, gate.epoch, seq, OutcomeKind.PASSED, 1, 0, None))


async def posts(cloud: Any) -> list[tuple[int, int]]:
    """Post and area of every passage of the spare."""
    await cloud.services.ingest.apply_pending()
    items = (await cloud.get("/passages", site=1))["items"]
    return [(each["post"], each["area"]) for each in items if each["gate"] == SPARE]


async def test_devices_are_told_where_a_spare_may_stand(cloud: Any, new_gate: Any) -> None:
    """By a document that lies in every journal of the site; what it was allowed before is replaced."""
    await allowed(cloud, 1, 2)
    await allowed(cloud, 1)
    answers = [answer for _, answer in await cloud.receive([new_gate(SPARE).hello()])]
    [document] = [DOCUMENTS.decode(each.body) for each in answers if isinstance(each, SignedDocument)]
    assert isinstance(document, TakeoverList)
    assert document.entries == [(SPARE, 1, NOON_MS, NOON_MS + 30 * DAY_MS, 0, [1, 2, 3])]
    assert (await cloud.http.post("/takeovers", json={"site": 1, "spare": 77, "gates": [1]})).status_code == 422


@pytest.mark.parametrize("pieces", [(2,), (1,), (3,), (2, 3), (99,)], ids=str)
async def test_passages_count_at_the_place_whatever_way_the_events_come(
    cloud: Any, new_gate: Any, pieces: tuple[int, ...]
) -> None:
    """Applied after the first event, amidst the opening, or all at once; the next epoch is at home again."""
    await allowed(cloud, 1)
    gate = new_gate(SPARE)
    gate.add(ClockState(NOON_MS, True, "network", 0, b"", 0, None))
    gate.add(PlaceTaken(NOON_MS, 1, 1))
    ride(gate, (await cloud.sell())["tickets"][0]["number"])
    for piece in pieces:
        await cloud.receive([gate.batch(1, piece)])
        await cloud.services.ingest.apply_pending()
    await cloud.receive([gate.batch()])
    assert await posts(cloud) == [(1, 0)]
    home = new_gate(SPARE, epoch=6 << 32, previous=gate)
    ride(home, (await cloud.sell())["tickets"][0]["number"], NOON_MS + 700_000)
    await cloud.receive([home.batch()])
    assert await posts(cloud) == [(1, 0), (2, 1)]
    assert "place_unknown" not in await cloud.exceptions()


@pytest.mark.parametrize("bad", ["never allowed", "another gate", "run out", "withdrawn", "too late in the epoch"])
async def test_a_place_that_was_not_allowed_is_shown_and_counts_at_home(cloud: Any, new_gate: Any, bad: str) -> None:
    """Bad input: a spare that lies, or was put where it may not be."""
    at = NOON_MS
    ticket = (await cloud.sell())["tickets"][0]["number"]
    if bad != "never allowed":
        await allowed(cloud, 2 if bad == "another gate" else 1)
    if bad == "run out":
        at += 32 * DAY_MS
        cloud.clock.now_ms = at
    if bad == "withdrawn":
        await allowed(cloud)
        at += 2 * DAY_MS
        cloud.clock.now_ms = at
    gate = new_gate(SPARE)
    if bad == "too late in the epoch":
        ride(gate, ticket, at)
        gate.add(PlaceTaken(at, 1, 1))
    else:
        gate.add(PlaceTaken(at, 1, 1))
        ride(gate, ticket, at)
    await cloud.receive([gate.batch()])
    assert await posts(cloud) == [(2, 1)]
    assert "place_unknown" in await cloud.exceptions()
