# SPDX-License-Identifier: Apache-2.0
"""Events, their names and their chain."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_cases import CARD, NOW, TICKET, a_usage

from pistegate_protocol.errors import CodecError
from pistegate_protocol.events import (
    EVENTS,
    SHORT_TEXT_MAX,
    Admitted,
    AdmittedV1,
    CardUse,
    CardUseEnded,
    ClockState,
    Dropped,
    EpochOpened,
    Event,
    Incident,
    Outcome,
    OutcomeKind,
    OutcomeV1,
    Override,
    OverrideKind,
    Refused,
    Settled,
    Stream,
    UseKind,
    UseResult,
    admission_name,
    epoch_counter,
    first_head,
    new_epoch,
    next_head,
    short_text,
)
from pistegate_protocol.messages import UP, Batch
from pistegate_protocol.reasons import Reason
from pistegate_protocol.usage import encode_counters

AT = int(NOW.timestamp() * 1000)
EPOCH = new_epoch(12, 0xDEADBEEF)
BYTES_PER_EVENT_MAX = 80  # of an MQTT payload, averaged over admission and outcome


def admitted(number: int) -> Admitted:
    """A lifelike admission, with a real card's UID and numbers as large as they become."""
    counters = encode_counters(a_usage(used_total=9, day=2549, used_on_day=3, last_entry=NOW, last_gate=17, in_round=1))
    name, prev = (admission_name(17, EPOCH, seq) for seq in (number, number + 1))
    return Admitted(AT + number, TICKET * 60_000, CARD.to_bytes(), name, 1, 1, counters, prev)


def outcome(number: int) -> Outcome:
    """And its end."""
    return Outcome(AT + number + 1500, EPOCH, number, OutcomeKind.PASSED, 1)


EVERY_KIND: list[Event] = [
    ClockState(AT, True, "signed", -(2**53) + 1, bytes(8), 2**53 - 1, 2**53 - 1),
    ClockState(AT, False, "never_synchronised", 0, b"", 0, None),
    EpochOpened(AT, 0, b"", "0.1.0"),
    EpochOpened(AT, EPOCH, bytes(32), "0.1.0"),
    admitted(1),
    AdmittedV1(AT, TICKET, b"\x00", bytes(8), 255, 0, bytes(15), bytes(8), reoffer_of=b"12345678"),
    Admitted(
        AT, TICKET, b"\x00", bytes(8), 255, 0, bytes(16), bytes(8), bytes(16), 3, bytes(96), True, True, b"12345678"
    ),
    *(OutcomeV1(AT, EPOCH, 2**32 - 1, kind, 255, 255) for kind in OutcomeKind),
    *(Outcome(AT, EPOCH, 2**32 - 1, kind, 255, 255, (2**32 - 1, bytes(8))) for kind in OutcomeKind),
    *(CardUse(AT, kind, CARD.to_bytes(), TICKET, 100, 200, "CNY", 300, 400, bytes(16), bytes(96)) for kind in UseKind),
    *(CardUseEnded(AT, EPOCH, 3, result, (4, bytes(8))) for result in UseResult),
    Settled(AT, EPOCH, 3, charged=False),
    *(Override(AT, 1, kind, 255, 255, CARD.to_bytes(), TICKET, "rescue 救援") for kind in OverrideKind),
    Override(AT, 2, OverrideKind.FREE, 0, 1, None, None, "key switch"),
    Refused(AT, Reason.PASSBACK, CARD.to_bytes(), TICKET, 4),
    Refused(AT, Reason.UNREADABLE, None, None),
    Incident(AT, "reader_lost", "读卡器"),
    Dropped(AT, 1000),
]


@pytest.mark.parametrize("event", EVERY_KIND, ids=repr)
def test_every_event_comes_back(event: Event) -> None:
    """As the cloud reads what the gate wrote."""
    assert EVENTS.decode(EVENTS.encode(event)) == event


def test_every_reason_fits_an_event() -> None:
    """Refusals are told by the reason's value."""
    for reason in Reason:
        assert EVENTS.decode(EVENTS.encode(Refused(AT, reason, None, None))).reason == reason.value


def test_a_batch_costs_at_most_80_bytes_per_event() -> None:
    """Twenty admissions with their outcomes, as one MQTT payload."""
    payloads = [EVENTS.encode(event) for number in range(1, 40, 2) for event in (admitted(number), outcome(number))]
    assert len(payloads) == 40
    batch = Batch(17, Stream.LEDGER, EPOCH, 1001, bytes(range(32)), payloads)
    assert len(UP.encode(batch)) / len(payloads) <= BYTES_PER_EVENT_MAX


@given(st.text(max_size=400) | st.text(st.characters(categories=["Cs", "Lu"]), min_size=190, max_size=300))
def test_any_error_message_fits_an_event_as_short_text(words: str) -> None:
    """Whatever an operating system or a library says."""
    cut = short_text(words)
    assert len(cut) <= SHORT_TEXT_MAX
    assert EVENTS.decode(EVENTS.encode(Incident(AT, "device_failed", cut))).detail == cut


# Names.


@given(st.integers(0, 2**31 - 1), st.integers(0, 2**32 - 1))
def test_an_epoch_rises_with_its_counter_whatever_chance_adds(counter: int, random32: int) -> None:
    """And fits every field that carries one."""
    epoch = new_epoch(counter, random32)
    assert epoch_counter(epoch) == counter
    assert 0 <= epoch < 2**63
    assert counter == 0 or epoch > new_epoch(counter - 1, 2**32 - 1)


@pytest.mark.parametrize(("counter", "random32"), [(2**31, 0), (-1, 0), (0, 2**32), (0, -1)])
def test_an_epoch_that_would_run_into_the_next_is_not_made(counter: int, random32: int) -> None:
    """A number too large would change the counter half."""
    with pytest.raises(CodecError):
        new_epoch(counter, random32)


def test_names_of_admissions_are_golden() -> None:
    """Cards in circulation carry them; recomputed here from the words of the docstrings."""
    label = b"pistegate admission 1\x00"
    data = (17).to_bytes(4, "big") + EPOCH.to_bytes(8, "big") + (5).to_bytes(4, "big")
    assert admission_name(17, EPOCH, 5) == sha256(label + data).digest()[:8]
    assert admission_name(17, EPOCH, 5).hex() == "c37572db21b20a0c"
    names = {admission_name(gate, epoch, seq) for gate in (1, 2) for epoch in (EPOCH, EPOCH + 1) for seq in (1, 2)}
    assert len(names) == 8


# Chain.


def head_of(payloads: list[bytes], gate: int = 17, stream: Stream = Stream.LEDGER, epoch: int = EPOCH) -> bytes:
    """The head after these payloads."""
    head = first_head(gate, stream, epoch)
    for payload in payloads:
        head = next_head(head, payload)
    return head


def test_heads_are_golden() -> None:
    """Journals and clouds of every release compute the same."""
    start = first_head(17, Stream.LEDGER, EPOCH)
    label = b"pistegate chain 1\x00"
    assert start == sha256(label + (17).to_bytes(4, "big") + b"\x01" + EPOCH.to_bytes(8, "big")).digest()
    assert next_head(start, b"payload") == sha256(start + b"payload").digest()
    assert start.hex() == "e023bbf1c9c6ef91476cae5eea8a30ed59b6a32c4a9d57b510c34413cf447c02"
    assert head_of([b"one", b"two"]).hex() == "9e4d6286c49dc5bc97f5dc034fe913eec3e5d2efb5e2354e0f46647ce5f2c36c"


PAYLOADS = st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=8)


@given(PAYLOADS, st.data())
def test_any_change_removal_insertion_or_reordering_changes_the_head(
    payloads: list[bytes], data: st.DataObject
) -> None:
    """So one head vouches for everything before it."""
    at = data.draw(st.integers(0, len(payloads) - 1))
    other = data.draw(st.binary(min_size=1, max_size=20))
    joined = [b"".join(payloads[: at + 1]), *payloads[at + 1 :]]
    variants = [
        [*payloads[:at], other, *payloads[at + 1 :]],
        payloads[:at] + payloads[at + 1 :],
        [*payloads[:at], other, *payloads[at:]],
        data.draw(st.permutations(payloads)),
        joined,
        [*payloads[:at], payloads[at] + b"\x00", *payloads[at + 1 :]],
    ]
    for variant in variants:
        assert (head_of(variant) == head_of(payloads)) == (variant == payloads)


def test_no_two_streams_gates_or_epochs_share_a_head() -> None:
    """Events of one cannot be passed off as another's."""
    payloads = [b"same"]
    heads = {
        head_of(payloads, gate, stream, epoch) for gate in (1, 2) for stream in Stream for epoch in (EPOCH, EPOCH + 1)
    }
    assert len(heads) == 8
