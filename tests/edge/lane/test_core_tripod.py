# SPDX-License-Identifier: Apache-2.0
"""Our own tripod: solenoids, arm sensors, arms that drop."""

import pytest
from lane_play import ArmRig

from pistegate_edge.lane.core import words as w
from pistegate_edge.lane.core.tripod import DROPPED, FAULTED, OPEN, SHUT, TURN

HELD = w.HOLD


def test_one_person_per_whole_turn() -> None:
    """The solenoid is on until the arm is past half; the turn's end is the person."""
    rig = ArmRig()
    assert rig.open() == []
    assert rig.core.outputs == HELD | w.UNLOCK_A
    assert rig.push(1) == []
    assert (rig.core.state, rig.core.outputs) == (OPEN, HELD | w.UNLOCK_A)
    assert rig.push(2, 3) == []
    assert (rig.core.state, rig.core.outputs) == (TURN, HELD)
    assert rig.push(4) == [("passed", 1), ("closed", 1)]
    assert (rig.core.state, rig.core.counts) == (SHUT, [1, 0])


def test_batch_keeps_the_solenoid_on_until_its_last_person() -> None:
    """No pause between the persons of one ticket."""
    rig = ArmRig()
    rig.open(3)
    assert rig.turn() == [("passed", 1)]
    assert rig.core.outputs == HELD | w.UNLOCK_A
    assert rig.turn() == [("passed", 2)]
    assert rig.core.outputs == HELD | w.UNLOCK_A
    assert rig.turn() == [("passed", 3), ("closed", 3)]
    assert rig.core.outputs == HELD


def test_exit_turns_the_other_way() -> None:
    """Sensor B leads."""
    rig = ArmRig()
    rig.open(direction=w.EXIT)
    assert rig.core.outputs == HELD | w.UNLOCK_B
    assert rig.push(-1, -2, -3, -4) == [("passed", 1), ("closed", 1)]
    assert rig.core.counts == [0, 1]


def test_half_a_turn_and_back_is_turned_back() -> None:
    """The opening goes on until its time-out; the solenoid is on again; the gate owes the rest."""
    rig = ArmRig()
    rig.open()
    rig.push(1, 2)
    assert rig.core.outputs == HELD
    assert rig.push(1) == []
    assert rig.core.outputs == HELD | w.UNLOCK_A
    assert rig.push(0) == [("incident", w.TURNED_BACK)]
    assert rig.core.state == OPEN
    assert rig.turn() == [("passed", 1), ("closed", 1)]


def test_nudge_is_nothing() -> None:
    """Leaning on the arm is no incident, and time runs out."""
    rig = ArmRig()
    rig.open()
    assert rig.push(1, 0) == []
    assert rig.wait(6000) == [("closed", 0)]


def test_forced_arm() -> None:
    """A whole turn without an opening, or against it."""
    rig = ArmRig()
    assert rig.turn() == [("incident", w.FORCED)]
    rig.open()
    assert rig.push(-1, -2, -3, -4) == [("incident", w.FORCED)]
    assert rig.core.counts == [1, 1]
    assert rig.core.state == OPEN


def test_arm_on_its_way_at_the_time_out_counts() -> None:
    """The opening's end waits for it, and tells who stands between the arms for long."""
    rig = ArmRig()
    rig.open()
    rig.wait(4800)
    assert rig.push(1, 2, 3) == []
    assert rig.wait(4000) == []
    assert rig.wait(4000) == [("incident", w.LOITERING)]
    assert rig.push(4) == [("passed", 1), ("closed", 1)]


def test_late_opening_ends_even_if_the_arm_stays() -> None:
    """Bounded: the arm itself becomes a fault, and that ends the opening."""
    rig = ArmRig()
    rig.open()
    rig.push(1, 2)
    assert rig.wait(31000) == [("incident", w.LOITERING), ("fault", w.MOTION_FAULT), ("closed", 0)]


def test_silent_host_ends_the_opening() -> None:
    """Past the lease the solenoid is off."""
    rig = ArmRig()
    rig.open(lease=500)
    assert rig.wait(500) == [("incident", w.LEASE_OVER)]
    assert rig.core.outputs == HELD
    assert rig.wait(1000) == [("closed", 0)]


@pytest.mark.parametrize("bit", [w.FIRE, w.POWER_LOST])
def test_arms_drop_and_stay_down_until_reset_and_raised(bit: int) -> None:
    """ARM_DOWN latches; while the arm hangs, and while the cause holds, the reset is refused."""
    rig = ArmRig()
    rig.open()
    name = w.ON_FIRE if bit == w.FIRE else w.NO_POWER
    assert rig.input(bit) == [("fault", name), ("closed", 0), ("fault", w.ARM_DOWN)]
    assert (rig.core.state, rig.core.outputs) == (DROPPED, w.UNLOCK_A | w.UNLOCK_B)
    rig.input(w.ARM_HOME)  # it hangs
    assert rig.core.reset(rig.now) == [("reset_refused", w.ARM_DOWN)]
    assert rig.input(bit) == [("clear", name)]
    assert (rig.core.state, rig.core.outputs) == (FAULTED, HELD)
    assert rig.core.reset(rig.now) == [("reset_refused", w.ARM_DOWN)]
    assert not rig.core.can_open(w.ENTRY)
    rig.input(w.ARM_HOME)  # raised by hand
    assert rig.input(w.RESET) == [("clear", w.ARM_DOWN)]
    assert rig.core.can_open(w.ENTRY)


def test_arm_that_is_gone_is_broken() -> None:
    """No arm at home and none under way."""
    rig = ArmRig()
    assert rig.input(w.ARM_HOME, 31000) == [("fault", w.BROKEN_ARM)]
    assert rig.core.reset(rig.now) == [("reset_refused", w.BROKEN_ARM)]


def test_stuck_sensor_is_found_by_openings_that_nobody_ends() -> None:
    """With sensor B dead a whole turn looks like a nudge: three in a row latch a fault."""
    rig = ArmRig()
    events = []
    for _ in range(3):
        rig.open()
        for word in (w.ARM_A, w.ARM_A, 0, w.ARM_HOME):
            for _ in range(20):
                rig.now += 5
                events += rig.core.step(rig.now, word)
        events += rig.wait(6000)
    assert events == [("closed", 0)] * 3 + [("fault", w.MOTION_FAULT)]
    assert rig.core.reset(rig.now) == [("clear", w.MOTION_FAULT)]


def test_turns_that_make_no_sense_latch_after_three() -> None:
    """Both sensors at once, twice in a turn: told each time, then it is no chance."""
    rig = ArmRig()
    for told in ([], [], [("fault", w.MOTION_FAULT)]):
        assert rig.push(2, 0) == [("incident", w.CHATTER), *told]


def test_one_sensor_edge_missed_is_carried_on() -> None:
    """A turn seen in three of its four quarters is a turn."""
    rig = ArmRig()
    rig.open()
    assert rig.push(1, 3, 4) == [("passed", 1), ("closed", 1)]


def test_free_flow_and_out_of_service() -> None:
    """Free: both solenoids as asked, counted. Out: none."""
    rig = ArmRig()
    rig.core.mode(rig.now, w.FREE, "both", 1)
    assert rig.core.outputs == HELD | w.UNLOCK_A | w.UNLOCK_B
    assert rig.turn() == [("counted", w.ENTRY)]
    rig.quarters = 0
    rig.core.mode(rig.now, w.OUT, "both", 1)
    assert rig.core.outputs == HELD
    assert not rig.core.can_open(w.ENTRY)
    rig.core.mode(rig.now, w.NORMAL, "both", 1)
    rig.core.mode(rig.now, w.GROUP, w.ENTRY, 2)
    assert rig.turn() + rig.turn() == [
        ("counted", w.ENTRY),
        ("counted", w.ENTRY),
        ("closed", 2),
        ("mode", w.NORMAL),
    ]
