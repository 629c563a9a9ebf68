# SPDX-License-Identifier: Apache-2.0
"""What a card must have MACed, from the event alone, against the simulated card, which was written apart from it."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from card_flows import run_flow
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from device_bench import Bench, Cut
from hypothesis import given, settings
from hypothesis import strategies as st

from pistegate_protocol.amendments import Amendment, sign_amendment
from pistegate_protocol.card_layout import AMENDMENT_FILE, CardKey, padded
from pistegate_protocol.desfire import transactions
from pistegate_protocol.desfire.transactions import open_card
from pistegate_protocol.errors import CodecError
from pistegate_protocol.events import (
    EVENTS,
    READ_AMENDMENT,
    READ_CLAIM,
    Admitted,
    CardUse,
    CardUseEnded,
    Outcome,
    admission_name,
)
from pistegate_protocol.proofs import ContentUnknown, admission_input, card_use_input, lane_codes, proves
from pistegate_protocol.records import passage_record
from pistegate_protocol.topics import Device, Role
from pistegate_protocol.usage import Usage, encode_counters, encode_usage
from pistegate_protocol.wallet import LoadStatement, sign_load
from pistegate_simulators import stock
from pistegate_simulators.stock import CardMasters, personalised_card

MASTERS = CardMasters.drawn(Random(5))
NOON_MS = 1_768_622_400_000
GATE, TILL = 7, 21
EPOCH = 5 << 32
CLAIM = b"\x01" + b"a claim that was signed".ljust(90, b".")
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@dataclass
class Recorder:
    """The ledger of a device, as the bench wants it."""

    number: int
    role: Role = Role.GATE
    epoch: int = EPOCH
    events: list[Any] = field(default_factory=lambda: [None])

    @property
    def device(self) -> Device:
        return Device(1, self.role, self.number)

    @property
    def payloads(self) -> dict[int, list[Any]]:
        return {1: self.events}

    def add(self, event: Any) -> int:
        self.events.append(EVENTS.decode(EVENTS.encode(event)))
        return len(self.events)


@pytest.fixture
def card() -> Any:
    """A personalised card with a ticket, purse 1000."""
    card = personalised_card(Random(9), MASTERS)
    stock.put_claim(card, CLAIM.ljust(112, b"\x00"))
    stock.put_usage(card, encode_usage(Usage(claim=b"claimdig")))
    stock.put_purse(card, 1000)
    return card


@pytest.fixture
def bench() -> Bench:
    """Devices on simulated cards."""
    return Bench(MASTERS, NOON_MS)


def card_proves(card: Any, proof: Any, whole: bytes) -> bool:
    return proves(MASTERS.transaction_key(card.uid), card.uid, proof, [whole])


def test_a_passage_is_proved_by_its_event(card: Any, bench: Bench) -> None:
    """Rides one after another, the claim read each time; counters rise by one."""
    gate = Recorder(GATE)
    for counter in (1, 2, 3):
        seq = bench.ride(gate, card)
        admitted, outcome = gate.events[-2:]
        name = admission_name(GATE, EPOCH, seq)
        whole = admission_input(admitted, name, GATE, claim_file=stock.claim_content(card))
        assert outcome.proof[0] == counter
        assert card_proves(card, outcome.proof, whole)


LIES = [
    {"at": NOON_MS},
    {"n": 2},
    {"claim": b"otherone"},
    {"prev": b"otherone"},
    {"exit": True},
    {"reads": 0},
    {"before": bytes(16)},
    {"counters": encode_counters(Usage(claim=b"claimdig"))},
    {"amendment": b"signed"},
]


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: next(iter(lie)))
def test_a_passage_told_otherwise_is_not_proved(card: Any, bench: Bench, lie: dict[str, Any]) -> None:
    """Every field that the card has seen: change one in the event, and the card's proof does not fit."""
    gate = Recorder(GATE)
    seq = bench.ride(gate, card, **lie)
    admitted, outcome = gate.events[-2:]
    whole = admission_input(
        admitted, admission_name(GATE, EPOCH, seq), GATE, claim_file=stock.claim_content(card), amendment_file=bytes(96)
    )
    assert not card_proves(card, outcome.proof, whole)


def test_another_lane_or_admission_is_not_proved(card: Any, bench: Bench) -> None:
    """The lane's code, the admission's name, the claim that was read."""
    gate = Recorder(GATE)
    seq = bench.ride(gate, card)
    admitted, outcome = gate.events[-2:]
    name, claim = admission_name(GATE, EPOCH, seq), stock.claim_content(card)
    assert card_proves(card, outcome.proof, admission_input(admitted, name, GATE, claim_file=claim))
    for wrong in (
        admission_input(admitted, name, GATE + 1, claim_file=claim),
        admission_input(admitted, admission_name(GATE, EPOCH, seq + 1), GATE, claim_file=claim),
        admission_input(admitted, name, GATE, claim_file=bytes(112)),
    ):
        assert not card_proves(card, outcome.proof, wrong)
    counter, value = outcome.proof
    assert not card_proves(card, (counter + 1, value), admission_input(admitted, name, GATE, claim_file=claim))
    assert not card_proves(card, (0, value), b"")


def test_what_the_card_read_must_be_known(card: Any, bench: Bench) -> None:
    """Without the claim, or the amendment, nothing can be said; without a memory there is no proof at all."""
    gate = Recorder(GATE)
    bench.ride(gate, card)
    admitted = gate.events[-2]
    with pytest.raises(ContentUnknown):
        admission_input(admitted, b"x" * 8, GATE)
    fields = {name: getattr(admitted, name) for name in admitted.__struct_fields__}
    with pytest.raises(ContentUnknown):
        admission_input(Admitted(**fields | {"reads": READ_AMENDMENT}), b"x" * 8, GATE)
    with pytest.raises(CodecError):
        admission_input(Admitted(**fields | {"before": b""}), b"x" * 8, GATE)


def test_an_amendment_read_and_one_written_are_in_the_proof(card: Any, bench: Bench) -> None:
    """A gate meets an amended card and has a newer amendment for it."""
    old, new = (sign_amendment(Amendment(key_id=1, ticket=42, number=n), KEY) for n in (1, 2))
    stock.put_amendment(card, padded(old, AMENDMENT_FILE))
    before = Usage(claim=b"claimdig", amended=True)
    stock.put_usage(card, encode_usage(before))
    card.power_on()
    content = _run(open_card(_gate_key(card), bytes(16)), card)
    name = admission_name(GATE, EPOCH, 2)
    after = Usage(claim=b"claimdig", admission=name, used_total=1, amended=True)
    event = Admitted(
        NOON_MS,
        42,
        b"\x01" + card.uid,
        b"claimdig",
        1,
        1,
        encode_counters(after),
        bytes(8),
        content.usage_file[:1] + content.usage_file[17:],
        READ_CLAIM | READ_AMENDMENT,
        new,
    )
    record = passage_record(NOON_MS, False, GATE, 1, name)
    _run(transactions.write_use(content.session, encode_usage(after), record, amendment=new), card)
    proof = _run(transactions.commit(content.session), card)
    claim = stock.claim_content(card)

    def fits(amendment: bytes) -> bool:
        file = padded(amendment, AMENDMENT_FILE)
        whole = admission_input(event, name, GATE, claim_file=claim, amendment_file=file)
        return card_proves(card, (proof.counter, proof.value), whole)

    assert fits(old)
    assert not fits(new)


@pytest.mark.parametrize("what", ["debit", "split", "load", "out", "back"])
def test_a_tills_use_is_proved_by_its_event(card: Any, bench: Bench, what: str) -> None:
    """Debits from purse and loads, a statement written, equipment taken and returned: each by its event alone."""
    till = Recorder(TILL, Role.TILL)
    signed = sign_load(LoadStatement(key_id=1, uid=card.uid, number=1, loaded=500, currency="CNY"), KEY)
    if what == "debit":
        bench.spend(till, card, 300)
    if what in ("split", "load"):
        bench.write_statement(till, card, signed)
    if what == "split":
        bench.spend(till, card, 700)
        assert (till.events[-2].purse, till.events[-2].loads) == (200, 500)
    if what in ("out", "back"):
        bench.rent(till, card, "boots skis=K2-0815")
    if what == "back":
        bench.rent(till, card, "skis=K2-0815", back=True)
    event, ended = till.events[-2:]
    assert isinstance(event, CardUse)
    assert isinstance(ended, CardUseEnded)
    name = admission_name(TILL, EPOCH, len(till.events) - 1)
    assert card_proves(card, ended.proof, card_use_input(event, TILL, name))
    fields = {key: getattr(event, key) for key in event.__struct_fields__}
    for lie in ({"at": event.at + 1000}, {"purse": event.purse + 1}, {"loads": event.loads + 1}, {"rental": b"x" * 16}):
        assert not card_proves(card, ended.proof, card_use_input(CardUse(**fields | lie), TILL, name))
    assert not card_proves(card, ended.proof, card_use_input(event, TILL + 1, name))


def test_a_torn_transaction_has_no_proof_and_the_next_one_has(card: Any, bench: Bench) -> None:
    """Unsent, undone: the counter stands. Unheard: it moved, and the next proof is one further."""
    gate = Recorder(GATE)
    counters = []
    for cut in (Cut.UNSENT, Cut.UNDONE, Cut.NONE, Cut.UNHEARD, Cut.NONE):
        bench.ride(gate, card, cut=cut)
        outcome = gate.events[-1]
        assert isinstance(outcome, Outcome)
        counters.append(outcome.proof[0] if outcome.proof else None)
    assert counters == [None, None, 1, None, 3]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 0x7FFF), st.integers(1, 0xFFFF))
def test_a_lane_has_two_codes(site: int, gate: int) -> None:
    """Its number for tickets of the site; for those of the group one that depends on the site."""
    local, group = lane_codes(site, gate)
    assert local == gate
    assert group == (gate + site * 40503) & 0xFFFF


def _run(flow: Any, card: Any) -> Any:
    return run_flow(flow, card.process)


def _gate_key(card: Any) -> bytes:
    return MASTERS.card_key(card.uid, CardKey.GATE)
