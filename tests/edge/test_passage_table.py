# SPDX-License-Identifier: Apache-2.0
"""The passage protocol's table: every state with every input, and who may be in it."""

from collections.abc import Callable

import pytest
from gate_bench import ISSUER, claim
from passage_bench import (
    ADMITTED_NAME,
    NOW,
    UID,
    card_read,
    later,
    passage,
    told,
    unfinished,
)

from pistegate_edge.core import actions as a
from pistegate_edge.core import inputs as i
from pistegate_edge.core.facts import Facts
from pistegate_edge.core.passage import TABLE, ImpossibleInput, Passage, State
from pistegate_edge.fingers.told import FingerProblem
from pistegate_edge.rung import Rung
from pistegate_protocol.codes import BEARER, ticket_text
from pistegate_protocol.events import OutcomeKind
from pistegate_protocol.signing import Medium, MediumKind, sign_claim

EVERY_INPUT: dict[type, i.Input] = {
    i.CardSeen: i.CardSeen(9, b"\x04other!"),
    i.FieldSeen: i.FieldSeen(),
    i.CardRead: i.CardRead(9, UID, b"", b""),
    i.CardUnread: i.CardUnread(9, UID, i.ReadProblem.TORN),
    i.CardWritten: i.CardWritten(9, i.WriteResult.OK),
    i.CodeSeen: i.CodeSeen("https://example.org"),
    i.Pointed: i.Pointed(Medium(MediumKind.IDENTITY, bytes(8)), ()),
    i.DocumentUnread: i.DocumentUnread(),
    i.FingersKnown: i.FingersKnown(frozenset({4711})),
    i.FingerMatched: i.FingerMatched(9, 100, 0.0),
    i.FingerRefused: i.FingerRefused(None, FingerProblem.OTHER_FINGER, 0.0),
    i.Granted: i.Granted(9),
    i.Alone: i.Alone(9),
    i.OwedTaken: i.OwedTaken((b"admitted",)),
    i.ReaderReady: i.ReaderReady(),
    i.ReaderLost: i.ReaderLost("pulled"),
    i.AdmissionRecorded: i.AdmissionRecorded(1, 2, ADMITTED_NAME),
    i.AdmissionFailed: i.AdmissionFailed("full"),
    i.LanePassed: i.LanePassed(1),
    i.LaneClosed: i.LaneClosed(1),
    i.LaneIncident: i.LaneIncident("forced_arm"),
    i.LaneFault: i.LaneFault("stalled", True),
    i.LaneCounted: i.LaneCounted("entry"),
    i.LaneMode: i.LaneMode("free"),
    i.Overridden: i.Overridden(a.OverrideLane("group", "entry", 1, a.By())),
    i.FaultChanged: i.FaultChanged(i.Fault.DISK, True),
    i.RungChanged: i.RungChanged(Rung.ALONE),
    i.FactsArrived: i.FactsArrived(Facts()),
    i.Tick: i.Tick(),
}
ANYWHERE = set(EVERY_INPUT) - {i.AdmissionRecorded, i.AdmissionFailed, i.LanePassed, i.LaneClosed}
ALLOWED = {
    State.RECOVERING: ANYWHERE | {i.LanePassed, i.LaneClosed},
    State.IDLE: ANYWHERE,
    State.READING: ANYWHERE,
    State.RESERVING: ANYWHERE,
    State.COMMITTING: ANYWHERE | {i.AdmissionRecorded, i.AdmissionFailed},
    State.WRITING: ANYWHERE,
    State.OPEN: ANYWHERE | {i.LanePassed, i.LaneClosed},
}


def recovering() -> Passage:
    return passage(unfinished=[unfinished()])


def idle() -> Passage:
    return passage()


def reading() -> Passage:
    machine = idle()
    machine.handle(i.CardSeen(1, UID), NOW)
    return machine


def reserving() -> Passage:
    machine = passage(hub=True)
    machine.handle(i.CodeSeen(ticket_text(sign_claim(claim(), BEARER, ISSUER))), NOW)
    return machine


def committing() -> Passage:
    machine = reading()
    machine.handle(card_read(1), NOW)
    return machine


def writing() -> Passage:
    machine = committing()
    machine.handle(i.AdmissionRecorded(1, 2, ADMITTED_NAME), NOW)
    return machine


def opened() -> Passage:
    machine = writing()
    machine.handle(i.CardWritten(1, i.WriteResult.OK), NOW)
    return machine


REACH: dict[State, Callable[[], Passage]] = {
    State.RECOVERING: recovering,
    State.IDLE: idle,
    State.READING: reading,
    State.RESERVING: reserving,
    State.COMMITTING: committing,
    State.WRITING: writing,
    State.OPEN: opened,
}


def test_every_state_is_reached_as_the_tests_believe() -> None:
    """The builders of this file end in the state they are named for."""
    assert {state: reach().state for state, reach in REACH.items()} == {state: state for state in State}


def test_the_table_names_exactly_the_allowed_inputs() -> None:
    """Nothing is in the table by accident, and every input is known."""
    assert {state: set(entries) for state, entries in TABLE.items()} == ALLOWED


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("kind", list(EVERY_INPUT))
def test_every_state_with_every_input(state: State, kind: type) -> None:
    """What is not in the table raises and changes nothing; what is never opens the lane but for a confirmed card."""
    machine = REACH[state]()
    if kind not in ALLOWED[state]:
        with pytest.raises(ImpossibleInput):
            machine.handle(EVERY_INPUT[kind], NOW)
        assert machine.state is state
        return
    actions = machine.handle(EVERY_INPUT[kind], NOW)
    assert machine.state in State
    assert not told(actions, a.OpenLane)  # tokens here belong to no session under way


def test_only_the_confirmed_card_of_the_session_opens_the_lane() -> None:
    """OK opens once, for the persons admitted."""
    machine = writing()
    assert not told(machine.handle(i.CardWritten(2, i.WriteResult.OK), NOW), a.OpenLane)
    (opened_lane,) = told(machine.handle(i.CardWritten(1, i.WriteResult.OK), NOW), a.OpenLane)
    assert opened_lane.persons == 1
    assert not told(machine.handle(i.CardWritten(1, i.WriteResult.OK), NOW), a.OpenLane)


@pytest.mark.parametrize(
    ("result", "kind"),
    [(i.WriteResult.VOID, OutcomeKind.CARD_VOID), (i.WriteResult.UNCONFIRMED, OutcomeKind.CARD_UNCONFIRMED)],
)
def test_unwritten_card_ends_the_admission_with_its_outcome(result: i.WriteResult, kind: OutcomeKind) -> None:
    """Lane shut, outcome recorded, ready for the next card."""
    machine = writing()
    actions = machine.handle(i.CardWritten(1, result), NOW)
    (record,) = told(actions, a.RecordOutcome)
    assert (record.event.kind, record.event.passed) == (kind, 0)
    assert record.unsettled == (kind is OutcomeKind.CARD_UNCONFIRMED)
    assert machine.state is State.IDLE


def test_reader_that_never_answers_a_write_leaves_the_admission_unconfirmed() -> None:
    """Past its deadline the session is unconfirmed, and a late OK opens nothing."""
    machine = writing()
    machine.handle(i.Tick(), later(4.9))
    assert machine.state is State.WRITING
    (record,) = told(machine.handle(i.Tick(), later(5.1)), a.RecordOutcome)
    assert record.event.kind is OutcomeKind.CARD_UNCONFIRMED
    assert not told(machine.handle(i.CardWritten(1, i.WriteResult.OK), later(5.2)), a.OpenLane)


def test_reader_that_never_answers_a_read_is_let_go() -> None:
    """Past its deadline the gate is ready again, and says so."""
    machine = reading()
    actions = machine.handle(i.Tick(), later(3.1))
    assert machine.state is State.IDLE
    assert told(actions, a.Release)


def test_full_disk_refuses_without_an_admission() -> None:
    """The card is let go, the lane stays shut."""
    machine = committing()
    actions = machine.handle(i.AdmissionFailed("full"), NOW)
    assert machine.state is State.IDLE
    assert told(actions, a.Release)
    assert not told(actions, a.OpenLane)
    assert [note.event.reason for note in told(actions, a.RecordNote)] == ["out_of_service"]


def test_busy_lane_says_wait_once_and_commits_nothing() -> None:
    """A second card meanwhile is told to wait; when the lane is free it is read without being lifted."""
    machine = opened()
    other = b"\x04second"
    machine.handle(i.FieldSeen(), NOW)
    first = machine.handle(i.CardSeen(2, other), later(1.0))
    assert [show.key for show in told(first, a.Show)] == ["prompt.wait"]
    assert told(first, a.Release)
    assert not told(machine.handle(i.CardSeen(3, other), later(1.1)), a.Show)
    machine.handle(i.LaneClosed(1), later(1.2))
    assert told(machine.handle(i.CardSeen(4, other), later(1.3)), a.Read)


def test_after_a_restart_passes_are_counted_and_the_rest_is_unknown() -> None:
    """Persons that pass while the gate waits out the old opening are known; nobody is let in again by itself."""
    machine = passage(unfinished=[unfinished(n=3, party=3, passed=1)])
    (progress,) = told(machine.handle(i.LanePassed(1), NOW), a.RecordProgress)
    assert progress.passed == 2
    (record,) = told(machine.handle(i.LaneClosed(1), NOW), a.RecordOutcome)
    assert (record.event.kind, record.event.passed, record.event.unknown) == (OutcomeKind.INTERRUPTED, 2, 1)
    assert record.unsettled
    assert record.owed is not None
    assert record.owed.day is None  # unknown persons of a party are owed for 120 s only


def test_passes_beyond_the_interrupted_admission_are_an_incident() -> None:
    """More persons than were admitted are never passages."""
    machine = passage(unfinished=[unfinished(n=1)])
    machine.handle(i.LanePassed(1), NOW)
    (note,) = told(machine.handle(i.LanePassed(2), NOW), a.RecordNote)
    assert note.event.code == "passes_beyond_admitted"


@pytest.mark.parametrize(("counted", "passed"), [(0, 0), (2, 2), (3, 3), (5, 3)])
def test_lane_that_counted_on_leaves_nobody_unknown(counted: int, passed: int) -> None:
    """A board that ran while the gate did not: its difference is the truth, who did not pass is owed for the day."""
    machine = passage(unfinished=[unfinished(n=3, party=3, passed=1)])
    actions = machine.handle(i.LaneClosed(counted, exact=True), NOW)
    (record,) = told(actions, a.RecordOutcome)
    assert (record.event.kind, record.event.passed, record.event.unknown) == (OutcomeKind.INTERRUPTED, passed, 0)
    assert (record.owed.persons if record.owed else 0) == 3 - passed
    assert bool(told(actions, a.RecordNote)) is (counted > 3)
