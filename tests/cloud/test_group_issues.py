# SPDX-License-Identifier: Apache-2.0
"""A group's tickets on cards, one after another, through every interruption: of a card, the encoder, the cloud."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import group_row
import pytest
from card_stock import MASTERS
from group_row import KILLED

from pistegate_protocol.card_layout import claim_in_file
from pistegate_protocol.claims import decode_claim
from pistegate_protocol.signing import split_signed_claim
from pistegate_simulators.card import DesfireCard
from pistegate_simulators.stock import claim_content, personalised_card, proof

CONFTEST = Path(__file__).with_name("conftest.py")
ROW = Path(group_row.__file__)
NEXT = {"encoder": 1, "wait_ms": 0}


def make_cards(count: int, seed: int = 21) -> list[DesfireCard]:
    rng = Random(seed)
    return [personalised_card(rng, MASTERS) for _ in range(count)]


async def begun(cloud: Any, tickets: int) -> tuple[str, list[DesfireCard]]:
    """A group issue, and more cards in stock than it needs."""
    order = await cloud.sell(quantity=tickets)
    cards = make_cards(tickets + 10)
    await cloud.take_into_stock(*cards)
    answer = await cloud.post("/group-issues", {"order": order["id"]})
    assert (answer["total"], answer["issued"], answer["finished"]) == (tickets, 0, None)
    return answer["id"], cards


async def lay(cloud: Any, number: str, **headers: str) -> Any:
    answer = await cloud.http.post(f"/group-issues/{number}/cards", json=NEXT, headers=headers)
    return answer.json()


def ticket_on(card: DesfireCard) -> int | None:
    """The ticket whose claim is on a card."""
    signed = claim_in_file(claim_content(card))
    return decode_claim(split_signed_claim(signed)[0]).ticket if signed else None


async def test_300_cards_are_written_and_it_goes_on_at_card_173_after_a_crash(
    cloud: Any, restarted: Callable[[Any], Any]
) -> None:
    """The cloud dies in the middle of card 173, its answer unheard; a new process completes that card and the rest."""
    number, cards = await begun(cloud, 300)
    encoder = cloud.encoder()
    for place, encoder.card in enumerate(cards[:172], 1):
        answer = await lay(cloud, number)
        assert answer["progress"]["issued"] == place, answer
    torn = encoder.card = cards[172]
    encoder.cut_after, encoder.cut_unheard = 12, True  # the commit is done, nobody hears of it
    assert (await lay(cloud, number))["code"] == "card_lost"
    async with restarted(cloud) as later:
        progress = await later.get(f"/group-issues/{number}")
        assert (progress["issued"], progress["total"]) == (172, 300)
        assert [each["uid"] for each in progress["unconfirmed"]] == [torn.uid.hex()]
        encoder = later.encoder()
        for encoder.card in cards[172:300]:
            answer = await lay(later, number)
            assert "card" in answer, answer
        assert (answer["progress"]["issued"], answer["progress"]["next"]) == (300, None)
        assert answer["progress"]["finished"] is not None
        encoder.card = cards[300]
        assert (await lay(later, number))["code"] == "group_issue_finished"
        order = await later.get(f"/orders/{answer['progress']['order']}")
    on_cards = [ticket_on(card) for card in cards[:300]]
    assert sorted(on_cards) == sorted(ticket["number"] for ticket in order["tickets"])
    assert {ticket["status"] for ticket in order["tickets"]} == {"issued"}
    assert {proof(card)[0] for card in cards[:300]} == {1}
    assert ticket_on(cards[300]) is None


def run_row(
    database: str, folder: Path, order: str, kill_at: int, *, unheard: bool
) -> subprocess.CompletedProcess[str]:
    arguments = [str(CONFTEST), database, str(folder), order, str(kill_at), "1" if unheard else "0"]
    return subprocess.run([sys.executable, str(ROW), *arguments], capture_output=True, text=True, timeout=100)


# Command to a card, 13 each, at which the process is killed; whether the card has done it.
KILLS = {"before select": (14, False), "before claim": (23, False), "before commit": (26, False), "after": (26, True)}


@pytest.mark.parametrize("kill", KILLS)
async def test_a_killed_cloud_process_goes_on_where_it_was(sqlite_cloud: Any, tmp_path: Path, kill: str) -> None:
    """Killed in the middle of the second of three cards: the next process leaves every card with its ticket, once."""
    cloud, url = sqlite_cloud, sqlite_cloud.services.settings.database.url
    order = (await cloud.sell(quantity=3))["id"]
    fresh = make_cards(3, seed=31)
    await cloud.take_into_stock(*fresh)
    folder = tmp_path / "cards"
    folder.mkdir()
    for number, card in enumerate(fresh):
        (folder / f"{number}").write_text(json.dumps(card.image()))
    kill_at, unheard = KILLS[kill]
    died = run_row(url, folder, order, kill_at, unheard=unheard)
    assert died.returncode == KILLED, died.stderr
    done = run_row(url, folder, order, 0, unheard=False)
    assert done.returncode == 0, done.stdout + done.stderr
    progress = json.loads(done.stdout)
    assert (progress["issued"], progress["total"], progress["unconfirmed"]) == (3, 3, [])
    after = [DesfireCard.from_image(json.loads(path.read_text())) for path in sorted(folder.iterdir())]
    assert len({ticket_on(card) for card in after}) == 3
    assert {proof(card)[0] for card in after} == {1}


async def test_a_card_lost_in_the_middle_does_not_stop_the_row(cloud: Any) -> None:
    """It went away unheard: the next cards go on, it is completed when it comes back, and no ticket is doubled."""
    number, cards = await begun(cloud, 6)
    encoder = cloud.encoder()
    encoder.card = cards[0]
    await lay(cloud, number)
    encoder.card, encoder.cut_after, encoder.cut_unheard = cards[1], 12, True
    assert (await lay(cloud, number))["code"] == "card_lost"
    encoder.cut_after = None
    for encoder.card in (cards[2], cards[3]):
        await lay(cloud, number)
    encoder.card = cards[1]
    answer = await lay(cloud, number)
    assert (answer["card"]["revision"], answer["progress"]["issued"], answer["progress"]["unconfirmed"]) == (0, 4, [])
    for encoder.card in (cards[4], cards[5]):
        answer = await lay(cloud, number)
    assert answer["progress"]["finished"] is not None
    assert len({ticket_on(card) for card in cards[:6]}) == 6
    assert {proof(card)[0] for card in cards[:6]} == {1}


async def test_a_card_that_never_comes_back_is_replaced_in_the_end_and_denied(cloud: Any) -> None:
    """Its ticket goes on the last card at the next revision; the lost one opens no gate."""
    number, cards = await begun(cloud, 3)
    encoder = cloud.encoder()
    encoder.card, encoder.cut_after, encoder.cut_unheard = cards[0], 12, True
    assert (await lay(cloud, number))["code"] == "card_lost"
    encoder.cut_after = None
    answers = []
    for encoder.card in cards[1:4]:
        answers.append(await lay(cloud, number))
    assert [answer["card"]["revision"] for answer in answers] == [0, 0, 1]
    assert answers[-1]["progress"]["finished"] is not None
    assert ticket_on(cards[3]) == ticket_on(cards[0])
    assert len(cloud.wire.down("pistegate/1/1/gate/1/down")) == 1


async def test_a_card_laid_down_twice_is_told_and_not_doubled(cloud: Any) -> None:
    """Which number it is and how far the row is; the card is not written, the next ticket waits for the next card."""
    number, cards = await begun(cloud, 3)
    encoder = cloud.encoder()
    encoder.card = cards[0]
    first = await lay(cloud, number)
    before = cards[0].image()
    again = await lay(cloud, number)
    assert again["code"] == "card_laid_twice"
    assert "number 1 of 3" in again["detail"]
    assert cards[0].image() == before
    progress = await cloud.get(f"/group-issues/{number}")
    assert (progress["issued"], progress["repeats"]) == (1, 1)
    assert progress["next"] != first["card"]["ticket"]


async def test_an_answer_lost_on_its_way_is_given_again(cloud: Any) -> None:
    """With the same Idempotency-Key, without asking the encoder; beginning twice is beginning once."""
    number, cards = await begun(cloud, 2)
    encoder = cloud.encoder()
    encoder.card = cards[0]
    first = await lay(cloud, number, **{"Idempotency-Key": "row-1"})
    asked = len(encoder.requests)
    assert await lay(cloud, number, **{"Idempotency-Key": "row-1"}) == first
    assert len(encoder.requests) == asked
    again = await cloud.post("/group-issues", {"order": first["progress"]["order"]})
    assert (again["id"], again["issued"]) == (number, 1)


async def test_what_is_wrong_with_one_card_leaves_its_ticket_for_the_next(cloud: Any, new_card: Any) -> None:
    """No card, a foreign one, one that is lost: each told; the row goes on with the same ticket."""
    number, cards = await begun(cloud, 2)
    encoder = cloud.encoder()
    due = (await cloud.get(f"/group-issues/{number}"))["next"]
    assert (await lay(cloud, number))["code"] == "no_card"
    encoder.card = make_cards(1, seed=77)[0]
    assert (await lay(cloud, number))["code"] == "card_unknown"
    encoder.card = new_card()
    await cloud.post(f"/cards/{encoder.card.uid.hex()}/void", {"reason": "broken"})
    assert (await lay(cloud, number))["code"] == "card_void"
    encoder.deaf = True
    encoder.card = cards[0]
    encoder.deaf = False
    assert (await lay(cloud, number))["card"]["ticket"] == due


async def test_two_windows_share_a_row(cloud: Any) -> None:
    """Encoders 1 and 2 by turns: every ticket once."""
    number, cards = await begun(cloud, 6)
    encoders = [cloud.encoder(1), cloud.encoder(2)]
    for place, card in enumerate(cards[:6]):
        encoders[place % 2].card = card
        body = {"encoder": 1 + place % 2, "wait_ms": 0}
        await cloud.post(f"/group-issues/{number}/cards", body)
    assert len({ticket_on(card) for card in cards[:6]}) == 6


async def test_a_revoked_ticket_leaves_the_row(cloud: Any) -> None:
    """One guest cancelled: two cards are written of three."""
    number, cards = await begun(cloud, 3)
    due = (await cloud.get(f"/group-issues/{number}"))["next"]
    await cloud.post(f"/tickets/{due}/revoke", {"reason": "cancelled"})
    encoder = cloud.encoder()
    for encoder.card in cards[:2]:
        answer = await lay(cloud, number)
    assert (answer["progress"]["issued"], answer["progress"]["total"]) == (2, 2)
    assert answer["progress"]["finished"] is not None


async def test_an_order_that_is_not_there(cloud: Any) -> None:
    """Told as any unknown thing."""
    body = {"order": "01900000-0000-7000-8000-000000000000"}
    assert (await cloud.http.post("/group-issues", json=body)).json()["code"] == "not_found"
    assert (await cloud.http.get(f"/group-issues/{body['order']}")).json()["code"] == "not_found"
