# SPDX-License-Identifier: Apache-2.0
"""Proofs of cards in the cloud: every attack is flagged, no honest history is, and counters settle what was torn."""

from typing import Any

import pytest
from card_stock import MASTERS
from device_bench import Bench, Cut, till_of
from wallet_desk import check_books, hello_now, issue_ticket, load, open_wallet, tell_all, upload

from pistegate_cloud.ingest import applier
from pistegate_cloud.passages.models import Admission
from pistegate_cloud.proofs import reckoning
from pistegate_cloud.proofs.models import CardCounter, CardProof
from pistegate_cloud.tickets.models import CardWrite
from pistegate_cloud.wallets.models import CardUse
from pistegate_protocol.events import READ_CLAIM, Admitted, Outcome, OutcomeKind
from pistegate_protocol.usage import NO_ADMISSION, Usage, decode_usage, encode_counters
from pistegate_simulators import stock

NOON_MS = 1768622400000
TILL = 21
ALARMS = {"proof_false", "proof_lacking", "proof_contradicts", "counter_missing", "counter_twice"}


@pytest.fixture
def bench() -> Bench:
    """Devices that work on simulated cards."""
    return Bench(MASTERS, NOON_MS)


@pytest.fixture
async def site(cloud: Any, new_gate: Any) -> Any:
    """Everything that may tell of a card: three gates and a till."""
    await cloud.post("/gates", {"site": 1, "number": TILL, "role": "till", "name": "Restaurant"})
    return [new_gate(number) for number in (1, 2, 3)] + [till_of(new_gate, TILL)]


@pytest.fixture
async def card(cloud: Any, new_card: Any) -> Any:
    """A card with a ticket, whose number is its `ticket`."""
    card = new_card()
    card.ticket = await issue_ticket(cloud, card)
    return card


async def alarms(cloud: Any) -> set[str]:
    return set(await cloud.exceptions()) & ALARMS


async def counter(card: Any) -> CardCounter:
    return await CardCounter.get(uid=card.uid.hex())


async def test_rides_and_debits_are_verified_as_they_come(cloud: Any, site: Any, card: Any, bench: Bench) -> None:
    """The first gate reads the claim, which the cloud has issued; all counters from issuing on are accounted for."""
    one, two, _, till = site
    wallet = await open_wallet(cloud, card, 5_000)
    await load(cloud, wallet, 5_000)
    bench.ride(one, card, card.ticket)
    bench.spend(till, card, 700)
    bench.ride(two, card, card.ticket, reads=0)
    await upload(cloud, *site)
    states = [(row.kind, row.gate, row.counter, row.state) for row in await CardProof.all().order_by("counter")]
    assert states[:2] == [("admission", 1, 3, "verified"), ("use", TILL, 4, "verified")]
    assert states[2] == ("admission", 2, 5, "false")  # told not to have read the claim, which it had


async def test_an_honest_day_flags_nothing(cloud: Any, site: Any, card: Any, bench: Bench) -> None:
    """Rides at every gate and debits between them, told in any order: nothing is missing and nobody is accused."""
    one, two, three, till = site
    wallet = await open_wallet(cloud, card, 5_000)
    await load(cloud, wallet, 5_000)
    for gate in (one, two, three, one):
        bench.ride(gate, card, card.ticket)
        bench.spend(till, card, 100)
    for device in (three, till, two, one):
        await upload(cloud, device)
    await tell_all(cloud, *site)
    row = await counter(card)
    assert (row.known, row.top, row.waiting_ms) == (10, 10, None)
    assert await alarms(cloud) == set()
    assert (await cloud.get("/proofs/gaps"))["items"] == []
    assert len((await cloud.get("/proofs", uid=card.uid.hex()))["items"]) == 8
    await check_books(cloud, [card])


async def test_a_card_of_gates_that_were_alone_is_weighed_after_the_backlog(
    cloud: Any, site: Any, card: Any, bench: Bench, monkeypatch: Any
) -> None:
    """Rides at two gates in turn, each told in many chunks: not once for each chunk, and all is accounted for."""
    one, two, *_ = site
    for _ in range(6):
        bench.ride(one, card, card.ticket)
        bench.ride(two, card, card.ticket)
    weighed: list[str] = []
    plain = reckoning.Reckoner.weigh

    async def weigh(self: Any, row: CardCounter) -> None:
        weighed.append(row.uid)
        await plain(self, row)

    monkeypatch.setattr(reckoning.Reckoner, "weigh", weigh)
    monkeypatch.setattr(applier, "CHUNK", 2)
    await upload(cloud, two)
    row = await counter(card)
    assert (row.known, row.top, row.waiting_ms is None) == (1, 13, False)
    assert len(weighed) <= 2  # when its first gap is seen, and after the backlog
    await upload(cloud, one)
    row = await counter(card)
    assert (row.known, row.top, row.waiting_ms) == (13, 13, None)
    assert len(weighed) <= 3
    assert await alarms(cloud) == set()


# Attacks


async def test_usage_rewritten_with_a_stolen_gates_key_is_found(cloud: Any, site: Any, card: Any, bench: Bench) -> None:
    """The thief gives himself fresh rides: the card counted that transaction, and nobody tells of it."""
    one, two, *_ = site
    fresh = stock.usage_content(card)
    bench.ride(one, card, card.ticket)
    bench.rewrite(card, fresh)
    bench.ride(two, card, card.ticket)
    await upload(cloud, *site)
    assert await alarms(cloud) == set(), "a device may still have to tell"
    [gap] = (await cloud.get("/proofs/gaps"))["items"]
    assert (gap["known"], gap["top"], [d["number"] for d in gap["waits_for"]]) == (2, 4, [1, 2, 3, TILL])
    await tell_all(cloud, *site)
    assert await alarms(cloud) == {"counter_missing"}
    [case] = [c for c in (await cloud.get("/exceptions"))["items"] if c["kind"] == "counter_missing"]
    assert (case["values"]["first"], case["values"]["count"], case["ticket"]) == (3, 1, card.ticket)
    assert "take the card in" in case["sentence"]


async def test_a_stolen_gate_is_not_waited_for(cloud: Any, site: Any, card: Any, bench: Bench) -> None:
    """It will never tell anything again: retired, it does not keep its own misdeeds from being found."""
    one, two, _, till = site
    bench.rewrite(card, stock.usage_content(card))
    bench.ride(one, card, card.ticket)
    await tell_all(cloud, one, two, till)
    assert await alarms(cloud) == set()
    await cloud.http.post("/gates/retire", json={"site": 1, "number": 3})
    await cloud.services.ingest.apply_pending()
    assert await alarms(cloud) == {"counter_missing"}


async def test_a_silent_device_is_waited_for_only_so_long(cloud: Any, site: Any, card: Any, bench: Bench) -> None:
    """Longer than a device can work alone, nothing is explained by it any more."""
    one = site[0]
    bench.rewrite(card, stock.usage_content(card))
    bench.ride(one, card, card.ticket)
    await tell_all(cloud, one)
    cloud.clock.now_ms += reckoning.PATIENCE_MS - 120_000
    await cloud.services.ingest.apply_pending()
    assert await alarms(cloud) == set()
    cloud.clock.now_ms += 120_000
    await cloud.services.ingest.apply_pending()
    assert await alarms(cloud) == {"counter_missing"}


async def test_a_replayed_card_image_is_found(cloud: Any, site: Any, card: Any, bench: Bench) -> None:
    """The card of this morning, copied back in the afternoon: the same counter twice, with two values."""
    one, two, *_ = site
    morning = card.image()
    bench.ride(one, card, card.ticket)
    card.restore(morning)
    bench.ride(two, card, card.ticket)
    await upload(cloud, *site)
    assert await alarms(cloud) == {"counter_twice"}


async def test_a_clone_used_beside_its_original_is_found(cloud: Any, site: Any, card: Any, bench: Bench) -> None:
    """Two cards with one UID and one counter, at different gates, whichever tells first."""
    one, two, *_ = site
    image = card.image()
    bench.ride(one, card, card.ticket)
    clone = type(card).from_image(image)
    bench.ride(two, clone, card.ticket)
    bench.ride(two, clone, card.ticket)
    await upload(cloud, two)
    assert await alarms(cloud) == set()
    await upload(cloud, one)
    assert await alarms(cloud) == {"counter_twice"}


def forged_ride(gate: Any, card: Any, proof: tuple[int, bytes], at: int) -> None:
    """A stolen gate identity tells of a ride that never was."""
    before = decode_usage(stock.usage_content(card))
    after = Usage(claim=before.claim, used_total=1)
    seq = gate.add(
        Admitted(
            at=at,
            ticket=card.ticket,
            medium=b"\x01" + card.uid,
            claim=before.claim,
            n=1,
            charged=1,
            counters=encode_counters(after),
            prev=before.admission,
            before=stock.usage_content(card)[:1] + stock.usage_content(card)[17:],
        )
    )
    gate.add(Outcome(at + 1000, gate.epoch, seq, OutcomeKind.PASSED, 1, 0, proof))


async def test_a_forged_event_is_found(cloud: Any, site: Any, card: Any, bench: Bench) -> None:
    """An invented proof, and one copied from another admission: neither belongs to the event."""
    one, two, *_ = site
    bench.ride(one, card, card.ticket)
    forged_ride(two, card, (3, b"invented"), NOON_MS)
    forged_ride(two, card, stock.proof(card), NOON_MS)
    await upload(cloud, *site)
    assert await alarms(cloud) == {"proof_false"}
    assert await CardProof.filter(state="false").count() == 2
    row = await counter(card)
    assert (row.known, row.top) == (2, 2), "what is false accounts for nothing"


async def test_a_gate_that_tells_less_than_it_wrote_is_found(cloud: Any, site: Any, card: Any, bench: Bench) -> None:
    """It let three in and told one; it wrote a usage without the charge and told one with it."""
    one, two, *_ = site
    bench.ride(one, card, card.ticket, n=3)
    cheat = decode_usage(stock.usage_content(card))
    bench.ride(two, card, card.ticket, counters=encode_counters(cheat))
    await upload(cloud, *site)
    assert await CardProof.filter(state="false").count() == 2
    assert await alarms(cloud) == {"proof_false"}


async def test_a_till_that_tells_another_amount_is_found(cloud: Any, site: Any, card: Any, bench: Bench) -> None:
    """It took 50 and told 500, or the other way round."""
    *_, till = site
    wallet = await open_wallet(cloud, card, 5_000)
    await load(cloud, wallet, 5_000)
    bench.spend(till, card, 50, purse=500)
    await upload(cloud, *site)
    assert await alarms(cloud) == {"proof_false"}


async def test_a_confirmed_card_without_a_proof_is_shown(cloud: Any, site: Any, card: Any, bench: Bench) -> None:
    """A lane that opened, a debit that was done: the card's answer carries the proof, and its absence is told."""
    one = site[0]
    ride = Admitted(NOON_MS, 42, b"\x01" + card.uid, b"claimdig", 1, 1, bytes(16), NO_ADMISSION, bytes(16))
    seq = one.add(ride)
    one.add(Outcome(NOON_MS + 1000, one.epoch, seq, OutcomeKind.PASSED, 1))
    await upload(cloud, *site)
    assert await alarms(cloud) == {"proof_lacking"}


async def test_a_charge_for_which_no_counter_is_left_is_shown(cloud: Any, site: Any, card: Any, bench: Bench) -> None:
    """A till says that the card had been charged after all; the card's counters know of no such transaction."""
    one, two, _, till = site
    wallet = await open_wallet(cloud, card, 5_000)
    await load(cloud, wallet, 5_000)
    bench.ride(one, card, card.ticket)
    seq = bench.spend(till, card, 900, Cut.UNDONE)
    bench.settle(till, seq, True)
    bench.step_ms = 600_000
    bench.ride(two, card, card.ticket)
    await tell_all(cloud, *site)
    assert await alarms(cloud) == {"proof_contradicts"}


# What counters settle


@pytest.mark.parametrize("cut", [Cut.UNHEARD, Cut.UNDONE])
async def test_a_torn_debit_is_settled_by_the_cards_counters(
    cloud: Any, site: Any, card: Any, bench: Bench, cut: Cut
) -> None:
    """The next transaction follows at once: it did not happen. One counter is missing: it did, when all have told."""
    one, _, _, till = site
    wallet = await open_wallet(cloud, card, 5_000)
    await load(cloud, wallet, 5_000)
    bench.spend(till, card, 100)
    bench.spend(till, card, 250, cut)
    bench.step_ms = 300_000  # later than clocks may differ
    bench.ride(one, card, card.ticket)
    await upload(cloud, *site)
    [use] = await CardUse.filter(state="unconfirmed")
    assert use.settled == (None if cut is Cut.UNHEARD else "void")
    await tell_all(cloud, *site)
    [use] = await CardUse.filter(state="unconfirmed")
    assert (use.settled, use.settled_by) == ("charged" if cut is Cut.UNHEARD else "void", "proof")
    assert await alarms(cloud) == set()
    await check_books(cloud, [card])


@pytest.mark.parametrize("cut", [Cut.UNHEARD, Cut.UNDONE])
async def test_a_torn_passage_is_settled_by_the_cards_counters(
    cloud: Any, site: Any, card: Any, bench: Bench, cut: Cut
) -> None:
    """Even when no gate ever sees the card again, but a till does."""
    one, _, _, till = site
    wallet = await open_wallet(cloud, card, 5_000)
    await load(cloud, wallet, 5_000)
    bench.ride(one, card, card.ticket, cut)
    bench.step_ms = 300_000
    bench.spend(till, card, 100)
    await tell_all(cloud, *site)
    [row] = await Admission.filter(state="card_unconfirmed")
    assert (row.settled, row.settled_by) == ("charged" if cut is Cut.UNHEARD else "void", "proof")
    assert await alarms(cloud) == set()


async def test_what_another_device_tells_late_is_not_taken_for_the_torn_one(
    cloud: Any, site: Any, card: Any, bench: Bench
) -> None:
    """A counter is missing, and a torn debit could be it; but a gate without network has made that transaction."""
    one, two, _, till = site
    wallet = await open_wallet(cloud, card, 5_000)
    await load(cloud, wallet, 5_000)
    bench.spend(till, card, 250, Cut.UNDONE)
    bench.ride(two, card, card.ticket)
    bench.step_ms = 300_000
    bench.ride(one, card, card.ticket)
    await upload(cloud, one, till)
    [use] = await CardUse.filter(state="unconfirmed")
    assert use.settled is None
    await tell_all(cloud, *site)
    [use] = await CardUse.filter(state="unconfirmed")
    assert use.settled == "void"
    assert await alarms(cloud) == set()
    await check_books(cloud, [card])


async def test_a_device_that_tells_after_all_revises_what_was_settled(
    cloud: Any, site: Any, card: Any, bench: Bench
) -> None:
    """It was silent beyond all patience, and a torn debit was booked in its stead: reversed when it tells."""
    one, two, three, till = site
    wallet = await open_wallet(cloud, card, 5_000)
    await load(cloud, wallet, 5_000)
    bench.spend(till, card, 250, Cut.UNDONE)
    bench.ride(two, card, card.ticket)
    bench.step_ms = 300_000
    bench.ride(one, card, card.ticket)
    await tell_all(cloud, one, three, till)
    cloud.clock.now_ms += reckoning.PATIENCE_MS + 60_000
    await cloud.services.ingest.apply_pending()
    [use] = await CardUse.filter(state="unconfirmed")
    assert use.settled == "charged"
    await upload(cloud, two)
    [use] = await CardUse.filter(state="unconfirmed")
    assert use.settled == "void"
    await check_books(cloud, [card])


async def test_a_told_device_is_one_that_has_nothing_left_to_tell(
    cloud: Any, site: Any, card: Any, bench: Bench
) -> None:
    """A hello with a backlog, one from before, one whose events are not applied yet: none of them counts."""
    one, two, three, till = site
    bench.rewrite(card, stock.usage_content(card))
    bench.ride(one, card, card.ticket)
    await upload(cloud, *site)
    now = cloud.clock.now_ms
    cloud.clock.now_ms += 60_000
    await cloud.receive([hello_now(device, now + 60_000) for device in (one, two, three)])
    for hello in (hello_now(till, now + 60_000, backlog=3), hello_now(till, now - 1)):
        await cloud.receive([hello])
        await cloud.services.ingest.apply_pending()
        assert await alarms(cloud) == set()
    await cloud.receive([hello_now(till, now + 999_999_999)])
    assert (await cloud.get("/gates"))["items"][3]["status"]["told"] == "2026-01-17T04:01:00Z"
    await cloud.services.ingest.apply_pending()
    assert await alarms(cloud) == {"counter_missing"}


async def test_a_claim_that_is_not_known_yet_is_checked_later(cloud: Any, site: Any, card: Any, bench: Bench) -> None:
    """The proof waits as unknown; it is verified when the card is looked at again."""
    one, two, *_ = site
    [write] = await CardWrite.filter(uid=card.uid.hex())
    await CardWrite.filter(id=write.id).update(uid="00" * 7)
    bench.ride(one, card, card.ticket)
    await upload(cloud, one)
    assert [row.state for row in await CardProof.all()] == ["unknown"]
    await CardWrite.filter(id=write.id).update(uid=card.uid.hex())
    bench.ride(two, card, card.ticket)
    await upload(cloud, two)
    assert [row.state for row in await CardProof.all()] == ["verified", "verified"]
    assert (await counter(card)).known == 3


async def test_an_unconfirmed_issue_explains_its_counter(cloud: Any, site: Any, new_card: Any, bench: Bench) -> None:
    """The window lost the card at its last answer, and the guest walked to a gate with it."""
    card = new_card()
    card.ticket = await issue_ticket(cloud, card)
    await CardWrite.filter(uid=card.uid.hex()).update(counter=None, done_ms=None)
    bench.ride(site[0], card, card.ticket)
    await tell_all(cloud, *site)
    assert (await counter(card)).known == 2
    assert await alarms(cloud) == set()


async def test_events_of_the_chain_are_the_only_thing_believed(cloud: Any, site: Any, card: Any, bench: Bench) -> None:
    """An absurd counter in a proof that cannot be checked does not open a gap up to it."""
    one = site[0]
    before = decode_usage(stock.usage_content(card))
    event = Admitted(
        NOON_MS, card.ticket, b"\x01" + card.uid, b"nosuchid", 1, 1, encode_counters(before), NO_ADMISSION, bytes(16),
        READ_CLAIM,
    )  # fmt: skip
    seq = one.add(event)
    one.add(Outcome(NOON_MS, one.epoch, seq, OutcomeKind.PASSED, 1, 0, (4_000_000_000, bytes(8))))
    await tell_all(cloud, *site)
    assert [row.state for row in await CardProof.all()] == ["unknown"]
    assert (await counter(card)).top <= 1
    assert await alarms(cloud) == set()
