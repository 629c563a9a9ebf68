# SPDX-License-Identifier: Apache-2.0
"""Lost cards 挂失: found in the books, refused everywhere, found again, or replaced with ticket, use and money."""

from datetime import UTC, datetime
from typing import Any

import pytest

from pistegate_cloud.cards.models import Card, CardLoss
from pistegate_cloud.ingest.models import RawEvent
from pistegate_cloud.rentals.models import Rental
from pistegate_cloud.wallets import queries as books
from pistegate_cloud.wallets import service as wallets
from pistegate_cloud.wallets.models import WalletCard
from pistegate_protocol.card_layout import claim_in_file
from pistegate_protocol.documents import DenyList, LostCards, verify_document
from pistegate_protocol.events import Admitted, Outcome, OutcomeKind
from pistegate_protocol.messages import SignedDocument
from pistegate_protocol.signing import KeyRing, Medium, MediumKind, open_claim
from pistegate_protocol.usage import NO_ADMISSION, Usage, decode_usage, encode_counters
from pistegate_simulators import stock

DESK = {"site": 1, "encoder": 1, "wait_ms": 0}
ISSUE = {"encoder": 1, "wait_ms": 0}
LOST = {"reason": "lost on the piste"}
RIDDEN = datetime(2026, 1, 17, 3, 30, tzinfo=UTC)


async def guest(cloud: Any, new_card: Any, product: int = 1) -> tuple[Any, int]:
    """An encoder with a guest's card on it, and its ticket."""
    encoder = cloud.encoder()
    encoder.card = new_card()
    ticket = (await cloud.sell(product))["tickets"][0]["number"]
    await cloud.post(f"/tickets/{ticket}/issue", ISSUE)
    return encoder, ticket


async def replace(cloud: Any, uid: str) -> Any:
    return (await cloud.http.post(f"/cards/{uid}/replace", json=DESK)).json()


def newest(cloud: Any, kind: Any, gate: int = 1, site: int = 1) -> Any:
    """Entries of the newest document of a kind that a gate was sent; None: it was sent none."""
    keys = KeyRing({2: cloud.services.settings.documents.load().public_key().public_bytes_raw()})
    found = None
    for message in cloud.wire.down(f"pistegate/1/{site}/gate/{gate}/down"):
        if isinstance(message, SignedDocument):
            document = verify_document(message, keys, site)
            found = document.entries if isinstance(document, kind) else found
    return found


def claim_on(cloud: Any, card: Any) -> Any:
    issuer = cloud.services.settings.issuer
    keys = KeyRing({issuer.key_id: issuer.load().public_key().public_bytes_raw()})
    return open_claim(claim_in_file(stock.claim_content(card)), Medium(MediumKind.CARD, card.uid), keys)


async def test_a_lost_card_and_its_ticket_are_refused_at_every_gate_at_once(cloud: Any, new_card: Any) -> None:
    """Two documents: its UID, and the ticket below its next revision; reporting it again changes nothing."""
    encoder, ticket = await guest(cloud, new_card)
    uid = encoder.card.uid.hex()
    assert (await cloud.post(f"/cards/{uid}/lost", LOST | {"found_by": "phone"}))["status"] == "lost"
    for gate in (1, 2, 3):
        assert newest(cloud, LostCards, gate) == [encoder.card.uid]
        assert newest(cloud, DenyList, gate) == [(ticket, 1)]
    sent = len(cloud.wire.sent)
    await cloud.post(f"/cards/{uid}/lost", LOST)
    assert len(cloud.wire.sent) == sent
    assert await CardLoss.filter(state="open", found_by="phone").count() == 1


async def test_a_lost_card_is_not_issued_credited_or_taken_back(cloud: Any, new_card: Any) -> None:
    """Whoever found it and brings it to a window gets nothing from it."""
    encoder, _ = await guest(cloud, new_card)
    await cloud.post(f"/cards/{encoder.card.uid.hex()}/lost", LOST)
    before = encoder.card.image()
    ticket = (await cloud.sell())["tickets"][0]["number"]
    for path, body in ((f"/tickets/{ticket}/issue", ISSUE), ("/cards/take-back", DESK)):
        assert (await cloud.http.post(path, json=body)).json()["code"] == "card_reported_lost"
    assert encoder.card.image() == before


async def test_a_card_found_before_it_was_replaced_holds_again(cloud: Any, new_card: Any) -> None:
    """Off both lists; the very same card and ticket go on, nothing was written to it."""
    encoder, ticket = await guest(cloud, new_card)
    uid = encoder.card.uid.hex()
    before = encoder.card.image()
    await cloud.post(f"/cards/{uid}/lost", LOST)
    assert (await cloud.post(f"/cards/{uid}/found", {}))["status"] == "in_use"
    assert (newest(cloud, LostCards), newest(cloud, DenyList)) == ([], [])
    assert encoder.card.image() == before
    again = await cloud.post(f"/tickets/{ticket}/issue", ISSUE)
    assert (again["status"], again["revision"]) == ("issued", 0)
    assert (await cloud.http.post(f"/cards/{uid}/found", json={})).json()["code"] == "state_conflict"
    assert await CardLoss.filter(state="found").count() == 1


async def test_a_found_card_does_not_bring_back_older_revisions_or_a_revoked_ticket(cloud: Any, new_card: Any) -> None:
    """The card before it stays denied; a ticket revoked meanwhile stays revoked."""
    first, ticket = await guest(cloud, new_card)
    await cloud.post("/cards/take-back", DESK)
    first.card = new_card()
    assert (await cloud.post(f"/tickets/{ticket}/issue", ISSUE))["revision"] == 1
    uid = first.card.uid.hex()
    await cloud.post(f"/cards/{uid}/lost", LOST)
    assert newest(cloud, DenyList) == [(ticket, 2)]
    await cloud.post(f"/cards/{uid}/found", {})
    assert newest(cloud, DenyList) == [(ticket, 1)]
    await cloud.post(f"/cards/{uid}/lost", LOST)
    await cloud.post(f"/tickets/{ticket}/revoke", {"reason": "refund"})
    await cloud.post(f"/cards/{uid}/found", {})
    assert newest(cloud, DenyList) == [(ticket, 2)]


async def test_a_replacement_carries_the_ticket_and_what_is_left_of_it(
    cloud: Any, new_card: Any, new_gate: Any
) -> None:
    """Next revision on the new card, counters of the newest admission; the lost card is void, and denied for ever."""
    encoder, ticket = await guest(cloud, new_card, product=3)
    lost = encoder.card
    usage = decode_usage(stock.usage_content(lost))
    used = Usage(claim=usage.claim, used_total=3, day=2208, used_on_day=3, last_entry=RIDDEN, last_gate=2, in_round=3)
    gate = new_gate()
    at = int(RIDDEN.timestamp() * 1000)
    seq = gate.add(Admitted(at, ticket, b"\x01" + lost.uid, usage.claim, 3, 3, encode_counters(used), bytes(8)))
    gate.add(Outcome(at + 5000, gate.epoch, seq, OutcomeKind.PASSED, 3))
    await cloud.receive([gate.batch()])
    await cloud.services.ingest.apply_pending()
    await cloud.post(f"/cards/{lost.uid.hex()}/lost", LOST)
    encoder.card = new_card()
    done = await replace(cloud, lost.uid.hex())
    assert (done["old"]["status"], done["new"]["status"]) == ("void", "in_use")
    assert (done["ticket"], done["revision"], done["money"]) == (ticket, 1, 0)
    assert claim_on(cloud, encoder.card).revision == 1
    moved = decode_usage(stock.usage_content(encoder.card))
    assert (moved.used_total, moved.used_on_day, moved.day, moved.in_round) == (3, 3, used.day, 3)
    assert (moved.last_entry, moved.last_gate, moved.admission) == (RIDDEN, 2, NO_ADMISSION)
    assert newest(cloud, DenyList) == [(ticket, 1)]
    assert newest(cloud, LostCards) == [lost.uid]


async def test_use_moves_on_through_two_replacements(cloud: Any, new_card: Any, new_gate: Any) -> None:
    """Lost again before any gate saw the second card: the third one still carries what the first had used."""
    encoder, ticket = await guest(cloud, new_card, product=3)
    usage = decode_usage(stock.usage_content(encoder.card))
    used = Usage(claim=usage.claim, used_total=3, day=2208, used_on_day=3, last_entry=RIDDEN)
    gate = new_gate()
    at = int(RIDDEN.timestamp() * 1000)
    medium = b"\x01" + encoder.card.uid
    gate.add(Admitted(at, ticket, medium, usage.claim, 3, 3, encode_counters(used), bytes(8)))
    await cloud.receive([gate.batch()])
    await cloud.services.ingest.apply_pending()
    for revision in (1, 2):
        lost = encoder.card.uid.hex()
        await cloud.post(f"/cards/{lost}/lost", LOST)
        encoder.card = new_card()
        assert (await replace(cloud, lost))["revision"] == revision
        assert decode_usage(stock.usage_content(encoder.card)).used_total == 3


async def test_use_is_known_although_the_gates_events_are_gone(cloud: Any, new_card: Any, new_gate: Any) -> None:
    """What a card began with is kept with its ticket: a second replacement needs no event of the first card."""
    encoder, ticket = await guest(cloud, new_card, product=3)
    usage = decode_usage(stock.usage_content(encoder.card))
    used = Usage(claim=usage.claim, used_total=3, day=2208, used_on_day=3, last_entry=RIDDEN)
    gate, at, medium = new_gate(), int(RIDDEN.timestamp() * 1000), b"\x01" + encoder.card.uid
    gate.add(Admitted(at, ticket, medium, usage.claim, 3, 3, encode_counters(used), bytes(8)))
    await cloud.receive([gate.batch()])
    await cloud.services.ingest.apply_pending()
    for _ in range(2):
        lost = encoder.card.uid.hex()
        await cloud.post(f"/cards/{lost}/lost", LOST)
        encoder.card = new_card()
        await replace(cloud, lost)
        await RawEvent.all().delete()
    assert decode_usage(stock.usage_content(encoder.card)).used_total == 3


async def test_an_admission_that_was_not_written_does_not_count_as_used(
    cloud: Any, new_card: Any, new_gate: Any
) -> None:
    """card_void: the lane stayed shut, the card was not charged; the replacement begins before it."""
    encoder, ticket = await guest(cloud, new_card, product=3)
    usage = decode_usage(stock.usage_content(encoder.card))
    gate, at, medium = new_gate(), int(RIDDEN.timestamp() * 1000), b"\x01" + encoder.card.uid
    used = Usage(claim=usage.claim, used_total=3, day=2208, used_on_day=3, last_entry=RIDDEN)
    seq = gate.add(Admitted(at, ticket, medium, usage.claim, 3, 3, encode_counters(used), bytes(8)))
    gate.add(Outcome(at + 100, gate.epoch, seq, OutcomeKind.CARD_VOID, 0))
    await cloud.receive([gate.batch()])
    await cloud.services.ingest.apply_pending()
    lost = encoder.card.uid.hex()
    await cloud.post(f"/cards/{lost}/lost", LOST)
    encoder.card = new_card()
    await replace(cloud, lost)
    assert decode_usage(stock.usage_content(encoder.card)).used_total == 0


async def test_a_replacement_carries_the_money(cloud: Any, new_card: Any) -> None:
    """What the books know to be on the lost card is in the account of the wallet, which the new card has now."""
    encoder, ticket = await guest(cloud, new_card)
    lost = encoder.card
    await wallets.set_terms(1, "CNY", 100_000, cloud.clock.now_ms)
    wallet = await wallets.create(1, "CNY", None, None, lost.uid.hex(), "test", cloud.clock.now_ms)
    await WalletCard.filter(uid=lost.uid.hex()).update(credited=1500, purse_debited=300)
    await cloud.post(f"/cards/{lost.uid.hex()}/lost", LOST)
    encoder.card = new_card()
    done = await replace(cloud, lost.uid.hex())
    assert (done["ticket"], done["money"]) == (ticket, 1200)
    assert (await books.wallet(wallet.id)).account == 1200
    tied = await books.card_of(wallet.id)
    assert tied is not None
    assert tied.uid == encoder.card.uid.hex()
    assert (await replace(cloud, lost.uid.hex()))["money"] == 0
    assert (await books.wallet(wallet.id)).account == 1200


async def test_a_replacement_that_is_torn_at_any_exchange_is_completed(cloud: Any, new_card: Any) -> None:
    """Before each command and before each answer: one new card, one revision more, the lost one void."""
    encoder, _ = await guest(cloud, new_card)
    await cloud.post(f"/cards/{encoder.card.uid.hex()}/lost", LOST)
    lost, encoder.card = encoder.card, new_card()
    before = encoder.exchanges
    assert (await replace(cloud, lost.uid.hex()))["revision"] == 1
    total = encoder.exchanges - before
    assert total == 13
    for after in (0, 1, 2, 3, 8, 9, 10, 11, 12):
        for unheard in (False, True):
            encoder, ticket = await guest(cloud, new_card)
            lost = encoder.card
            await cloud.post(f"/cards/{lost.uid.hex()}/lost", LOST)
            encoder.card = new_card()
            encoder.cut_after, encoder.cut_unheard = after, unheard
            assert (await replace(cloud, lost.uid.hex()))["code"] == "card_lost"
            encoder.cut_after = None
            done = await replace(cloud, lost.uid.hex())
            assert (done.get("ticket"), done.get("revision")) == (ticket, 1), (after, unheard, done)
            assert done["old"]["status"] == "void"
            assert stock.proof(encoder.card)[0] == 1
    # and once more after all was done, as a window repeats whose answer was lost
    assert (await replace(cloud, lost.uid.hex()))["ticket"] == ticket


async def test_a_lost_card_is_replaced_once_and_by_stock(cloud: Any, new_card: Any) -> None:
    """Not by another guest's card, not by itself, not twice; a card in use is reported lost first."""
    encoder, _ = await guest(cloud, new_card)
    lost = encoder.card
    uid = lost.uid.hex()
    assert (await replace(cloud, uid))["code"] == "card_in_use"
    await cloud.post(f"/cards/{uid}/lost", LOST)
    assert (await replace(cloud, uid))["code"] == "card_reported_lost"
    await guest(cloud, new_card)
    assert (await replace(cloud, uid))["code"] == "card_not_from_stock"
    encoder = cloud.encoder()
    encoder.card = new_card()
    assert (await replace(cloud, uid))["revision"] == 1
    encoder.card = new_card()
    assert (await replace(cloud, uid))["code"] == "state_conflict"
    assert (await cloud.get(f"/cards/{encoder.card.uid.hex()}"))["status"] == "stock"


async def test_the_replaced_card_is_never_used_again(cloud: Any, new_card: Any) -> None:
    """Void: not found again, not issued, not personalised anew, and on the list of lost cards for good."""
    encoder, _ = await guest(cloud, new_card)
    lost, uid = encoder.card, encoder.card.uid.hex()
    await cloud.post(f"/cards/{uid}/lost", LOST)
    encoder.card = new_card()
    await replace(cloud, uid)
    assert (await cloud.http.post(f"/cards/{uid}/found", json={})).json()["code"] == "state_conflict"
    encoder.card = lost
    before = lost.image()
    ticket = (await cloud.sell())["tickets"][0]["number"]
    assert (await cloud.http.post(f"/tickets/{ticket}/issue", json=ISSUE)).json()["code"] == "card_void"
    assert (await cloud.http.post("/cards/take-back", json=DESK)).json()["code"] == "card_void"
    assert lost.image() == before
    cloud.clock.now_ms += 30 * 86_400_000
    other, _ = await guest_later(cloud, new_card)
    await cloud.post(f"/cards/{other.card.uid.hex()}/lost", LOST)
    assert newest(cloud, LostCards) == sorted([lost.uid, other.card.uid])


async def guest_later(cloud: Any, new_card: Any) -> tuple[Any, int]:
    encoder = cloud.encoder()
    encoder.card = new_card()
    ticket = (await cloud.sell_on("2026-02-20"))["tickets"][0]["number"]
    await cloud.post(f"/tickets/{ticket}/issue", ISSUE)
    return encoder, ticket


async def test_a_lost_card_without_a_good_ticket_is_replaced_too(cloud: Any, new_card: Any) -> None:
    """An expired or revoked ticket stays where it is: the new card gets the wallet alone."""
    encoder, ticket = await guest(cloud, new_card)
    lost = encoder.card.uid.hex()
    await cloud.post(f"/cards/{lost}/lost", LOST)
    await cloud.post(f"/tickets/{ticket}/revoke", {"reason": "refund"})
    encoder.card = new_card()
    done = await replace(cloud, lost)
    assert (done["ticket"], done["old"]["status"], done["new"]["status"]) == (None, "void", "stock")
    assert not any(stock.claim_content(encoder.card))


async def test_a_broken_card_is_voided_and_replaced(cloud: Any, new_card: Any) -> None:
    """It lies on the counter and cannot be read: no loss is reported, its ticket and money move all the same."""
    encoder, ticket = await guest(cloud, new_card)
    broken = encoder.card.uid.hex()
    await cloud.post(f"/cards/{broken}/void", {"reason": "broken chip"})
    assert newest(cloud, LostCards) == [encoder.card.uid]
    encoder.card = new_card()
    done = await replace(cloud, broken)
    assert (done["ticket"], done["revision"]) == (ticket, 1)


async def test_stock_is_not_lost(cloud: Any, new_card: Any) -> None:
    """A card that nobody holds was mistyped, or is to be voided."""
    uid = new_card().uid.hex()
    assert (await cloud.http.post(f"/cards/{uid}/lost", json=LOST)).json()["code"] == "card_in_stock"
    assert (await cloud.http.post("/cards/04000000000000/lost", json=LOST)).json()["code"] == "not_found"


@pytest.mark.parametrize("by", ["payment", "phone", "order", "ticket", "rental"])
async def test_a_guest_without_a_card_is_found(cloud: Any, new_card: Any, by: str) -> None:
    """By the receipt, the phone number, the order, the ticket, or a piece of equipment: this card and no other."""
    await guest(cloud, new_card)
    encoder = cloud.encoder()
    encoder.card = new_card()
    uid = encoder.card.uid.hex()
    line = {"product": 1, "quantity": 1, "visit_date": "2026-01-17"}
    payment = {"method": "cash", "tendered": 29800, "currency": "CNY", "reference": "R-2026-0117-42"}
    body = {"site": 1, "channel": "window", "lines": [line], "payment": payment, "phone": "+8613800000001"}
    order = await cloud.post("/orders", body)
    ticket = order["tickets"][0]["number"]
    await cloud.post(f"/tickets/{ticket}/issue", ISSUE)
    await rented(cloud, uid, "K2-0815")
    query = {"payment": "R-2026-0117-42", "phone": "+8613800000001", "order": order["id"], "ticket": ticket}
    query |= {"rental": "K2-0815"}
    found = (await cloud.get("/card-search", **{by: query[by]}))["items"]
    assert [card["uid"] for card in found] == [uid]
    other = {"payment": "R-0", "phone": "+8613800000002", "order": "01900000-0000-7000-8000-000000000000"}
    other |= {"ticket": "1", "rental": "K2-9999"}
    assert (await cloud.get("/card-search", **{by: other[by]}))["items"] == []


async def rented(cloud: Any, uid: str, label: str) -> None:
    """Skis with this label are out on the card, as a till's event would have told."""
    await Rental.create(
        site_id=1, uid=uid, since_s=1768620000, kind=1, ticket=0, item=label, taken_ms=cloud.clock.now_ms
    )


async def test_a_search_wants_exactly_one_thing(cloud: Any) -> None:
    """None or two: refused; a phone number that is none: refused."""
    for query in ({}, {"phone": "12345", "ticket": 1}):
        answer = await cloud.http.get("/card-search", params=query)
        assert answer.json()["code"] == "one_search_term"
    assert (await cloud.http.get("/card-search", params={"phone": "x'; --"})).json()["code"] == "invalid_request"


async def second_site(cloud: Any) -> None:
    """Site 2 of the same group: an area, a post, a gate, an encoder."""
    await cloud.post("/sites", {"number": 2, "group": 1, "name": "Snow Peak 雪峰", "zone": "Asia/Shanghai"})
    await cloud.post("/areas", {"site": 2, "number": 0, "name": "Main"})
    await cloud.post("/posts", {"site": 2, "number": 1, "area": 0, "name": "Main"})
    await cloud.post("/gates", {"site": 2, "number": 1, "post": 1, "name": "Lane 1"})
    await cloud.post("/encoders", {"site": 2, "number": 1, "name": "Window 1"})


async def group_product(cloud: Any) -> None:
    name = {"en": "All sites", "zh-CN": "集团通票"}
    body = {"site": 1, "number": 50, "code": "ALL", "name": name, "price": 50000, "currency": "CNY", "areas": [0]}
    await cloud.post("/products", body | {"scope": "group"})


async def test_a_card_lost_at_one_site_is_refused_at_every_site_of_the_group(cloud: Any, new_card: Any) -> None:
    """一卡通: its UID goes to all sites; the denial of a site's ticket stays at its site."""
    await second_site(cloud)
    encoder, ticket = await guest(cloud, new_card)
    await cloud.post(f"/cards/{encoder.card.uid.hex()}/lost", LOST)
    assert newest(cloud, LostCards, site=1) == newest(cloud, LostCards, site=2) == [encoder.card.uid]
    assert newest(cloud, DenyList, site=1) == [(ticket, 1)]
    assert newest(cloud, DenyList, site=2) is None


async def test_a_ticket_of_the_group_is_issued_lost_and_replaced_at_any_of_its_sites(cloud: Any, new_card: Any) -> None:
    """Sold at site 1, put on a card of site 1's stock at site 2, denied at both sites, replaced at site 2."""
    await second_site(cloud)
    await group_product(cloud)
    ticket = (await cloud.sell(50))["tickets"][0]["number"]
    encoder = cloud.encoder(1, site=2)
    encoder.card = new_card()
    await cloud.post(f"/tickets/{ticket}/issue", ISSUE | {"site": 2})
    claim = claim_on(cloud, encoder.card)
    assert (claim.scope.group, claim.scope.number) == (True, 1)
    lost = encoder.card.uid.hex()
    assert (await cloud.get(f"/cards/{lost}"))["changes"][-1]["site"] == 2
    await cloud.post(f"/cards/{lost}/lost", LOST)
    assert newest(cloud, DenyList, site=1) == newest(cloud, DenyList, site=2) == [(ticket, 1)]
    encoder.card = new_card()
    answer = await cloud.http.post(f"/cards/{lost}/replace", json=DESK | {"site": 2})
    assert (answer.json()["ticket"], answer.json()["revision"]) == (ticket, 1)


async def test_a_sites_ticket_is_not_issued_at_another_site(cloud: Any, new_card: Any) -> None:
    """It would hold at no gate there."""
    await second_site(cloud)
    ticket = (await cloud.sell())["tickets"][0]["number"]
    encoder = cloud.encoder(1, site=2)
    encoder.card = new_card()
    answer = await cloud.http.post(f"/tickets/{ticket}/issue", json=ISSUE | {"site": 2})
    assert answer.json()["code"] == "wrong_site"
    assert (await Card.get(uid=encoder.card.uid.hex())).status == "stock"
