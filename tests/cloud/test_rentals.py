# SPDX-License-Identifier: Apache-2.0
"""Rentals: equipment by card in any order of upload, found by card, ticket or piece; check-out reads the card first."""

from itertools import permutations
from typing import Any

import pytest
from card_stock import MASTERS
from device_bench import Bench, Cut, till_of
from wallet_desk import check_books, issue_ticket, load, open_wallet, tell_all, upload

from pistegate_cloud.rentals import queries
from pistegate_cloud.rentals.models import Rental
from pistegate_cloud.wallets.models import CardUse
from pistegate_protocol.events import CardUse as CardUseEvent
from pistegate_protocol.events import CardUseEnded, UseKind, UseResult
from pistegate_simulators import stock

NOON_MS = 1768622400000
DESK, SHED = 31, 32


@pytest.fixture
def bench() -> Bench:
    """Devices that work on simulated cards."""
    return Bench(MASTERS, NOON_MS)


@pytest.fixture
async def tills(cloud: Any, new_gate: Any) -> Any:
    """Where equipment is handed out, and where it comes back."""
    for number in (DESK, SHED):
        await cloud.post("/gates", {"site": 1, "number": number, "role": "till", "name": f"Rental {number}"})
    return till_of(new_gate, DESK), till_of(new_gate, SHED)


@pytest.fixture
async def card(cloud: Any, new_card: Any) -> Any:
    """A guest's card, its ticket's number in `ticket`."""
    card = new_card()
    card.ticket = await issue_ticket(cloud, card)
    return card


async def rentals(cloud: Any, **query: Any) -> list[tuple[str, str, bool, bool]]:
    rows = (await cloud.get("/rentals", **query))["items"]
    return [(row["kind"], row["item"], row["taken"] is not None, row["returned"] is not None) for row in rows]


async def check_out(cloud: Any, card: Any) -> Any:
    encoder = cloud.encoder()
    encoder.card = card
    return await cloud.post("/rentals/checkout", {"site": 1, "encoder": 1, "wait_ms": 1000})


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_equipment_is_where_it_is_in_any_order_of_upload(
    cloud: Any, tills: Any, card: Any, bench: Bench, new_gate: Any, order: tuple[int, ...]
) -> None:
    """Taken at one till, returned at two others: the end is the same whichever till reaches the cloud first."""
    await cloud.post("/gates", {"site": 1, "number": 33, "role": "till", "name": "Third"})
    desk, shed = tills
    third = till_of(new_gate, 33)
    bench.rent(desk, card, "boots=B-12 skis=K2-0815 helmet", ticket=card.ticket)
    bench.rent(shed, card, "skis", back=True)
    bench.rent(third, card, "boots=B-12", back=True)
    devices = [desk, shed, third]
    for index in order:
        await upload(cloud, devices[index])
    await tell_all(cloud, *devices, *(new_gate(number) for number in (1, 2, 3)))
    assert sorted(await rentals(cloud, site=1)) == [
        ("boots", "B-12", True, True),
        ("helmet", "", True, False),
        ("skis", "K2-0815", True, True),
    ]
    assert {"rental_twice", "rental_never_taken"} & set(await cloud.exceptions()) == set()


async def test_a_card_is_found_by_what_is_on_it(cloud: Any, tills: Any, card: Any, bench: Bench, new_card: Any) -> None:
    """By the label of a piece, by card, by ticket; what is out comes first."""
    desk, _ = tills
    other = new_card()
    other.ticket = await issue_ticket(cloud, other)
    bench.rent(desk, other, "skis=K2-0815")
    bench.rent(desk, other, "skis=K2-0815", back=True)
    bench.rent(desk, card, "skis=K2-0815", ticket=card.ticket)
    await upload(cloud, desk)
    assert await queries.cards_of_record("K2-0815") == [card.uid.hex(), other.uid.hex()]
    assert await queries.cards_of_record(card.uid.hex().upper()) == [card.uid.hex()]
    assert await queries.cards_of_record("nothing") == []
    assert await rentals(cloud, ticket=card.ticket) == [("skis", "K2-0815", True, False)]
    assert len(await rentals(cloud, item="K2-0815")) == 2
    assert len(await rentals(cloud, item="K2-0815", out=True)) == 1
    assert len(await rentals(cloud, uid=other.uid.hex(), out=False)) == 1


async def test_returned_without_having_been_taken_is_shown_when_all_have_told(
    cloud: Any, tills: Any, card: Any, bench: Bench, new_gate: Any
) -> None:
    """Until then, the till that handed it out may still tell; if it never does, somebody has to look."""
    desk, shed = tills
    bench.rent(desk, card, "boots")
    bench.rent(shed, card, "boots", back=True)
    gates = [new_gate(number) for number in (1, 2, 3)]
    await tell_all(cloud, shed, *gates)
    assert "rental_never_taken" not in await cloud.exceptions()
    await cloud.http.post("/gates/retire", json={"site": 1, "number": DESK})
    await tell_all(cloud, shed, *gates)
    [case] = [c for c in (await cloud.get("/exceptions"))["items"] if c["kind"] == "rental_never_taken"]
    assert "boots" in case["sentence"]
    await cloud.services.ingest.apply_pending()
    assert (await cloud.exceptions()).count("rental_never_taken") == 1


async def test_returned_while_the_till_doubts_that_it_was_taken_accuses_nobody(
    cloud: Any, tills: Any, card: Any, bench: Bench, new_gate: Any
) -> None:
    """The till that handed it out never heard the card's answer; the card took it, or could not have given it back."""
    desk, shed = tills
    bench.rent(desk, card, "boots", cut=Cut.UNHEARD)
    seq = bench.rent(shed, card, "boots", back=True, cut=Cut.UNHEARD)
    bench.settle(shed, seq, True)
    gates = [new_gate(number) for number in (1, 2, 3)]
    await tell_all(cloud, desk, shed, *gates)
    await tell_all(cloud, desk, shed, *gates)
    assert "rental_never_taken" not in await cloud.exceptions()


@pytest.mark.parametrize("cut", [Cut.UNHEARD, Cut.UNDONE, Cut.UNSENT])
async def test_a_torn_handing_out_counts_once_it_is_known(
    cloud: Any, tills: Any, card: Any, bench: Bench, cut: Cut
) -> None:
    """Nothing is on the list while nobody knows; the till tells, and it is, or is not."""
    desk, _ = tills
    seq = bench.rent(desk, card, "boots", cut=cut)
    await upload(cloud, desk)
    assert await rentals(cloud) == []
    if cut is not Cut.UNSENT:
        bench.settle(desk, seq, cut is Cut.UNHEARD)
        await upload(cloud, desk)
    assert await rentals(cloud) == ([("boots", "", True, False)] if cut is Cut.UNHEARD else [])


async def test_a_wiped_card_begins_anew(cloud: Any, tills: Any, card: Any, bench: Bench) -> None:
    """The next guest's boots are another row: a turn is told by when its first piece was taken."""
    desk, _ = tills
    bench.rent(desk, card, "boots")
    bench.rent(desk, card, "boots", back=True)
    stock.put_rental(card, bytes(16))
    bench.rent(desk, card, "boots")
    await upload(cloud, desk)
    assert await rentals(cloud, uid=card.uid.hex()) == [("boots", "", True, True), ("boots", "", True, False)]
    assert len({row.since_s for row in await Rental.all()}) == 2


async def test_one_piece_told_twice_is_shown(cloud: Any, tills: Any, card: Any, bench: Bench) -> None:
    """A turned-back card lets a kind be taken twice in one turn: the first stands, a person is told."""
    desk, shed = tills
    image = card.image()
    bench.step_ms = 0
    bench.rent(desk, card, "boots")
    card.restore(image)
    bench.rent(shed, card, "boots")
    await upload(cloud, desk, shed)
    assert {"rental_twice", "counter_twice"} <= set(await cloud.exceptions())
    [row] = await Rental.all()
    assert (await CardUse.get(id=row.taken_id)).gate == DESK


async def test_a_rental_that_names_nothing_is_shown_and_passed_over(cloud: Any, tills: Any, card: Any) -> None:
    """An event of a till gone wrong does not hold up the others."""
    desk, _ = tills
    seq = desk.add(
        CardUseEvent(NOON_MS, UseKind.RENTAL_OUT, b"\x01" + card.uid, 0, 0, 0, "", 0, 0, b"\x09" * 16, b"", "a sledge")
    )
    desk.add(CardUseEnded(NOON_MS, desk.epoch, seq, UseResult.DONE, (2, bytes(8))))
    desk.add(CardUseEvent(NOON_MS, UseKind.DEBIT, b"\x00", 0, 1, 0, "CNY", 1, 0))
    await upload(cloud, desk)
    kinds = await cloud.exceptions()
    assert kinds.count("inapplicable") == 2
    assert await Rental.all().count() == 0


async def test_check_out_puts_card_and_books_together(cloud: Any, tills: Any, card: Any, bench: Bench) -> None:
    """The card is ahead of the cloud: what only it knows is told apart; the clock runs until the last piece is back."""
    desk, shed = tills
    wallet = await open_wallet(cloud, card, 5_000)
    await load(cloud, wallet, 5_000)
    bench.rent(desk, card, "boots=B-12 skis")
    await upload(cloud, desk)
    bench.rent(shed, card, "skis", back=True)
    bench.spend(shed, card, 1_300)
    found = await check_out(cloud, card)
    assert [(p["kind"], p["item"], p["out"], p["told"]) for p in found["pieces"]] == [
        ("boots", "B-12", True, True),
        ("skis", "", False, False),
    ]
    assert (found["ready"], found["until"], found["ticket"]) == (False, None, card.ticket)
    assert (found["balance"], found["books"], found["account"], found["unreported_debits"]) == (3_700, 5_000, 0, 1_300)
    assert [record["kind"] for record in found["unreported"]] == ["debit", "rental_back"]
    bench.rent(shed, card, "boots", back=True)
    await upload(cloud, shed)
    found = await check_out(cloud, card)
    assert (found["ready"], found["books"], found["unreported"]) == (True, 3_700, [])
    assert found["since"] < found["until"]
    assert all(piece["told"] for piece in found["pieces"])
    await check_books(cloud, [card])


@pytest.mark.parametrize("cut", [Cut.UNHEARD, Cut.UNDONE])
async def test_check_out_settles_what_the_card_remembers(
    cloud: Any, tills: Any, card: Any, bench: Bench, cut: Cut
) -> None:
    """A torn debit is among the card's records, or it did not happen."""
    desk, _ = tills
    wallet = await open_wallet(cloud, card, 5_000)
    await load(cloud, wallet, 5_000)
    bench.now_ms += 600_000
    bench.spend(desk, card, 900, cut)
    await upload(cloud, desk)
    found = await check_out(cloud, card)
    [use] = await CardUse.all()
    assert (use.settled, use.settled_by) == ("charged" if cut is Cut.UNHEARD else "void", "card")
    assert found["books"] == found["balance"] == (4_100 if cut is Cut.UNHEARD else 5_000)
    await check_books(cloud, [card])
