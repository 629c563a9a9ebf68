# SPDX-License-Identifier: Apache-2.0
"""The passage protocol while the hub is asked: what waits, what an answer does, what no answer does."""

from dataclasses import replace
from typing import Any

import pytest
from gate_bench import ISSUER, claim
from hypothesis import given, settings
from hypothesis import strategies as st
from passage_bench import ADMITTED_NAME, NOW, PROFILE, Remembered, later, passage, told

from pistegate_edge.core import actions as a
from pistegate_edge.core import inputs as i
from pistegate_edge.core.passage import Passage, State
from pistegate_edge.core.state import GRANT_S
from pistegate_edge.lane.core import words
from pistegate_protocol.claim_terms import Bank, ClockStart, ClockTerm
from pistegate_protocol.codes import BEARER, ticket_text
from pistegate_protocol.decide import Owed
from pistegate_protocol.elsewhere import CARD_SOURCE, NOTHING, gate_source, merged, of_usage
from pistegate_protocol.errors import CodecError
from pistegate_protocol.events import EVENTS
from pistegate_protocol.signing import Medium, MediumKind, sign_claim
from pistegate_protocol.usage import NO_ADMISSION, Usage, decode_counters

ELSEWHERE = gate_source(4)
POINTER = Medium(MediumKind.IDENTITY, b"handle!!")


def code(**terms: Any) -> str:
    """A static code."""
    return ticket_text(sign_claim(claim(**terms), BEARER, ISSUER))


def used(persons: int, source: bytes = ELSEWHERE, **counters: Any) -> Any:
    """So many of the ticket's entries are known to be used."""
    return of_usage(source, Usage(claim=b"", used_total=persons, **counters))


@pytest.fixture
def machine() -> Passage:
    """A gate whose site has a hub."""
    return passage(hub=True)


def show(machine: Passage, text: str, at: float = 0.0) -> list[a.Action]:
    """A line of the scanner."""
    return machine.handle(i.CodeSeen(text), later(at))


def asked(machine: Passage, text: str, at: float = 0.0) -> a.Reserve:
    """The gate asks, and nothing else happens."""
    (reserve,) = show(machine, text, at)
    assert isinstance(reserve, a.Reserve)
    assert machine.state is State.RESERVING
    return reserve


def reasons(actions: list[a.Action]) -> list[str]:
    return [note.event.reason for note in told(actions, a.RecordNote)]  # type: ignore[union-attr]


def opened(machine: Passage, actions: list[a.Action], at: float = 0.0) -> a.RecordAdmission:
    """Recorded, opened, and the hub told that it is decided."""
    (record,) = told(actions, a.RecordAdmission)
    after = machine.handle(i.AdmissionRecorded(1, 2, ADMITTED_NAME), later(at))
    assert [action.persons for action in told(after, a.OpenLane)] == [record.event.n]
    return record


def test_nothing_is_recorded_before_the_hub_has_answered(machine: Passage) -> None:
    """Then the admission, then the lane, then the hub is told that it is decided."""
    reserve = asked(machine, code(entries_total=2))
    assert (reserve.number, reserve.ticket, reserve.n) == (1, 4711, 1)
    actions = machine.handle(i.Granted(1, used(1)), later(0.01))
    assert machine.state is State.COMMITTING
    record = opened(machine, actions)
    assert record.event.charged == 1
    assert machine.state is State.OPEN


def test_hub_is_told_of_a_decision_once_it_is_durable(machine: Passage) -> None:
    """Not before: what is not in the journal may still fail."""
    asked(machine, code())
    actions = machine.handle(i.Granted(1), NOW)
    assert not told(actions, a.Decided)
    assert told(machine.handle(i.AdmissionRecorded(1, 2, ADMITTED_NAME), NOW), a.Decided) == [a.Decided(1)]


def test_full_disk_gives_the_reservation_back(machine: Passage) -> None:
    """Nobody is admitted, nothing stays reserved."""
    asked(machine, code())
    machine.handle(i.Granted(1), NOW)
    actions = machine.handle(i.AdmissionFailed("full"), NOW)
    assert told(actions, a.Decided) == [a.Decided(1)]
    assert reasons(actions) == ["out_of_service"]


def test_used_up_elsewhere_is_refused_and_given_back(machine: Passage) -> None:
    """The gate alone would have admitted."""
    asked(machine, code(entries_total=1))
    actions = machine.handle(i.Granted(1, used(1)), NOW)
    assert told(actions, a.Decided) == [a.Decided(1)]
    assert reasons(actions) == ["used_up"]
    assert machine.state is State.IDLE


@pytest.mark.parametrize("late", [False, True])
def test_without_an_answer_the_gate_goes_alone(machine: Passage, late: bool) -> None:
    """Told that there is none, or after 150 ms; an answer that comes then changes nothing."""
    asked(machine, code())
    assert machine.handle(i.Tick(), later(GRANT_S - 0.01)) == []
    told_off = i.Tick() if late else i.Alone(1)
    opened(machine, machine.handle(told_off, later(GRANT_S)), GRANT_S)
    assert machine.handle(i.Granted(1, used(5)), later(0.2)) == []
    assert machine.state is State.OPEN


def test_an_answer_to_another_question_is_none(machine: Passage) -> None:
    """Of a guest before."""
    asked(machine, code())
    assert machine.handle(i.Granted(7), NOW) == []
    assert machine.handle(i.Alone(7), NOW) == []
    assert machine.state is State.RESERVING


def test_next_guest_waits_while_the_hub_is_asked(machine: Passage) -> None:
    """As at any busy lane."""
    asked(machine, code())
    assert [shown.key for shown in told(show(machine, code(ticket=2), 0.05), a.Show)] == ["prompt.wait"]


def test_who_alone_is_refused_is_not_asked_about(machine: Passage) -> None:
    """Nothing that a hub says could let them in."""
    assert reasons(show(machine, code(areas=frozenset({9})))) == ["wrong_area"]
    assert machine.state is State.IDLE


def test_lane_that_leads_out_asks_nobody() -> None:
    """Whoever leaves, leaves."""
    machine = passage(hub=True, gate=replace(PROFILE, exit=True))
    assert told(show(machine, code()), a.RecordAdmission)


def test_site_without_a_hub_asks_nobody() -> None:
    """And nothing is said of reservations."""
    machine = passage()
    actions = show(machine, code())
    assert told(actions, a.RecordAdmission)
    assert not told(machine.handle(i.AdmissionRecorded(1, 2, ADMITTED_NAME), NOW), a.Decided)


def test_turned_back_guest_is_the_gates_own_until_the_hub_has_them(machine: Passage) -> None:
    """Before: let in again without a question. After: only with the hub's offer, and not without a hub."""
    memory = Remembered()
    machine = passage(hub=True, memory=memory)
    text = code(entries_total=1)
    asked(machine, text)
    record = opened(machine, machine.handle(i.Granted(1), NOW))
    used_here = Usage(claim=record.event.claim, admission=ADMITTED_NAME, used_total=1)
    memory.tickets[4711] = replace(memory.ticket_usage(4711), others=used_here)
    (outcome,) = told(machine.handle(i.LaneClosed(0), later(5)), a.RecordOutcome)
    assert outcome.owed is not None
    assert outcome.owed.ticket == 4711
    assert [entry.admission for entry in machine.owed.to_hand_over()] == [ADMITTED_NAME]
    assert machine.handle(i.OwedTaken((ADMITTED_NAME,)), later(6)) == [a.LetGo((ADMITTED_NAME,))]
    (reserve,) = show(machine, text, 10)
    assert isinstance(reserve, a.Reserve)
    assert (reserve.n, reserve.counters) == (0, b"")
    offered = machine.handle(i.Granted(2, owed=Owed(ADMITTED_NAME, 1)), later(10))
    assert opened(machine, offered, 10).event.reoffer_of == ADMITTED_NAME
    machine.handle(i.LaneClosed(1), later(12))
    assert reasons(show(machine, text, 20)) == ["used_up"]


def test_guest_of_another_lane_is_let_in_by_the_hubs_offer(machine: Passage) -> None:
    """Uncharged, named, and never more persons than the ticket is for."""
    asked(machine, code(entries_total=1))
    granted = i.Granted(1, used(1), Owed(b"elsewher", 9))
    record = opened(machine, machine.handle(granted, NOW))
    assert (record.event.n, record.event.charged, record.event.reoffer_of) == (1, 0, b"elsewher")


def test_lane_taken_into_somebodys_hands_meanwhile_uses_no_ticket(machine: Passage) -> None:
    """The key was turned while the hub was asked."""
    asked(machine, code())
    machine.handle(i.LaneMode(words.FREE), NOW)
    actions = machine.handle(i.Granted(1), NOW)
    assert not told(actions, a.RecordAdmission)
    assert told(actions, a.Decided) == [a.Decided(1)]
    assert machine.state is State.IDLE


def test_gate_with_an_old_journal_believes_the_hub_of_itself(machine: Passage) -> None:
    """A restored image of its own knows less than the hub was told."""
    asked(machine, code(entries_total=1))
    actions = machine.handle(i.Granted(1, used(1, gate_source(PROFILE.gate))), NOW)
    assert reasons(actions) == ["used_up"]


def test_one_medium_with_two_tickets_tries_the_second_when_the_hub_knows_the_first_as_used(machine: Passage) -> None:
    """Nobody is refused who has a ticket left."""
    found = tuple(sign_claim(claim(ticket=ticket, entries_total=1), POINTER, ISSUER) for ticket in (1, 2))
    (reserve,) = machine.handle(i.Pointed(POINTER, found), NOW)
    assert isinstance(reserve, a.Reserve)
    assert reserve.ticket == 1
    over, again = machine.handle(i.Granted(1, merged(used(1))), NOW)
    assert over == a.Decided(1)
    assert isinstance(again, a.Reserve)
    assert (again.number, again.ticket) == (2, 2)
    assert opened(machine, machine.handle(i.Granted(2), NOW)).event.ticket == 2


TERMS: list[dict[str, Any]] = [
    {},
    {"entries_total": 3},
    {"party": 4, "batch": 2, "tracked": True},
    {"reentry_s": 600, "entries_per_day": 2},
    {"days": 3, "entries_per_day": 2},
    {"bank": Bank(600, 30)},
    {"clock": ClockTerm(120, ClockStart.FIRST_PASSAGE), "overtime": 10},
]
SOURCES = [gate_source(PROFILE.gate), ELSEWHERE, CARD_SOURCE]


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(TERMS),
    st.lists(st.tuples(st.sampled_from(SOURCES), st.integers(0, 7), st.binary(min_size=15, max_size=15)), max_size=3),
    st.integers(0, 300),
)
def test_whatever_a_hub_says_of_a_ticket_the_gate_goes_on(
    terms: dict[str, Any], parts: list[tuple[bytes, int, bytes]], persons: int
) -> None:
    """Any counters that can be written at all: admitted or refused, and the admission can be recorded."""
    known = NOTHING
    for source, flags, counters in parts:
        try:
            usage = decode_counters(bytes([2 | flags << 5]) + counters, b"", NO_ADMISSION)
        except CodecError:
            continue
        known = merged(known, of_usage(source, usage))
    machine = passage(hub=True)
    asked(machine, code(**terms))
    actions = machine.handle(i.Granted(1, known, Owed(b"elsewher", persons) if persons else None), NOW)
    assert machine.state in (State.IDLE, State.COMMITTING)
    for record in told(actions, a.RecordAdmission):
        assert EVENTS.decode(EVENTS.encode(record.event)) == record.event
