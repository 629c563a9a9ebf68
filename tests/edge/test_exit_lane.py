# SPDX-License-Identifier: Apache-2.0
"""A lane that leads out: everybody passes, nothing is charged, and who left is inside no more."""

from dataclasses import replace

import pytest
from gate_bench import claim
from passage_bench import NOW, PROFILE, UID, card_read, files_of, later, passage, told

from pistegate_edge.core import actions as a
from pistegate_edge.core import inputs as i
from pistegate_edge.core.facts import Facts
from pistegate_edge.core.passage import Passage
from pistegate_protocol.records import RecordKind, decode_record
from pistegate_protocol.usage import decode_usage

OUT = replace(PROFILE, gate=9, post_gates=frozenset({9}), exit=True)


def leaving(read: i.CardRead, facts: Facts | None = None) -> list[a.Action]:
    """The actions up to the write."""
    machine = passage(facts=facts, gate=OUT)
    machine.handle(i.CardSeen(1, UID), NOW)
    actions = machine.handle(read, NOW)
    if told(actions, a.RecordAdmission):
        actions += machine.handle(i.AdmissionRecorded(1, 2, b"admitted"), NOW)
    return actions


@pytest.mark.parametrize(
    ("read", "facts"),
    [
        (card_read(1), Facts()),
        (card_read(1, claim(valid_until=claim().valid_from)), Facts()),
        (card_read(1), Facts(deny={4711: 1})),
        (card_read(1), Facts(lost=frozenset({UID}))),
        (card_read(1, claim(entries_total=1), used_total=1), Facts()),
    ],
    ids=["valid", "expired", "revoked", "lost", "used up"],
)
def test_everybody_gets_out_and_nothing_is_charged(read: i.CardRead, facts: Facts) -> None:
    """Whatever the ticket is worth: nobody is kept inside by a lane."""
    actions = leaving(read, facts)
    (record,) = told(actions, a.RecordAdmission)
    assert record.event.exit
    assert record.event.charged == 0
    (write,) = told(actions, a.Write)
    assert decode_usage(write.usage).used_total == decode_usage(read.usage_file).used_total


def test_the_cards_record_says_that_somebody_left() -> None:
    """A desk sees in and out apart."""
    (write,) = told(leaving(card_read(1)), a.Write)
    record = decode_record(write.record)
    assert (record.kind, record.device) == (RecordKind.EXIT, 9)


def test_who_left_is_inside_no_more() -> None:
    """A tracked ticket enters, is refused a second entry, leaves, and enters again."""
    what = claim(tracked=True)
    claim_file, usage = files_of(what)
    lanes: dict[bool, Passage] = {exit: passage(gate=OUT if exit else PROFILE) for exit in (False, True)}

    def tap(leads_out: bool, at: float) -> str:
        nonlocal usage
        machine = lanes[leads_out]
        machine.handle(i.FieldSeen(), later(at))
        machine.handle(i.CardSeen(int(at), UID), later(at + 1))
        actions = machine.handle(i.CardRead(int(at), UID, usage, claim_file), later(at + 1))
        if not told(actions, a.RecordAdmission):
            return str(told(actions, a.RecordNote)[0].event.reason)  # type: ignore[union-attr]
        name = int(at).to_bytes(8, "big")
        (write,) = told(machine.handle(i.AdmissionRecorded(1, int(at), name), later(at + 1)), a.Write)
        usage = write.usage
        machine.handle(i.CardWritten(int(at), i.WriteResult.OK), later(at + 1))
        machine.handle(i.LaneClosed(1), later(at + 2))
        return "passed"

    assert tap(False, 100) == "passed"
    assert tap(False, 200) == "already_inside"
    assert tap(True, 300) == "passed"
    assert tap(False, 400) == "passed"
