# SPDX-License-Identifier: Apache-2.0
"""Wallets: money in accounts and on cards, from the window to the till and back, on both databases."""

from typing import Any

import pytest
from card_stock import MASTERS
from device_bench import Bench, Cut, till_of
from wallet_desk import check_books, load, load_list, open_wallet, refund, sign_load, tell_all, top_up, upload

from pistegate_cloud.cards import queries as cards
from pistegate_cloud.cards.models import CardWipe
from pistegate_cloud.ledger import queries as ledger
from pistegate_cloud.wallets import queries, service, uses
from pistegate_cloud.wallets.models import CardUse, WalletCard, WalletMovement
from pistegate_protocol.topics import Device, Role
from pistegate_simulators import stock

NOON_MS = 1768622400000
TILL = 21


@pytest.fixture
def bench() -> Bench:
    """Devices that work on simulated cards."""
    return Bench(MASTERS, NOON_MS)


@pytest.fixture
async def till(cloud: Any, new_gate: Any) -> Any:
    """A registered till."""
    await cloud.post("/gates", {"site": 1, "number": TILL, "role": "till", "name": "Restaurant"})
    return till_of(new_gate, TILL)


@pytest.fixture
async def desk(cloud: Any, new_card: Any) -> Any:
    """An encoder with a card on it."""
    encoder = cloud.encoder()
    encoder.card = new_card()
    return encoder


async def account(cloud: Any, wallet: int) -> int:
    return int((await cloud.get(f"/wallets/{wallet}"))["account"])


async def test_money_goes_from_the_counter_to_the_till(cloud: Any, desk: Any, till: Any, bench: Bench) -> None:
    """Cash, account, card, till: each step is in the ledger, and the statement of movements tells it."""
    wallet = await open_wallet(cloud, desk.card, 20_000)
    answer = (await load(cloud, wallet, 15_000)).json()
    assert (answer["amount"], answer["earlier_attempt"], answer["wallet"]["card"]["balance"]) == (15_000, False, 15_000)
    assert stock.purse(desk.card) == 15_000
    bench.spend(till, desk.card, 3_800, item="noodles")
    await upload(cloud, till)
    assert await ledger.balances(1) == {
        ("tenders:cash", "CNY"): 20_000,
        ("wallets", "CNY"): -5_000,
        ("wallets_underway", "CNY"): 0,
        ("wallet_cards", "CNY"): -11_200,
        ("till_sales", "CNY"): -3_800,
    }
    rows = (await cloud.get(f"/wallets/{wallet}/movements"))["items"]
    assert [(row["kind"], row["account"], row["underway"], row["card"]) for row in rows] == [
        ("wallet_top_up", 20_000, 0, 0),
        ("wallet_load_sent", -15_000, 15_000, 0),
        ("wallet_load_done", 0, -15_000, 15_000),
        ("wallet_debit", 0, 0, -3_800),
    ]
    assert (rows[-1]["till"], rows[-1]["item"]) == (TILL, "noodles")
    await check_books(cloud, [desk.card])


async def test_a_debit_counts_once_however_often_it_comes(cloud: Any, desk: Any, till: Any, bench: Bench) -> None:
    """Repeated and overlapping batches of a till post its debit once."""
    wallet = await open_wallet(cloud, desk.card, 10_000)
    await load(cloud, wallet, 10_000)
    bench.spend(till, desk.card, 1_000)
    bench.spend(till, desk.card, 500)
    for first, last in ((1, 3), (2, 5), (1, None)):
        await cloud.receive([till.batch(first, last)])
        await cloud.services.ingest.apply_pending()
    assert [(row.kind, row.amount) for row in await WalletMovement.filter(use_id__not_isnull=True).order_by("id")] == [
        ("wallet_debit", 1_000),
        ("wallet_debit", 500),
    ]
    await check_books(cloud, [desk.card])


async def test_top_up_and_refund_are_repeatable(cloud: Any) -> None:
    """The same Idempotency-Key moves the cash once; more than is in the account is not given back."""
    wallet = await open_wallet(cloud)
    for _ in range(2):
        await top_up(cloud, wallet, 5_000, **{"Idempotency-Key": "k1"})
    assert await account(cloud, wallet) == 5_000
    assert (await refund(cloud, wallet, 5_001)).json()["code"] == "wallet_too_small"
    assert (await refund(cloud, wallet, 5_000)).is_success
    assert await account(cloud, wallet) == 0
    await check_books(cloud)


async def test_a_refund_in_another_currency_is_refused(cloud: Any) -> None:
    """Nothing is converted."""
    wallet = await open_wallet(cloud, cash=100)
    answer = await cloud.http.post(f"/wallets/{wallet}/refund", json={"amount": 100, "currency": "EUR"})
    assert answer.json()["code"] == "wrong_currency"
    none = await cloud.http.post("/wallets", json={"site": 1, "currency": "EUR"})
    assert none.json()["code"] == "wallets_not_offered"


async def test_the_cloud_loads_at_most_the_offline_cap(cloud: Any, desk: Any, till: Any) -> None:
    """By relay and by signed total together; the answer says how much room there is; exposure shows the promise."""
    wallet = await open_wallet(cloud, desk.card, 100_000, cap=20_000)
    assert (await load(cloud, wallet, 12_000)).is_success
    assert (await sign_load(cloud, wallet, 8_001)).json()["code"] == "wallet_above_cap"
    assert (await sign_load(cloud, wallet, 6_000)).is_success
    refused = (await load(cloud, wallet, 2_001)).json()
    assert (refused["code"], refused["detail"].count("2000")) == ("wallet_above_cap", 2)
    assert (await load(cloud, wallet, 2_000)).is_success
    exposure = await cloud.get("/wallets/exposure", site=1, currency="CNY")
    assert (exposure["cards"], exposure["on_cards"], exposure["underway"]) == (1, 20_000, 0)
    assert (exposure["cap"], exposure["most"]) == (20_000, 20_000)
    await check_books(cloud, [desk.card])


async def test_more_than_the_account_holds_is_not_loaded(cloud: Any, desk: Any) -> None:
    """The card is not even written."""
    wallet = await open_wallet(cloud, desk.card, 1_000)
    assert (await load(cloud, wallet, 1_001)).json()["code"] == "wallet_too_small"
    assert (await sign_load(cloud, wallet, 1_001)).json()["code"] == "wallet_too_small"
    assert (stock.purse(desk.card), await account(cloud, wallet)) == (0, 1_000)


async def test_only_the_wallets_own_card_is_loaded(cloud: Any, desk: Any, new_card: Any) -> None:
    """Another guest's card on the reader: nothing happens to it."""
    wallet = await open_wallet(cloud, desk.card, 1_000)
    desk.card = new_card()
    assert (await load(cloud, wallet, 500)).json()["code"] == "wallet_wrong_card"
    assert stock.purse(desk.card) == 0


async def test_any_till_writes_a_signed_load(cloud: Any, desk: Any, till: Any, bench: Bench) -> None:
    """The list reaches the till, which writes it to the card; the next list leaves it out; it is spent first."""
    wallet = await open_wallet(cloud, desk.card, 20_000)
    await load(cloud, wallet, 1_000)
    assert (await sign_load(cloud, wallet, 2_000)).json()["card"] == {
        "uid": desk.card.uid.hex(),
        "balance": 3_000,
        "unwritten": True,
    }
    [signed] = load_list(cloud, till)
    bench.write_statement(till, desk.card, signed)
    bench.spend(till, desk.card, 2_500)
    await upload(cloud, till)
    assert not (await cloud.get(f"/wallets/{wallet}"))["card"]["unwritten"]
    assert (stock.purse(desk.card), stock.spent(desk.card)) == (500, -2_000)
    await check_books(cloud, [desk.card])
    await sign_load(cloud, wallet, 300)
    [newer] = load_list(cloud, till)
    bench.write_statement(till, desk.card, signed)  # an old list at another till changes nothing
    bench.write_statement(till, desk.card, newer)
    await upload(cloud, till)
    await check_books(cloud, [desk.card])


async def test_a_card_is_loaded_at_a_till(cloud: Any, till: Any, new_card: Any) -> None:
    """The till's reader serves the cloud's relay as an encoder's does."""
    card = new_card()
    wallet = await open_wallet(cloud, card, 5_000)
    device = Device(1, Role.TILL, TILL)
    reader = cloud.encoder()
    reader.device, reader.card = device, card
    cloud.wire.listeners[device.down] = reader.on_message
    body = {"amount": 5_000, "site": 1, "till": TILL}
    assert (await cloud.http.post(f"/wallets/{wallet}/load", json=body)).is_success
    assert stock.purse(card) == 5_000
    for wrong in ({"till": 99}, {"till": TILL, "encoder": 1}, {}):
        answer = await cloud.http.post(f"/wallets/{wallet}/load", json={"amount": 1, "site": 1} | wrong)
        assert answer.status_code == 422


async def test_a_debit_of_a_card_that_is_nobodys_waits_in_suspense(
    cloud: Any, till: Any, bench: Bench, new_card: Any
) -> None:
    """Nothing is lost, a person is told; once the card has a wallet, its debit follows it there."""
    card = new_card()
    stock.put_purse(card, 900)
    bench.spend(till, card, 700)
    await upload(cloud, till)
    assert "wallet_unknown_card" in await cloud.exceptions()
    assert (await ledger.balances(1))["wallet_suspense", "CNY"] == 700
    await check_books(cloud)
    wallet = await open_wallet(cloud, card)
    assert (await ledger.balances(1))["wallet_suspense", "CNY"] == 0
    assert (await cloud.get(f"/wallets/{wallet}"))["card"]["balance"] == -700
    await check_books(cloud)


async def test_void_uses_post_nothing_and_doubtful_ones_wait(cloud: Any, desk: Any, till: Any, bench: Bench) -> None:
    """A torn debit is booked when its till tells that the card was charged, and not when it was not."""
    wallet = await open_wallet(cloud, desk.card, 5_000)
    await load(cloud, wallet, 5_000)
    bench.spend(till, desk.card, 100, Cut.UNSENT)
    charged = bench.spend(till, desk.card, 200, Cut.UNHEARD)
    void = bench.spend(till, desk.card, 400, Cut.UNDONE)
    await upload(cloud, till)
    assert await WalletMovement.filter(kind="wallet_debit").count() == 0
    bench.settle(till, charged, True)
    bench.settle(till, void, False)
    await upload(cloud, till)
    [row] = await WalletMovement.filter(kind="wallet_debit")
    assert row.amount == 200
    assert {use.seq: (use.state, use.settled) for use in await CardUse.all()} == {
        2: ("void", None),
        charged: ("unconfirmed", "charged"),
        void: ("unconfirmed", "void"),
    }
    await check_books(cloud, [desk.card])


async def test_a_debit_at_another_site_is_owed_between_the_sites(
    cloud: Any, desk: Any, bench: Bench, new_gate: Any
) -> None:
    """The guest's side is booked at the wallet's site, the sale at the till's; what they owe each other is zero."""
    await cloud.post("/sites", {"number": 2, "group": 1, "name": "Sister", "zone": "Asia/Shanghai"})
    await cloud.post("/gates", {"site": 2, "number": TILL, "role": "till", "name": "Hut"})
    far = till_of(new_gate, TILL)
    far.device = Device(2, Role.TILL, TILL)
    wallet = await open_wallet(cloud, desk.card, 5_000)
    await load(cloud, wallet, 5_000)
    bench.spend(far, desk.card, 600)
    await upload(cloud, far)
    here, there = await ledger.balances(1), await ledger.balances(2)
    assert (here["wallet_cards", "CNY"], here["between_sites:2", "CNY"]) == (-4_400, -600)
    assert there == {("between_sites:1", "CNY"): 600, ("till_sales", "CNY"): -600}
    await check_books(cloud, [desk.card])
    await check_books(cloud, site=2)


async def test_a_replaced_cards_money_goes_with_its_wallet(
    cloud: Any, desk: Any, till: Any, bench: Bench, new_card: Any
) -> None:
    """What the books know moves at once; what the lost card had spent and nobody told comes off the account later, and
    below zero it is an exception, not an error.
    """
    wallet = await open_wallet(cloud, desk.card, 3_000)
    await load(cloud, wallet, 3_000)
    bench.spend(till, desk.card, 1_000)
    old, new = await cards.card(desk.card.uid.hex()), await cards.card(new_card().uid.hex())
    assert await service.held(old) == 3_000
    assert await service.replaced(old, new, actor="desk", now_ms=NOON_MS + 3_600_000) == 3_000
    assert await service.replaced(old, new, actor="desk", now_ms=NOON_MS + 3_600_000) == 0
    assert (await cloud.get(f"/wallets/{wallet}"))["card"]["uid"] == new.uid
    assert (await refund(cloud, wallet, 3_000)).is_success
    await upload(cloud, till)
    assert await account(cloud, wallet) == -1_000
    assert "wallet_overdrawn" in await cloud.exceptions()
    await check_books(cloud)


async def take_over(card: Any, purse: int, loaded: int, spent: int, counter: int) -> None:
    """A wipe that was confirmed, as the desk records it."""
    row = await cards.card(card.uid.hex())
    wipe = await CardWipe.create(
        site_id=1,
        card_id=row.id,
        encoder=1,
        purse=purse,
        loaded=loaded,
        spent=spent,
        counter=counter,
        actor="desk",
        sent_ms=NOON_MS,
        done_ms=NOON_MS,
    )
    for _ in range(2):
        await service.unloaded(row, purse, loaded, spent, wipe=wipe.id, actor="desk", now_ms=NOON_MS + 3_600_000)


async def test_a_wiped_cards_money_goes_to_the_account_once(cloud: Any, desk: Any, till: Any, bench: Bench) -> None:
    """What was read moves; what was spent and not told yet stays in the card's books until it is told, and no guest
    who gets the card next pays for it.
    """
    wallet = await open_wallet(cloud, desk.card, 3_000)
    await load(cloud, wallet, 3_000)
    bench.spend(till, desk.card, 1_000)
    counter, _ = stock.proof(desk.card)
    await take_over(desk.card, 2_000, 0, 0, counter + 1)
    assert await account(cloud, wallet) == 2_000
    stock.put_purse(desk.card, 0)
    stock.put_proof(desk.card, counter + 1, bytes(8))
    guest = await open_wallet(cloud, desk.card, 500)
    await load(cloud, guest, 500)
    await upload(cloud, till)
    assert (await account(cloud, wallet), await account(cloud, guest)) == (2_000, 0)
    assert "wallet_overdrawn" not in await cloud.exceptions()
    await check_books(cloud, [desk.card])


async def test_a_signed_load_that_nobody_wrote_comes_back_at_the_wipe(cloud: Any, desk: Any, till: Any) -> None:
    """And its statement is worthless afterwards: the wipe leaves `spent` at the total of all statements."""
    wallet = await open_wallet(cloud, desk.card, 3_000)
    await sign_load(cloud, wallet, 2_000)
    uid = desk.card.uid.hex()
    assert await queries.loaded_total(uid) == 2_000
    await take_over(desk.card, 0, 0, 0, 1)
    assert await account(cloud, wallet) == 3_000
    guest = await open_wallet(cloud, desk.card, 1_000)
    await sign_load(cloud, guest, 700)
    assert await queries.loaded_total(uid) == 2_700
    turns = await WalletCard.filter(uid=uid).order_by("turn")
    assert [(turn.turn, turn.loaded, turn.load_number) for turn in turns] == [(1, 2_000, 1), (2, 2_700, 2)]
    assert (await cloud.get(f"/wallets/{guest}"))["card"]["balance"] == 700
    await check_books(cloud)


async def test_more_on_a_card_than_was_ever_put_there_is_shown(cloud: Any, desk: Any, till: Any) -> None:
    """A stolen crediting key: nobody is given what the books do not know, and a person is told."""
    wallet = await open_wallet(cloud, desk.card, 3_000)
    await load(cloud, wallet, 1_000)
    stock.put_purse(desk.card, 9_000)
    await load(cloud, wallet, 500)
    assert "wallet_beyond_books" in await cloud.exceptions()
    await take_over(desk.card, 9_500, 0, 0, 7)
    assert await account(cloud, wallet) == 3_000
    await check_books(cloud)


async def test_a_till_in_another_currency_is_shown(cloud: Any, desk: Any, till: Any, bench: Bench) -> None:
    """The card was debited all the same: the amount is booked in the wallet's currency."""
    wallet = await open_wallet(cloud, desk.card, 3_000)
    await load(cloud, wallet, 3_000)
    bench.spend(till, desk.card, 200, currency="EUR")
    await upload(cloud, till)
    assert "wallet_wrong_currency" in await cloud.exceptions()
    await check_books(cloud, [desk.card])


async def test_a_card_belongs_to_one_wallet_and_a_wallet_to_one_card(cloud: Any, desk: Any, new_card: Any) -> None:
    """Both ways refused, each with its words; tying again to the same card changes nothing."""
    wallet, other = await open_wallet(cloud, desk.card), await open_wallet(cloud)
    uid = desk.card.uid.hex()
    answer = await cloud.http.post(f"/wallets/{other}/card", json={"uid": uid})
    assert answer.json()["code"] == "card_has_wallet"
    answer = await cloud.http.post(f"/wallets/{wallet}/card", json={"uid": new_card().uid.hex()})
    assert answer.json()["code"] == "wallet_has_card"
    assert (await cloud.post(f"/wallets/{wallet}/card", {"uid": uid}))["card"]["uid"] == uid
    assert [w["wallet"] for w in (await cloud.get("/wallets", uid=uid))["items"]] == [wallet]
    assert len((await cloud.get("/wallets", phone="13800138000"))["items"]) == 2


async def test_the_audit_finds_a_planted_disagreement(cloud: Any, desk: Any, till: Any, bench: Bench) -> None:
    """Each of the books changed behind the others' back is told."""
    wallet = await open_wallet(cloud, desk.card, 3_000)
    await load(cloud, wallet, 1_000)
    assert (await cloud.get("/wallets/audit", site=1))["disagreements"] == []
    await queries.change_account(wallet, 1, guarded=False)
    turn = await queries.card_of(wallet)
    await queries.change_card(turn, credited=5)
    await WalletMovement.filter(kind="wallet_top_up").update(account=2_999)
    found = (await cloud.get("/wallets/audit", site=1))["disagreements"]
    assert len(found) == 3
    assert any("account wallets holds" in text for text in found)


async def test_a_settled_use_can_be_revised_by_its_till(cloud: Any, desk: Any, till: Any, bench: Bench) -> None:
    """What counters suggested is reversed when the card itself has told otherwise: reversals, no deletions."""
    wallet = await open_wallet(cloud, desk.card, 3_000)
    await load(cloud, wallet, 3_000)
    seq = bench.spend(till, desk.card, 300, Cut.UNDONE)
    await upload(cloud, till)
    [use] = await CardUse.all()
    await uses.settle(use, charged=True, by="proof", now_ms=NOON_MS)
    await check_books(cloud)
    bench.settle(till, seq, False)
    await upload(cloud, till)
    kinds = [(row.kind, row.amount) for row in await WalletMovement.filter(use_id=use.id).order_by("id")]
    assert kinds == [("wallet_debit", 300), ("wallet_debit", -300)]
    await tell_all(cloud, till)
    await check_books(cloud, [desk.card])


async def test_what_counters_settled_and_the_till_confirms_counts_once(
    cloud: Any, desk: Any, till: Any, bench: Bench
) -> None:
    """Two sources, one debit."""
    wallet = await open_wallet(cloud, desk.card, 3_000)
    await load(cloud, wallet, 3_000)
    seq = bench.spend(till, desk.card, 300, Cut.UNHEARD)
    await upload(cloud, till)
    [use] = await CardUse.all()
    await uses.settle(use, charged=True, by="proof", now_ms=NOON_MS)
    bench.settle(till, seq, True)
    await upload(cloud, till)
    [use] = await CardUse.all()
    assert (use.settled, use.settled_by) == ("charged", "till")
    assert [row.amount for row in await WalletMovement.filter(use_id=use.id)] == [300]
    await check_books(cloud, [desk.card])
