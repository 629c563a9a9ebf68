# SPDX-License-Identifier: Apache-2.0
"""The desk where cards come back: what it sees, what it refuses, and a wipe that is torn at any exchange."""

from datetime import UTC, datetime
from typing import Any

import pytest

from pistegate_cloud.cards.models import Card, CardWipe
from pistegate_cloud.wallets import queries as books
from pistegate_cloud.wallets import service as wallets
from pistegate_cloud.wallets.models import WalletCard
from pistegate_protocol.card_layout import CLAIM_FILE, FILES, PROOF_FILE, SPENT_FILE
from pistegate_protocol.events import Admitted, admission_name
from pistegate_protocol.records import CardRecord, RecordKind, encode_record, passage_record
from pistegate_protocol.rental import Rental, RentalKind, encode_rental
from pistegate_protocol.usage import decode_usage, encode_counters
from pistegate_protocol.wallet import LoadStatement, sign_load
from pistegate_simulators import stock

DESK = {"site": 1, "encoder": 1, "wait_ms": 0}
TAKEN = datetime(2026, 1, 17, 3, 0, tzinfo=UTC)


async def issued(cloud: Any, new_card: Any) -> Any:
    """An encoder with a card that a guest has used."""
    encoder = cloud.encoder()
    encoder.card = new_card()
    ticket = (await cloud.sell())["tickets"][0]["number"]
    await cloud.post(f"/tickets/{ticket}/issue", {"encoder": 1, "wait_ms": 0})
    return encoder


async def take_back(cloud: Any, **body: Any) -> Any:
    return (await cloud.http.post("/cards/take-back", json=DESK | body)).json()


async def with_money(cloud: Any, card: Any, purse: int) -> int:
    """The guest has a wallet, and `purse` minor units of it on the card; the wallet's number."""
    await wallets.set_terms(1, "CNY", 100_000, cloud.clock.now_ms)
    wallet = await wallets.create(1, "CNY", None, None, card.uid.hex(), "test", cloud.clock.now_ms)
    await WalletCard.filter(uid=card.uid.hex()).update(credited=purse)
    stock.put_purse(card, purse)
    return int(wallet.id)


def is_blank(card: Any) -> bool:
    """Every file as new, the transaction counter apart."""
    return not any(any(stock.content(card, file)) for file in FILES if file is not PROOF_FILE)


async def test_the_desk_sees_what_no_device_has_reported_yet(cloud: Any, new_card: Any, new_gate: Any) -> None:
    """Ticket, use, money and equipment as the card tells; a passage the gate reported, a debit that no till has."""
    encoder = await issued(cloud, new_card)
    card = encoder.card
    usage = decode_usage(stock.usage_content(card))
    gate = new_gate()
    ticket = (await cloud.get(f"/cards/{card.uid.hex()}"))["ticket"]
    at = cloud.clock.now_ms - 600_000
    seq = gate.add(Admitted(at, ticket, b"\x01" + card.uid, usage.claim, 1, 1, encode_counters(usage), bytes(8)))
    await cloud.receive([gate.batch()])
    await cloud.services.ingest.apply_pending()
    passage = passage_record(at, False, 1, 1, admission_name(1, gate.epoch, seq))
    debit = encode_record(CardRecord(RecordKind.DEBIT, TAKEN, 9, 2500, b"till9event"))
    stock.put_recent(card, [passage, debit])
    stock.put_purse(card, 700)
    boots = Rental(outstanding=frozenset({RentalKind.BOOTS}), taken=frozenset({RentalKind.BOOTS}), since=TAKEN)
    stock.put_rental(card, encode_rental(boots))
    before = card.image()
    seen = await cloud.post("/cards/read", DESK)
    assert (seen["claim"]["ticket"], seen["usage"]["used_total"], seen["balance"]) == (ticket, 0, 700)
    assert seen["outstanding"] == ["boots"]
    assert [(record["kind"], record["value"], record["reported"]) for record in seen["records"]] == [
        ("debit", 2500, False),
        ("entry", 1, True),
    ]
    assert seen["unreported"] == 1
    assert card.image() == before


async def test_equipment_that_is_out_keeps_the_card_with_its_guest(cloud: Any, new_card: Any) -> None:
    """Told by kind; taken back all the same when the desk says so, and the card is blank."""
    encoder = await issued(cloud, new_card)
    out = frozenset({RentalKind.BOOTS, RentalKind.SKIS})
    stock.put_rental(encoder.card, encode_rental(Rental(outstanding=out, taken=out, since=TAKEN)))
    refused = await take_back(cloud)
    assert (refused["code"], "boots, skis" in refused["detail"]) == ("card_rental_out", True)
    assert (await cloud.get(f"/cards/{encoder.card.uid.hex()}"))["status"] == "in_use"
    seen = await take_back(cloud, accept_outstanding=True)
    assert (seen["card"]["status"], seen["outstanding"]) == ("stock", ["boots", "skis"])
    assert is_blank(encoder.card)


async def test_a_card_taken_back_is_blank_in_stock_and_issued_again(cloud: Any, new_card: Any) -> None:
    """Nothing of the guest before is on it; its story goes on, and its transaction counter too."""
    encoder = await issued(cloud, new_card)
    stock.put_recent(encoder.card, [passage_record(cloud.clock.now_ms, False, 1, 1, b"a passage")])
    seen = await take_back(cloud)
    assert seen["card"]["status"] == "stock"
    assert is_blank(encoder.card)
    assert stock.proof(encoder.card)[0] == 2
    ticket = (await cloud.sell())["tickets"][0]["number"]
    again = await cloud.post(f"/tickets/{ticket}/issue", {"encoder": 1, "wait_ms": 0})
    assert again["status"] == "issued"
    changes = (await cloud.get(f"/cards/{again['uid']}"))["changes"]
    assert [change["event"] for change in changes] == ["import", "issue", "take_back", "wipe", "issue"]
    assert [change["counter"] for change in changes] == [None, 1, None, 2, 3]


async def test_a_card_taken_back_and_not_wiped_waits_for_it(cloud: Any, new_card: Any) -> None:
    """已退未清: it takes no ticket until it was wiped; nothing on it has changed."""
    encoder = await issued(cloud, new_card)
    before = encoder.card.image()
    assert (await take_back(cloud, wipe=False))["card"]["status"] == "returned"
    assert encoder.card.image() == before
    ticket = (await cloud.sell())["tickets"][0]["number"]
    body = {"encoder": 1, "wait_ms": 0}
    assert (await cloud.http.post(f"/tickets/{ticket}/issue", json=body)).json()["code"] == "card_returned"
    assert (await take_back(cloud))["card"]["status"] == "stock"
    assert (await cloud.post(f"/tickets/{ticket}/issue", body))["status"] == "issued"


@pytest.mark.parametrize("status", ["stock", "personalising", "lost", "void"])
async def test_only_a_guests_card_is_taken_back(cloud: Any, new_card: Any, status: str) -> None:
    """In any other state it is told what the card is; nothing is written."""
    encoder = cloud.encoder()
    encoder.card = new_card()
    await Card.filter(uid=encoder.card.uid.hex()).update(status=status)
    codes = {"stock": "card_in_stock", "personalising": "card_personalising"}
    codes |= {"lost": "card_reported_lost", "void": "card_void"}
    assert (await take_back(cloud))["code"] == codes[status]
    assert await CardWipe.all().count() == 0


async def test_the_ticket_of_a_wiped_card_can_be_put_on_another(cloud: Any, new_card: Any) -> None:
    """The guest comes back within the validity: next revision, and what was used stays used."""
    encoder = await issued(cloud, new_card)
    ticket = (await cloud.get(f"/cards/{encoder.card.uid.hex()}"))["ticket"]
    await take_back(cloud)
    encoder.card = new_card()
    answer = await cloud.post(f"/tickets/{ticket}/issue", {"encoder": 1, "wait_ms": 0})
    assert (answer["status"], answer["revision"]) == ("issued", 1)


async def test_money_on_a_card_goes_to_the_guests_account_once_wherever_the_card_leaves(
    cloud: Any, new_card: Any
) -> None:
    """Before each command and each answer of the whole flow: stock, blank, 1200 in the account, one commit."""
    encoder = await issued(cloud, new_card)
    wallet = await with_money(cloud, encoder.card, 1200)
    before = encoder.exchanges
    await take_back(cloud)
    total = encoder.exchanges - before
    assert total > 20
    assert (await books.wallet(wallet)).account == 1200
    places = [(after, unheard) for after in range(total) for unheard in (False, True)]
    encoder = await issued(cloud, new_card)
    card, counter = encoder.card, stock.proof(encoder.card)[0]
    for after, unheard in places:
        wallet = await with_money(cloud, card, 1200)
        encoder.cut_after, encoder.cut_unheard = after, unheard
        assert (await take_back(cloud))["code"] == "card_lost", (after, unheard)
        encoder.cut_after = None
        done = await take_back(cloud)
        assert done.get("card", {}).get("status") == "stock", (after, unheard, done)
        assert is_blank(card), (after, unheard)
        assert (await books.wallet(wallet)).account == 1200, (after, unheard)
        assert stock.proof(card)[0] == counter + 1, (after, unheard)
        assert await CardWipe.filter(done_ms=None).count() == 0
        ticket = (await cloud.sell())["tickets"][0]["number"]
        await cloud.post(f"/tickets/{ticket}/issue", {"encoder": 1, "wait_ms": 0})
        counter = stock.proof(card)[0]


async def test_an_old_load_statement_is_worth_nothing_after_a_wipe(cloud: Any, new_card: Any) -> None:
    """Its signature never expires: what was spent is left at the total of all statements ever signed for the card."""
    encoder = await issued(cloud, new_card)
    card = encoder.card
    wallet = await with_money(cloud, card, 0)
    await WalletCard.filter(uid=card.uid.hex()).update(loaded=900, load_number=1, written_number=1)
    issuer = cloud.services.settings.issuer
    statement = LoadStatement(key_id=issuer.key_id, uid=card.uid, number=1, loaded=900, currency="CNY")
    stock.put_loads(card, sign_load(statement, issuer.load()).ljust(96, b"\x00"))
    stock.put_spent(card, -200)
    assert (await take_back(cloud))["balance"] == 700
    assert (await books.wallet(wallet)).account == 700
    assert stock.spent(card) == -900
    assert not any(any(stock.content(card, f)) for f in FILES if f not in (PROOF_FILE, SPENT_FILE))
    stock.put_loads(card, sign_load(statement, issuer.load()).ljust(96, b"\x00"))
    assert (await cloud.post("/cards/read", DESK))["balance"] == 0


async def test_a_claim_that_is_not_genuine_is_not_believed(cloud: Any, new_card: Any) -> None:
    """Somebody wrote the file without the issuer's key: the desk shows no ticket, and wipes it like any other."""
    encoder = await issued(cloud, new_card)
    forged = bytearray(stock.claim_content(encoder.card))
    forged[10] ^= 1
    stock.put_claim(encoder.card, bytes(forged))
    assert (await cloud.post("/cards/read", DESK))["claim"] is None
    stock.put_claim(encoder.card, b"\xff" * CLAIM_FILE.size)
    assert (await take_back(cloud))["claim"] is None
    assert is_blank(encoder.card)
