# SPDX-License-Identifier: Apache-2.0
"""Identity documents and fingers before a gate: all tickets behind a medium are decided, one is used or one is told."""

from datetime import date
from typing import Any

import pytest
from gate_bench import ISSUER, claim
from passage_bench import ADMITTED_NAME, NOW, Remembered, card_read, later, passage, told

from pistegate_edge.core import actions as a
from pistegate_edge.core import inputs as i
from pistegate_edge.core.facts import Facts
from pistegate_edge.core.memory import TicketUsage
from pistegate_edge.core.passage import Passage, State
from pistegate_edge.core.reading import Unusable
from pistegate_protocol.events import OutcomeKind
from pistegate_protocol.reasons import Reason
from pistegate_protocol.signing import Medium, MediumKind, claim_digest, sign_claim
from pistegate_protocol.usage import Usage

GUEST = Medium(MediumKind.IDENTITY, b"handle 1")
FINGER = Medium(MediumKind.FINGER, b"handle 2")


def bound(medium: Medium = GUEST, **terms: Any) -> bytes:
    """A claim as it is bound to a document."""
    return sign_claim(claim(**terms), medium, ISSUER)


@pytest.fixture
def memory() -> Remembered:
    return Remembered()


@pytest.fixture
def machine(memory: Remembered) -> Passage:
    """A gate with a reader of documents."""
    return passage(memory=memory)


def put(machine: Passage, *found: bytes, at: float = 0.0, medium: Medium = GUEST) -> list[a.Action]:
    """A document is on its reader, and these claims are bound to it here."""
    return machine.handle(i.Pointed(medium, found), later(at))


def reasons(actions: list[a.Action]) -> list[str]:
    return [note.event.reason for note in told(actions, a.RecordNote)]  # type: ignore[union-attr]


def admitted(machine: Passage, *found: bytes, at: float = 0.0, medium: Medium = GUEST) -> a.RecordAdmission:
    """Presented, admitted, and the lane opened as soon as it is durable."""
    (record,) = told(put(machine, *found, at=at, medium=medium), a.RecordAdmission)
    actions = machine.handle(i.AdmissionRecorded(1, 2, ADMITTED_NAME), later(at))
    assert [action.persons for action in told(actions, a.OpenLane)] == [record.event.n]
    assert machine.state is State.OPEN
    return record


def test_document_opens_the_lane_once_it_is_durable(machine: Passage) -> None:
    """The admission names the handle; nothing is written to anything, and its outcome has no proof."""
    record = admitted(machine, bound())
    assert (record.event.medium, record.event.ticket, record.event.charged) == (GUEST.to_bytes(), 4711, 1)
    (outcome,) = told(machine.handle(i.LaneClosed(1), later(2)), a.RecordOutcome)
    assert (outcome.event.kind, outcome.unsettled) == (OutcomeKind.PASSED, False)


def test_finger_goes_the_same_way(machine: Passage) -> None:
    """Its claim is bound to the finger's handle, and to no document's."""
    assert reasons(put(machine, bound(), medium=FINGER)) == ["wrong_medium"]
    assert admitted(machine, bound(FINGER), at=9, medium=FINGER).event.medium == FINGER.to_bytes()


def test_document_that_lies_there_is_one_presentation(machine: Passage) -> None:
    """Told again and again it opens once; 3 s unseen ends it."""
    signed = bound()
    admitted(machine, signed)
    for second in range(1, 5):
        assert put(machine, signed, at=float(second)) == []
    machine.handle(i.LaneClosed(1), later(5))
    assert put(machine, signed, at=6.9) == []
    assert told(put(machine, signed, at=9.9), a.RecordAdmission)


def test_next_guests_document_waits_while_the_lane_is_busy(machine: Passage) -> None:
    """It is told so, also one that could not be read, and taken as soon as the lane is free."""
    admitted(machine, bound())
    other = Medium(MediumKind.IDENTITY, b"handle 9")
    waiting = put(machine, bound(other), at=1, medium=other)
    waiting += machine.handle(i.DocumentUnread(), later(1))
    assert [shown.key for shown in told(waiting, a.Show)] == ["prompt.wait", "prompt.wait"]
    machine.handle(i.LaneClosed(1), later(2))
    assert told(put(machine, bound(other, ticket=4712), at=2.1, medium=other), a.RecordAdmission)


def test_stranger_is_sent_to_the_window(machine: Passage) -> None:
    """Nothing is booked; the refusal names the handle and no ticket."""
    actions = put(machine)
    assert reasons(actions) == ["not_booked"]
    (note,) = told(actions, a.RecordNote)
    assert (note.event.medium, note.event.ticket) == (GUEST.to_bytes(), None)  # type: ignore[union-attr]
    assert [shown.key for shown in told(actions, a.Show)] == ["reason.not_booked"]


def test_gate_without_its_table_does_not_say_that_nothing_is_booked(machine: Passage) -> None:
    """Whoever booked would believe it."""
    away = i.Pointed(GUEST, Unusable(Reason.DOCUMENTS_UNKNOWN, "no table"))
    assert reasons(machine.handle(away, NOW)) == ["documents_unknown"]


def test_misread_number_is_told_once_and_names_nothing(machine: Passage) -> None:
    """A reader that repeats it tells the guest once."""
    actions = machine.handle(i.DocumentUnread(), NOW)
    assert reasons(actions) == ["document_unread"]
    (note,) = told(actions, a.RecordNote)
    assert (note.event.medium, note.event.ticket) == (None, None)  # type: ignore[union-attr]
    assert machine.handle(i.DocumentUnread(), later(1)) == []
    assert reasons(machine.handle(i.DocumentUnread(), later(4.1))) == ["document_unread"]


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (bound(Medium(MediumKind.IDENTITY, b"handle 9")), "wrong_medium"),
        (bound(key_id=9), "key_unknown"),
        (bound()[:-1] + bytes([bound()[-1] ^ 1]), "signature_invalid"),
        (b"\x01rubbish", "unreadable"),
    ],
)
def test_binding_that_no_issuer_signed_for_this_document_is_not_believed(
    machine: Passage, found: bytes, reason: str
) -> None:
    """Made up on the gate's disk, moved to another guest's handle, or damaged; a good one beside it holds."""
    assert reasons(put(machine, found)) == [reason]
    assert admitted(machine, found, bound(), at=4).event.ticket == 4711


def test_of_several_tickets_the_first_that_admits_is_used(machine: Passage) -> None:
    """Whichever was sold first: tomorrow's is not in the way of today's, nor a used one of an unused one."""
    tomorrow = bound(ticket=1, valid_from=date(2026, 1, 16))
    used = bound(ticket=2, valid_from=date(2026, 1, 14), areas=frozenset({7}))
    assert admitted(machine, tomorrow, used, bound(ticket=3, valid_from=date(2026, 1, 15))).event.ticket == 3


def test_of_several_refusals_the_narrowest_is_told(machine: Passage) -> None:
    """Whoever stands at the wrong lift with today's ticket hears that, not that tomorrow's is not valid yet."""
    tomorrow = bound(ticket=1, valid_from=date(2026, 1, 16))
    elsewhere = bound(ticket=2, areas=frozenset({7}))
    over = bound(ticket=3, valid_until=date(2026, 1, 14))
    assert reasons(put(machine, over, tomorrow, elsewhere)) == ["wrong_area"]


def test_second_person_on_one_document_is_told_passback(machine: Passage, memory: Remembered) -> None:
    """What was used of the ticket here counts, whatever medium it was used by."""
    signed = bound(reentry_s=600)
    used = Usage(claim=claim_digest(signed), used_total=1, in_round=1, last_entry=NOW.wall, last_gate=3)
    memory.tickets[4711] = TicketUsage(None, used, None)
    assert reasons(put(machine, signed)) == ["passback"]


def test_denied_ticket_is_refused_by_document(memory: Remembered) -> None:
    """A revoked ticket's document opens nothing."""
    machine = passage(memory=memory, facts=Facts(deny={4711: 2}))
    assert reasons(put(machine, bound(revision=1))) == ["revoked"]
    assert told(put(machine, bound(revision=2), at=4), a.RecordAdmission)


def test_party_on_one_document_enters_in_batches_and_sees_what_is_left(machine: Passage, memory: Remembered) -> None:
    """Five on one ticket, two at a time; the remaining ones are shown."""
    signed = bound(party=5, batch=2, entries_total=1)
    left = []
    for batch, used in enumerate((0, 2, 4)):
        memory.tickets[4711] = TicketUsage(
            None, Usage(claim=claim_digest(signed), used_total=used, in_round=used), None
        )
        (record,) = told(put(machine, signed, at=10.0 * batch), a.RecordAdmission)
        actions = machine.handle(i.AdmissionRecorded(1, 2, ADMITTED_NAME), later(10 * batch))
        (shown,) = told(actions, a.Show)
        left.append((record.event.n, shown.key, shown.values["left_total"]))
        machine.handle(i.LaneClosed(record.event.n), later(10 * batch + 2))
    assert left == [(2, "prompt.admit_party", 3), (2, "prompt.admit_party", 1), (1, "prompt.admit", 0)]


def test_documents_are_not_asked_for_while_the_lane_is_in_somebodys_hands(machine: Passage) -> None:
    """A faulty gate, or a free lane: nothing is used."""
    machine.handle(i.LaneMode("free"), NOW)
    actions = put(machine, bound())
    assert not told(actions, a.RecordAdmission)
    assert [shown.key for shown in told(actions, a.Show)] == ["lane.free"]
    machine.handle(i.LaneMode("normal"), later(1))
    machine.handle(i.FaultChanged(i.Fault.DISK, True), later(1))
    assert reasons(put(machine, bound(), at=5)) == ["out_of_service"]
    assert reasons(machine.handle(i.DocumentUnread(), later(5))) == ["out_of_service"]


def test_cards_go_on_beside_a_reader_of_documents(machine: Passage) -> None:
    """A card read while a document's lane is open waits, as ever."""
    admitted(machine, bound())
    actions = machine.handle(i.CardSeen(1, b"\x04112233"), later(1))
    assert [shown.key for shown in told(actions, a.Show)] == ["prompt.wait"]
    machine.handle(i.LaneClosed(1), later(2))
    machine.handle(i.CardSeen(2, b"\x04\x11\x22\x33\x44\x55\x66"), later(3))
    assert told(machine.handle(card_read(2), later(3)), a.RecordAdmission)
