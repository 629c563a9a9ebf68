# SPDX-License-Identifier: Apache-2.0
"""Our own flap and swing gates: motor, limits, stalls, obstacles, persons."""

import pytest
from lane_play import LeafRig

from pistegate_edge.lane.core import words as w
from pistegate_edge.lane.core.leaf import AJAR, CLOSING, FAULTED, LIMP, OPEN, OPENING, SHUT


def test_one_person_passes() -> None:
    """The leaf opens, the last person's count is the end, and it shuts once the sweep is clear for the dwell."""
    rig = LeafRig()
    assert rig.open() == []
    assert rig.core.outputs == w.MOTOR_OPEN_A
    rig.wait(600)
    assert (rig.core.state, rig.core.outputs) == (OPEN, 0)
    rig.beam(True)
    rig.wait(400)
    assert rig.through() == [("passed", 1), ("closed", 1)]
    rig.wait(200)
    assert rig.core.outputs == 0
    rig.beam(False)
    rig.wait(295)
    assert rig.core.outputs == 0
    rig.wait(20)
    assert rig.core.outputs == w.MOTOR_SHUT
    rig.wait(600)
    assert (rig.core.state, rig.core.outputs, rig.place) == (SHUT, 0, 0)


def test_next_guest_opens_while_the_leaf_closes() -> None:
    """It reverses at once, and is not an obstacle."""
    rig = LeafRig()
    rig.open()
    rig.wait(600)
    rig.through()
    rig.wait(200)
    assert rig.core.state == CLOSING
    assert rig.core.can_open(w.ENTRY)
    assert rig.open() == []
    assert (rig.core.state, rig.core.outputs) == (OPENING, w.MOTOR_OPEN_A)


def test_next_guest_opens_before_the_leaf_began_to_close() -> None:
    """It stays open."""
    rig = LeafRig()
    rig.open()
    rig.wait(600)
    rig.beam(True)
    rig.wait(100)
    rig.through()
    rig.open()
    rig.beam(False)
    rig.wait(1000)
    assert rig.outputs[-2:] == [w.MOTOR_OPEN_A, 0]
    assert rig.core.state == OPEN


def test_batch_counts_each_and_the_rest_stays_owed() -> None:
    """Two of three came; the leaf shuts at the time-out after the second."""
    rig = LeafRig()
    rig.open(3)
    rig.wait(600)
    assert rig.through() == [("passed", 1)]
    rig.wait(600)
    assert rig.through() == [("passed", 2)]
    assert rig.wait(6100) == [("closed", 2)]
    assert rig.core.state == SHUT


def test_leaf_reverses_for_a_person() -> None:
    """An obstacle while it closes: open again at once, told, shut when the way is clear."""
    rig = LeafRig()
    rig.open()
    rig.wait(600)
    rig.through()
    rig.wait(300)
    assert rig.core.outputs == w.MOTOR_SHUT
    rig.beam(True)
    assert rig.wait(100) == [("incident", w.PINCH)]
    assert rig.core.outputs == w.MOTOR_OPEN_A
    rig.wait(3000)
    assert rig.core.outputs == 0
    rig.beam(False)
    rig.wait(1000)
    assert rig.core.state == SHUT


def test_who_stands_in_the_sweep_is_told_once() -> None:
    """And the leaf waits."""
    rig = LeafRig()
    rig.open()
    rig.wait(600)
    rig.beam(True)
    events = rig.wait(30000)
    assert events.count(("incident", w.LOITERING)) == 1
    assert ("closed", 0) in events
    assert rig.core.outputs == 0
    assert rig.place == 1000


def test_stall_while_closing_reverses_and_latches_after_its_retries() -> None:
    """Three retries; then no motor until the reset, and a person at the fault can push."""
    rig = LeafRig()
    rig.open()
    rig.wait(600)
    rig.through()
    rig.blocked_at = 500
    events = rig.wait(6000)
    assert events == [("incident", w.STALLED_ONCE)] * 4 + [("fault", w.STALLED)]
    assert (rig.core.state, rig.core.outputs) == (FAULTED, 0)
    assert not rig.core.can_open(w.ENTRY)
    rig.blocked_at = None
    rig.wait(50)
    assert rig.core.reset(rig.now) == [("clear", w.STALLED)]
    rig.wait(1000)
    assert rig.core.state == SHUT


def test_retry_of_a_stalled_leaf_gives_time_to_go() -> None:
    """Who stopped it is seen by no beam: it reverses, stands for the dwell, and only then shuts again."""
    rig = LeafRig()
    rig.open()
    rig.wait(600)
    rig.through()
    rig.blocked_at = 500
    while rig.core.state != "reversing":
        rig.wait(5)
    assert rig.core.outputs == w.MOTOR_OPEN_A
    rig.wait(200)
    assert rig.core.outputs == 0
    rig.wait(295)
    assert rig.core.outputs == 0
    rig.wait(10)
    assert rig.core.outputs == w.MOTOR_SHUT


def test_a_full_closing_gives_the_retries_back() -> None:
    """Two stalls today and two tomorrow are no four in a row."""
    rig = LeafRig()
    for _ in range(5):
        rig.open()
        rig.wait(600)
        rig.through()
        rig.blocked_at = 500
        events = rig.wait(900)
        while events.count(("incident", w.STALLED_ONCE)) < 3:
            events += rig.wait(5)
        rig.blocked_at = None
        assert [event for event in rig.wait(2000) if event[0] == "fault"] == []
        assert rig.core.state == SHUT


def test_stall_while_opening_rests_and_tries_again() -> None:
    """Somebody leans against it; the opening goes on."""
    rig = LeafRig()
    rig.open()
    rig.blocked_at = 200
    events = rig.wait(300)
    assert ("incident", w.STALLED_ONCE) in events
    rig.blocked_at = None
    rig.wait(1200)
    assert rig.core.state == OPEN
    assert rig.through() == [("passed", 1), ("closed", 1)]


def test_leaf_that_never_arrives_is_a_limit_fault() -> None:
    """A limit switch that is broken, or a belt."""
    rig = LeafRig()
    rig.open()
    rig.profile["travel_ms"] = 100000
    assert rig.wait(1600) == [("fault", w.LIMIT_FAULT), ("closed", 0)]
    assert rig.core.outputs == 0


def test_both_limits_at_once_are_a_fault_until_they_part() -> None:
    """The reset is refused while they lie."""
    rig = LeafRig()
    rig.word |= w.LIMIT_OPEN_A
    assert rig.wait(30) == [("fault", w.LIMIT_FAULT)]
    assert rig.core.reset(rig.now) == [("reset_refused", w.LIMIT_FAULT)]
    rig.word &= ~w.LIMIT_OPEN_A
    rig.wait(30)
    assert rig.core.reset(rig.now) == [("clear", w.LIMIT_FAULT)]
    rig.wait(30)
    assert rig.core.state == SHUT


def test_persons_beyond_the_opening() -> None:
    """Behind an authorised one: tailgating. Against it: reverse. Long after the leaf was shut: forced."""
    rig = LeafRig()
    rig.open()
    rig.wait(600)
    rig.through()
    assert rig.through() == [("incident", w.TAILGATING)]
    assert rig.through(w.EXIT) == [("incident", w.REVERSE)]
    rig.wait(900)
    assert rig.core.state == SHUT
    assert rig.through() == [("incident", w.TAILGATING)]
    rig.wait(2000)
    assert rig.through() == [("incident", w.FORCED)]
    assert rig.core.counts == [4, 1]


def test_crawling_and_turning_back_are_told() -> None:
    """Who crawls is counted; who goes back leaves the opening open."""
    rig = LeafRig()
    rig.open()
    rig.wait(600)
    assert rig.through(told="back") == [("incident", w.TURNED_BACK)]
    assert rig.through(told="crawl") == [("incident", w.CRAWLING), ("passed", 1), ("closed", 1)]
    rig.wait(3000)
    assert rig.through(told="back") == []
    assert rig.through(told="crawl") == [("incident", w.CRAWLING), ("incident", w.FORCED)]


def test_swing_opens_away_from_the_person() -> None:
    """Side A for who goes in, side B for who goes out; between them it shuts."""
    rig = LeafRig("swing")
    rig.open()
    rig.wait(600)
    assert rig.place == 1000
    rig.through()
    rig.open(direction=w.EXIT)
    rig.wait(2000)
    assert rig.place == -1000
    assert rig.through(w.EXIT) == [("passed", 1), ("closed", 1)]
    assert [word for word in rig.outputs if word] == [w.MOTOR_OPEN_A, w.MOTOR_SHUT, w.MOTOR_OPEN_B]


def test_swing_does_not_change_sides_through_a_person() -> None:
    """Somebody stands in the sweep: the leaf stays where it is."""
    rig = LeafRig("swing")
    rig.open()
    rig.wait(600)
    rig.beam(True)
    rig.wait(100)
    rig.through()
    rig.open(direction=w.EXIT)
    rig.wait(3000)
    assert rig.place == 1000


@pytest.mark.parametrize("kind", ["flap", "swing"])
def test_fire_opens_and_keeps_open(kind: str) -> None:
    """From shut, within 100 ms; persons are counted; afterwards it shuts when the way is clear."""
    rig = LeafRig(kind)
    rig.word |= w.FIRE
    assert rig.wait(95) == [("fault", w.ON_FIRE)]
    assert rig.core.outputs & (w.MOTOR_OPEN_A | w.MOTOR_OPEN_B)
    rig.wait(1000)
    assert rig.core.state == OPEN
    assert rig.through(w.EXIT) == [("counted", w.EXIT)]
    with pytest.raises(ValueError, match="cannot open"):
        rig.open()
    rig.word &= ~w.FIRE
    assert rig.wait(1500) == [("clear", w.ON_FIRE)]
    assert rig.core.state == SHUT


def test_fire_overrides_a_latched_fault() -> None:
    """The motor tries, rests, tries again, for as long as it burns; the fault stays."""
    rig = LeafRig()
    rig.blocked_at = 0
    rig.open()
    events = rig.wait(6000)
    assert ("fault", w.STALLED) in events
    rig.word |= w.FIRE
    rig.wait(3000)
    rig.blocked_at = None
    rig.wait(1500)
    assert rig.place == 1000
    rig.word &= ~w.FIRE
    rig.wait(100)
    assert (rig.core.state, rig.core.outputs) == (FAULTED, 0)


def test_fire_waits_for_no_rest_that_was_begun_before_it() -> None:
    """A motor that has just stalled tries again at once."""
    rig = LeafRig(reverse_ms=5000)
    rig.open()
    rig.blocked_at = 200
    rig.wait(500)
    assert (rig.core.state, rig.core.outputs) == ("rest", 0)
    rig.blocked_at = None
    rig.word |= w.FIRE
    rig.wait(20)
    assert rig.core.outputs == w.MOTOR_OPEN_A


def test_who_leaves_a_free_flow_late_is_not_accused() -> None:
    """For as long as somebody may still be on the way."""
    rig = LeafRig()
    rig.core.mode(rig.now, w.FREE, "both", 1)
    rig.wait(600)
    rig.core.mode(rig.now, w.NORMAL, "both", 1)
    rig.wait(900)
    assert rig.through() == [("counted", w.ENTRY)]
    rig.wait(1200)
    assert rig.through() == [("incident", w.FORCED)]


def test_power_loss_lets_springs_open() -> None:
    """No motor is driven; afterwards the leaf finds its way shut."""
    rig = LeafRig()
    rig.open()
    rig.wait(200)
    rig.word |= w.POWER_LOST
    assert rig.wait(95) == [("fault", w.NO_POWER), ("closed", 0)]
    assert (rig.core.state, rig.core.outputs) == (LIMP, 0)
    rig.place = 1000
    rig.word &= ~w.POWER_LOST
    assert rig.wait(1500) == [("clear", w.NO_POWER)]
    assert rig.core.state == SHUT


def test_power_loss_with_a_supply_that_lasts_drives_open() -> None:
    """The leaf has no springs, so its battery opens it."""
    rig = LeafRig(free_on_power_loss="ups")
    rig.word |= w.POWER_LOST
    rig.wait(1000)
    assert rig.core.state == OPEN


def test_leaf_found_open_at_the_start_shuts() -> None:
    """Nobody opened it; who comes through it forced it."""
    rig = LeafRig()
    rig.place = 700
    rig.wait(20)
    assert rig.core.state in (AJAR, CLOSING)
    assert rig.through() == [("incident", w.FORCED)]
    rig.wait(1500)
    assert rig.core.state == SHUT


def test_weather_is_reported_and_clears_itself() -> None:
    """A lane whose sweep beam is covered stays open, and opens for guests."""
    rig = LeafRig()
    rig.counter.weather = w.BEAM[4]
    rig.beam(True)
    assert rig.wait(10) == [("fault", w.BEAM_WEATHER)]
    assert rig.core.can_open(w.ENTRY)
    rig.open()
    rig.wait(600)
    rig.through()
    rig.wait(3000)
    assert rig.place == 1000
    rig.counter.weather = 0
    rig.beam(False)
    assert rig.wait(1500)[-1] == ("clear", w.BEAM_WEATHER)
    assert rig.core.state == SHUT


def test_drain_shuts_and_counts() -> None:
    """Both ways, for the time-out; one end."""
    rig = LeafRig()
    rig.open()
    rig.wait(600)
    rig.core.drain(rig.now)
    rig.wait(600)
    assert rig.core.state == SHUT
    assert rig.through() == [("passed", 1)]
    assert rig.wait(6000) == [("closed", 1)]


def test_free_flow_keeps_the_leaf_open() -> None:
    """Counted each, until the mode ends."""
    rig = LeafRig()
    rig.core.mode(rig.now, w.FREE, "both", 1)
    rig.wait(600)
    assert rig.through(w.EXIT) == [("counted", w.EXIT)]
    rig.wait(60000)
    assert rig.core.state == OPEN
    rig.core.mode(rig.now, w.NORMAL, "both", 1)
    rig.wait(1200)
    assert rig.core.state == SHUT
