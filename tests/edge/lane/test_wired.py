# SPDX-License-Identifier: Apache-2.0
"""The wired lane: the exact levels of its pins, from start to close."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from gpiozero import GPIOPinInUse, OutputDevice  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st
from wired_bench import GAP, LATE, PULSE, STOP, TIMEOUT, UNLOCK_A, UNLOCK_B, WiredBench

from pistegate_edge.lane.core import words as w
from pistegate_edge.lane.wired import WiredLane


def test_pulse_drives_exactly_one_pulse(bench: Callable[..., WiredBench]) -> None:
    """Off at start, on for the pulse, off; the other way's pin never moves."""
    lane = bench()
    assert lane.lane.open(lane.now, 1, w.ENTRY) == []
    assert lane.at(PULSE - 0.001) == []
    assert lane.levels(UNLOCK_A) == [False, True]
    assert lane.at(0.001) == []
    assert lane.run(0.5) + lane.passes() == [("passed", 1), ("closed", 1)]
    assert (lane.levels(UNLOCK_A), lane.levels(UNLOCK_B)) == ([False, True, False], [False])


def test_passage_during_the_pulse_ends_the_pulse(bench: Callable[..., WiredBench]) -> None:
    """A fast skier is counted; the pin drops at once, or it would free the arm for another one."""
    lane = bench()
    lane.lane.open(lane.now, 1, w.ENTRY)
    assert lane.run(0.1) + lane.passes(seconds=0.01) == [("passed", 1), ("closed", 1)]
    assert lane.levels(UNLOCK_A) == [False, True, False]


@pytest.mark.parametrize("name", ["tripod_pulse", "tripod_level"])
def test_stop_shuts_at_once(bench: Callable[..., WiredBench], name: str) -> None:
    """In the middle of an opening; it ends with what passed so far."""
    lane = bench(name)
    lane.lane.open(lane.now, 2, w.ENTRY)
    told = lane.run(0.5) + lane.passes() + lane.lane.stop(lane.now)
    assert told == [("passed", 1), ("closed", 1)]
    assert lane.levels(UNLOCK_A)[-1] is False
    assert lane.run(9) == []


def test_level_is_held_until_somebody_passes(bench: Callable[..., WiredBench]) -> None:
    """It drops with PASS, and not before."""
    lane = bench("tripod_level")
    lane.lane.open(lane.now, 1, w.ENTRY)
    assert lane.run(3) == []
    assert lane.levels(UNLOCK_A) == [False, True]
    assert lane.passes() == [("passed", 1), ("closed", 1)]
    assert lane.levels(UNLOCK_A) == [False, True, False]


def test_level_drops_when_nobody_comes(bench: Callable[..., WiredBench]) -> None:
    """At the time-out; closed when nobody begun in time can still come."""
    lane = bench("tripod_level")
    lane.lane.open(lane.now, 1, w.ENTRY)
    assert lane.run(TIMEOUT + 0.01) == []
    assert lane.levels(UNLOCK_A) == [False, True, False]
    assert lane.run(LATE) == [("closed", 0)]


def test_exit_has_its_own_pins(bench: Callable[..., WiredBench]) -> None:
    """UNLOCK B and PASS B; a PASS A meanwhile is somebody else, told and not counted."""
    lane = bench()
    lane.lane.open(lane.now, 1, w.EXIT)
    assert lane.run(0.5) + lane.passes("a") == [("incident", w.REVERSE)]
    assert lane.run(0.5) + lane.passes("b") == [("passed", 1), ("closed", 1)]
    assert (lane.levels(UNLOCK_A), lane.levels(UNLOCK_B)) == ([False], [False, True, False])


def test_party_gets_a_pulse_for_each_person(bench: Callable[..., WiredBench]) -> None:
    """Released in between; the rest of a party may stay behind."""
    lane = bench()
    lane.lane.open(lane.now, 3, w.ENTRY)
    told = lane.run(0.5) + lane.passes() + lane.run(0.5) + lane.passes() + lane.run(TIMEOUT + LATE + 0.5)
    assert told == [("passed", 1), ("passed", 2), ("closed", 2)]
    assert lane.levels(UNLOCK_A) == [False, True] * 3 + [False]


def test_contact_closed_at_start_is_nobody(bench: Callable[..., WiredBench]) -> None:
    """A gate that restarts meanwhile counts edges, not levels."""
    lane = bench()
    lane.lane.close()
    lane.contact("pass_a", closed=True)
    lane.lane = lane.start()
    assert lane.run(1) == []


def test_restart_drains_without_unlocking(bench: Callable[..., WiredBench]) -> None:
    """Shut for as long as an old opening may last; who still comes through is counted."""
    lane = bench()
    assert lane.lane.drain(lane.now) == []
    told = lane.run(1) + lane.passes() + lane.run(TIMEOUT + LATE)
    assert told == [("passed", 1), ("closed", 1)]
    assert lane.levels(UNLOCK_A) == [False]


def test_key_switch_opens_without_a_ticket(bench: Callable[..., WiredBench]) -> None:
    """One person by key: counted, told as a mode of the lane."""
    lane = bench()
    lane.contact("key_one", closed=True)
    told = lane.run(0.3)
    lane.contact("key_one", closed=False)
    told += lane.run(0.3) + lane.passes() + lane.run(0.1)
    assert [event for event in told if event[0] != "mode"] == [("counted", w.ENTRY), ("closed", 1)]
    assert told[0][0] == "mode"


def test_out_of_service_stops_the_controller(bench: Callable[..., WiredBench]) -> None:
    """The Stop contact is closed, and opened again."""
    lane = bench()
    lane.lane.mode(lane.now, w.OUT, w.ENTRY, 0)
    assert lane.lane.open(lane.now, 1, w.ENTRY) == [("closed", 0)]
    lane.lane.mode(lane.now, w.NORMAL, w.ENTRY, 0)
    assert lane.levels(STOP) == [False, True, False]


def test_pins_are_given_back_when_construction_fails(bench: Callable[..., WiredBench]) -> None:
    """The last pin is somebody else's: all the others are free again, and no thread stays."""
    lane = bench()
    lane.lane.close()
    threads = threading.active_count()
    last = list(lane.pins.values())[-1]
    with OutputDevice(last.pin), pytest.raises(GPIOPinInUse):
        lane.start()
    assert threading.active_count() == threads
    lane.lane = lane.start()  # every pin can be had again


def test_profile_that_is_wrong_takes_no_pin(bench: Callable[..., WiredBench]) -> None:
    """The core refuses first."""
    lane = bench()
    lane.lane.close()
    with pytest.raises(ValueError, match="debounce_ms"):
        WiredLane(lane.profile | {"debounce_ms": 90}, lane.pins, lane.told.append, lambda: lane.now)
    lane.lane = lane.start()


def test_close_shuts_in_the_middle_of_a_pulse(bench: Callable[..., WiredBench]) -> None:
    """The pin is off, and no edge is told any more."""
    lane = bench()
    lane.lane.open(lane.now, 1, w.ENTRY)
    lane.lane.close()
    assert lane.levels(UNLOCK_A) == [False, True, False]
    lane.contact("pass_a", closed=True)
    assert lane.told == []
    lane.contact("pass_a", closed=False)
    lane.lane = lane.start()


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 4),
    st.lists(st.tuples(st.sampled_from(["pass_a", "loop"]), st.integers(1, 900)), max_size=30),
)
def test_whatever_the_loop_does_pulses_and_gaps_are_whole(persons: int, story: list[tuple[str, int]]) -> None:
    """At most a pulse per person, none too short unless a passage ended it, none too close; one end."""
    lane = WiredBench()
    try:
        changes, events, on = [(lane.now - 9, False)], lane.lane.open(lane.now, persons, w.ENTRY), False

        def came(told: list[tuple[str, Any]]) -> None:
            nonlocal on
            events.extend(told)
            level = bool(lane.factory.pin(UNLOCK_A).state)
            if level != on:
                on = level
                cut = not level and any(name in ("passed", "closed") for name, _ in told)
                assert cut or lane.now - changes[-1][0] >= (GAP if level else PULSE) - 1e-6
                changes.append((lane.now, level))

        came([])
        for what, ms in story:
            if what == "pass_a":
                lane.contact(what, closed=True)
                lane.now += 0.1
                lane.contact(what, closed=False)
            lane.now += ms / 1000
            came(lane.lane.tick(lane.now))
        for _ in range(200):
            if lane.lane.deadline is None:
                break
            lane.now = max(lane.now, lane.lane.deadline)
            came(lane.lane.tick(lane.now))
        assert [level for _, level in changes].count(True) <= persons
        assert [name for name, _ in events].count("closed") == 1
    finally:
        lane.close()
