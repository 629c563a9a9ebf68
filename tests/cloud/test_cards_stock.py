# SPDX-License-Identifier: Apache-2.0
"""Stock coming in, which cards take a ticket, and which are refused with what to do."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from card_stock import MASTERS

from pistegate_cloud.cards import queries
from pistegate_cloud.cards.models import Card, CardChange
from pistegate_cloud.errors import Problem
from pistegate_cloud.states import CARD
from pistegate_protocol.card_layout import PROOF_FILE
from pistegate_protocol.usage import decode_usage, encode_usage
from pistegate_simulators.stock import (
    APPLICATION,
    personalised_card,
    purse,
    put_purse,
    put_rental,
    put_usage,
    rental_content,
    usage_content,
)

UID = "04a1b2c3d4e5f6"


async def issue(cloud: Any, **body: Any) -> Any:
    ticket = (await cloud.sell())["tickets"][0]["number"]
    return (await cloud.http.post(f"/tickets/{ticket}/issue", json={"encoder": 1, "wait_ms": 0} | body)).json()


async def test_stock_comes_in_once_whatever_is_repeated(cloud: Any) -> None:
    """In either case of letters, twice in one box or imported again: one card, one line in its story."""
    first = await cloud.post("/cards", {"site": 1, "uids": [UID, UID.upper(), "04a1b2c3d4e5f7"]})
    assert first == {"added": 2, "known": []}
    again = await cloud.post("/cards", {"site": 1, "uids": [UID, "04a1b2c3d4e5f8"]})
    assert again == {"added": 1, "known": [UID]}
    story = await cloud.get(f"/cards/{UID}")
    assert (story["status"], story["origin"], story["group"]) == ("stock", "vendor", 1)
    assert [change["event"] for change in story["changes"]] == ["import"]


async def test_cards_are_listed_by_state_page_by_page(cloud: Any) -> None:
    """Every card once."""
    seen: list[str] = []
    after = 0
    while after is not None:
        page = await cloud.get("/cards", site=1, status="stock", after=after, limit=7)
        seen += [item["uid"] for item in page["items"]]
        after = page["next"]
    assert len(seen) == len(set(seen)) == await Card.filter(status="stock").count()
    assert (await cloud.get("/cards", status="lost"))["items"] == []


@pytest.mark.parametrize(
    "body",
    [{"uids": []}, {"uids": ["04a1"]}, {"uids": ["zz" * 7]}, {"uids": [UID] * 2001}, {"uids": [UID], "site": 40000}],
)
async def test_a_wrong_list_is_refused(cloud: Any, body: dict[str, Any]) -> None:
    """Empty, too short, no hex, too long, no such site."""
    answer = await cloud.http.post("/cards", json={"site": 1} | body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_a_card_that_is_not_ours_takes_no_ticket(cloud: Any, new_card: Any) -> None:
    """Personalised with our keys by somebody, but never taken into stock: refused before anything is sent to it."""
    encoder = cloud.encoder()
    encoder.card = personalised_card(Random(99), MASTERS)
    before = encoder.card.image()
    assert (await issue(cloud))["code"] == "card_unknown"
    assert encoder.card.image() == before
    await cloud.take_into_stock(encoder.card)
    assert (await issue(cloud))["status"] == "issued"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("personalising", "card_personalising"),
        ("returned", "card_returned"),
        ("lost", "card_reported_lost"),
        ("void", "card_void"),
    ],
)
async def test_a_card_out_of_use_takes_no_ticket_and_says_what_to_do(
    cloud: Any, new_card: Any, status: str, code: str
) -> None:
    """Each state with its own words in both languages; the card is not written."""
    encoder = cloud.encoder()
    encoder.card = new_card()
    await Card.filter(uid=encoder.card.uid.hex()).update(status=status)
    before = encoder.card.image()
    answer = await issue(cloud)
    assert (answer["code"], answer["status"]) == (code, 409)
    assert encoder.card.uid.hex() in answer["detail"]
    assert encoder.card.image() == before


async def test_a_card_of_another_group_takes_no_ticket_here(cloud: Any, new_card: Any) -> None:
    """Two groups in one cloud keep their stock apart."""
    await cloud.post("/sites", {"number": 7, "group": 2, "name": "Other group", "zone": "Asia/Shanghai"})
    encoder = cloud.encoder()
    encoder.card = new_card()
    await Card.filter(uid=encoder.card.uid.hex()).update(group_number=2, site_id=7)
    assert (await issue(cloud))["code"] == "card_of_another_group"


@pytest.mark.parametrize("what", ["money", "equipment"])
async def test_a_stock_card_with_something_on_it_is_set_aside(cloud: Any, new_card: Any, what: str) -> None:
    """It came back past the desk: issuing to it would give a guest another one's money or debt."""
    encoder = cloud.encoder()
    encoder.card = new_card()
    if what == "money":
        put_purse(encoder.card, 500)
    else:
        put_rental(encoder.card, bytes([1, 0, 1, 0, 1]) + bytes(11))
    assert (await issue(cloud))["code"] == "card_not_blank"


async def test_money_stays_on_a_card_that_gets_its_next_ticket(cloud: Any, new_card: Any) -> None:
    """The ticket before has ended; purse and rental are not touched."""
    encoder = cloud.encoder()
    encoder.card = new_card()
    assert (await issue(cloud))["status"] == "issued"
    put_purse(encoder.card, 1200)
    put_rental(encoder.card, bytes([1, 0, 1, 0, 1]) + bytes(11))
    before = rental_content(encoder.card)
    cloud.clock.now_ms += 86_400_000
    ticket = (await cloud.sell_on("2026-01-18"))["tickets"][0]["number"]
    answer = await cloud.post(f"/tickets/{ticket}/issue", {"encoder": 1, "wait_ms": 0})
    assert answer["status"] == "issued"
    assert (purse(encoder.card), rental_content(encoder.card)) == (1200, before)


async def test_a_good_ticket_on_the_card_is_not_overwritten_by_mistake(cloud: Any, new_card: Any) -> None:
    """Only when the seller names it; it can then be put on a card again, at the next revision."""
    encoder = cloud.encoder()
    first_card = encoder.card = new_card()
    first = (await issue(cloud))["ticket"]
    second = (await cloud.sell())["tickets"][0]["number"]
    body = {"encoder": 1, "wait_ms": 0}
    refused = (await cloud.http.post(f"/tickets/{second}/issue", json=body)).json()
    assert refused["code"] == "card_holds_ticket"
    assert str(first) in refused["detail"]
    wrong = await cloud.http.post(f"/tickets/{second}/issue", json=body | {"give_up": second})
    assert wrong.json()["code"] == "card_holds_ticket"
    assert (await cloud.post(f"/tickets/{second}/issue", body | {"give_up": first}))["status"] == "issued"
    encoder.card = new_card()
    again = await cloud.post(f"/tickets/{first}/issue", body)
    assert (again["status"], again["revision"]) == ("issued", 1)
    assert first_card.uid != encoder.card.uid


async def test_a_given_up_ticket_comes_back_to_its_card_at_the_next_revision(cloud: Any, new_card: Any) -> None:
    """Gates remember how far the old claim was used: with fewer uses it would look like a card turned back."""
    encoder = cloud.encoder()
    encoder.card = new_card()
    first = (await issue(cloud))["ticket"]
    second = (await issue(cloud, give_up=first))["ticket"]
    answer = await cloud.post(f"/tickets/{first}/issue", {"encoder": 1, "wait_ms": 0, "give_up": second})
    assert (answer["ticket"], answer["revision"]) == (first, 1)


async def test_a_used_up_ticket_makes_room(cloud: Any, new_card: Any) -> None:
    """A single ride that was ridden, as the card itself says, is no reason to refuse the next one."""
    encoder = cloud.encoder()
    encoder.card = new_card()
    body = {"encoder": 1, "wait_ms": 0}
    tickets = [(await cloud.sell(2))["tickets"][0]["number"] for _ in range(2)]
    await cloud.post(f"/tickets/{tickets[0]}/issue", body)
    refused = await cloud.http.post(f"/tickets/{tickets[1]}/issue", json=body)
    assert refused.json()["code"] == "card_holds_ticket"
    used = replace(decode_usage(usage_content(encoder.card)), used_total=1)
    put_usage(encoder.card, encode_usage(used))
    assert (await cloud.post(f"/tickets/{tickets[1]}/issue", body))["status"] == "issued"


async def test_a_card_that_proves_nothing_is_not_handed_out(cloud: Any, new_card: Any) -> None:
    """Its vendor gave it another transaction key: every proof at a gate would be false. The ticket goes elsewhere."""
    encoder = cloud.encoder()
    encoder.card = new_card()
    application = encoder.card._card.memory.application(APPLICATION)
    application.files[PROOF_FILE.number].key = bytes(16)
    ticket = (await cloud.sell())["tickets"][0]["number"]
    body = {"encoder": 1, "wait_ms": 0}
    assert (await cloud.http.post(f"/tickets/{ticket}/issue", json=body)).json()["code"] == "card_proof_wrong"
    assert (await cloud.get(f"/tickets/{ticket}"))["status"] == "issuing"
    encoder.card = new_card()
    assert (await cloud.post(f"/tickets/{ticket}/issue", body))["revision"] == 1


async def test_every_change_of_a_card_is_kept_with_who_and_where(cloud: Any, new_card: Any) -> None:
    """Import, issue, lost, found, void: in order, with encoder, ticket and the card's own counter."""
    encoder = cloud.encoder()
    encoder.card = new_card()
    uid = encoder.card.uid.hex()
    ticket = (await issue(cloud))["ticket"]
    await cloud.post(f"/cards/{uid}/lost", {"reason": "x"})
    await cloud.post(f"/cards/{uid}/found", {})
    await cloud.post(f"/cards/{uid}/void", {"reason": "broken"})
    changes = (await cloud.get(f"/cards/{uid}"))["changes"]
    assert [change["event"] for change in changes] == ["import", "issue", "lose", "find", "void"]
    assert [change["status"] for change in changes] == ["stock", "in_use", "lost", "in_use", "void"]
    issued = changes[1]
    assert (issued["ticket"], issued["encoder"], issued["counter"], issued["actor"]) == (ticket, 1, 1, "test")


async def test_cards_move_by_the_table_only(cloud: Any, new_card: Any) -> None:
    """Every state and event: what the table does not have is refused, and leaves card and story as they were."""
    uid = new_card().uid.hex()
    events = {event for moves in CARD.moves.values() for event in moves}
    for status, moves in CARD.moves.items():
        for event in events:
            await Card.filter(uid=uid).update(status=status)
            card = await queries.card(uid)
            before = await CardChange.filter(card_id=card.id).count()
            change = CardChange(site_id=1, actor="test", at_ms=1)
            if event in moves:
                await queries.change(card, event, change)
                assert (await queries.card(uid)).status == moves[event]
            else:
                with pytest.raises(Problem, match="state_conflict"):
                    await queries.change(card, event, change)
                assert (await queries.card(uid)).status == status
            assert await CardChange.filter(card_id=card.id).count() == before + (event in moves)


async def test_a_card_that_changed_meanwhile_is_not_moved(cloud: Any, new_card: Any) -> None:
    """Two desks at once: the second one is told."""
    card = await queries.card(new_card().uid.hex())
    await Card.filter(id=card.id).update(status="void")
    with pytest.raises(Problem, match="state_conflict"):
        await queries.change(card, "issue", CardChange(site_id=1, actor="test", at_ms=1))
