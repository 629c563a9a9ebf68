# SPDX-License-Identifier: Apache-2.0
"""Codes before a gate's scanner: decided by what the journal knows, admitted once, opened without a card."""

from dataclasses import replace
from typing import Any

import pytest
from gate_bench import ISSUER, claim
from passage_bench import ADMITTED_NAME, NOW, Remembered, card_read, later, passage, told, unfinished

from pistegate_edge.core import actions as a
from pistegate_edge.core import inputs as i
from pistegate_edge.core.memory import TicketUsage
from pistegate_edge.core.passage import Passage, State
from pistegate_protocol.claims import encode_claim
from pistegate_protocol.codes import BEARER, TicketCode, code_text, pick_up_text, ticket_text
from pistegate_protocol.events import OutcomeKind
from pistegate_protocol.instants import minute_of
from pistegate_protocol.rotating import LINK_BYTES, Rotating, anchor_of, chain_salt, step_at, walk
from pistegate_protocol.signing import Medium, MediumKind, claim_digest, sign_claim, split_signed_claim
from pistegate_protocol.usage import Usage


def code(**terms: Any) -> str:
    """A static code."""
    return ticket_text(sign_claim(claim(**terms), BEARER, ISSUER))


def rotating(ticks_ago: int = 0, **terms: Any) -> str:
    """A phone's code as shown some periods before NOW."""
    what = claim(**terms)
    body = encode_claim(what)
    start = minute_of(NOW.wall) - 60
    salt, seed, steps = chain_salt(body, start), b"seed of a chain"[:LINK_BYTES], 600
    step = step_at(start, NOW.wall) - ticks_ago
    anchor = anchor_of(salt, walk(salt, seed, steps))
    signature = split_signed_claim(sign_claim(what, Medium(MediumKind.ROTATING, anchor), ISSUER))[3]
    return code_text(TicketCode(body, signature, Rotating(start, step, walk(salt, seed, steps - step))))


@pytest.fixture
def memory() -> Remembered:
    return Remembered()


@pytest.fixture
def machine(memory: Remembered) -> Passage:
    """A gate with a scanner."""
    return passage(memory=memory)


def show(machine: Passage, text: str, at: float = 0.0) -> list[a.Action]:
    """A line of the scanner."""
    return machine.handle(i.CodeSeen(text), later(at))


def reasons(actions: list[a.Action]) -> list[str]:
    return [note.event.reason for note in told(actions, a.RecordNote)]  # type: ignore[union-attr]


def admitted(machine: Passage, text: str, at: float = 0.0) -> a.RecordAdmission:
    """Shown, admitted, and the lane opened as soon as it is durable."""
    (record,) = told(show(machine, text, at), a.RecordAdmission)
    actions = machine.handle(i.AdmissionRecorded(1, 2, ADMITTED_NAME), later(at))
    assert [action.persons for action in told(actions, a.OpenLane)] == [record.event.n]
    assert not told(actions, a.Write)
    assert machine.state is State.OPEN
    return record


def test_code_opens_the_lane_once_it_is_durable(machine: Passage) -> None:
    """Nothing before the journal has it; nothing is written to the code; its outcome has no proof."""
    record = admitted(machine, code())
    assert (record.event.medium, record.event.charged, record.event.before) == (b"\x00", 1, b"")
    (outcome,) = told(machine.handle(i.LaneClosed(1), later(2)), a.RecordOutcome)
    assert (outcome.event.kind, outcome.event.proof, outcome.memory, outcome.unsettled) == (
        OutcomeKind.PASSED,
        None,
        None,
        False,
    )


def test_no_room_for_the_admission_keeps_the_lane_shut(machine: Passage) -> None:
    """A full disk admits nobody."""
    show(machine, code())
    actions = machine.handle(i.AdmissionFailed("full"), NOW)
    assert reasons(actions) == ["out_of_service"]
    assert not told(actions, a.OpenLane)
    assert machine.state is State.IDLE


def test_same_code_held_before_the_scanner_is_one_presentation(machine: Passage) -> None:
    """A scanner that repeats it ten times a second opens once; 3 s unseen ends it, then it is decided again."""
    text = code(reentry_s=600)
    admitted(machine, text)
    for tenth in range(1, 10):
        assert show(machine, text, tenth / 10) == []
    machine.handle(i.LaneClosed(1), later(1))
    assert show(machine, text, 1.1) == []
    assert show(machine, text, 4.0) == []  # 2.9 s unseen
    assert told(show(machine, text, 7.1), a.RecordAdmission)  # the bench's journal keeps nothing: admitted anew


def test_next_guests_code_waits_while_the_lane_is_busy(machine: Passage) -> None:
    """It is told so, and taken as soon as the lane is free."""
    admitted(machine, code())
    other = code(ticket=4712)
    assert [shown.key for shown in told(show(machine, other, 1), a.Show)] == ["prompt.wait"]
    machine.handle(i.LaneClosed(1), later(2))
    assert told(show(machine, other, 2.1), a.RecordAdmission)


def test_what_was_used_of_a_ticket_here_counts_for_all_its_codes(machine: Passage, memory: Remembered) -> None:
    """One entry in all: used by any code of the ticket, none is left."""
    signed = sign_claim(claim(entries_total=1), BEARER, ISSUER)
    memory.tickets[4711] = TicketUsage(None, Usage(claim=claim_digest(signed), used_total=1), None)
    assert reasons(show(machine, code(entries_total=1))) == ["used_up"]
    assert reasons(show(machine, code(entries_total=1, revision=1))) == ["used_up"]
    assert told(show(machine, code(entries_total=1, ticket=4712)), a.RecordAdmission)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("https://pay.example/123", "code_link"),
        ("WIFI:S:Hotel;T:WPA;P:secret;;", "code_wifi"),
        ("雪票", "code_not_ascii"),
        (code()[:-9], "code_truncated"),
        (code()[:50] + ("1" if code()[50] != "1" else "2") + code()[51:], "code_misread"),
        (pick_up_text(123456789), "pick_up_code"),
        (code(key_id=9), "key_unknown"),
        (code(areas=frozenset({5})), "wrong_area"),
    ],
)
def test_what_else_people_hold_before_a_scanner_is_refused_by_its_own_reason(
    machine: Passage, text: str, reason: str
) -> None:
    """And nothing of it reaches the lane; the next code is taken at once."""
    actions = show(machine, text)
    assert reasons(actions) == [reason]
    assert [shown.key for shown in told(actions, a.Show)] == [f"reason.{reason}"]
    assert told(show(machine, code(), 0.2), a.RecordAdmission)


def test_phones_code_is_taken_in_its_time_and_not_twice(machine: Passage, memory: Remembered) -> None:
    """Fresh: admitted, its period remembered; that period or an older one again: replayed; a picture: too old."""
    record = admitted(machine, rotating())
    assert record.tick is not None
    assert record.event.medium[0] == MediumKind.ROTATING
    machine.handle(i.LaneClosed(1), later(1))
    memory.tickets[4711] = TicketUsage(None, Usage(claim=record.event.claim, admission=ADMITTED_NAME), record.tick)
    assert reasons(show(machine, rotating(), 5)) == ["code_replayed"]
    assert reasons(show(machine, rotating(4), 9)) == ["code_old"]
    assert reasons(show(machine, rotating(-4), 9)) == ["code_ahead"]


def test_guest_who_turned_back_may_show_the_same_phone_again(machine: Passage, memory: Remembered) -> None:
    """Owed: the same period holds, uncharged."""
    record = admitted(machine, rotating())
    (outcome,) = told(machine.handle(i.LaneClosed(0), later(3)), a.RecordOutcome)
    assert outcome.owed is not None
    memory.tickets[4711] = TicketUsage(
        None, Usage(claim=record.event.claim, admission=ADMITTED_NAME, used_total=1), record.tick
    )
    (again,) = told(show(machine, rotating(), 7), a.RecordAdmission)
    assert (again.event.charged, again.event.reoffer_of) == (0, ADMITTED_NAME)


def test_code_cut_off_by_a_restart_is_charged_and_its_unknown_person_owed() -> None:
    """No card could ever tell: the admission is the charge, and nothing stays open."""
    machine = passage(unfinished=[replace(unfinished(), medium=b"\x00")])
    (outcome,) = told(machine.handle(i.LaneClosed(0), NOW), a.RecordOutcome)
    assert (outcome.event.kind, outcome.event.unknown, outcome.unsettled) == (OutcomeKind.INTERRUPTED, 1, False)
    assert outcome.owed is not None


def test_cards_go_on_beside_a_scanner(machine: Passage) -> None:
    """A card read while a code's lane is open waits, as ever."""
    admitted(machine, code())
    actions = machine.handle(i.CardSeen(1, b"\x04112233"), later(1))
    assert [shown.key for shown in told(actions, a.Show)] == ["prompt.wait"]
    machine.handle(i.LaneClosed(1), later(2))
    machine.handle(i.CardSeen(2, b"\x04\x11\x22\x33\x44\x55\x66"), later(3))
    assert told(machine.handle(card_read(2), later(3)), a.RecordAdmission)
