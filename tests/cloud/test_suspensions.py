# SPDX-License-Identifier: Apache-2.0
"""Suspensions: an area closed and opened again, told at once, and kept as long as they move a ticket's clock."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from documents_down import pushed

from pistegate_cloud.suspensions.service import CLOSED_TOLD_MS, PAUSED_TOLD_MS
from pistegate_protocol.documents import SuspensionList
from pistegate_protocol.suspensions import Suspension

NOON = datetime(2026, 1, 17, 4, tzinfo=UTC)


async def suspend(cloud: Any, **more: Any) -> Any:
    return await cloud.post("/suspensions", {"site": 1, "area": 1, "reason": "wind"} | more)


def told(cloud: Any) -> tuple[Suspension, ...]:
    return pushed(cloud, SuspensionList)[-1].suspensions()


def at(**later: float) -> str:
    return (NOON + timedelta(**later)).isoformat()


async def test_closing_and_opening_an_area(cloud: Any) -> None:
    """Closed from now until further notice, then opened: both times every gate hears of it, and it is on record."""
    begun = await suspend(cloud, clocks_paused=True)
    assert told(cloud) == (Suspension(1, NOON, None, True),)
    cloud.clock.now_ms += 45 * 60_000
    ended = await cloud.post(f"/suspensions/{begun['id']}/end", {})
    assert told(cloud) == (Suspension(1, NOON, NOON + timedelta(minutes=45), True),)
    assert (ended["by"], ended["ended_by"], ended["reason"]) == ("test", "test", "wind")
    again = await cloud.http.post(f"/suspensions/{begun['id']}/end", json={})
    assert (again.status_code, again.json()["code"]) == (409, "state_conflict")
    assert (await cloud.get("/suspensions", site=1))["items"] == [ended]


async def test_planned_ones_may_be_moved_and_called_off(cloud: Any) -> None:
    """An evening's closing that ends earlier; another that never takes place leaves the document."""
    planned = await suspend(cloud, **{"from": at(hours=5), "until": at(hours=8)})
    assert told(cloud) == (Suspension(1, NOON + timedelta(hours=5), NOON + timedelta(hours=8)),)
    await cloud.post(f"/suspensions/{planned['id']}/end", {"at": at(hours=6)})
    assert told(cloud)[0].end == NOON + timedelta(hours=6)
    off = await cloud.post(f"/suspensions/{planned['id']}/end", {})
    assert off["until"] == off["from"]
    assert told(cloud) == ()


async def test_past_ones_are_told_as_long_as_they_move_clocks(cloud: Any) -> None:
    """Where clocks stood still, for the longest clock; others for two days; each new version leaves the rest out."""
    for area, paused in ((0, True), (1, False)):
        begun = await suspend(cloud, area=area, clocks_paused=paused)
        await cloud.post(f"/suspensions/{begun['id']}/end", {"at": at(hours=1)})
    cloud.clock.now_ms += 3_600_000

    async def areas_after(milliseconds: int) -> list[int]:
        cloud.clock.now_ms += milliseconds
        probe = await suspend(cloud, area=1, until=iso(cloud.clock.now_ms + 1))
        await cloud.post(f"/suspensions/{probe['id']}/end", {"at": probe["from"]})
        return [entry.area for entry in told(cloud)]

    assert await areas_after(CLOSED_TOLD_MS) == [0, 1]
    assert await areas_after(1) == [0]
    assert await areas_after(PAUSED_TOLD_MS - CLOSED_TOLD_MS - 1) == [0]
    assert await areas_after(1) == []


def iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"area": 7}, "unknown_reference"),
        ({"site": 2}, "unknown_reference"),
        ({"from": at(hours=2), "until": at(hours=1)}, "invalid_request"),
        ({"until": at(hours=-1)}, "invalid_request"),
        ({"from": "2026-01-17T12:00:00"}, "invalid_request"),  # a time without its zone
        ({"from": "1969-12-31T00:00:00Z"}, "invalid_request"),
        ({"until": "9999-12-31T23:59:59-12:00"}, "invalid_request"),
        ({"reason": " "}, "invalid_request"),
    ],
)
async def test_what_makes_no_sense_is_refused(cloud: Any, body: dict[str, Any], code: str) -> None:
    """Each with its code; nothing is told."""
    answer = await cloud.http.post("/suspensions", json={"site": 1, "area": 1, "reason": "wind"} | body)
    assert answer.json()["code"] == code, answer.text
    assert pushed(cloud, SuspensionList) == []


async def test_an_end_for_nothing(cloud: Any) -> None:
    """An unknown number is not found; a time without zone is refused."""
    assert (await cloud.http.post("/suspensions/9/end", json={})).json()["code"] == "not_found"
    begun = await suspend(cloud)
    wrong = await cloud.http.post(f"/suspensions/{begun['id']}/end", json={"at": "2026-01-17T12:00:00"})
    assert wrong.json()["code"] == "invalid_request"
