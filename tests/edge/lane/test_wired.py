# SPDX-License-Identifier: Apache-2.0
"""The wired lane: exact levels of its pins, edges from threads, and everything a turnstile's contacts do to a gate."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from gpiozero import Device, GPIOPinInUse, OutputDevice  # type: ignore[import-untyped]
from gpiozero.pins.mock import MockFactory, MockPin  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from pistegate_edge.lane.core import words as w
from pistegate_edge.lane.deadman import DeadMan
from pistegate_edge.lane.pinmap import PinUse
from pistegate_edge.lane.profiles import load_board, load_lane
from pistegate_edge.lane.wired import PinEdge, WiredLane

UNLOCK_A, UNLOCK_B, STOP = 17, 18, 16
PULSE, GAP, TIMEOUT, LATE = 0.2, 0.12, 5.0, 1.0
BOARD = load_board("pi5")


class WiredPin(MockPin):  # type: ignore[misc]
    """A mock pin whose closed circuit to ground is stronger than its pull-up (MockPin lets the pull win)."""

    grounded = False

    def _set_pull(self, value: str) -> None:
        self._pull = value
        self.settle()

    def settle(self) -> None:
        """Take the level that circuit and pull give."""
        if self.function == "input" and self._pull == "up":
            self.drive_low() if self.grounded else self.drive_high()


class Bench:
    """A wired lane on mock pins, its clock, and the turnstile's contacts by signal."""

    def __init__(self, name: str = "tripod_pulse", **times: int) -> None:
        self.factory = MockFactory(pin_class=WiredPin)
        Device.pin_factory = self.factory
        self.now = 100.0
        self.told: list[object] = []
        self.pins: dict[str, PinUse] = BOARD.controller
        self.profile: dict[str, Any] = load_lane(name) | times
        for signal, use in self.pins.items():
            if use.direction == "in":
                self.contact(signal, closed=use.closed_at_rest)
        self.lane = self.start()

    def start(self) -> WiredLane:
        """Another lane on the same pins, as after a restart of the gate."""
        return WiredLane(self.profile, self.pins, self.told.append, lambda: self.now)

    def contact(self, signal: str, *, closed: bool) -> None:
        """Close or open a circuit; it pulls its pin to ground."""
        pin = self.factory.pin(self.pins[signal].pin)
        pin.grounded = closed
        pin.settle()

    def at(self, after: float) -> list[tuple[str, Any]]:
        """The loop comes by `after` s later."""
        self.now += after
        return self.lane.tick(self.now)

    def run(self, seconds: float) -> list[tuple[str, Any]]:
        """A loop that comes by when it is due, for `seconds`."""
        end, events = self.now + seconds, self.lane.tick(self.now)
        for _ in range(1000):
            if self.lane.deadline is None or self.lane.deadline > end:
                break
            self.now = max(self.now, self.lane.deadline)
            events += self.lane.tick(self.now)
        else:
            raise AssertionError(f"the loop spins: {self.lane.state} is due at {self.lane.deadline} for ever")
        self.now = end
        return events + self.lane.tick(end)

    def passes(self, way: str = "a", seconds: float = 0.25) -> list[tuple[str, Any]]:
        """One PASS contact, as makers give it."""
        self.contact(f"pass_{way}", closed=True)
        events = self.run(seconds)
        self.contact(f"pass_{way}", closed=False)
        return events + self.run(0)

    def levels(self, number: int) -> list[bool]:
        """Every level the pin ever had, in order (assert_states would pass if it did less)."""
        return [bool(state.state) for state in self.factory.pin(number).states]


@pytest.fixture
def bench() -> Iterator[Callable[..., Bench]]:
    """Benches, closed at the end; mock pins are given back."""
    made: list[Bench] = []

    def make(*args: Any, **times: int) -> Bench:
        made.append(Bench(*args, **times))
        return made[-1]

    yield make
    for one in made:
        one.lane.close()
        one.factory.reset()
    Device.pin_factory = None


def test_pulse_drives_exactly_one_pulse(bench: Callable[..., Bench]) -> None:
    """Off at start, on for the pulse, off; the other way's pin never moves."""
    lane = bench()
    assert lane.lane.open(lane.now, 1, w.ENTRY) == []
    assert lane.at(PULSE - 0.001) == []
    assert lane.levels(UNLOCK_A) == [False, True]
    assert lane.at(0.001) == []
    assert lane.run(0.5) + lane.passes() == [("passed", 1), ("closed", 1)]
    assert (lane.levels(UNLOCK_A), lane.levels(UNLOCK_B)) == ([False, True, False], [False])


def test_passage_during_the_pulse_ends_the_pulse(bench: Callable[..., Bench]) -> None:
    """A fast skier is counted; the pin drops at once, or it would free the arm for another one."""
    lane = bench()
    lane.lane.open(lane.now, 1, w.ENTRY)
    assert lane.run(0.1) + lane.passes(seconds=0.01) == [("passed", 1), ("closed", 1)]
    assert lane.levels(UNLOCK_A) == [False, True, False]


@pytest.mark.parametrize("name", ["tripod_pulse", "tripod_level"])
def test_stop_shuts_at_once(bench: Callable[..., Bench], name: str) -> None:
    """In the middle of an opening; it ends with what passed so far."""
    lane = bench(name)
    lane.lane.open(lane.now, 2, w.ENTRY)
    told = lane.run(0.5) + lane.passes() + lane.lane.stop(lane.now)
    assert told == [("passed", 1), ("closed", 1)]
    assert lane.levels(UNLOCK_A)[-1] is False
    assert lane.run(9) == []


def test_level_is_held_until_somebody_passes(bench: Callable[..., Bench]) -> None:
    """It drops with PASS, and not before."""
    lane = bench("tripod_level")
    lane.lane.open(lane.now, 1, w.ENTRY)
    assert lane.run(3) == []
    assert lane.levels(UNLOCK_A) == [False, True]
    assert lane.passes() == [("passed", 1), ("closed", 1)]
    assert lane.levels(UNLOCK_A) == [False, True, False]


def test_level_drops_when_nobody_comes(bench: Callable[..., Bench]) -> None:
    """At the time-out; closed when nobody begun in time can still come."""
    lane = bench("tripod_level")
    lane.lane.open(lane.now, 1, w.ENTRY)
    assert lane.run(TIMEOUT + 0.01) == []
    assert lane.levels(UNLOCK_A) == [False, True, False]
    assert lane.run(LATE) == [("closed", 0)]


def test_exit_has_its_own_pins(bench: Callable[..., Bench]) -> None:
    """UNLOCK B and PASS B; a PASS A meanwhile is somebody else, told and not counted."""
    lane = bench()
    lane.lane.open(lane.now, 1, w.EXIT)
    assert lane.run(0.5) + lane.passes("a") == [("incident", w.REVERSE)]
    assert lane.run(0.5) + lane.passes("b") == [("passed", 1), ("closed", 1)]
    assert (lane.levels(UNLOCK_A), lane.levels(UNLOCK_B)) == ([False], [False, True, False])


def test_party_gets_a_pulse_for_each_person(bench: Callable[..., Bench]) -> None:
    """Released in between; the rest of a party may stay behind."""
    lane = bench()
    lane.lane.open(lane.now, 3, w.ENTRY)
    told = lane.run(0.5) + lane.passes() + lane.run(0.5) + lane.passes() + lane.run(TIMEOUT + LATE + 0.5)
    assert told == [("passed", 1), ("passed", 2), ("closed", 2)]
    assert lane.levels(UNLOCK_A) == [False, True] * 3 + [False]


def test_power_loss_of_a_turnstile_with_energised_relays_is_no_passage(bench: Callable[..., Bench]) -> None:
    """PASS rests energised and falls with the power, Ready some ms later: nobody is counted, and it is told."""
    lane = bench(ready_ms=60)
    lane.lane.open(lane.now, 1, w.ENTRY)
    lane.run(0.5)
    lane.contact("pass_a", closed=True)
    told = lane.run(0.03)
    lane.contact("not_ready", closed=False)
    told += lane.run(2)
    assert told == [("fault", w.CONTROLLER_NOT_READY), ("closed", 0)]
    lane.contact("pass_a", closed=False)  # and comes back: still nobody
    told = lane.run(0.03)
    lane.contact("not_ready", closed=True)
    assert told + lane.run(2) == [("clear", w.CONTROLLER_NOT_READY)]
    assert lane.levels(UNLOCK_A) == [False, True, False]


def test_power_loss_met_by_a_late_loop_is_no_passage_either(bench: Callable[..., Bench]) -> None:
    """Both edges wait when the loop comes by; their moments decide."""
    lane = bench(ready_ms=60)
    lane.lane.open(lane.now, 1, w.ENTRY)
    lane.run(0.5)
    lane.contact("pass_a", closed=True)
    lane.now += 0.05
    lane.contact("not_ready", closed=False)
    lane.now += 1.0
    assert lane.run(0) == [("fault", w.CONTROLLER_NOT_READY), ("closed", 0)]


def test_passage_counts_although_ready_was_waited_for(bench: Callable[..., Bench]) -> None:
    """The same edge with Ready standing is a person."""
    lane = bench(ready_ms=60)
    lane.lane.open(lane.now, 1, w.ENTRY)
    assert lane.run(0.5) + lane.passes() == [("passed", 1), ("closed", 1)]


def test_fire_overrides_everything(bench: Callable[..., Bench]) -> None:
    """The loop opens: both ways are unlocked within 100 ms, nothing can be opened, who goes is counted."""
    lane = bench()
    lane.lane.open(lane.now, 2, w.ENTRY)
    lane.run(0.5)
    lane.contact("fire", closed=False)
    assert lane.run(0.1) == [("fault", w.ON_FIRE), ("closed", 0)]
    assert (lane.levels(UNLOCK_A)[-1], lane.levels(UNLOCK_B)[-1]) == (True, True)
    assert lane.lane.open(lane.now, 1, w.ENTRY) == [("closed", 0)]
    assert lane.passes() == [("counted", w.ENTRY)]
    assert lane.run(20) == []
    assert lane.levels(UNLOCK_A)[-1] is True  # the dead man does not shut a way that fire has freed
    lane.contact("fire", closed=True)
    assert lane.run(2) == [("clear", w.ON_FIRE)]
    assert (lane.levels(UNLOCK_A)[-1], lane.levels(UNLOCK_B)[-1]) == (False, False)


def test_wire_of_the_fire_loop_torn_at_start_is_fire(bench: Callable[..., Bench]) -> None:
    """A gate that starts with the loop open frees the way; nobody has to have seen the edge."""
    lane = bench()
    lane.lane.close()
    lane.contact("fire", closed=False)
    lane.lane = lane.start()
    assert lane.run(0.1) == [("fault", w.ON_FIRE)]
    assert lane.levels(UNLOCK_A)[-1] is True


def test_chattering_contact_counts_once_and_is_told(bench: Callable[..., Bench]) -> None:
    """Edges closer than a person can follow are one passage; many of them are a loose wire."""
    lane = bench()
    lane.lane.open(lane.now, 2, w.ENTRY)
    told = lane.run(0.5)
    for _ in range(20):
        lane.contact("pass_a", closed=True)
        told += lane.run(0.004)
        lane.contact("pass_a", closed=False)
        told += lane.run(0.004)
    assert told == [("passed", 1), ("incident", w.CHATTER)]


def test_contact_that_stays_closed_is_one_passage_then_a_fault(bench: Callable[..., Bench]) -> None:
    """Stuck for a minute: told, nothing is let in until it is free and somebody has reset it."""
    lane = bench()
    lane.lane.open(lane.now, 1, w.ENTRY)
    lane.run(0.5)
    lane.contact("pass_a", closed=True)
    assert lane.run(70) == [("passed", 1), ("closed", 1), ("fault", w.MOTION_FAULT)]
    assert lane.lane.open(lane.now, 1, w.ENTRY) == [("closed", 0)]
    assert lane.lane.reset(lane.now) == [("reset_refused", w.MOTION_FAULT)]
    lane.contact("pass_a", closed=False)
    assert lane.lane.reset(lane.now) == [("clear", w.MOTION_FAULT)]


def test_contact_closed_at_start_is_nobody(bench: Callable[..., Bench]) -> None:
    """A gate that restarts meanwhile counts edges, not levels."""
    lane = bench()
    lane.lane.close()
    lane.contact("pass_a", closed=True)
    lane.lane = lane.start()
    assert lane.run(1) == []


def test_restart_drains_without_unlocking(bench: Callable[..., Bench]) -> None:
    """Shut for as long as an old opening may last; who still comes through is counted."""
    lane = bench()
    assert lane.lane.drain(lane.now) == []
    told = lane.run(1) + lane.passes() + lane.run(TIMEOUT + LATE)
    assert told == [("passed", 1), ("closed", 1)]
    assert lane.levels(UNLOCK_A) == [False]


def test_threads_only_tell_and_the_loop_takes(bench: Callable[..., Bench]) -> None:
    """An edge does nothing until the loop brings it; then its own moment counts."""
    lane = bench()
    lane.lane.open(lane.now, 1, w.ENTRY)
    lane.run(0.5)
    thread = threading.Thread(target=lane.contact, args=("pass_a",), kwargs={"closed": True})
    thread.start()
    thread.join()
    assert lane.told == [PinEdge(lane.now, w.PASS_A, True)]
    assert lane.lane.state == "wait"
    assert lane.lane.take(lane.told[0], lane.now + 3) == [("passed", 1), ("closed", 1)]
    assert lane.lane.take(lane.told[0], lane.now + 3) == []


def test_edges_from_a_thread_while_the_loop_runs_are_each_counted_once(bench: Callable[..., Bench]) -> None:
    """Whatever comes between reading the pins, being told, and taking it: a hundred persons are a hundred."""
    lane = bench()
    lane.lane.mode(lane.now, w.FREE, "both", 0)

    def skiers() -> None:
        for _ in range(100):
            lane.contact("pass_a", closed=True)
            lane.now += 0.1
            lane.contact("pass_a", closed=False)
            lane.now += 0.1

    told: list[tuple[str, Any]] = []
    thread = threading.Thread(target=skiers)
    thread.start()
    while thread.is_alive():
        told += lane.lane.tick(lane.now)
    told += lane.lane.tick(lane.now)
    assert told == [("counted", w.ENTRY)] * 100


def test_passage_just_before_the_end_counts_though_the_loop_is_late(bench: Callable[..., Bench]) -> None:
    """The edge came in time; that the loop met it after the end takes nothing from the guest."""
    lane = bench()
    lane.lane.open(lane.now, 1, w.ENTRY)
    lane.run(PULSE)
    lane.now += TIMEOUT + LATE - PULSE - 0.01
    lane.contact("pass_a", closed=True)
    lane.now += 2.0
    assert lane.lane.tick(lane.now)[-2:] == [("passed", 1), ("closed", 1)]


def test_two_passages_during_a_stall_are_both_counted(bench: Callable[..., Bench]) -> None:
    """A disk that takes half a second hides nobody."""
    lane = bench()
    lane.lane.mode(lane.now, w.FREE, "both", 0)
    for _ in range(2):
        lane.contact("pass_a", closed=True)
        lane.now += 0.1
        lane.contact("pass_a", closed=False)
        lane.now += 0.1
    assert lane.run(0) == [("counted", w.ENTRY)] * 2


def test_key_turned_during_a_stall_lets_one_in(bench: Callable[..., Bench]) -> None:
    """It was held for long enough; that the loop met both edges together makes it no bounce."""
    lane = bench()
    lane.contact("key_one", closed=True)
    lane.now += 0.3
    lane.contact("key_one", closed=False)
    lane.now += 0.5
    assert lane.run(0) == [("mode", w.GROUP)]
    assert lane.levels(UNLOCK_A) == [False, True]


def test_stall_shortens_no_pulse(bench: Callable[..., Bench]) -> None:
    """The second person's pulse fell due while the loop was away: the pin still gives a whole one."""
    lane = bench()
    lane.lane.open(lane.now, 2, w.ENTRY)
    lane.run(0.5)
    lane.contact("pass_a", closed=True)
    lane.run(0)
    lane.now += 0.25
    lane.contact("pass_a", closed=False)
    lane.now += 0.15  # by the core's reckoning the pulse is nearly over
    assert lane.run(0) == []
    assert lane.levels(UNLOCK_A)[-1] is True
    lane.run(PULSE - 0.001)
    assert lane.levels(UNLOCK_A)[-1] is True
    lane.run(0.001)
    assert lane.levels(UNLOCK_A) == [False, True, False, True, False]


def test_lost_edge_heals_when_the_pins_are_read(bench: Callable[..., Bench]) -> None:
    """A change that no thread told of is met when the loop comes by."""
    lane = bench()
    pin = lane.factory.pin(lane.pins["fire"].pin)
    heard, pin.when_changed = pin.when_changed, None
    lane.contact("fire", closed=False)
    assert lane.told == []
    assert lane.run(0.1) == [("fault", w.ON_FIRE)]
    pin.when_changed = heard


def test_key_switch_opens_without_a_ticket(bench: Callable[..., Bench]) -> None:
    """One person by key: counted, told as a mode of the lane."""
    lane = bench()
    lane.contact("key_one", closed=True)
    told = lane.run(0.3)
    lane.contact("key_one", closed=False)
    told += lane.run(0.3) + lane.passes() + lane.run(0.1)
    assert [event for event in told if event[0] != "mode"] == [("counted", w.ENTRY), ("closed", 1)]
    assert told[0][0] == "mode"


def test_out_of_service_stops_the_controller(bench: Callable[..., Bench]) -> None:
    """The Stop contact is closed, and opened again."""
    lane = bench()
    lane.lane.mode(lane.now, w.OUT, w.ENTRY, 0)
    assert lane.lane.open(lane.now, 1, w.ENTRY) == [("closed", 0)]
    lane.lane.mode(lane.now, w.NORMAL, w.ENTRY, 0)
    assert lane.levels(STOP) == [False, True, False]


def test_group_during_fire_is_refused_with_the_mode_that_holds(bench: Callable[..., Bench]) -> None:
    """No error of the gate's loop."""
    lane = bench()
    lane.contact("fire", closed=False)
    lane.run(0.1)
    assert lane.lane.mode(lane.now, w.GROUP, w.ENTRY, 5) == [("mode", w.NORMAL)]


def test_pins_are_given_back_when_construction_fails(bench: Callable[..., Bench]) -> None:
    """The last pin is somebody else's: all the others are free again, and no thread stays."""
    lane = bench()
    lane.lane.close()
    threads = threading.active_count()
    last = list(lane.pins.values())[-1]
    with OutputDevice(last.pin), pytest.raises(GPIOPinInUse):
        lane.start()
    assert threading.active_count() == threads
    lane.lane = lane.start()  # every pin can be had again


def test_profile_that_is_wrong_takes_no_pin(bench: Callable[..., Bench]) -> None:
    """The core refuses first."""
    lane = bench()
    lane.lane.close()
    with pytest.raises(ValueError, match="debounce_ms"):
        WiredLane(lane.profile | {"debounce_ms": 90}, lane.pins, lane.told.append, lambda: lane.now)
    lane.lane = lane.start()


def test_close_shuts_in_the_middle_of_a_pulse(bench: Callable[..., Bench]) -> None:
    """The pin is off, and no edge is told any more."""
    lane = bench()
    lane.lane.open(lane.now, 1, w.ENTRY)
    lane.lane.close()
    assert lane.levels(UNLOCK_A) == [False, True, False]
    lane.contact("pass_a", closed=True)
    assert lane.told == []
    lane.contact("pass_a", closed=False)
    lane.lane = lane.start()


def test_loop_that_hangs_leaves_no_lane_open(bench: Callable[..., Bench]) -> None:
    """The dead man lets go after the lease; the loop that comes back is told, and nobody gets a second opening."""
    lane = bench("tripod_level", lease_ms_max=60)
    pin = lane.factory.pin(UNLOCK_A)
    lane.lane.open(lane.now, 1, w.ENTRY)
    off = threading.Event()
    deadline = 200
    while pin.state and deadline:
        off.wait(0.01)
        deadline -= 1
    assert lane.levels(UNLOCK_A) == [False, True, False]
    told = lane.at(3.0)
    assert told[0] == ("incident", w.LEASE_OVER)
    assert told + lane.run(3) == [("incident", w.LEASE_OVER), ("closed", 0)]
    assert lane.levels(UNLOCK_A) == [False, True, False]


def test_loop_that_hangs_under_fire_keeps_the_way_free(bench: Callable[..., Bench]) -> None:
    """The dead man is for openings; free is the safe side of a fire and of free flow."""
    lane = bench(lease_ms_max=60)
    lane.lane.mode(lane.now, w.FREE, "both", 0)
    threading.Event().wait(0.15)
    assert lane.levels(UNLOCK_A) == [False, True]
    lane.lane.mode(lane.now, w.NORMAL, w.ENTRY, 0)
    lane.run(1)
    lane.lane.open(lane.now, 1, w.ENTRY)
    lane.contact("fire", closed=False)
    lane.run(0.05)
    threading.Event().wait(0.15)
    assert lane.levels(UNLOCK_A)[-1] is True


def test_loop_that_comes_by_when_due_keeps_its_opening(bench: Callable[..., Bench]) -> None:
    """`deadline` asks for it often enough: no lease runs out, however long nobody comes."""
    lane = bench("tripod_level", lease_ms_max=600)
    lane.lane.open(lane.now, 1, w.ENTRY)
    assert lane.run(TIMEOUT - 0.1) == []
    assert lane.levels(UNLOCK_A) == [False, True]


def test_dead_man_rests_and_ends() -> None:
    """Disarmed in time nothing is let go; closing ends its thread."""
    let_go: list[int] = []
    man = DeadMan(0.05, lambda: let_go.append(1))
    man.arm()
    man.rest()
    threading.Event().wait(0.1)
    assert let_go == []
    man.close()
    assert "lane-dead-man" not in [thread.name for thread in threading.enumerate()]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 4),
    st.lists(st.tuples(st.sampled_from(["pass_a", "loop"]), st.integers(1, 900)), max_size=30),
)
def test_whatever_the_loop_does_pulses_and_gaps_are_whole(persons: int, story: list[tuple[str, int]]) -> None:
    """At most a pulse per person, none too short unless a passage ended it, none too close; one end."""
    lane = Bench()
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
        lane.lane.close()
        lane.factory.reset()
        Device.pin_factory = None
