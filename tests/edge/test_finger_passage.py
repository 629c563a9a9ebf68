# SPDX-License-Identifier: Apache-2.0
"""A finger beside a card or code: asked for where it is on file, good for one lane, never the only way in."""

from dataclasses import replace

import pytest
from gate_bench import ISSUER, claim
from passage_bench import ADMITTED_NAME, NOW, PROFILE, UID, card_read, later, passage, told

from pistegate_edge.core import actions as a
from pistegate_edge.core import inputs as i
from pistegate_edge.core.asking import ASK_S, PROVEN_S
from pistegate_edge.core.passage import Passage, State
from pistegate_edge.fingers.told import FingerProblem
from pistegate_protocol.codes import BEARER, ticket_text
from pistegate_protocol.reasons import Reason
from pistegate_protocol.signing import Medium, MediumKind, sign_claim

TICKET = 4711
HOLDER = Medium(MediumKind.FINGER, TICKET.to_bytes(6, "big") + b"\x00\x01")
OTHER_UID = bytes.fromhex("04aabbccddeeff")
GUESTS_FAULT = [FingerProblem.NONE_CAME, FingerProblem.UNREADABLE, FingerProblem.OTHER_FINGER]
OURS = [FingerProblem.TEMPLATE, FingerProblem.SENSOR]


@pytest.fixture
def machine() -> Passage:
    """A gate where this ticket's finger is on file."""
    return on_file(passage())


def on_file(machine: Passage, *tickets: int) -> Passage:
    machine.handle(i.FingersKnown(frozenset(tickets or (TICKET,))), NOW)
    return machine


def hold(machine: Passage, at: float = 0.0, ticket: int = TICKET, uid: bytes = UID) -> list[a.Action]:
    """The card is in the field, and read if the gate wants to."""
    token = machine.token + 1
    seen = machine.handle(i.CardSeen(token, uid), later(at))
    if not told(seen, a.Read):
        return seen
    return machine.handle(card_read(token, claim(ticket=ticket), uid), later(at))


def is_read(machine: Passage, at: float) -> bool:
    """Whether the gate wants to know what is on the card that is in the field."""
    return bool(told(machine.handle(i.CardSeen(machine.token + 1, UID), later(at)), a.Read))


def asked(actions: list[a.Action]) -> a.AskFinger:
    """The one question; nobody is admitted."""
    (question,) = told(actions, a.AskFinger)
    assert not told(actions, a.RecordAdmission)
    return question


def is_admitted(actions: list[a.Action]) -> bool:
    return len(told(actions, a.RecordAdmission)) == 1


def match(machine: Passage, question: a.AskFinger, at: float = 1.0) -> list[a.Action]:
    return machine.handle(i.FingerMatched(question.token, 120, later(at).mono), later(at))


def refuse(machine: Passage, token: int | None, problem: FingerProblem, at: float = 1.0) -> list[a.Action]:
    return machine.handle(i.FingerRefused(token, problem, later(at).mono), later(at))


def keys(actions: list[a.Action]) -> list[str]:
    return [show.key for show in told(actions, a.Show)]


def opens(machine: Passage, at: float) -> None:
    """The admission is durable and on the card."""
    machine.handle(i.AdmissionRecorded(1, 2, ADMITTED_NAME), later(at))
    if machine.state is State.WRITING:
        machine.handle(i.CardWritten(machine.token, i.WriteResult.OK), later(at))
    assert machine.state is State.OPEN


def test_card_is_let_go_while_the_guest_takes_off_a_glove(machine: Passage) -> None:
    """Asked with words, the card not held, nothing written; the lane is free for others."""
    actions = hold(machine)
    question = asked(actions)
    assert (question.ticket, question.until) == (TICKET, NOW.mono + ASK_S)
    assert told(actions, a.Release)
    assert not told(actions, a.Write)
    assert keys(actions) == ["prompt.finger"]
    assert machine.state is State.IDLE


def test_the_card_that_stayed_on_the_reader_opens_after_the_match(machine: Passage) -> None:
    """It is not read again while the finger is awaited; then at once, and for one lane."""
    question = asked(hold(machine))
    assert not is_read(machine, 0.5)
    match(machine, question)
    assert is_admitted(hold(machine, 1.1))
    opens(machine, 1.2)


def test_the_card_that_was_put_away_opens_when_it_comes_again(machine: Passage) -> None:
    """The guest is told to hold it out once more, and has a while for it."""
    question = asked(hold(machine))
    machine.handle(i.FieldSeen(), later(0.1))
    assert keys(match(machine, question)) == ["prompt.finger_known"]
    assert is_admitted(hold(machine, 1.0 + PROVEN_S - 0.1))


def test_a_match_is_over_after_a_while(machine: Passage) -> None:
    """Who comes with that card later is asked anew."""
    match(machine, asked(hold(machine)))
    machine.handle(i.FieldSeen(), later(2))
    asked(hold(machine, 1.0 + PROVEN_S))


def test_a_match_opens_one_lane(machine: Passage) -> None:
    """The card handed back over the fence finds nothing to go in by."""
    match(machine, asked(hold(machine)))
    assert is_admitted(hold(machine, 1.1))
    opens(machine, 1.2)
    machine.handle(i.LaneClosed(1), later(2))
    machine.handle(i.FieldSeen(), later(2))
    asked(hold(machine, 3))


def test_a_torn_card_does_not_cost_the_match(machine: Passage) -> None:
    """The lane stayed shut: the guest need not take off the glove again."""
    match(machine, asked(hold(machine)))
    assert is_admitted(hold(machine, 1.1))
    machine.handle(i.AdmissionRecorded(1, 2, ADMITTED_NAME), later(1.2))
    machine.handle(i.CardWritten(machine.token, i.WriteResult.VOID), later(1.3))
    machine.handle(i.FieldSeen(), later(1.4))
    assert is_admitted(hold(machine, 2))


@pytest.mark.parametrize("problem", GUESTS_FAULT)
def test_what_the_guest_can_mend_is_refused_with_words_for_it(machine: Passage, problem: FingerProblem) -> None:
    """Recorded with ticket and card; the card opens nothing by itself, and asks anew when it comes again."""
    actions = refuse(machine, asked(hold(machine)).token, problem)
    (note,) = told(actions, a.RecordNote)
    reason = f"finger_{'other' if problem is FingerProblem.OTHER_FINGER else problem.value}"
    assert (note.event.reason, note.event.ticket, note.event.medium) == (reason, TICKET, b"\x01" + UID)  # type: ignore[union-attr]
    assert keys(actions) == [f"prompt.{reason}"]
    assert not is_read(machine, 1.1)
    machine.handle(i.FieldSeen(), later(2))
    asked(hold(machine, 3))


@pytest.mark.parametrize("problem", OURS)
def test_a_dead_sensor_locks_nobody_out(machine: Passage, problem: FingerProblem) -> None:
    """The card alone opens, once, and an incident names the ticket."""
    actions = refuse(machine, asked(hold(machine)).token, problem)
    (note,) = told(actions, a.RecordNote)
    assert (note.event.code, str(TICKET) in note.event.detail) == ("finger_excused", True)  # type: ignore[union-attr]
    assert keys(actions) == ["prompt.finger_off"]
    assert is_admitted(hold(machine, 1.1))
    opens(machine, 1.2)
    machine.handle(i.LaneClosed(1), later(2))
    machine.handle(i.FieldSeen(), later(2))
    asked(hold(machine, 3))


def test_whoever_withdrew_passes_by_card_alone(machine: Passage) -> None:
    """No template, no question; so does every guest of a gate whose sensor is away."""
    machine.handle(i.FingersKnown(frozenset()), NOW)
    assert is_admitted(hold(machine))


def test_others_are_not_asked(machine: Passage) -> None:
    """A ticket without a finger goes in while somebody else takes off a glove; the match comes in meanwhile."""
    question = asked(hold(machine))
    machine.handle(i.FieldSeen(), later(0.2))
    assert is_admitted(hold(machine, 1, ticket=9, uid=OTHER_UID))
    opens(machine, 1.1)
    assert keys(match(machine, question, 1.2)) == []
    machine.handle(i.LaneClosed(1), later(2))
    machine.handle(i.FieldSeen(), later(2))
    assert is_admitted(hold(machine, 3))


def test_the_one_who_was_asked_before_cannot_answer_for_the_next(machine: Passage) -> None:
    """A late match of the first guest lets the second one in by nothing."""
    on_file(machine, TICKET, 9)
    first = asked(hold(machine))
    machine.handle(i.FieldSeen(), later(0.2))
    second = asked(hold(machine, 1, ticket=9, uid=OTHER_UID))
    assert match(machine, first, 1.1) == []
    machine.handle(i.FieldSeen(), later(2))
    asked(hold(machine, 3))
    assert match(machine, second, 3.1) == []


def test_a_refused_card_is_refused_before_any_finger(machine: Passage) -> None:
    """Nobody takes off a glove for a ticket of another area."""
    token = machine.token + 1
    machine.handle(i.CardSeen(token, UID), NOW)
    actions = machine.handle(card_read(token, claim(areas=frozenset({5}))), NOW)
    assert not told(actions, a.AskFinger)
    assert keys(actions) == ["reason.wrong_area"]


def test_nobody_is_asked_at_an_exit() -> None:
    """A way out is never shut by a finger."""
    machine = on_file(passage(gate=replace(PROFILE, exit=True)))
    actions = hold(machine)
    assert not told(actions, a.AskFinger)


def test_a_code_asks_too_and_opens_while_it_is_still_shown(machine: Passage) -> None:
    """The same text again and again is one presentation; after the match its next sight begins another."""
    text = ticket_text(sign_claim(claim(), BEARER, ISSUER))
    question = asked(machine.handle(i.CodeSeen(text), NOW))
    assert machine.handle(i.CodeSeen(text), later(0.5)) == []
    match(machine, question)
    assert is_admitted(machine.handle(i.CodeSeen(text), later(1.1)))


def test_a_finger_that_opens_by_itself_is_not_asked_for_again(machine: Passage) -> None:
    """It was on the sensor just now."""
    found = (sign_claim(claim(), HOLDER, ISSUER),)
    assert is_admitted(machine.handle(i.Pointed(HOLDER, found), NOW))


def test_one_touch_is_one_presentation(machine: Passage) -> None:
    """A finger that loses the sensor for a moment is still the same."""
    found = (sign_claim(claim(), HOLDER, ISSUER),)
    assert is_admitted(machine.handle(i.Pointed(HOLDER, found), NOW))
    opens(machine, 0.1)
    machine.handle(i.LaneClosed(1), later(1))
    assert machine.handle(i.Pointed(HOLDER, found), later(1.5)) == []


def test_a_strangers_finger_is_told_while_nobody_is_at_the_lane(machine: Passage) -> None:
    """Never while somebody goes in, and never by a gate that is out of service."""
    actions = refuse(machine, None, FingerProblem.OTHER_FINGER)
    assert keys(actions) == ["reason.finger_other"]
    machine.handle(i.FaultChanged(i.Fault.DISK, True), NOW)
    assert refuse(machine, None, FingerProblem.OTHER_FINGER) == []
    machine.handle(i.FaultChanged(i.Fault.DISK, False), NOW)
    machine.handle(i.FingersKnown(frozenset()), NOW)
    assert is_admitted(hold(machine))
    opens(machine, 0.1)
    assert refuse(machine, None, FingerProblem.UNREADABLE) == []


def test_a_card_joined_to_an_admitted_one_stays_so(machine: Passage) -> None:
    """Two cards of one pocket burn one: a match that comes in between does not take the second one too."""
    question = asked(hold(machine))
    machine.handle(i.FieldSeen(), later(0.1))
    assert is_admitted(hold(machine, 1, ticket=9, uid=OTHER_UID))
    opens(machine, 1.1)
    machine.handle(i.FieldSeen((UID, OTHER_UID)), later(1.2))
    machine.handle(i.FieldSeen((UID,)), later(1.4))
    match(machine, question, 1.8)
    machine.handle(i.LaneClosed(1), later(2))
    assert not is_read(machine, 2.5)


def test_every_problem_has_a_reason() -> None:
    """A problem added later is not a KeyError at a lane."""
    from pistegate_edge.core.handlers.fingers import REASONS

    assert set(REASONS) == set(FingerProblem)
    assert set(REASONS.values()) == {reason for reason in Reason if reason.value.startswith("finger")}
