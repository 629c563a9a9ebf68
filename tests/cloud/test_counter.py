# SPDX-License-Identifier: Apache-2.0
"""Equipment at a counter without cards: one piece with one guest, back by what it was taken with, and its stock."""

import asyncio
from typing import Any

import pytest
from card_stock import MASTERS
from device_bench import Bench, till_of
from wallet_desk import issue_ticket, upload

TERMS = {
    "site": 1,
    "currency": "CNY",
    "clock": {"free": 15, "tiers": [{"up_to": 120, "fee": 8000}]},
    "damages": [{"code": "lost", "price": 20000, "name": {"en": "Lost", "zh-CN": "丢失"}}],
    "once": True,
}
DOCUMENT = {"kind": "resident_id", "number": "999999199003070012"}


async def stock(cloud: Any, *pieces: str) -> None:
    """Pieces such as "skis=K2-1" into stock."""
    bodies = [{"kind": piece.split("=")[0], "label": piece.split("=")[1]} for piece in pieces]
    await cloud.post("/rentals/pieces", {"site": 1, "pieces": bodies})


async def lend(cloud: Any, holder: dict[str, Any], *pieces: str) -> Any:
    bodies = [{"kind": piece.split("=")[0], "label": piece.split("=")[1]} for piece in pieces]
    return await cloud.http.post("/rentals/loans", json={"site": 1, "pieces": bodies} | holder)


async def bring(cloud: Any, holder: dict[str, Any], *labels: str) -> Any:
    return await cloud.http.post("/rentals/loans/return", json={"site": 1, "labels": labels} | holder)


async def states(cloud: Any) -> dict[str, str]:
    return {row["label"]: row["state"] for row in (await cloud.get("/rentals/pieces", site=1))["items"]}


async def a_ticket(cloud: Any) -> dict[str, Any]:
    return {"ticket": (await cloud.sell())["tickets"][0]["number"]}


async def test_taken_and_returned_with_the_same_document(sqlite_cloud: Any) -> None:
    """An ID takes; a ticket cannot return it; the same ID can. Of the number only the last digits are shown."""
    cloud = sqlite_cloud
    await stock(cloud, "skis=K2-1", "boots=B-1")
    holder = {"document": DOCUMENT}
    taken = await lend(cloud, holder, "skis=K2-1", "boots=B-1")
    assert [(row["kind"], row["label"], row["last4"]) for row in taken.json()["items"]] == [
        ("skis", "K2-1", "0012"),
        ("boots", "B-1", "0012"),
    ]
    assert await states(cloud) == {"K2-1": "out", "B-1": "out"}
    assert (await bring(cloud, await a_ticket(cloud), "K2-1")).json()["code"] == "equipment_other_medium"
    assert (await bring(cloud, holder, "K2-1", "B-1")).is_success
    assert await states(cloud) == {"K2-1": "in", "B-1": "in"}
    assert (await bring(cloud, holder, "K2-1")).json()["code"] == "equipment_not_out"


async def test_a_piece_is_with_one_guest_whoever_comes_at_once(cloud: Any) -> None:
    """Eight counters hand out the same skis at the same moment: one guest has them, and nothing else is half done."""
    await stock(cloud, "skis=K2-1", *(f"boots=B-{n}" for n in range(8)))
    guests = [await a_ticket(cloud) for _ in range(8)]
    answers = await asyncio.gather(*(lend(cloud, guest, f"boots=B-{n}", "skis=K2-1") for n, guest in enumerate(guests)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert {answer.json().get("code") for answer in answers} == {None, "equipment_out"}
    out = (await cloud.get("/rentals/loans", site=1, out=True))["items"]
    assert len(out) == 2
    assert sorted((await states(cloud)).values()).count("out") == 2


async def test_a_kind_is_rented_once_where_the_terms_say_so(sqlite_cloud: Any) -> None:
    """Rule C: returned, it cannot be taken again; another kind can."""
    cloud = sqlite_cloud
    await stock(cloud, "skis=K2-1", "skis=K2-2", "boots=B-1")
    await cloud.http.put("/rentals/terms", json=TERMS)
    guest = await a_ticket(cloud)
    assert (await lend(cloud, guest, "skis=K2-1", "skis=K2-2")).json()["code"] == "equipment_once"
    assert (await lend(cloud, guest, "skis=K2-1")).is_success
    await bring(cloud, guest, "K2-1")
    assert (await lend(cloud, guest, "skis=K2-2")).json()["code"] == "equipment_once"
    assert (await lend(cloud, guest, "boots=B-1")).is_success


async def test_what_is_damaged_or_unknown_is_not_handed_out(sqlite_cloud: Any) -> None:
    """Damaged until repaired, retired for good; a label of another kind or of none is refused in words."""
    cloud = sqlite_cloud
    await stock(cloud, "skis=K2-1")
    guest = await a_ticket(cloud)

    async def change(event: str) -> Any:
        return await cloud.http.post("/rentals/pieces/change", json={"site": 1, "label": "K2-1", "event": event})

    assert (await change("damage")).json()["state"] == "damaged"
    refused = (await lend(cloud, guest, "skis=K2-1")).json()
    assert (refused["code"], "damaged" in refused["detail"]) == ("equipment_unfit", True)
    assert (await change("repair")).json()["state"] == "in"
    assert (await lend(cloud, guest, "boots=K2-1")).json()["code"] == "unknown_reference"
    assert (await change("retire")).json()["state"] == "retired"
    assert (await change("repair")).json()["code"] == "state_conflict"
    again = await cloud.http.post("/rentals/pieces", json={"site": 1, "pieces": [{"kind": "skis", "label": "K2-1"}]})
    assert again.json()["code"] == "already_exists"


async def test_the_stock_follows_what_tills_tell_of_cards(sqlite_cloud: Any, new_card: Any, new_gate: Any) -> None:
    """Out when a card took it, in when it is back, whichever till tells first; a damaged one that goes out is shown."""
    cloud = sqlite_cloud
    await stock(cloud, "skis=K2-1", "boots=B-1")
    for number in (31, 32):
        await cloud.post("/gates", {"site": 1, "number": number, "role": "till", "name": f"Rental {number}"})
    desk, shed = till_of(new_gate, 31), till_of(new_gate, 32)
    card = new_card()
    card.ticket = await issue_ticket(cloud, card)
    bench = Bench(MASTERS, cloud.clock.now_ms)
    bench.rent(desk, card, "skis=K2-1 boots=B-1")
    bench.rent(shed, card, "skis=K2-1", back=True)
    await upload(cloud, shed)
    assert await states(cloud) == {"K2-1": "in", "B-1": "in"}
    await upload(cloud, desk)
    assert await states(cloud) == {"K2-1": "in", "B-1": "out"}
    assert (await lend(cloud, await a_ticket(cloud), "boots=B-1")).json()["code"] == "equipment_out"


async def test_a_damaged_piece_on_a_card_is_shown(sqlite_cloud: Any, new_card: Any, new_gate: Any) -> None:
    """A till without a network cannot know: a person is told."""
    cloud = sqlite_cloud
    await stock(cloud, "skis=K2-1")
    await cloud.post("/rentals/pieces/change", {"site": 1, "label": "K2-1", "event": "damage"})
    await cloud.post("/gates", {"site": 1, "number": 31, "role": "till", "name": "Rental"})
    desk, card = till_of(new_gate, 31), new_card()
    card.ticket = await issue_ticket(cloud, card)
    Bench(MASTERS, cloud.clock.now_ms).rent(desk, card, "skis=K2-1")
    await upload(cloud, desk)
    assert await cloud.exceptions() == ["equipment_unfit"]
    assert await states(cloud) == {"K2-1": "damaged"}


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"clock": {"tiers": [{"up_to": 120, "fee": 1}, {"up_to": 60, "fee": 2}]}}, "clock"),
        ({"flat": {"sledge": 1}}, "flat"),
        ({"tax_bp": -1}, "tax_bp"),
    ],
)
async def test_terms_that_contradict_themselves_are_refused(
    sqlite_cloud: Any, change: dict[str, Any], where: str
) -> None:
    """Nothing is stored, and the answer says where."""
    answer = await sqlite_cloud.http.put("/rentals/terms", json=TERMS | change)
    assert (answer.status_code, where in answer.json()["errors"][0]["where"]) == (422, True)
    assert (await sqlite_cloud.get("/rentals/terms", site=1))["items"] == []
