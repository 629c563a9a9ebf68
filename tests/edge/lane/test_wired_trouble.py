# SPDX-License-Identifier: Apache-2.0
"""The wired lane in trouble: lost power, fire, bad contacts, threads, loops that come late or not at all."""

import threading
from collections.abc import Callable
from typing import Any

from wired_bench import LATE, PULSE, TIMEOUT, UNLOCK_A, UNLOCK_B, WiredBench

from pistegate_edge.lane.core import words as w
from pistegate_edge.lane.deadman import DeadMan
from pistegate_edge.lane.wired import PinEdge


def test_power_loss_of_a_turnstile_with_energised_relays_is_no_passage(bench: Callable[..., WiredBench]) -> None:
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


def test_power_loss_met_by_a_late_loop_is_no_passage_either(bench: Callable[..., WiredBench]) -> None:
    """Both edges wait when the loop comes by; their moments decide."""
    lane = bench(ready_ms=60)
    lane.lane.open(lane.now, 1, w.ENTRY)
    lane.run(0.5)
    lane.contact("pass_a", closed=True)
    lane.now += 0.05
    lane.contact("not_ready", closed=False)
    lane.now += 1.0
    assert lane.run(0) == [("fault", w.CONTROLLER_NOT_READY), ("closed", 0)]


def test_passage_counts_although_ready_was_waited_for(bench: Callable[..., WiredBench]) -> None:
    """The same edge with Ready standing is a person."""
    lane = bench(ready_ms=60)
    lane.lane.open(lane.now, 1, w.ENTRY)
    assert lane.run(0.5) + lane.passes() == [("passed", 1), ("closed", 1)]


def test_fire_overrides_everything(bench: Callable[..., WiredBench]) -> None:
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


def test_wire_of_the_fire_loop_torn_at_start_is_fire(bench: Callable[..., WiredBench]) -> None:
    """A gate that starts with the loop open frees the way; nobody has to have seen the edge."""
    lane = bench()
    lane.lane.close()
    lane.contact("fire", closed=False)
    lane.lane = lane.start()
    assert lane.run(0.1) == [("fault", w.ON_FIRE)]
    assert lane.levels(UNLOCK_A)[-1] is True


def test_chattering_contact_counts_once_and_is_told(bench: Callable[..., WiredBench]) -> None:
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


def test_contact_that_stays_closed_is_one_passage_then_a_fault(bench: Callable[..., WiredBench]) -> None:
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


def test_threads_only_tell_and_the_loop_takes(bench: Callable[..., WiredBench]) -> None:
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


def test_edges_from_a_thread_while_the_loop_runs_are_each_counted_once(bench: Callable[..., WiredBench]) -> None:
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


def test_passage_just_before_the_end_counts_though_the_loop_is_late(bench: Callable[..., WiredBench]) -> None:
    """The edge came in time; that the loop met it after the end takes nothing from the guest."""
    lane = bench()
    lane.lane.open(lane.now, 1, w.ENTRY)
    lane.run(PULSE)
    lane.now += TIMEOUT + LATE - PULSE - 0.01
    lane.contact("pass_a", closed=True)
    lane.now += 2.0
    assert lane.lane.tick(lane.now)[-2:] == [("passed", 1), ("closed", 1)]


def test_two_passages_during_a_stall_are_both_counted(bench: Callable[..., WiredBench]) -> None:
    """A disk that takes half a second hides nobody."""
    lane = bench()
    lane.lane.mode(lane.now, w.FREE, "both", 0)
    for _ in range(2):
        lane.contact("pass_a", closed=True)
        lane.now += 0.1
        lane.contact("pass_a", closed=False)
        lane.now += 0.1
    assert lane.run(0) == [("counted", w.ENTRY)] * 2


def test_key_turned_during_a_stall_lets_one_in(bench: Callable[..., WiredBench]) -> None:
    """It was held for long enough; that the loop met both edges together makes it no bounce."""
    lane = bench()
    lane.contact("key_one", closed=True)
    lane.now += 0.3
    lane.contact("key_one", closed=False)
    lane.now += 0.5
    assert lane.run(0) == [("mode", w.GROUP)]
    assert lane.levels(UNLOCK_A) == [False, True]


def test_stall_shortens_no_pulse(bench: Callable[..., WiredBench]) -> None:
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


def test_lost_edge_heals_when_the_pins_are_read(bench: Callable[..., WiredBench]) -> None:
    """A change that no thread told of is met when the loop comes by."""
    lane = bench()
    pin = lane.factory.pin(lane.pins["fire"].pin)
    heard, pin.when_changed = pin.when_changed, None
    lane.contact("fire", closed=False)
    assert lane.told == []
    assert lane.run(0.1) == [("fault", w.ON_FIRE)]
    pin.when_changed = heard


def test_group_during_fire_is_refused_with_the_mode_that_holds(bench: Callable[..., WiredBench]) -> None:
    """No error of the gate's loop."""
    lane = bench()
    lane.contact("fire", closed=False)
    lane.run(0.1)
    assert lane.lane.mode(lane.now, w.GROUP, w.ENTRY, 5) == [("mode", w.NORMAL)]


def test_loop_that_hangs_leaves_no_lane_open(bench: Callable[..., WiredBench]) -> None:
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


def test_loop_that_hangs_under_fire_keeps_the_way_free(bench: Callable[..., WiredBench]) -> None:
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


def test_loop_that_comes_by_when_due_keeps_its_opening(bench: Callable[..., WiredBench]) -> None:
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
