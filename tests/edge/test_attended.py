# SPDX-License-Identifier: Apache-2.0
"""A lane in an attendant's hands: key and staff card let people through, each counted, with who and why."""

from datetime import date

import pytest
from gate_bench import claim
from passage_bench import NOW, UID, card_read, later, passage, told

from pistegate_edge.core import actions as a
from pistegate_edge.core import inputs as i
from pistegate_edge.core.passage import Passage, State
from pistegate_protocol.claims import HolderClass
from pistegate_protocol.events import Override, OverrideKind

STAFF_UID = bytes.fromhex("04aabbccddee80")
DAY = (date(2026, 1, 15) - date(2020, 1, 1)).days  # of NOW at the site, as usage counts days
STAFF = claim(ticket=4711, holder=HolderClass.STAFF, reentry_s=60)


@pytest.fixture
def machine() -> Passage:
    """A gate whose staff cards let people through."""
    return passage(staff_cards=True)


def hold(machine: Passage, at: float, token: int, what: object = STAFF, uid: bytes = STAFF_UID) -> list[a.Action]:
    """A card is held to the reader and read."""
    actions = machine.handle(i.CardSeen(token, uid), later(at))
    if told(actions, a.Read):
        actions = machine.handle(card_read(token, what, uid), later(at))  # type: ignore[arg-type]
    return actions


def away(machine: Passage, at: float) -> None:
    """The reader's field is empty, and was for long enough."""
    machine.handle(i.FieldSeen(), later(at))
    machine.handle(i.FieldSeen(), later(at + 0.6))


def done(machine: Passage, actions: list[a.Action], at: float) -> list[a.Action]:
    """The lane does as it was asked; there is exactly one wish."""
    (asked,) = told(actions, a.OverrideLane)
    return machine.handle(i.Overridden(asked), later(at))


def recorded(actions: list[a.Action]) -> list[Override]:
    return [action.event for action in told(actions, a.RecordOverride)]


def test_key_opens_the_lane_and_each_person_is_recorded(machine: Passage) -> None:
    """Who: the key; why: as the site wrote it; one event that it began, then one for each person, in either way."""
    begun = machine.handle(i.LaneMode("free"), NOW)
    people = [machine.handle(i.LaneCounted(way), later(1)) for way in ("entry", "entry", "exit")]
    events = [event for actions in (begun, *people) for event in recorded(actions)]
    assert [(e.number, e.kind, e.entries, e.exits) for e in events] == [
        (1, OverrideKind.FREE, 0, 0),
        (1, OverrideKind.FREE, 1, 0),
        (1, OverrideKind.FREE, 1, 0),
        (1, OverrideKind.FREE, 0, 1),
    ]
    assert {(e.medium, e.ticket, e.why) for e in events} == {(None, None, "key switch")}
    assert machine.service() == "override: free"
    assert told(machine.handle(i.LaneMode("normal"), later(9)), a.Show)[-1].key == "prompt.ready"
    assert machine.service() == "in_service"


def test_no_ticket_is_used_while_the_way_is_free(machine: Passage) -> None:
    """A guest who holds a card all the same is told to walk on, and is charged nothing."""
    machine.handle(i.LaneMode("free"), NOW)
    actions = hold(machine, 1, 1, claim(), UID)
    assert not told(actions, a.RecordAdmission)
    assert [show.key for show in told(actions, a.Show)] == ["lane.free"]
    assert told(actions, a.Release)
    assert machine.state is State.IDLE


def test_staff_card_lets_one_person_through_and_is_not_written(machine: Passage) -> None:
    """Named by card and ticket; nothing is charged."""
    actions = hold(machine, 0, 1)
    (asked,) = told(actions, a.OverrideLane)
    assert (asked.mode, asked.direction, asked.persons) == ("group", "entry", 1)
    assert not told(actions, a.RecordAdmission)
    assert told(actions, a.Release)
    (began,) = recorded(done(machine, actions, 0))
    assert (began.kind, began.medium, began.ticket, began.why) == (
        OverrideKind.GROUP,
        b"\x01" + STAFF_UID,
        4711,
        "staff card",
    )
    (person,) = recorded(machine.handle(i.LaneCounted("entry"), later(2)))
    assert (person.number, person.entries, person.medium) == (1, 1, b"\x01" + STAFF_UID)


def test_each_time_again_lets_one_more_through(machine: Passage) -> None:
    """Three times makes a group of three; who is through already is not counted again."""
    persons = []
    for turn in range(3):
        actions = hold(machine, 2.0 * turn, turn + 1)
        persons.append(told(actions, a.OverrideLane)[0].persons)
        done(machine, actions, 2.0 * turn)
        away(machine, 2.0 * turn + 0.3)
    assert persons == [1, 2, 3]
    machine.handle(i.LaneCounted("entry"), later(7))
    machine.handle(i.LaneCounted("entry"), later(8))
    assert told(hold(machine, 9, 9), a.OverrideLane)[0].persons == 2


def test_held_for_long_it_frees_the_way_then_closes_it_and_once_more_gives_it_back(machine: Passage) -> None:
    """3 s: everybody passes; 8 s: nobody does; held again: the gate's own."""
    done(machine, hold(machine, 0, 1), 0)
    asked = []
    for tenth in range(1, 100):
        actions = hold(machine, tenth / 10, tenth + 1)
        asked += [(wish.mode, tenth / 10) for wish in told(actions, a.OverrideLane)]
        for wish in told(actions, a.OverrideLane):
            machine.handle(i.Overridden(wish), later(tenth / 10))
    assert asked == [("free", 3.0), ("out", 8.0)]
    assert machine.service() == "override: out"
    away(machine, 10)
    (wish,) = told(hold(machine, 11, 500), a.OverrideLane)
    assert wish.mode == "normal"
    machine.handle(i.Overridden(wish), later(11))
    assert machine.service() == "in_service"
    assert not told(hold(machine, 15, 501), a.OverrideLane)  # still the same presentation: it asks for nothing more


def test_key_wins_over_a_staff_card(machine: Passage) -> None:
    """Whoever turned the key turns it back."""
    machine.handle(i.LaneMode("out"), NOW)
    actions = hold(machine, 1, 1)
    assert not told(actions, a.OverrideLane)
    assert [show.key for show in told(actions, a.Show)] == ["lane.out"]


@pytest.mark.parametrize(
    "card",
    [
        claim(ticket=4711, holder=HolderClass.STAFF, areas=frozenset({1})),
        claim(ticket=4711, holder=HolderClass.ADULT),
    ],
    ids=["of another area", "of a guest"],
)
def test_cards_that_may_not_let_people_through(machine: Passage, card: object) -> None:
    """A staff card is a ticket: valid here and now, or refused like any other."""
    assert not told(hold(machine, 0, 1, card), a.OverrideLane)


def test_where_the_site_does_not_want_it_staff_cards_are_tickets() -> None:
    """The default."""
    actions = hold(passage(), 0, 1)
    assert not told(actions, a.OverrideLane)
    assert told(actions, a.RecordAdmission)


def test_staff_may_let_others_in_just_after_entering_themselves(machine: Passage) -> None:
    """Passback is about the own ride."""
    machine.handle(i.CardSeen(1, STAFF_UID), NOW)
    read = card_read(
        1, STAFF, STAFF_UID, used_total=1, day=DAY, used_on_day=1, last_entry=later(-5).wall, last_gate=3, in_round=1
    )
    assert told(machine.handle(read, NOW), a.OverrideLane)


def test_people_counted_while_fire_frees_the_way_are_recorded_without_a_name(machine: Passage) -> None:
    """Nobody gave a word: number 0, and why."""
    actions = machine.handle(i.LaneFault("fire", True), NOW)
    assert [show.key for show in told(actions, a.Show)] == ["lane.fire", "lane.fire"]
    (event,) = recorded(machine.handle(i.LaneCounted("exit"), later(1)))
    assert (event.number, event.kind, event.exits, event.medium) == (0, OverrideKind.FREE, 1, None)
    assert machine.service() == "out_of_service: lane"


def test_lane_fault_takes_the_gate_out_of_service_and_says_what_to_do(machine: Passage) -> None:
    """Until it is over; the weather is told and the gate goes on."""
    shown = told(machine.handle(i.LaneFault("stalled", True), NOW), a.Show)
    assert shown[0] == a.Show(a.Lamp.OUT, "lane.stalled")
    refused = hold(machine, 1, 1, claim(), UID)
    assert [note.event.reason for note in told(refused, a.RecordNote)] == ["out_of_service"]  # type: ignore[union-attr]
    assert told(machine.handle(i.LaneFault("stalled", False), later(2)), a.Show)[0].key == "prompt.ready"
    notes = told(machine.handle(i.LaneFault("beam_weather", True), later(3)), a.RecordNote)
    assert [note.event.code for note in notes] == ["beam_weather"]  # type: ignore[union-attr]
    assert machine.service() == "in_service"


def test_incident_at_the_lane_is_told_and_noted_while_a_guest_passes(machine: Passage) -> None:
    """A second person follows: the guest's green stays, the attendant hears it."""
    actions = machine.handle(i.LaneIncident("tailgating"), NOW)
    assert told(actions, a.Show) == [a.Show(a.Lamp.KEEP, "incident.tailgating")]
    assert [note.event.code for note in told(actions, a.RecordNote)] == ["tailgating"]  # type: ignore[union-attr]
