# SPDX-License-Identifier: Apache-2.0
"""Leaves, arms and a maker's controller as they behave on a bench: travel, limits, stall, locks, contacts."""

from random import Random
from typing import Any

import pytest

from pistegate_edge.lane.core import words
from pistegate_simulators.lane.arms import Arms
from pistegate_simulators.lane.kinds import draw
from pistegate_simulators.lane.leaf import Leaf
from pistegate_simulators.lane.maker import MakersController
from pistegate_simulators.lane.people import Does, Person

STEP = 5
MECHANICS = {"arm_turn_ms": 600, "lane_width_mm": 600, "leaf_mm": 300, "pass_ms": 60}


def profile(kind: str, drive: str = "own", **more: Any) -> dict[str, Any]:
    """What mechanics read."""
    return {"kind": kind, "drive": drive, "travel_ms": 500, "mechanics": MECHANICS, **more}


def somebody(u: float, direction: int = 1, kind: str = "adult") -> Person:
    """Standing at u."""
    body = draw(kind, Random(1))
    person = Person(1, body, direction, u, 1000)
    person.flesh = body.flesh(250, 1000)
    return person


def drive(leaf: Leaf, outputs: int, ms: int, people: list[Person], power: bool = True, since: int = 0) -> None:
    """So many ms of these outputs."""
    for now in range(since, since + ms, STEP):
        leaf.move(now, STEP, outputs, power, people)


@pytest.mark.parametrize("kind", ["flap", "swing"])
def test_a_leaf_takes_its_travel_time(kind: str) -> None:
    """Between both limits no limit switch is closed; after the travel time the other one is."""
    leaf = Leaf(profile(kind))
    assert leaf.inputs == words.LIMIT_SHUT
    drive(leaf, words.MOTOR_OPEN_A, 250, [])
    assert leaf.inputs == 0
    drive(leaf, words.MOTOR_OPEN_A, 320, [], since=250)
    assert leaf.inputs == words.LIMIT_OPEN_A


def test_a_swing_opens_both_ways_and_a_flap_one() -> None:
    """Motor B: a swing's tip goes to the other side, a flap just opens."""
    swing, flap = Leaf(profile("swing")), Leaf(profile("flap"))
    for leaf in (swing, flap):
        drive(leaf, words.MOTOR_OPEN_B, 600, [])
    assert (swing.position, swing.inputs) == (-1.0, words.LIMIT_OPEN_B)
    assert (flap.position, flap.inputs) == (1.0, words.LIMIT_OPEN_A)


@pytest.mark.parametrize("kind", ["flap", "swing"])
def test_a_leaf_driven_shut_on_a_body_stalls_and_is_seen(kind: str) -> None:
    """The leaf stops at the person; over-current comes; the touch is noted as driven shut for as long as it lasted."""
    leaf = Leaf(profile(kind))
    drive(leaf, words.MOTOR_OPEN_A, 600, [])
    person = somebody(0)
    drive(leaf, words.MOTOR_SHUT, 600, [person], since=600)
    assert leaf.position > 0.1
    assert leaf.inputs & words.STALL
    (touch,) = leaf.touches
    assert touch.closing
    assert touch.driven_ms > 200


def test_a_leaf_shuts_behind_somebody_who_is_through() -> None:
    """Nobody in the way: nothing is touched."""
    leaf = Leaf(profile("flap"))
    drive(leaf, words.MOTOR_OPEN_A, 600, [])
    drive(leaf, words.MOTOR_SHUT, 600, [somebody(600)], since=600)
    assert leaf.inputs == words.LIMIT_SHUT
    assert not leaf.touches


def test_nobody_walks_through_a_shut_leaf() -> None:
    """The wall is the leaf; open, there is none."""
    leaf, person = Leaf(profile("flap")), somebody(-300)
    assert -300 <= leaf.wall(person) < 0
    drive(leaf, words.MOTOR_OPEN_A, 600, [])
    assert leaf.wall(person) > 1000


def test_a_leaf_without_power_stands_or_springs_open() -> None:
    """With springs it opens; with neither springs nor UPS it stays; with a UPS the motor goes on."""
    stays, springs = Leaf(profile("flap")), Leaf(profile("flap", free_on_power_loss="spring"))
    ups = Leaf(profile("flap", free_on_power_loss="ups"))
    for leaf in (stays, springs):
        drive(leaf, words.MOTOR_SHUT, 1500, [], power=False)
    drive(ups, words.MOTOR_OPEN_A, 600, [], power=False)
    assert [leaf.position for leaf in (stays, springs, ups)] == [0.0, 1.0, 1.0]


def turn(arms: Arms, person: Person, ms: int = 3000) -> list[int]:
    """Sensor words, each once, while a person walks on as far as the arm lets it."""
    seen: list[int] = []
    for _ in range(0, ms, STEP):
        person.walk(STEP, min(1000.0, arms.speed(person)), person.u + 10_000, arms.wall(person))
        arms.move(STEP, True, [person])
        if not seen or seen[-1] != arms.inputs:
            seen.append(arms.inputs)
    return seen


HOME, A, B = words.ARM_HOME, words.ARM_A, words.ARM_B


@pytest.mark.parametrize(("direction", "first", "second"), [(1, A, B), (-1, B, A)])
def test_a_turn_in_and_a_turn_out_mirror_each_other(direction: int, first: int, second: int) -> None:
    """Quadrature: the leading sensor tells the direction; one whole turn is one person."""
    arms = Arms(profile("tripod"))
    arms.free = [True, True]
    seen = turn(arms, somebody(-400, direction))
    assert seen == [HOME, 0, first, A | B, second, 0, HOME]
    assert arms.turned == ([1, 0] if direction == 1 else [0, 1])


def test_a_locked_arm_gives_only_its_play() -> None:
    """Who pushes a locked arm stays outside; who forces it comes through, and the sensors say so."""
    arms, guest = Arms(profile("tripod")), somebody(-400)
    assert turn(arms, guest) == [HOME]
    assert arms.turned == [0, 0]
    assert guest.rear < 0
    arms, brute = Arms(profile("tripod")), somebody(-400)
    brute.does = Does.FORCES
    turn(arms, brute)
    assert arms.turned == [1, 0]


def test_the_lock_catches_only_at_home() -> None:
    """Locked in the middle of a turn, the arm still finishes it."""
    arms, guest = Arms(profile("tripod")), somebody(-200)
    arms.free = [True, False]
    turn(arms, guest, 400)
    assert arms.angle > 10
    arms.free = [False, False]
    turn(arms, guest)
    assert arms.turned == [1, 0]


def test_a_crawler_needs_no_arm() -> None:
    """Under the arm there is room."""
    arms, crawler = Arms(profile("tripod")), somebody(-400, kind="crawler")
    assert turn(arms, crawler) == [HOME]
    assert crawler.rear > 500


def test_an_arm_without_its_magnet_drops_and_is_lifted_by_hand() -> None:
    """Dropped: nobody across the way, no sensor; the attendant lifts it when the magnet holds again."""
    arms, guest = Arms(profile("tripod")), somebody(-400)
    for _ in range(0, 500, STEP):
        arms.move(STEP, False, [])
    assert (arms.down, arms.inputs) == (True, 0)
    for _ in range(0, 3000, STEP):
        guest.walk(STEP, 1000, guest.u + 10_000, arms.wall(guest))
    assert guest.rear > 500
    for _ in range(0, 3100, STEP):
        arms.move(STEP, True, [])
    assert arms.inputs == HOME


def pushed(controller: MakersController, unlock: list[tuple[int, int]], ms: int, person: Person) -> list[int]:
    """Times (ms) at which PASS A closed; `unlock` are (from, until) of the unlock contact."""
    arms, edges, before = controller.mechanism, [], 0
    assert isinstance(arms, Arms)
    for now in range(0, ms, STEP):
        outputs = words.UNLOCK_A if any(begin <= now < end for begin, end in unlock) else 0
        person.walk(STEP, min(1000.0, arms.speed(person)), person.u + 10_000, arms.wall(person))
        controller.move(now, STEP, outputs, True, [person])
        if controller.inputs & words.PASS_A and not before:
            edges.append(now)
        before = controller.inputs & words.PASS_A
    return edges


def made(drive: str, **mechanics: int) -> MakersController:
    """A tripod with a maker's controller."""
    chosen = profile("tripod", drive)
    chosen["mechanics"] = {**MECHANICS, **mechanics}
    return MakersController(chosen, Arms(chosen))


def test_a_pulse_gives_one_passage() -> None:
    """One pulse of 200 ms, one PASS; a pulse too short gives none."""
    assert len(pushed(made("pulse"), [(100, 300)], 4000, somebody(-500))) == 1
    assert pushed(made("pulse"), [(100, 150)], 4000, somebody(-500)) == []


def test_a_pulse_is_over_after_the_controllers_own_time_out() -> None:
    """Who comes later stands before a locked arm."""
    late = somebody(-3000)
    assert pushed(made("pulse", controller_timeout_ms=1000), [(100, 300)], 6000, late) == []


def test_level_holds_the_arm_free_as_long_as_the_contact() -> None:
    """Held for three seconds: who comes within them passes; released, the arm is locked."""
    assert len(pushed(made("level"), [(100, 3000)], 5000, somebody(-2000))) == 1
    assert pushed(made("level"), [(100, 600)], 5000, somebody(-2000)) == []


def test_without_power_a_controller_is_not_ready() -> None:
    """And its contacts rest."""
    controller = made("pulse")
    controller.move(0, STEP, words.UNLOCK_A, False, [])
    assert controller.inputs == words.NOT_READY


def test_a_makers_flap_opens_and_answers() -> None:
    """Pulse, leaf open, person through, PASS, leaf shut; the maker's sensors keep the leaf off the body."""
    chosen = profile("flap", "pulse")
    controller, person = MakersController(chosen, Leaf(chosen)), somebody(-700)
    leaf, passed = controller.mechanism, 0
    assert isinstance(leaf, Leaf)
    for now in range(0, 5000, STEP):
        person.walk(STEP, 1000, person.u + 10_000, leaf.wall(person))
        controller.move(now, STEP, words.UNLOCK_A if 100 <= now < 300 else 0, True, [person])
        passed += bool(controller.inputs & words.PASS_A)
    assert passed * STEP == 60
    assert (leaf.position, leaf.touches) == (0.0, [])
