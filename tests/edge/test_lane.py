# SPDX-License-Identifier: Apache-2.0
"""The pulse tripod: its table, and the exact levels of its pins."""

from collections.abc import Iterator

import pytest
from gpiozero import Device  # type: ignore[import-untyped]
from gpiozero.pins.mock import MockFactory  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from pistegate_edge.lane.core.pulse import DEBOUNCE_MS, GAP_MS, LATE_PASS_MS, TABLE, TripodCore
from pistegate_edge.lane.tripod import Tripod

PULSE, TIMEOUT = 200, 5000
ON, OFF = ("unlock", True), ("unlock", False)


def core() -> TripodCore:
    """A shut lane."""
    return TripodCore(PULSE, TIMEOUT)


def test_table_names_its_own_states_only() -> None:
    """Every way leads to a state that the table has."""
    assert {following for ways in TABLE.values() for following in ways.values()} <= set(TABLE)


@pytest.mark.parametrize("state", list(TABLE))
@pytest.mark.parametrize("event", ["open", "drain", "stop", "pulse_over", "gap_over", "time_out", "next", "last"])
def test_every_state_with_every_event(state: str, event: str) -> None:
    """What is not in the table raises."""
    lane = core()
    lane.state = state
    if event in TABLE[state]:
        lane._go(event)
        assert lane.state == TABLE[state][event]
    else:
        with pytest.raises(ValueError, match=state):
            lane._go(event)


def test_one_person_passes() -> None:
    """One pulse, one PASS, closed at once."""
    lane = core()
    assert lane.open(0, 1) == [ON]
    assert lane.tick(199) == []
    assert lane.tick(200) == [OFF]
    assert lane.edge(700) == [("passed", 1), ("closed", 1)]
    assert lane.deadline is None


def test_pass_during_the_pulse_ends_the_pulse() -> None:
    """A fast skier is counted; the pulse must not free the arm for another one."""
    lane = core()
    lane.open(0, 1)
    assert lane.edge(150) == [OFF, ("passed", 1), ("closed", 1)]


def test_nobody_passes() -> None:
    """Closed only when no arm begun in time can still end its turn."""
    lane = core()
    lane.open(0, 1)
    lane.tick(PULSE)
    assert lane.tick(TIMEOUT + LATE_PASS_MS - 1) == []
    assert lane.tick(TIMEOUT + LATE_PASS_MS) == [("closed", 0)]


def test_arm_begun_just_before_the_time_out_counts() -> None:
    """Its PASS comes after the turnstile's own time-out."""
    lane = core()
    lane.open(0, 1)
    lane.tick(PULSE)
    assert lane.edge(TIMEOUT + 300) == [("passed", 1), ("closed", 1)]


def test_party_gets_a_pulse_for_each_person() -> None:
    """Released for a while between two pulses; the rest of a party may stay behind."""
    lane = core()
    lane.open(0, 3)
    lane.tick(PULSE)
    assert lane.edge(1000) == [("passed", 1)]
    assert lane.tick(1000 + GAP_MS) == [ON]
    assert lane.tick(1000 + GAP_MS + PULSE) == [OFF]
    assert lane.edge(2000) == [("passed", 2)]
    assert lane.tick(2000 + GAP_MS) == [ON]
    lane.tick(2000 + GAP_MS + PULSE)
    assert lane.tick(2000 + GAP_MS + TIMEOUT + LATE_PASS_MS) == [("closed", 2)]


def test_contact_bounce_is_one_passage() -> None:
    """Edges closer than a person can follow are one."""
    lane = core()
    lane.open(0, 2)
    lane.tick(PULSE)
    assert lane.edge(1000) == [("passed", 1)]
    assert lane.edge(1000 + DEBOUNCE_MS - 1) == []


def test_arm_that_turns_while_shut_is_no_passage() -> None:
    """Forced."""
    lane = core()
    assert lane.edge(10) == [("forced", 0)]
    assert lane.state == "shut"


def test_drain_counts_without_unlocking() -> None:
    """After a restart the output stays off for as long as an old opening may last."""
    lane = core()
    assert lane.drain(0) == [OFF]
    assert lane.edge(100) == [("passed", 1)]
    assert lane.tick(TIMEOUT + LATE_PASS_MS - 1) == []
    assert lane.tick(TIMEOUT + LATE_PASS_MS) == [("closed", 1)]


@given(st.integers(1, 4), st.lists(st.tuples(st.sampled_from(["edge", "tick"]), st.integers(0, 3000)), max_size=40))
def test_never_more_pulses_than_persons_and_one_end(persons: int, story: list[tuple[str, int]]) -> None:
    """Whatever happens when: at most one pulse per person, one `closed`, passages never above the persons."""
    lane = core()
    outputs = lane.open(0, persons)
    now = 0
    for what, wait in story:
        now += wait
        outputs += lane.edge(now) if what == "edge" else lane.tick(now)
    while lane.deadline is not None:
        now = max(now, lane.deadline)
        outputs += lane.tick(now)
    assert outputs.count(ON) <= persons
    assert [value for what, value in outputs if what == "closed"] == [lane._passed]
    assert lane._passed <= persons
    closed = [what for what, _ in outputs].index("closed")
    assert ON not in outputs[closed:]


@pytest.fixture
def pins() -> Iterator[MockFactory]:
    """Mock pins, given back."""
    factory = MockFactory()
    Device.pin_factory = factory
    yield factory
    factory.reset()


def levels(pins: MockFactory, number: int) -> list[bool]:
    """Every level the pin ever had, in order (assert_states would pass if it did less)."""
    return [bool(state.state) for state in pins.pin(number).states]


def test_pins_do_exactly_one_pulse(pins: MockFactory) -> None:
    """Off at start, on, off; the PASS contact to ground is heard once."""
    edges: list[int] = []
    lane = Tripod(17, 27, PULSE, TIMEOUT, lambda: edges.append(1))
    lane.open(100.0, 1)
    lane.tick(100.199)
    assert levels(pins, 17)[-1] is True
    lane.tick(100.2)
    pins.pin(27).drive_low()
    pins.pin(27).drive_high()
    assert edges == [1]
    assert lane.edge(100.5) == [("passed", 1), ("closed", 1)]
    lane.close()
    assert levels(pins, 17) == [False, True, False]


def test_stop_and_close_leave_the_lane_shut(pins: MockFactory) -> None:
    """In the middle of a pulse, too."""
    lane = Tripod(17, 27, PULSE, TIMEOUT, lambda: None)
    lane.open(100.0, 1)
    assert lane.stop(100.05) == [("closed", 0)]
    assert levels(pins, 17) == [False, True, False]
    lane.close()
    assert lane.state == "shut"
