# SPDX-License-Identifier: Apache-2.0
"""Loads by relay, cut at every exchange, and whatever happens to the card next: never credited twice, never lost."""

from typing import Any

import pytest
from card_stock import MASTERS
from device_bench import Bench, till_of
from wallet_desk import check_books, issue_ticket, load, open_wallet, tell_all, upload

from pistegate_cloud.wallets.models import WalletLoad
from pistegate_simulators import stock

NOON_MS = 1768622400000
TILL = 21
AMOUNT = 4_000
CASH = 10_000


@pytest.fixture
def bench() -> Bench:
    """Devices that work on simulated cards."""
    return Bench(MASTERS, NOON_MS)


async def a_desk(cloud: Any, card: Any) -> Any:
    """An encoder with this card on it."""
    encoder = cloud.encoder()
    encoder.card = card
    return encoder


async def cut_load(cloud: Any, card: Any, at: int, unheard: bool) -> tuple[int, Any]:
    """A wallet whose load is cut at an exchange; the wallet and the encoder, healthy again."""
    wallet = await open_wallet(cloud, card, CASH)
    encoder = await a_desk(cloud, card)
    encoder.cut_after, encoder.cut_unheard = at, unheard
    answer = await load(cloud, wallet, AMOUNT)
    assert answer.json()["code"] == "card_lost"
    encoder.cut_after = None
    return wallet, encoder


async def exchanges_of_a_load(cloud: Any, card: Any) -> int:
    """How many exchanges an undisturbed load takes."""
    wallet = await open_wallet(cloud, card, CASH)
    encoder = await a_desk(cloud, card)
    assert (await load(cloud, wallet, AMOUNT)).is_success
    return int(encoder.exchanges)


async def check_loaded_once(cloud: Any, wallet: int, card: Any, spent: int = 0) -> None:
    """The guest's money: AMOUNT went to the card once, the rest is in the account, nothing is under way."""
    state = await cloud.get(f"/wallets/{wallet}")
    assert (state["account"], state["underway"], state["card"]["balance"]) == (CASH - AMOUNT, 0, AMOUNT - spent)
    assert stock.purse(card) == AMOUNT - spent
    await check_books(cloud, [card])


async def test_a_load_cut_anywhere_is_completed_by_the_next_try(cloud: Any, new_card: Any) -> None:
    """Every exchange, before and after the card has done it: asked again, the load is on the card exactly once."""
    exchanges = await exchanges_of_a_load(cloud, new_card())
    assert exchanges >= 12
    for at in range(exchanges):
        for unheard in (False, True):
            card = new_card()
            wallet, _ = await cut_load(cloud, card, at, unheard)
            before = await WalletLoad.filter(wallet_id=wallet).count()
            again = (await load(cloud, wallet, AMOUNT)).json()
            committed = at == exchanges - 1 and unheard
            assert again["earlier_attempt"] is committed, (at, unheard)
            assert before == (1 if at >= exchanges - 3 else 0), "kept before anything of it was sent"
            await check_loaded_once(cloud, wallet, card)


@pytest.mark.parametrize("done", [False, True], ids=["not done", "done"])
@pytest.mark.parametrize("uses", [1, 2, 15, 20])
async def test_a_card_used_since_still_tells(
    cloud: Any, new_card: Any, new_gate: Any, bench: Bench, done: bool, uses: int
) -> None:
    """Its counter, its purse, its records, or what a till has proved since: one of them tells, or it is not decided."""
    await cloud.post("/gates", {"site": 1, "number": TILL, "role": "till", "name": "Restaurant"})
    till = till_of(new_gate, TILL)
    last = await exchanges_of_a_load(cloud, new_card()) - 1
    card = new_card()
    ticket = await issue_ticket(cloud, card)
    wallet, _ = await cut_load(cloud, card, last, done)
    gate = new_gate(1)
    for _ in range(uses - 1):  # a purse that went down again does not tell, nor do records beyond sixteen
        bench.ride(gate, card, ticket)
    if done:
        bench.spend(till, card, AMOUNT)
    else:
        bench.ride(gate, card, ticket)
    answer = (await load(cloud, wallet, AMOUNT)).json()
    if uses < 16:
        assert answer["earlier_attempt"] is done
    else:
        assert answer["code"] == "wallet_load_in_doubt"
        await tell_all(cloud, gate, till, *(new_gate(number) for number in (2, 3)))
        [row] = await WalletLoad.filter(wallet_id=wallet)
        assert row.state == ("done" if done else "void")
    await upload(cloud, gate, till)
    state = await cloud.get(f"/wallets/{wallet}")
    put = 0 if uses >= 16 and not done else AMOUNT
    assert (state["account"], state["underway"]) == (CASH - put, 0)
    await check_books(cloud, [card])


@pytest.mark.parametrize("done", [False, True], ids=["not done", "done"])
async def test_a_load_is_settled_without_its_card(
    cloud: Any, new_card: Any, new_gate: Any, bench: Bench, done: bool
) -> None:
    """The card never lies on a reader again: its counters tell, once every device has told everything."""
    last = await exchanges_of_a_load(cloud, new_card()) - 1
    card = new_card()
    ticket = await issue_ticket(cloud, card)
    wallet, _ = await cut_load(cloud, card, last, done)
    gate = new_gate(1)
    bench.ride(gate, card, ticket)
    others = [new_gate(number) for number in (2, 3)]
    await upload(cloud, gate)
    [row] = await WalletLoad.filter(wallet_id=wallet)
    assert row.state == ("sent" if done else "void")
    await tell_all(cloud, gate, *others)
    [row] = await WalletLoad.filter(wallet_id=wallet)
    assert row.state == ("done" if done else "void")
    await check_books(cloud, [card])
    assert "counter_missing" not in await cloud.exceptions()


async def test_the_same_request_is_done_once(cloud: Any, new_card: Any) -> None:
    """With an Idempotency-Key, also when the first answer was lost after the load was confirmed."""
    card = new_card()
    wallet = await open_wallet(cloud, card, CASH)
    await a_desk(cloud, card)
    for _ in range(2):
        assert (await load(cloud, wallet, AMOUNT, **{"Idempotency-Key": "a"})).is_success
    await WalletLoad.filter(wallet_id=wallet).update(request="b")  # answered to nobody: the process died in between
    answer = (await load(cloud, wallet, AMOUNT, **{"Idempotency-Key": "b"})).json()
    assert answer["earlier_attempt"]
    await check_loaded_once(cloud, wallet, card)
    assert (await load(cloud, wallet, AMOUNT, **{"Idempotency-Key": "c"})).is_success
    assert stock.purse(card) == 2 * AMOUNT
    await check_books(cloud, [card])


async def test_another_request_settles_the_first_and_loads_too(cloud: Any, new_card: Any) -> None:
    """Another amount is another wish: the load that got through stays, and the new one is added."""
    card = new_card()
    last = await exchanges_of_a_load(cloud, new_card()) - 1
    wallet, _ = await cut_load(cloud, card, last, True)
    answer = (await load(cloud, wallet, 500)).json()
    assert (answer["amount"], answer["earlier_attempt"]) == (500, False)
    assert stock.purse(card) == AMOUNT + 500
    await check_books(cloud, [card])


async def test_money_under_way_cannot_be_refunded(cloud: Any, new_card: Any) -> None:
    """What may be on the card is not given back in cash as well."""
    card = new_card()
    last = await exchanges_of_a_load(cloud, new_card()) - 1
    wallet, _ = await cut_load(cloud, card, last, False)
    answer = await cloud.http.post(f"/wallets/{wallet}/refund", json={"amount": CASH, "currency": "CNY"})
    assert answer.json()["code"] == "wallet_too_small"
    assert (await cloud.get(f"/wallets/{wallet}"))["underway"] == AMOUNT
    assert (await cloud.get("/wallets/exposure", site=1, currency="CNY"))["underway"] == AMOUNT
