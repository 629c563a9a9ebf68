# SPDX-License-Identifier: Apache-2.0
"""Issuing over the relayed link, against simulated cards: what goes wrong at a window, and how repeating heals it."""

import asyncio
from typing import Any

from card_stock import every_key

from pistegate_cloud.encoders import relay
from pistegate_protocol.card_layout import CardKey, claim_in_file
from pistegate_protocol.documents import open_document
from pistegate_protocol.messages import SignedDocument
from pistegate_protocol.signing import KeyRing, Medium, MediumKind, claim_digest, open_claim
from pistegate_protocol.usage import NO_ADMISSION, decode_usage
from pistegate_simulators.stock import APPLICATION, claim_content, proof, put_usage, usage_content


async def sold_ticket(cloud: Any) -> int:
    return int((await cloud.sell())["tickets"][0]["number"])


async def issue(cloud: Any, ticket: int, encoder: int = 1, **headers: str) -> Any:
    body = {"encoder": encoder, "wait_ms": 1000}
    return await cloud.http.post(f"/tickets/{ticket}/issue", json=body, headers=headers)


def issuer_keys(cloud: Any) -> KeyRing:
    return KeyRing({1: cloud.services.settings.issuer.load().public_key().public_bytes_raw()})


def read_claim(cloud: Any, card: Any) -> Any:
    signed = claim_in_file(claim_content(card))
    assert signed is not None
    claim = open_claim(signed, Medium(MediumKind.CARD, card.uid), issuer_keys(cloud))
    assert decode_usage(usage_content(card)).claim == claim_digest(signed)
    return claim


async def test_a_ticket_is_written_in_two_round_trips_after_authentication(cloud: Any, new_card: Any) -> None:
    """Claim and fresh usage are on the card, signed and bound to its UID; the encoder saw no key."""
    encoder = cloud.encoder()
    encoder.card = new_card()
    ticket = await sold_ticket(cloud)
    answer = (await issue(cloud, ticket)).json()
    assert (answer["status"], answer["uid"], answer["round_trips"]) == ("issued", encoder.card.uid.hex(), 5)
    claim = read_claim(cloud, encoder.card)
    assert (claim.ticket, claim.areas, claim.reentry_s) == (ticket, {0, 1}, 600)
    assert decode_usage(usage_content(encoder.card)).admission == NO_ADMISSION
    assert encoder.requests[-1].final
    sent = b"".join(apdu for request in encoder.requests for apdu in request.apdus)
    for secret in every_key(encoder.card.uid):
        assert secret not in sent


async def test_two_windows_issue_at_the_same_time(cloud: Any, new_card: Any) -> None:
    """While one encoder waits for its card, another serves; a second request at the busy one is refused."""
    tickets = [await sold_ticket(cloud) for _ in range(3)]
    slow, quick = cloud.encoder(1), cloud.encoder(2)
    slow.card, quick.card = new_card(), new_card()
    slow.holding = True
    first = asyncio.create_task(issue(cloud, tickets[0], 1))
    while not slow.held:  # noqa: ASYNC110 - the fake has no event for it
        await asyncio.sleep(0.001)
    assert (await issue(cloud, tickets[1], 2)).status_code == 200
    assert (await issue(cloud, tickets[2], 1)).json()["code"] == "encoder_busy"
    slow.resume()
    assert (await first).status_code == 200


async def test_what_is_wrong_at_the_window_has_its_own_code(cloud: Any, new_card: Any, monkeypatch: Any) -> None:
    """No card, a foreign card, other keys, no answer, no broker, unknown encoder: each its code; it stays sold."""
    monkeypatch.setattr(relay, "ANSWER_S", 0.05)
    ticket = await sold_ticket(cloud)
    encoder = cloud.encoder()

    async def code() -> str:
        answer = await cloud.http.post(f"/tickets/{ticket}/issue", json={"encoder": 1, "wait_ms": 0})
        return str(answer.json()["code"])

    assert await code() == "no_card"
    foreign = new_card()
    foreign._card.memory.applications.pop(APPLICATION)
    encoder.card = foreign
    assert await code() == "foreign_card"
    other = new_card()
    other.set_key(APPLICATION, CardKey.ISSUER, bytes(16))
    encoder.card = other
    assert await code() == "card_key_refused"
    encoder.deaf = True
    assert await code() == "encoder_offline"
    cloud.wire.reachable = False
    assert await code() == "broker_unreachable"
    assert (await cloud.get(f"/tickets/{ticket}"))["status"] == "sold"
    assert (await issue(cloud, ticket, 9)).json()["code"] == "unknown_reference"
    assert (await issue(cloud, 1)).json()["code"] == "not_found"


async def test_a_card_lost_at_any_exchange_is_completed_by_issuing_again(cloud: Any, new_card: Any) -> None:
    """Before each command and before each answer: the second attempt ends with the same ticket, committed once."""
    encoder = cloud.encoder()
    encoder.card = new_card()
    await issue(cloud, await sold_ticket(cloud))
    total = encoder.exchanges
    assert total == 13
    for after in range(total):
        for unheard in (False, True):
            ticket = await sold_ticket(cloud)
            encoder.card = new_card()
            encoder.cut_after, encoder.cut_unheard = after, unheard
            assert (await issue(cloud, ticket)).json()["code"] == "card_lost"
            encoder.cut_after = None
            answer = (await issue(cloud, ticket)).json()
            assert (answer.get("status"), answer.get("revision")) == ("issued", 0), (after, unheard, answer)
            assert read_claim(cloud, encoder.card).ticket == ticket
            assert proof(encoder.card)[0] == 1, (after, unheard)


async def test_a_lost_answer_then_another_card_denies_the_first(cloud: Any, new_card: Any) -> None:
    """The first card may have been written: its revision is denied at every gate, the new card carries the next."""
    ticket = await sold_ticket(cloud)
    encoder = cloud.encoder()
    first, second = new_card(), new_card()
    encoder.card, encoder.cut_after, encoder.cut_unheard = first, 12, True
    assert (await issue(cloud, ticket)).json()["code"] == "card_lost"
    encoder.card, encoder.cut_after = second, None
    assert (await issue(cloud, ticket)).json()["revision"] == 1
    assert read_claim(cloud, second).revision == 1
    documents = cloud.wire.down("pistegate/1/1/gate/1/down")
    assert [type(document) for document in documents] == [SignedDocument]
    keys = KeyRing({2: cloud.services.settings.documents.load().public_key().public_bytes_raw()})
    assert open_document(documents[0], keys, 1, 0).entries == [(ticket, 1)]


async def test_issuing_again_to_the_same_card_does_not_reset_what_is_used(cloud: Any, new_card: Any) -> None:
    """An issued ticket's card is left alone; another card is refused."""
    ticket = await sold_ticket(cloud)
    encoder = cloud.encoder()
    encoder.card = new_card()
    await issue(cloud, ticket)
    used = usage_content(encoder.card)[:9] + b"\x01" * 8 + usage_content(encoder.card)[17:]
    put_usage(encoder.card, used)
    again = (await issue(cloud, ticket)).json()
    assert (again["status"], again["round_trips"]) == ("issued", 1)
    assert usage_content(encoder.card) == used
    encoder.card = new_card()
    assert (await issue(cloud, ticket)).json()["code"] == "ticket_issued"


async def test_a_repeated_issue_does_not_ask_the_encoder(cloud: Any, new_card: Any) -> None:
    """The same Idempotency-Key gives the first answer, even when the card is gone."""
    ticket = await sold_ticket(cloud)
    encoder = cloud.encoder()
    encoder.card = new_card()
    headers = {"Idempotency-Key": "window-1-0001"}
    first = (await issue(cloud, ticket, **headers)).json()
    encoder.card = None
    asked = len(encoder.requests)
    assert (await issue(cloud, ticket, **headers)).json() == first
    assert len(encoder.requests) == asked


async def test_a_revoked_ticket_is_denied_at_every_gate_and_not_issued(cloud: Any, new_card: Any) -> None:
    """Revoking signs a new deny list version and sends it to all gates of the site at once; again changes nothing."""
    ticket = await sold_ticket(cloud)
    revoked = await cloud.post(f"/tickets/{ticket}/revoke", {"reason": "reported stolen"})
    assert revoked["status"] == "revoked"
    for gate in (1, 2, 3):
        assert len(cloud.wire.down(f"pistegate/1/1/gate/{gate}/down")) == 1
    await cloud.post(f"/tickets/{ticket}/revoke", {"reason": "again"})
    assert len(cloud.wire.sent) == 3
    cloud.encoder().card = new_card()
    assert (await issue(cloud, ticket)).json()["code"] == "ticket_revoked"


async def test_revoking_works_without_the_broker(cloud: Any, new_gate: Any) -> None:
    """The deny list waits for the gate's next Hello, and goes before any acknowledgement."""
    ticket = await sold_ticket(cloud)
    cloud.wire.reachable = False
    await cloud.post(f"/tickets/{ticket}/revoke", {"reason": "refund"})
    gate = new_gate()
    answers = await cloud.receive([gate.hello(), gate.batch()])
    assert isinstance(answers[0][1], SignedDocument)
    answers = await cloud.receive([gate.hello({"deny_list": 1})])
    assert not any(isinstance(message, SignedDocument) for _, message in answers)
