# SPDX-License-Identifier: Apache-2.0
"""Personalising at an encoder: which stock where, a card that leaves at any exchange, and what an attacker is given."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from card_stock import MASTERS, every_key

from pistegate_protocol.card_layout import FILES, KeySet
from pistegate_simulators.card import DesfireCard
from pistegate_simulators.stock import APPLICATION, blank_stock, personalised_card, transport_keyed

Maker = Callable[[Random], DesfireCard]
BLANK, TRANSPORT, TRUSTED, WINDOW = "blank", "transport", 2, 1
MAKERS: dict[str, Maker] = {
    BLANK: blank_stock,
    TRANSPORT: lambda rng: transport_keyed(rng, MASTERS.transport, MASTERS.system),
}


async def personalise(cloud: Any, encoder: int) -> Any:
    body = {"site": 1, "encoder": encoder, "wait_ms": 0}
    return (await cloud.http.post("/cards/personalise", json=body)).json()


async def trust(cloud: Any) -> None:
    assert (await cloud.post(f"/encoders/{TRUSTED}/trust", {"site": 1, "trusted": True}))["trusted"]


async def can_be_issued(cloud: Any, encoder: Any) -> bool:
    """What matters in the end: the card takes a ticket."""
    ticket = (await cloud.sell())["tickets"][0]["number"]
    body = {"encoder": encoder.device.number, "wait_ms": 0}
    return bool((await cloud.post(f"/tickets/{ticket}/issue", body))["status"] == "issued")


def is_finished(card: DesfireCard) -> bool:
    """As personalisation leaves it: our keys, no default ones, every file of the layout."""
    application = card._card.memory.application(APPLICATION)
    wanted = personalised_card(Random(1), MASTERS)._card.memory.application(APPLICATION)
    return (
        card.key(0, 0) == (MASTERS.picc_key(card.uid), 1)
        and sorted(application.files) == sorted(file.number for file in FILES)
        and [bool(each and each.finalised) for each in application.key_sets] == [True, True]
        and [key.value for key in application.key_sets[KeySet.SECOND].keys]
        == [MASTERS.card_key(card.uid, key, KeySet.SECOND) for key in MASTERS.sets[KeySet.SECOND]]
        and len(wanted.files) == len(application.files)
    )


@pytest.mark.parametrize("kind", [BLANK, TRANSPORT])
async def test_new_cards_become_stock(cloud: Any, kind: str) -> None:
    """Both kinds: the card holds our keys and files, is in stock, its story is told, and it takes a ticket."""
    await trust(cloud)
    encoder = cloud.encoder(TRUSTED)
    encoder.card = MAKERS[kind](Random(5))
    answer = await personalise(cloud, TRUSTED)
    assert (answer["status"], answer["origin"], answer["key_set"]) == ("stock", kind, 0)
    assert is_finished(encoder.card)
    story = await cloud.get(f"/cards/{encoder.card.uid.hex()}")
    assert [change["event"] for change in story["changes"]] == ["personalise", "personalised"]
    assert {change["actor"] for change in story["changes"]} == {"test"}
    assert await can_be_issued(cloud, encoder)


async def test_blank_cards_get_no_keys_at_a_window(cloud: Any) -> None:
    """Their first key is known to all the world: at an encoder that is not trusted nothing is written."""
    encoder = cloud.encoder(WINDOW)
    encoder.card = blank_stock(Random(5))
    before = encoder.card.image()
    answer = await personalise(cloud, WINDOW)
    assert answer["code"] == "encoder_not_trusted"
    assert encoder.card.image() == before
    assert (await cloud.http.get(f"/cards/{encoder.card.uid.hex()}")).status_code == 404


async def test_transport_keyed_stock_is_personalised_at_a_window_and_no_key_is_seen_there(cloud: Any) -> None:
    """Whoever owns the window sees every command: no key in it, neither master nor the card's."""
    encoder = cloud.encoder(WINDOW)
    encoder.card = MAKERS[TRANSPORT](Random(5))
    assert (await personalise(cloud, WINDOW))["status"] == "stock"
    sent = b"".join(apdu for request in encoder.requests for apdu in request.apdus)
    for secret in every_key(encoder.card.uid):
        assert secret not in sent


@pytest.mark.parametrize("kind", [BLANK, TRANSPORT])
async def test_a_card_that_leaves_at_any_exchange_is_completed_by_the_next_try(cloud: Any, kind: str) -> None:
    """Before each command, and after it before the answer: the second attempt ends with a whole card in stock."""
    await trust(cloud)
    encoder = cloud.encoder(TRUSTED)
    rng = Random(9)
    encoder.card = MAKERS[kind](rng)
    assert (await personalise(cloud, TRUSTED))["status"] == "stock"
    total = encoder.exchanges
    assert total > 40
    for after in range(total):
        for unheard in (False, True):
            encoder.card = MAKERS[kind](rng)
            encoder.cut_after, encoder.cut_unheard = after, unheard
            assert (await personalise(cloud, TRUSTED))["code"] == "card_lost"
            encoder.cut_after = None
            answer = await personalise(cloud, TRUSTED)
            assert answer.get("status") == "stock", (after, unheard, answer)
            assert is_finished(encoder.card), (after, unheard)


async def test_a_half_made_card_is_in_the_books_and_takes_no_ticket(cloud: Any) -> None:
    """From the first command that changes it; before that one it is still nobody's."""
    await trust(cloud)
    encoder = cloud.encoder(TRUSTED)
    encoder.card, encoder.cut_after = blank_stock(Random(5)), 3
    uid = encoder.card.uid.hex()
    assert (await personalise(cloud, TRUSTED))["code"] == "card_lost"
    assert (await cloud.http.get(f"/cards/{uid}")).status_code == 404
    encoder.cut_after = 30
    assert (await personalise(cloud, TRUSTED))["code"] == "card_lost"
    encoder.cut_after = None
    assert (await cloud.get(f"/cards/{uid}"))["status"] == "personalising"
    ticket = (await cloud.sell())["tickets"][0]["number"]
    refused = await cloud.http.post(f"/tickets/{ticket}/issue", json={"encoder": TRUSTED, "wait_ms": 0})
    assert refused.json()["code"] == "card_personalising"


async def test_a_card_that_leaves_twice_is_still_completed(cloud: Any) -> None:
    """Half-made, then half-completed: the third attempt ends it."""
    await trust(cloud)
    encoder = cloud.encoder(TRUSTED)
    rng = Random(9)
    for first, second in ((10, 12), (25, 8), (30, 30), (40, 6)):
        encoder.card = blank_stock(rng)
        for after in (first, second):
            encoder.cut_after, encoder.cut_unheard = after, True
            assert (await personalise(cloud, TRUSTED))["code"] == "card_lost"
        encoder.cut_after = None
        assert (await personalise(cloud, TRUSTED))["status"] == "stock"


async def test_an_emulated_blank_card_is_not_given_the_keys_of_a_card_in_use(cloud: Any, new_card: Any) -> None:
    """It shows the UID of a card of ours and the factory's key: it is verified, fails, and learns nothing."""
    await trust(cloud)
    encoder = cloud.encoder(TRUSTED)
    real = new_card()
    encoder.card = DesfireCard(real.uid)
    before = encoder.card.image()
    assert (await personalise(cloud, TRUSTED))["code"] == "card_key_refused"
    assert encoder.card.image() == before
    assert (await cloud.get(f"/cards/{real.uid.hex()}"))["status"] == "stock"


async def test_a_finished_card_is_verified_and_a_changed_one_told(cloud: Any, new_card: Any) -> None:
    """Laying down a card of the stock again changes nothing; one whose files were changed is not handed out."""
    await trust(cloud)
    encoder = cloud.encoder(TRUSTED)
    encoder.card = new_card()
    before = encoder.card.image()
    assert (await personalise(cloud, TRUSTED))["status"] == "stock"
    assert encoder.card.image() == before
    encoder.card._card.memory.application(APPLICATION).files.pop(8)
    answer = await personalise(cloud, TRUSTED)
    assert (answer["code"], encoder.card.uid.hex() in answer["detail"]) == ("card_not_personalised", True)


async def test_what_is_no_card_of_ours_is_told_and_not_kept(cloud: Any) -> None:
    """Another system's card, a card of an older kind, no card: each its code; nothing is in the books."""
    await trust(cloud)
    encoder = cloud.encoder(TRUSTED)
    assert (await personalise(cloud, TRUSTED))["code"] == "no_card"
    encoder.card = blank_stock(Random(5))
    encoder.card.set_key(0, 0, b"another system's", 1)
    assert (await personalise(cloud, TRUSTED))["code"] == "card_key_refused"
    items = (await cloud.get("/cards", limit=1000))["items"]
    assert encoder.card.uid.hex() not in {item["uid"] for item in items}
    answer = await cloud.http.post("/cards/personalise", json={"site": 1, "encoder": 9})
    assert answer.json()["code"] == "unknown_reference"
