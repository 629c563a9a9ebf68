# SPDX-License-Identifier: Apache-2.0
"""From a gate's messages to stored, acknowledged and applied events, on both databases."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from documents_down import pushed

from pistegate_cloud.exceptions.models import ExceptionCase
from pistegate_cloud.gates.service import FORK_TOLD_MS
from pistegate_cloud.ingest import applier
from pistegate_cloud.ingest.effects.admissions import Admissions
from pistegate_cloud.ingest.models import EventChain, ForkEvent, LooseEnd, Quarantine, RawEvent
from pistegate_cloud.passages.models import Admission, Refusal
from pistegate_cloud.tickets import overused
from pistegate_protocol.documents import DenyList
from pistegate_protocol.events import (
    Admitted,
    AdmittedV1,
    Incident,
    Outcome,
    OutcomeKind,
    OutcomeV1,
    Refused,
    Settled,
    Stream,
    admission_name,
)
from pistegate_protocol.messages import UP, Ack, Forgotten, Notice
from pistegate_protocol.topics import Device, Role
from pistegate_protocol.usage import NO_ADMISSION

NOON_MS = 1768622400000
CARD = b"\x01" + bytes.fromhex("04a1b2c3d4e5f6")


def admitted(
    ticket: int = 42, *, at: int = NOON_MS, n: int = 1, charged: int | None = None, prev: bytes = NO_ADMISSION
) -> AdmittedV1:
    """As release 0.1 tells it; what cards prove of newer ones is in test_proofs.py."""
    return AdmittedV1(at, ticket, CARD, b"claimdig", n, n if charged is None else charged, bytes(15), prev)


def name_of(gate: Any, seq: int) -> bytes:
    return admission_name(gate.device.number, gate.epoch, seq)


def ride(gate: Any, ticket: int = 42, *, passed: int = 1, **values: Any) -> int:
    """An admission and its outcome; the admission's seq."""
    seq = int(gate.add(admitted(ticket, **values)))
    kind = OutcomeKind.PASSED if passed else OutcomeKind.NOT_PASSED
    gate.add(OutcomeV1(values.get("at", NOON_MS) + 2000, gate.epoch, seq, kind, passed))
    return seq


async def test_events_are_acknowledged_when_they_are_stored(cloud: Any, new_gate: Any) -> None:
    """The acknowledgement names seq and head of the stored prefix, and goes to the gate's own topic."""
    gate = new_gate()
    ride(gate)
    [(topic, ack)] = await cloud.receive([gate.batch()])
    assert topic == "pistegate/1/1/gate/1/down"
    assert ack == Ack(Stream.LEDGER, gate.epoch, 3, gate.head(), 1)
    assert await RawEvent.all().count() == 3


async def test_a_passage_counts_once_however_often_it_comes(cloud: Any, new_gate: Any) -> None:
    """Repeated, split and overlapping batches, in one group or many: one admission, one passage."""
    gate = new_gate()
    ride(gate)
    ride(gate, 43)
    await cloud.receive([gate.batch(3, 4), gate.batch(1, 2), gate.batch(1, 3)])
    await cloud.services.ingest.apply_pending()
    await cloud.receive([gate.batch(), gate.batch()])
    acks = [ack for _, ack in await cloud.receive([gate.batch(2, 3)])]
    assert [(ack.seq, ack.head) for ack in acks] == [(3, gate.head(seq=3)), (5, gate.head())]
    await cloud.services.ingest.apply_pending()
    passages = (await cloud.get("/passages", site=1))["items"]
    assert [(item["ticket"], item["persons"]) for item in passages] == [(42, 1), (43, 1)]
    assert await RawEvent.all().count() == 5
    assert "fork" not in await cloud.exceptions()


async def test_a_gap_is_acknowledged_only_up_to_it(cloud: Any, new_gate: Any) -> None:
    """What comes after a hole is not stored; the acknowledgement says where the hole begins."""
    gate = new_gate()
    for _ in range(3):
        ride(gate)
    await cloud.receive([gate.batch(1, 3)])
    [(_, ack)] = await cloud.receive([gate.batch(5, 7)])
    assert (ack.seq, ack.head) == (3, gate.head(seq=3))
    assert await RawEvent.all().count() == 3


async def test_nothing_is_acknowledged_when_the_commit_fails(cloud: Any, new_gate: Any, monkeypatch: Any) -> None:
    """A failure while storing raises instead of answering, and leaves nothing behind."""

    async def fail(*_: object) -> None:
        raise OSError("disk full")

    gate = new_gate()
    monkeypatch.setattr("pistegate_cloud.ingest.store.save_chains", fail)
    with pytest.raises(OSError, match="disk full"):
        await cloud.receive([gate.batch()])
    assert await RawEvent.all().count() == 0
    monkeypatch.undo()
    assert (await cloud.receive([gate.batch()]))[0][1].seq == 1


async def test_a_fork_is_kept_alarmed_and_does_not_replace(cloud: Any, new_gate: Any) -> None:
    """Same key, other content: both are kept; the first counts; a person is told."""
    gate, clone = new_gate(), new_gate()
    ride(gate)
    ride(clone, 99)
    await cloud.receive([gate.batch()])
    [(_, ack)] = await cloud.receive([clone.batch()])
    assert (ack.seq, ack.head) == (3, gate.head())
    await cloud.receive([clone.batch()])
    await cloud.services.ingest.apply_pending()
    assert await ForkEvent.all().count() == 2
    assert [row.ticket for row in await Admission.all()] == [42]
    [case] = [item for item in (await cloud.get("/exceptions"))["items"] if item["kind"] == "fork"]
    assert (case["gate"], case["times"]) == (1, 2)
    assert "two different events" in case["sentence"]
    assert (await cloud.get("/gates"))["items"][0]["status"]["alarms"] == 2  # the fork, and a ticket never sold here


async def test_two_epochs_after_one_are_a_fork_with_both_acknowledged(cloud: Any, new_gate: Any) -> None:
    """A copied storage ran twice: both histories are stored, acknowledged and applied, and shown as a fork."""
    first = new_gate(epoch=1 << 32)
    second = new_gate(epoch=2 << 32, previous=first)
    twin = new_gate(epoch=(2 << 32) + 7, previous=first)
    ride(second, 42)
    ride(twin, 43)
    answers = await cloud.receive([gate.batch() for gate in (first, second, twin)])
    assert {ack.epoch: ack.seq for _, ack in answers} == {1 << 32: 1, 2 << 32: 3, (2 << 32) + 7: 3}
    await cloud.services.ingest.apply_pending()
    assert {row.ticket for row in await Admission.all()} == {42, 43}
    assert "fork_epochs" in await cloud.exceptions()


async def test_a_device_is_told_of_a_fork_in_its_history_for_a_day(cloud: Any, new_gate: Any) -> None:
    """Whoever stands at the copied gate reads it there; the one that never forked reads nothing."""
    first = new_gate(epoch=1 << 32)
    second = new_gate(epoch=2 << 32, previous=first)
    twin = new_gate(epoch=(2 << 32) + 7, previous=first)
    await cloud.receive([gate.batch() for gate in (first, second)])
    await cloud.services.ingest.apply_pending()
    assert not notices(await cloud.receive([second.hello()]))
    await cloud.receive([twin.batch()])
    await cloud.services.ingest.apply_pending()
    assert notices(await cloud.receive([second.hello()])) == ["identity_conflict"]
    await ExceptionCase.all().update(last_ms=NOON_MS - FORK_TOLD_MS - 60_000)
    assert not notices(await cloud.receive([second.hello()]))


def notices(answers: Any) -> list[str]:
    """Codes of the notices among what went down."""
    return [message.code for _, message in answers if isinstance(message, Notice)]


async def test_an_epoch_waits_for_the_one_before(cloud: Any, new_gate: Any) -> None:
    """An outcome in a later epoch is applied after its admission, whatever comes first; a lost epoch is not waited for
    for ever.
    """
    first = new_gate(epoch=1 << 32)
    seq = first.add(admitted())
    second = new_gate(epoch=2 << 32, previous=first)
    second.add(OutcomeV1(NOON_MS + 9000, first.epoch, seq, OutcomeKind.INTERRUPTED, 0, 1))
    await cloud.receive([second.batch()])
    assert await cloud.services.ingest.apply_pending() == 0
    await cloud.receive([first.batch()])
    await cloud.services.ingest.apply_pending()
    [row] = await Admission.all()
    assert (row.state, row.unknown) == ("interrupted", 1)
    orphan = new_gate(epoch=4 << 32, previous=new_gate(epoch=3 << 32))
    await cloud.receive([orphan.batch()])
    assert await cloud.services.ingest.apply_pending() == 0
    cloud.clock.seconds += applier.PREDECESSOR_S
    assert await cloud.services.ingest.apply_pending() == 1
    assert "predecessor_missing" in await cloud.exceptions()


async def test_a_gate_that_went_back_to_old_storage_is_shown(cloud: Any, new_gate: Any) -> None:
    """The new epoch names a head in the middle of the one before: shown, and applied all the same."""
    first = new_gate(epoch=1 << 32)
    second = new_gate(epoch=2 << 32, previous=first)
    ride(first)
    await cloud.receive([first.batch(), second.batch()])
    await cloud.services.ingest.apply_pending()
    assert "rewound" in await cloud.exceptions()


async def test_what_nobody_can_take_is_quarantined_unacknowledged(cloud: Any, new_gate: Any) -> None:
    """Garbage, a newer version, a false topic, an unknown gate: kept once, shown with what to do, not acknowledged."""
    gate, stranger = new_gate(), new_gate(number=77)
    topic, good = gate.batch()
    bad = [
        (topic, b"\x01junk"),
        (topic, b"\x09" + good[1:]),
        ("pistegate/1/1/gate/2/up", good),
        stranger.batch(),
        stranger.hello(),
        ("pistegate/1/x/gate/1/up", good),
    ]
    assert await cloud.receive(bad) == []
    assert await cloud.receive(bad) == []
    assert await Quarantine.all().count() == 6
    assert await RawEvent.all().count() == 0
    cases = (await cloud.get("/exceptions"))["items"]
    assert {case["kind"] for case in cases} == {
        "quarantined_unreadable",
        "quarantined_unknown_version",
        "quarantined_identity_mismatch",
        "quarantined_unknown_device",
        "quarantined_bad_topic",
    }
    zh = await cloud.http.get("/exceptions", headers={"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.1"})
    assert "未登记" in zh.text


async def test_an_event_that_cannot_be_applied_does_not_hold_up_the_others(cloud: Any, new_gate: Any) -> None:
    """A newer event, an outcome of nothing, a second outcome, an absurd time: acknowledged, shown, passed over."""
    gate = new_gate()
    gate.add_raw(b"\x02newer")
    gate.add(OutcomeV1(NOON_MS, gate.epoch, 900, OutcomeKind.PASSED, 1))
    seq = ride(gate)
    gate.add(OutcomeV1(NOON_MS, gate.epoch, seq, OutcomeKind.NOT_PASSED, 0))
    gate.add(admitted(at=2**53 - 1))
    gate.add(Incident(NOON_MS, "in", "the wrong stream"))
    last = ride(gate, 43)
    [(_, ack)] = await cloud.receive([gate.batch()])
    assert ack.seq == last + 1
    await cloud.services.ingest.apply_pending()
    assert [row.ticket for row in await Admission.filter(passed=1).order_by("id")] == [42, 43]
    assert (await cloud.exceptions()).count("inapplicable") == 5
    assert await cloud.services.ingest.apply_pending() == 0


async def test_an_applier_that_fails_on_one_event_goes_on(cloud: Any, new_gate: Any, monkeypatch: Any) -> None:
    """Even a bug that raises is confined to its event."""
    gate = new_gate()
    ride(gate, 42)
    ride(gate, 43)
    original: Callable[..., bool] = Admissions.begin

    def buggy(self: Any, seq: int, event: AdmittedV1) -> bool:
        if event.ticket == 42:
            raise ZeroDivisionError
        return original(self, seq, event)

    monkeypatch.setattr(Admissions, "begin", buggy)
    await cloud.receive([gate.batch()])
    await cloud.services.ingest.apply_pending()
    assert [row.ticket for row in await Admission.all()] == [43]
    assert "inapplicable" in await cloud.exceptions()
    chain = await EventChain.get(stream=Stream.LEDGER)
    assert chain.applied_seq == chain.seq == 5


async def test_applying_twice_at_once_applies_once(cloud: Any, new_gate: Any) -> None:
    """Position and effects move in one transaction: a second applier with an old position changes nothing."""
    gate = new_gate()
    ride(gate)
    await cloud.receive([gate.batch()])
    chain = await EventChain.get(stream=Stream.LEDGER)
    await cloud.services.ingest.apply_pending()
    with pytest.raises(applier.AppliedMeanwhile):
        await cloud.services.ingest._applier._apply_chain(chain)
    assert await Admission.all().count() == 1


async def test_notes_become_refusals_and_incidents(cloud: Any, new_gate: Any) -> None:
    """Merged refusals count their times; a NUL in free text does no harm."""
    gate = new_gate()
    gate.add(Refused(NOON_MS, "expired", CARD, 42, 3), Stream.NOTES)
    gate.add(Incident(NOON_MS, "reader_lost", "bad\x00bytes", 2), Stream.NOTES)
    await cloud.receive([gate.batch(stream=Stream.NOTES)])
    await cloud.services.ingest.apply_pending()
    [row] = await Refusal.all()
    assert (row.reason, row.times, row.ticket, row.post) == ("expired", 3, 42, 1)
    assert (await cloud.get("/reports/reconciliation", site=1))["refused"] == {"expired": 3}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_an_unconfirmed_card_is_settled_by_what_it_says_next(cloud: Any, new_gate: Any, order: Any) -> None:
    """The next admission names it: charged. It names the same `prev`: void. In whatever order the gates report."""
    one, two = new_gate(1), new_gate(2)
    doubtful = one.add(admitted())
    one.add(OutcomeV1(NOON_MS + 100, one.epoch, doubtful, OutcomeKind.CARD_UNCONFIRMED, 0))
    void = one.add(admitted(43))
    one.add(OutcomeV1(NOON_MS + 100, one.epoch, void, OutcomeKind.CARD_UNCONFIRMED, 0))
    ride(two, 42, at=NOON_MS + 5000, prev=name_of(one, doubtful))
    ride(two, 43, at=NOON_MS + 5000)
    messages = [one.batch(), two.batch()]
    for index in order:
        await cloud.receive([messages[index]])
        await cloud.services.ingest.apply_pending()
    rows = {(row.gate, row.ticket): (row.settled, row.settled_by) for row in await Admission.all()}
    assert rows[1, 42] == ("charged", "cloud")
    assert rows[1, 43] == ("void", "cloud")
    assert rows[2, 42] == rows[2, 43] == (None, None)


async def test_what_the_gate_settled_stands(cloud: Any, new_gate: Any) -> None:
    """A gate's own settlement is taken over; one that contradicts it is shown."""
    gate = new_gate()
    seq = gate.add(admitted())
    gate.add(OutcomeV1(NOON_MS, gate.epoch, seq, OutcomeKind.CARD_UNCONFIRMED, 0))
    gate.add(Settled(NOON_MS + 1, gate.epoch, seq, True))
    gate.add(Settled(NOON_MS + 2, gate.epoch, seq, False))
    await cloud.receive([gate.batch()])
    await cloud.services.ingest.apply_pending()
    [row] = await Admission.all()
    assert (row.settled, row.settled_by) == ("charged", "gate")
    assert "inapplicable" in await cloud.exceptions()


async def test_a_ticket_used_beyond_its_claim_is_shown(cloud: Any, new_gate: Any) -> None:
    """One ride sold, two ridden at two gates from one card state: both are counted, and a person is told."""
    ticket = (await cloud.sell(2))["tickets"][0]["number"]
    one, two = new_gate(1), new_gate(2)
    ride(one, ticket)
    await cloud.receive([one.batch()])
    await cloud.services.ingest.apply_pending()
    assert "double_admission" not in await cloud.exceptions()
    ride(two, ticket, at=NOON_MS + 60_000)
    await cloud.receive([two.batch()])
    await cloud.services.ingest.apply_pending()
    kinds = await cloud.exceptions()
    assert "double_admission" in kinds
    assert "turned_back" in kinds
    assert (await cloud.get("/passages", ticket=ticket))["items"][1]["gate"] == 2


async def test_a_ticket_used_beyond_its_claim_is_denied_once_and_may_be_allowed_again(
    cloud: Any, new_gate: Any
) -> None:
    """Every gate hears it as soon as it is found; what a person allows again stays allowed when more comes in."""
    ticket = (await cloud.sell(2))["tickets"][0]["number"]
    one, two = new_gate(1), new_gate(2)
    for number, gate in enumerate((one, two)):
        ride(gate, ticket, at=NOON_MS + 60_000 * number)
        await cloud.receive([gate.batch()])
    await cloud.services.ingest.apply_pending()
    assert await overused.deny_found(cloud.services) == [ticket]
    assert pushed(cloud, DenyList)[-1].entries == [(ticket, 1)]
    await cloud.post(f"/tickets/{ticket}/allow", {})
    assert pushed(cloud, DenyList)[-1].entries == []
    ride(one, ticket, at=NOON_MS + 120_000)
    await cloud.receive([one.batch()])
    await cloud.services.ingest.apply_pending()
    assert await overused.deny_found(cloud.services) == []


async def test_two_devices_with_one_identity_are_told_and_shown(cloud: Any, new_gate: Any) -> None:
    """Hellos of epochs A, B, A: a notice down and an exception; A, B alone is a restart."""
    a, b = new_gate(epoch=1 << 32), new_gate(epoch=2 << 32)
    await cloud.receive([a.hello()])
    answers = await cloud.receive([b.hello()])
    assert not any(isinstance(message, Notice) for _, message in answers)
    answers = await cloud.receive([a.hello()])
    assert [m.code for _, m in answers if isinstance(m, Notice)] == ["identity_conflict"]
    assert "identity_conflict" in await cloud.exceptions()


async def test_a_hello_updates_the_gate_and_repeats_acknowledgements(cloud: Any, new_gate: Any) -> None:
    """A gate that missed an Ack learns its position; the API shows what it said."""
    gate = new_gate()
    await cloud.receive([gate.batch()])
    answers = await cloud.receive([gate.hello({"deny_list": 0}, backlog=7)])
    acks = {message.stream: message.seq for _, message in answers if isinstance(message, Ack)}
    assert acks == {Stream.LEDGER: 1, Stream.NOTES: 0}
    status = (await cloud.get("/gates", site=1))["items"][0]["status"]
    assert (status["state"], status["backlog"], status["documents"]) == ("in_service", 7, {"deny_list": 0})
    assert status["last_seen"] == "2026-01-17T04:00:00Z"


async def test_workers_at_once_store_each_event_once(cloud: Any, new_gate: Any) -> None:
    """Several workers take overlapping batches of new chains together: nobody fails, nothing is stored twice."""
    gates = [new_gate(number) for number in (1, 2, 3)]
    for gate in gates:
        for ticket in range(20):
            ride(gate, ticket)
    groups = [[gate.batch(first, first + 9) for gate in gates] for first in (1, 1, 11, 5, 11, 1)]
    await asyncio.gather(*(cloud.receive(group) for group in groups))
    await cloud.receive([gate.batch() for gate in gates])
    assert await RawEvent.all().count() == 3 * 41
    assert await ForkEvent.all().count() == 0
    await asyncio.gather(*(cloud.services.ingest.apply_pending() for _ in range(3)))
    assert await Admission.filter(state="passed").count() == 60


async def test_both_generations_of_events_count_alike(cloud: Any, new_gate: Any) -> None:
    """An old gate and a new one report the same ride of a bearer's code; exits and overtime are kept apart."""
    old, new = new_gate(1), new_gate(2)
    ride(old)
    code = b"\x00"
    seq = new.add(Admitted(NOON_MS, 43, code, b"claimdig", 1, 1, bytes(16), NO_ADMISSION, overtime=True))
    new.add(Outcome(NOON_MS + 2000, new.epoch, seq, OutcomeKind.PASSED, 1))
    seq = new.add(Admitted(NOON_MS, 43, code, b"claimdig", 1, 0, bytes(16), NO_ADMISSION, exit=True))
    new.add(Outcome(NOON_MS + 9000, new.epoch, seq, OutcomeKind.PASSED, 1))
    await cloud.receive([old.batch(), new.batch()])
    await cloud.services.ingest.apply_pending()
    rows = await Admission.all().order_by("id")
    assert [(row.gate, row.state, row.passed, row.exit, row.overtime) for row in rows] == [
        (1, "passed", 1, False, False),
        (2, "passed", 1, False, True),
        (2, "passed", 1, True, False),
    ]
    assert "proof_lacking" not in await cloud.exceptions()


async def test_an_end_that_came_before_its_beginning_is_not_lost(cloud: Any, new_gate: Any) -> None:
    """The epoch before was waited for in vain, and came after all: the outcome is applied to its admission."""
    first = new_gate(epoch=1 << 32)
    seq = first.add(admitted())
    second = new_gate(epoch=2 << 32, previous=first)
    second.add(OutcomeV1(NOON_MS + 9000, first.epoch, seq, OutcomeKind.INTERRUPTED, 0, 1))
    second.add(Settled(NOON_MS + 9500, first.epoch, seq, True))
    await cloud.receive([second.batch()])
    await cloud.services.ingest.apply_pending()
    cloud.clock.seconds += applier.PREDECESSOR_S
    await cloud.services.ingest.apply_pending()
    assert await Admission.all().count() == 0
    assert await LooseEnd.all().count() == 2
    await cloud.receive([first.batch()])
    await cloud.services.ingest.apply_pending()
    [row] = await Admission.all()
    assert (row.state, row.unknown, row.settled) == ("interrupted", 1, "charged")
    assert await LooseEnd.all().count() == 0


async def test_a_device_is_heard_only_under_its_own_role(cloud: Any, new_gate: Any) -> None:
    """A till's events are taken and acknowledged to the till; the same number as a gate is quarantined, and shown."""
    await cloud.post("/gates", {"site": 1, "number": 21, "role": "till", "name": "Restaurant"})
    till, gate = new_gate(21), new_gate(21)
    till.device = Device(1, Role.TILL, 21)
    [(topic, ack)] = await cloud.receive([till.batch()])
    assert (topic, ack.seq) == ("pistegate/1/1/till/21/down", 1)
    assert await cloud.receive([gate.batch(), gate.hello()]) == []
    assert "quarantined_wrong_role" in await cloud.exceptions()
    answers = await cloud.receive([till.hello()])
    assert {topic for topic, _ in answers} == {"pistegate/1/1/till/21/down"}


@pytest.mark.parametrize("body", [{"role": "till", "post": 1}, {"role": "gate"}, {"role": "encoder"}])
async def test_gates_stand_at_posts_and_tills_do_not(cloud: Any, body: dict[str, Any]) -> None:
    """What does not fit is refused, with the reason."""
    answer = await cloud.http.post("/gates", json={"site": 1, "number": 30, "name": "x"} | body)
    assert answer.status_code == 422


async def test_a_retired_device_is_quarantined_until_it_is_taken_back(cloud: Any, new_gate: Any) -> None:
    """A stolen gate's messages are shown and not acknowledged; taken back, it tells what it kept."""
    gate = new_gate()
    await cloud.receive([new_gate(epoch=1 << 32).batch()])
    await cloud.http.post("/gates/retire", json={"site": 1, "number": 1})
    assert await cloud.receive([gate.batch(), gate.hello()]) == []
    assert "quarantined_retired_device" in await cloud.exceptions()
    assert (await cloud.get("/gates"))["items"][0]["status"]["retired"]
    await cloud.http.post("/gates/retire", json={"site": 1, "number": 1, "retired": False})
    assert (await cloud.receive([gate.batch()]))[0][1].seq == 1


async def test_a_group_ticket_is_known_at_every_site_of_its_group(cloud: Any, new_gate: Any) -> None:
    """Rides at two sites are counted against one allowance, and a ticket of one site is unknown at the other."""
    await cloud.post("/sites", {"number": 2, "group": 1, "name": "Sister", "zone": "Asia/Shanghai"})
    await cloud.post("/areas", {"site": 2, "number": 0, "name": "Area"})
    await cloud.post("/posts", {"site": 2, "number": 1, "area": 0, "name": "Post"})
    await cloud.post("/gates", {"site": 2, "number": 1, "post": 1, "name": "Lane"})
    product = {"site": 1, "number": 9, "code": "G", "name": {"en": "G", "zh-CN": "G"}, "price": 1, "currency": "CNY"}
    await cloud.post("/products", product | {"areas": [0], "holder": "adult", "entries_total": 1, "scope": "group"})
    group = (await cloud.sell(9))["tickets"][0]["number"]
    local = (await cloud.sell(2))["tickets"][0]["number"]
    here, there = new_gate(1), new_gate(1)
    there.device = Device(2, Role.GATE, 1)
    ride(here, group)
    ride(there, group, at=NOON_MS + 60_000, prev=name_of(here, 2))
    await cloud.receive([here.batch(), there.batch()])
    await cloud.services.ingest.apply_pending()
    assert "unknown_ticket" not in await cloud.exceptions()
    assert "double_admission" in await cloud.exceptions()
    ride(there, local)
    await cloud.receive([there.batch()])
    await cloud.services.ingest.apply_pending()
    assert "unknown_ticket" in await cloud.exceptions()


async def test_events_that_a_gate_has_no_more_are_passed_over_and_shown(cloud: Any, new_gate: Any) -> None:
    """After a restore from an old backup the chain goes on behind the hole; what came late is no second hole."""
    ticket = (await cloud.sell(2))["tickets"][0]["number"]
    gate = new_gate()
    for _ in range(5):
        ride(gate, ticket)
    await cloud.receive([gate.batch(1, 2)])
    first = 8
    told = Forgotten(1, Stream.LEDGER, gate.epoch, first, gate.head(seq=first - 1))
    for message, seqs in ((gate.batch(first), [2]), ((gate.device.up, UP.encode(told)), [7])):
        assert [answer.seq for _, answer in await cloud.receive([message])] == seqs
    assert await cloud.receive([(gate.device.up, UP.encode(told))]) == []
    ((_, answer),) = await cloud.receive([gate.batch(first)])
    assert (answer.seq, answer.head) == (len(gate.payloads[Stream.LEDGER]), gate.head())
    await cloud.services.ingest.apply_pending()
    [chain] = await EventChain.filter(stream=Stream.LEDGER)
    assert chain.applied_seq == chain.seq
    assert "events_forgotten" in await cloud.exceptions()


async def test_hole_at_the_end_of_a_chain_is_applied_too(cloud: Any, new_gate: Any) -> None:
    """Of an epoch of which nothing is left the applier is not waiting for ever."""
    gate = new_gate()
    gate.add(Settled(NOON_MS, gate.epoch, 1, True))
    await cloud.receive([gate.batch(1, 1)])
    told = Forgotten(1, Stream.LEDGER, gate.epoch, 3, gate.head())
    await cloud.receive([(gate.device.up, UP.encode(told))])
    await cloud.services.ingest.apply_pending()
    [chain] = await EventChain.filter(stream=Stream.LEDGER)
    assert (chain.seq, chain.applied_seq) == (2, 2)
