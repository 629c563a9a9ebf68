# SPDX-License-Identifier: Apache-2.0
"""A turnstile with its maker's own controller: pulses, levels, PASS contacts, Ready."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lane_profiles import profile

from pistegate_edge.lane.core import words as w
from pistegate_edge.lane.core.controller import DOWN, FREED, GAP_MS, HELD, PULSE, SHUT, WAIT, ControllerLane
from pistegate_edge.lane.core.lanes import open_lane

PULSE_MS, TIMEOUT, LATE, DEBOUNCE = 200, 5000, 1000, 50
LEASE = 10000


def lane(name: str = "tripod_pulse", **changed: object) -> ControllerLane:
    """A shut lane, after its first step."""
    core = open_lane(profile(name, **{"lease_ms_max": 100000, **changed}))
    assert isinstance(core, ControllerLane)
    core.step(0, 0)
    return core


def edge(core: Any, now: int, bit: int = w.PASS_A, lasts: int = 100) -> list[Any]:
    """A PASS contact closes for a while."""
    told = core.step(now, bit)
    return told + core.step(now + lasts, 0)


def test_one_person_passes() -> None:
    """One pulse, one PASS, closed at once."""
    core = lane()
    assert core.open(0, w.ENTRY, 1, LEASE) == []
    assert core.outputs == w.UNLOCK_A
    assert core.step(199, 0) == []
    assert core.outputs == w.UNLOCK_A
    assert core.step(200, 0) == []
    assert core.outputs == 0
    assert core.step(700, w.PASS_A) == [("passed", 1), ("closed", 1)]
    assert core.step(800, 0) == []
    assert core.deadline is None
    assert core.counts == [1, 0]


def test_pass_during_the_pulse_ends_the_pulse() -> None:
    """A fast skier is counted; the pulse must not free the arm for another one."""
    core = lane()
    core.open(0, w.ENTRY, 1, LEASE)
    assert core.step(150, w.PASS_A) == [("passed", 1), ("closed", 1)]
    assert core.outputs == 0


def test_nobody_passes() -> None:
    """Closed only when no arm begun in time can still end its turn."""
    core = lane()
    core.open(0, w.ENTRY, 1, LEASE)
    core.step(PULSE_MS, 0)
    assert core.step(TIMEOUT + LATE - 1, 0) == []
    assert core.step(TIMEOUT + LATE, 0) == [("closed", 0)]


def test_arm_begun_just_before_the_time_out_counts() -> None:
    """Its PASS comes after the turnstile's own time-out."""
    core = lane()
    core.open(0, w.ENTRY, 1, LEASE)
    core.step(PULSE_MS, 0)
    assert core.step(TIMEOUT + 300, w.PASS_A) == [("passed", 1), ("closed", 1)]


def test_party_gets_a_pulse_for_each_person() -> None:
    """Released for a while between two pulses; the rest of a party may stay behind."""
    core = lane()
    core.open(0, w.ENTRY, 3, LEASE)
    core.step(PULSE_MS, 0)
    assert edge(core, 1000, lasts=60) == [("passed", 1)]
    core.step(1000 + GAP_MS, 0)
    assert core.outputs == w.UNLOCK_A
    core.step(1000 + GAP_MS + PULSE_MS, 0)
    assert core.outputs == 0
    assert edge(core, 2000, lasts=60) == [("passed", 2)]
    core.step(2000 + GAP_MS, 0)
    assert core.outputs == w.UNLOCK_A
    core.step(2000 + GAP_MS + PULSE_MS, 0)
    assert core.step(2000 + GAP_MS + TIMEOUT + LATE, 0) == [("closed", 2)]


def test_contact_bounce_is_one_passage() -> None:
    """Edges closer than a person can follow are one."""
    core = lane()
    core.open(0, w.ENTRY, 2, LEASE)
    core.step(PULSE_MS, 0)
    assert edge(core, 1000, lasts=3) == [("passed", 1)]
    assert core.step(1000 + DEBOUNCE - 1, w.PASS_A) == []


def test_bounce_of_an_opening_contact_is_no_second_passage() -> None:
    """A contact that stayed closed for half a second bounces again when it opens."""
    core = lane()
    core.open(0, w.ENTRY, 2, LEASE)
    core.step(PULSE_MS, 0)
    assert edge(core, 1000, lasts=500) == [("passed", 1)]
    assert edge(core, 1504, lasts=2) == []
    assert edge(core, 1508, lasts=2) == []
    assert core.counts == [1, 0]


def test_arm_that_turns_while_shut_is_no_passage() -> None:
    """Forced."""
    core = lane()
    assert core.step(10, w.PASS_A) == [("incident", w.FORCED)]
    assert core.state == SHUT
    assert core.counts == [1, 0]


def test_drain_counts_without_unlocking() -> None:
    """After a restart the output stays off for as long as an old opening may last."""
    core = lane()
    assert core.drain(0) == []
    assert core.outputs == 0
    assert edge(core, 100) == [("passed", 1)]
    assert core.step(TIMEOUT + LATE - 1, 0) == []
    assert core.step(TIMEOUT + LATE, 0) == [("closed", 1)]


def test_drain_takes_an_opening_over() -> None:
    """On a board the core outlives its host: what was under way has one end, the drain's."""
    core = lane()
    core.open(0, w.ENTRY, 3, LEASE)
    edge(core, 300)
    assert core.drain(500) == []
    assert core.outputs == 0
    assert not core.can_open(w.ENTRY)
    assert edge(core, 900) == [("passed", 1)]
    assert core.step(500 + TIMEOUT + LATE, 0) == [("closed", 1)]


def test_stop_in_a_pulse_leaves_the_lane_shut() -> None:
    """The opening ends with what passed so far; without one, nothing is told."""
    core = lane()
    core.open(0, w.ENTRY, 1, LEASE)
    assert core.stop(50) == [("closed", 0)]
    assert core.outputs == 0
    assert core.state == SHUT
    assert core.stop(60) == []


def test_next_guest_waits_for_the_gap_only() -> None:
    """An opening right after another: the controller must see two signals, so the input rests first."""
    core = lane()
    core.open(0, w.ENTRY, 1, LEASE)
    core.step(150, w.PASS_A)
    assert core.can_open(w.ENTRY)
    core.open(160, w.ENTRY, 1, LEASE)
    assert core.outputs == 0
    core.step(269, 0)
    assert core.outputs == 0
    core.step(270, 0)
    assert core.outputs == w.UNLOCK_A


def test_exit_has_its_own_signal() -> None:
    """Unlock B, PASS B; a person the other way is reverse entry."""
    core = lane()
    core.open(0, w.EXIT, 1, LEASE)
    assert core.outputs == w.UNLOCK_B
    assert edge(core, 500) == [("incident", w.REVERSE)]
    assert edge(core, 900, w.PASS_B) == [("passed", 1), ("closed", 1)]
    assert core.counts == [1, 1]


def test_a_way_that_the_lane_has_not_is_refused() -> None:
    """An entry lane opens for nobody who goes out; such a person is an incident."""
    core = lane(directions=["entry"])
    assert not core.can_open(w.EXIT)
    with pytest.raises(ValueError, match="cannot open exit"):
        core.open(0, w.EXIT, 1, LEASE)
    with pytest.raises(ValueError, match="no group of 2 exit"):
        core.mode(0, w.GROUP, w.EXIT, 2)
    assert edge(core, 500, w.PASS_B) == [("incident", w.FORCED)]
    assert core.can_open(w.ENTRY)


def test_level_drops_when_the_passage_begins() -> None:
    """Held until PASS, released for the gap, held for the next person."""
    core = lane("flap_level")
    core.open(0, w.ENTRY, 2, LEASE)
    core.step(3000, 0)
    assert (core.state, core.outputs) == (HELD, w.UNLOCK_A)
    assert core.step(3100, w.PASS_A) == [("passed", 1)]
    assert core.outputs == 0
    core.step(3100 + GAP_MS, 0)
    assert core.outputs == w.UNLOCK_A
    assert core.step(4000, w.PASS_A) == [("passed", 2), ("closed", 2)]
    assert core.outputs == 0


def test_level_drops_at_the_time_out_and_waits_for_the_late() -> None:
    """Who began in time is counted."""
    core = lane("flap_level")
    core.open(0, w.ENTRY, 1, LEASE)
    core.step(TIMEOUT, 0)
    assert core.outputs == 0
    assert core.step(TIMEOUT + LATE - 1, w.PASS_A) == [("passed", 1), ("closed", 1)]


@pytest.mark.parametrize("name", ["tripod_pulse", "tripod_level"])
def test_silent_host_ends_the_opening(name: str) -> None:
    """Past its lease nothing is unlocked; whom a pulse let in before is still counted."""
    core = lane(name)
    core.open(0, w.ENTRY, 3, 1500)
    core.step(PULSE_MS, 0)
    assert edge(core, 1000) == [("passed", 1)]
    core.renew(1000, 300)
    events = core.step(1000 + GAP_MS, 0) + core.step(1300, 0)
    assert events == [("incident", w.LEASE_OVER)]
    assert core.outputs == 0
    assert edge(core, 1900)[:2] == [("passed", 2), ("closed", 2)]
    assert core.outputs == 0


def test_a_pass_edge_with_a_loss_of_ready_is_no_passage() -> None:
    """A relay energised at rest falls with the power, a moment before or after Ready does."""
    core = lane(ready_ms=30)
    core.open(0, w.ENTRY, 1, LEASE)
    core.step(PULSE_MS, 0)
    assert core.step(1000, w.PASS_A) == []
    assert core.step(1010, w.PASS_A | w.NOT_READY) == []
    assert core.step(1030, w.PASS_A | w.NOT_READY) == [("fault", w.CONTROLLER_NOT_READY), ("closed", 0)]
    assert (core.state, core.outputs, core.counts) == (DOWN, 0, [0, 0])
    assert not core.can_open(w.ENTRY)
    assert core.step(2000, 0) == []
    assert core.step(2020, 0) == [("clear", w.CONTROLLER_NOT_READY)]
    assert core.can_open(w.ENTRY)


def test_with_ready_a_passage_is_told_a_moment_later() -> None:
    """As long as Ready's relay may lag."""
    core = lane(ready_ms=30)
    core.open(0, w.ENTRY, 1, LEASE)
    core.step(PULSE_MS, 0)
    assert core.step(1000, w.PASS_A) == []
    assert core.deadline == 1030
    assert core.step(1030, w.PASS_A) == [("passed", 1), ("closed", 1)]


def test_alarm_is_reported_and_clears_itself() -> None:
    """The maker's own alarm does not keep guests out."""
    core = lane()
    core.step(100, w.ALARM)
    assert core.step(120, w.ALARM) == [("fault", w.CONTROLLER_ALARM)]
    assert core.can_open(w.ENTRY)
    core.step(200, 0)
    assert core.step(220, 0) == [("clear", w.CONTROLLER_ALARM)]


@pytest.mark.parametrize("bit", [w.FIRE, w.POWER_LOST])
@pytest.mark.parametrize("name", ["tripod_pulse", "tripod_level"])
def test_fire_and_power_loss_unlock_both_ways(name: str, bit: int) -> None:
    """Within 100 ms, in the middle of an opening; persons are counted, and late ones not accused."""
    core = lane(name)
    core.open(0, w.ENTRY, 2, LEASE)
    core.step(300, bit)
    assert core.step(320, bit)[1:] == [("closed", 0)]
    assert (core.state, core.outputs) == (FREED, w.UNLOCK_A | w.UNLOCK_B)
    if bit == w.FIRE:
        assert core.step(500, bit | w.PASS_B) == [("counted", w.EXIT)]
    core.step(900, 0)
    assert core.step(920, 0)[0][0] == "clear"
    assert core.outputs == 0
    assert edge(core, 1000) == [("counted", w.ENTRY)]


def test_out_of_service_inhibits_and_refuses() -> None:
    """An opening under way ends; back to normal, the lane opens again."""
    core = lane()
    core.open(0, w.ENTRY, 1, LEASE)
    assert core.mode(100, w.OUT, "both", 1) == [("closed", 0)]
    assert core.outputs == w.INHIBIT
    with pytest.raises(ValueError, match="mode out"):
        core.open(200, w.ENTRY, 1, LEASE)
    core.mode(300, w.NORMAL, "both", 1)
    assert core.outputs == 0
    assert core.can_open(w.ENTRY)


def test_free_flow_is_counted() -> None:
    """Unlock is held; each person is told by direction."""
    core = lane()
    assert core.mode(0, w.FREE, w.ENTRY, 1) == []
    assert core.outputs == w.UNLOCK_A
    assert edge(core, 1000) == [("counted", w.ENTRY)]
    assert edge(core, 2000) == [("counted", w.ENTRY)]
    core.mode(3000, w.NORMAL, "both", 1)
    assert core.outputs == 0


def test_group_of_n_without_tickets() -> None:
    """Each counted, one end, and the mode goes back by itself."""
    core = lane()
    assert core.mode(0, w.GROUP, w.ENTRY, 2) == []
    assert core.mode_is() == w.GROUP
    assert edge(core, 500) == [("counted", w.ENTRY)]
    core.step(700, 0)
    assert edge(core, 1500) == [("counted", w.ENTRY), ("closed", 2), ("mode", w.NORMAL)]


def test_key_switch_wins_over_the_host() -> None:
    """One person, free flow, out of service at the lane itself; the host is told."""
    core = lane()
    core.step(0, w.KEY_ONE)
    assert core.step(20, w.KEY_ONE) == [("mode", w.GROUP)]
    assert core.state == PULSE
    assert core.step(500, w.PASS_A) == [("counted", w.ENTRY), ("closed", 1), ("mode", w.NORMAL)]
    core.step(1000, w.KEY_FREE)
    assert core.step(1020, w.KEY_FREE) == [("mode", w.FREE)]
    assert core.outputs == w.UNLOCK_A | w.UNLOCK_B
    core.mode(1100, w.OUT, "both", 1)
    assert core.mode_is() == w.FREE
    with pytest.raises(ValueError, match="key switch"):
        core.mode(1150, w.GROUP, w.ENTRY, 1)
    core.step(1200, 0)
    assert core.step(1220, 0) == [("mode", w.OUT)]


def test_pass_contact_stuck_is_a_latched_fault() -> None:
    """It would count nobody; the reset is refused until it is released."""
    core = lane()
    core.step(0, w.PASS_A)
    assert core.step(20000, w.PASS_A) == [("fault", w.MOTION_FAULT)]
    assert not core.can_open(w.ENTRY)
    assert core.reset(21000) == [("reset_refused", w.MOTION_FAULT)]
    core.step(22000, 0)
    assert core.reset(22001) == [("clear", w.MOTION_FAULT)]
    assert core.can_open(w.ENTRY)


def test_contact_closed_at_the_first_look_is_nobody() -> None:
    """A gate that restarts counts edges, not levels."""
    core = open_lane(profile("tripod_pulse"))
    assert core.step(0, w.PASS_A) == []
    assert core.step(100, 0) == []
    assert core.step(200, w.PASS_A) == [("incident", w.FORCED)]


def test_chattering_contact_is_told_once() -> None:
    """And counts one person at most."""
    core = lane()
    core.open(0, w.ENTRY, 2, LEASE)
    core.step(PULSE_MS, 0)
    events: list[Any] = []
    for turn in range(40):
        events += core.step(1000 + 10 * turn, w.PASS_A if turn % 2 == 0 else 0)
    assert events == [("passed", 1), ("incident", w.CHATTER)]


def test_opening_is_refused_with_the_reason() -> None:
    """Nobody, an opening under way, a direction unknown."""
    core = lane()
    with pytest.raises(ValueError, match="one person or more"):
        core.open(0, w.ENTRY, 0, LEASE)
    with pytest.raises(ValueError, match="sideways"):
        core.open(0, "sideways", 1, LEASE)
    core.open(0, w.ENTRY, 1, LEASE)
    with pytest.raises(ValueError, match=PULSE):
        core.open(10, w.ENTRY, 1, LEASE)
    core.step(PULSE_MS, 0)
    assert core.state == WAIT


@given(
    st.sampled_from(["tripod_pulse", "tripod_level"]),
    st.integers(1, 4),
    st.lists(st.tuples(st.sampled_from([0, w.PASS_A, w.PASS_B]), st.integers(0, 3000)), max_size=40),
)
def test_never_more_signals_than_persons_and_one_end(name: str, persons: int, story: list[tuple[int, int]]) -> None:
    """Whatever happens when: at most one signal per person, one `closed`, passages never above the persons."""
    core = lane(name)
    events = core.open(0, w.ENTRY, persons, LEASE)
    signals, before, now = 1, core.outputs, 0
    word = 0
    while story or core.deadline is not None:
        wait, word = (story[0][1], story[0][0]) if story else (0, 0)
        due = now + wait
        if not story or (core.deadline is not None and core.deadline < due):
            now = max(now, core.deadline or now)
            events += core.step(now, word if not story else core._inputs)
        else:
            now = due
            story = story[1:]
            events += core.step(now, word)
        signals += bool(core.outputs & ~before)
        before = core.outputs
    assert signals <= persons
    passed = [value for what, value in events if what == "passed"]
    assert [value for what, value in events if what == "closed"] == [len(passed)]
    assert passed == list(range(1, len(passed) + 1))
    assert len(passed) <= persons
    assert core.outputs == 0


def test_host_that_asks_before_it_looks_loses_nobody() -> None:
    """The first look at the inputs is one, whatever was asked before; the first person after it counts."""
    core = open_lane(profile("tripod_level"))
    core.mode(0, w.FREE, w.ENTRY, 1)
    core.step(0, 0)
    assert core.step(2000, w.PASS_A) == [("counted", w.ENTRY)]


def test_pulse_controller_is_freed_for_one_after_another() -> None:
    """It frees one person by each pulse: in free flow one follows every person, and comes before its time-out."""
    core = open_lane(profile("tripod_pulse"))
    core.step(0, 0)
    core.mode(0, w.FREE, w.ENTRY, 1)
    rises, before = [], 0
    for now in range(20_000):
        passing = 4000 <= now < 4100 or 4600 <= now < 4700
        core.step(now, w.PASS_A if passing else 0)
        if core.outputs & w.UNLOCK_A and not before & w.UNLOCK_A:
            rises.append(now)
        before = core.outputs
    assert core.counts == [2, 0]
    assert any(4000 < rise < 4500 for rise in rises)
    assert any(4600 < rise < 5100 for rise in rises)
    assert all(later - one <= 5000 for one, later in itertools.pairwise(rises))
