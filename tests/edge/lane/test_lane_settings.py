# SPDX-License-Identifier: Apache-2.0
"""The [lane] section: profile and board by name, a site's changes, the keys of release 0.1; mistakes with paths."""

from typing import Any

import pytest

from pistegate_edge.lane.core import words as w
from pistegate_edge.lane.settings import LaneSettings, lane_settings

OLD = {"kind": "tripod_pulse", "unlock_pin": 17, "pass_pin": 27, "pulse_ms": 300, "timeout_ms": 8000}


def taken(section: dict[str, Any], way: str = w.ENTRY) -> LaneSettings:
    """It must be sound."""
    problems: list[str] = []
    found = lane_settings(section, problems, way)
    assert problems == []
    assert found is not None
    return found


def refused(section: object, way: str = w.ENTRY) -> list[str]:
    """It must not be."""
    problems: list[str] = []
    assert lane_settings(section, problems, way) is None
    assert problems
    return problems


def test_keys_of_the_first_release_still_hold() -> None:
    """Two pins, two times; the rest is what that release did."""
    lane = taken(OLD)
    assert {signal: use.pin for signal, use in lane.pins.items()} == {"unlock_a": 17, "pass_a": 27}
    assert (lane.profile["pulse_ms"], lane.profile["timeout_ms"], lane.port) == (300, 8000, None)
    assert lane.users == {17: "lane.unlock_pin", 27: "lane.pass_pin"}


def test_keys_of_the_first_release_at_an_exit() -> None:
    """The same pins lead out."""
    lane = taken(OLD, w.EXIT)
    assert {signal: use.pin for signal, use in lane.pins.items()} == {"unlock_b": 17, "pass_b": 27}
    assert lane.profile["directions"] == [w.EXIT]


def test_profile_and_board_by_name_with_what_a_site_changes() -> None:
    """Single pins, single times, what is not wired."""
    lane = taken(
        {
            "profile": "flap_level",
            "board": "pi5",
            "unwired": ["alarm"],
            "pins": {"pass_a": 8, "key_one": {"pin": 9}},
            "times": {"timeout_ms": 8000, "ready_ms": 60},
        }
    )
    assert (lane.pins["pass_a"].pin, lane.pins["pass_a"].active, lane.pins["key_one"].pin) == (8, "low", 9)
    assert "alarm" not in lane.pins
    assert (lane.profile["timeout_ms"], lane.profile["ready_ms"], lane.board.title) == (8000, 60, "Raspberry Pi 5")


def test_lane_board_has_a_port_and_takes_no_pins_of_the_computer() -> None:
    """Lamps and buzzer may have any pin of the Pi."""
    lane = taken({"profile": "swing_own", "port": "/dev/ttyACM0"})
    assert (lane.port, lane.board.title, lane.users) == ("/dev/ttyACM0", "Raspberry Pi Pico", {})


def test_built_in_profiles_are_not_changed_by_a_site() -> None:
    """Each gate reads its own."""
    taken({"profile": "tripod_pulse", "times": {"pulse_ms": 500}})
    assert taken({"profile": "tripod_pulse"}).profile["pulse_ms"] == 200


@pytest.mark.parametrize(
    ("section", "told"),
    [
        (None, "[lane] is missing: add the section"),
        ({}, "lane.profile is missing: add it under [lane]"),
        (OLD | {"kind": "flap"}, "lane.kind = 'flap': write"),
        (OLD | {"unlock_pin": 99}, "lane.unlock_pin = 99: write a whole number from 0 to 27"),
        (OLD | {"unlock_pin": 14}, "lane.unlock_pin = 14: this pin is for reader"),
        (OLD | {"unlock_pin": 8}, "lane.unlock_pin = 8: pulled up at reset"),
        (OLD | {"pass_pin": 17}, "lane.pass_pin = 17: lane.unlock_pin uses this pin already"),
        (OLD | {"pulse_ms": 50}, "lane.pulse_ms = 50: write a whole number from 100 to 2000"),
        (OLD | {"pulse_ms": "200"}, "lane.pulse_ms = '200': write a whole number"),
        (OLD | {"pulse_ms": 900, "timeout_ms": 500}, "lane.pulse_ms must be shorter than timeout_ms"),
        (OLD | {"pass_pinn": 3}, "lane.pass_pinn is unknown: did you mean lane.pass_pin?"),
        ({"profile": "nope"}, "lane: nope: there is no such file; built in are flap_level"),
        ({"profile": "flap_pulse", "board": "pi3"}, "lane: pi3: there is no such file; built in are pi4"),
        (
            {"profile": "flap_pulse", "board": "pico"},
            "lane.board: Raspberry Pi Pico has no pin map for controller lanes",
        ),
        ({"profile": "flap_pulse", "board": 5}, "lane.board = 5: write a text in quotes"),
        ({"profile": "flap_pulse", "unlock_pin": 5}, "lane.unlock_pin is of release 0.1 and not read beside profile"),
        ({"profile": "flap_pulse", "port": "/dev/ttyACM0"}, "lane.port is for lane boards"),
        ({"profile": "flap_own"}, "lane.port is missing: this lane is driven by a lane board"),
        (
            {"profile": "flap_own", "port": "/dev/x", "unwired": ["fire"]},
            "lane.pins and lane.unwired are for pins of this",
        ),
        (
            {"profile": "flap_pulse", "pins": {"pas_a": 3}},
            "lane.pins: 'pas_a' is no signal of this board's pin map: did you",
        ),
        ({"profile": "flap_pulse", "pins": {"pass_a": 17}}, "lane.pass_a = 17: lane.unlock_a uses this pin already"),
        ({"profile": "flap_pulse", "pins": {"pass_a": "x"}}, "lane.pins.pass_a: Expected `int`"),
        ({"profile": "flap_pulse", "pins": [3]}, "lane.pins is a table and lane.unwired a list"),
        ({"profile": "flap_pulse", "unwired": ["pass_a"]}, "lane.pass_a has no pin: this lane needs it"),
        ({"profile": "flap_pulse", "unwired": ["not_ready"], "times": {"ready_ms": 60}}, "lane.not_ready has no pin"),
        ({"profile": "flap_pulse", "times": {"puls_ms": 1}}, "lane.times.puls_ms is unknown: did you mean pulse_ms?"),
        ({"profile": "flap_pulse", "times": {"pulse_ms": 1}}, "lane.pulse_ms = 1: write a whole number from 100"),
        ({"profile": "flap_pulse", "times": 3}, "lane.times is a table"),
        (
            {"profile": "flap_pulse", "directions": ["exit"]},
            "lane.directions = ['exit']: this gate leads the other way",
        ),
        ({"profile": "flap_pulse", "directions": "entry"}, "lane.directions is 'entry': write"),
    ],
)
def test_wrong_lane_is_named_with_its_path_and_remedy(section: object, told: str) -> None:
    """One mistake, one line."""
    (problem,) = refused(section)
    assert problem.startswith(told)


def test_every_mistake_is_told_at_once() -> None:
    """Old keys or new."""
    assert len(refused({"kind": "flap", "unlock_pin": 8, "pass_pin": 99, "pulse_ms": 50, "x": 1})) == 5
    assert len(refused({"profile": "flap_pulse", "unwired": ["pass_a", "y"], "times": {"gap_ms": 1}, "x": 1})) == 4


def test_check_tells_every_pin_and_what_is_not_wired() -> None:
    """A technician can hold it against the terminals."""
    told = taken(OLD).told()
    assert told[:3] == [
        "lane: Tripod, maker's controller, pulse (tripod_pulse), entry, on Raspberry Pi 4 Model B",
        "lane: unlock_a = 17 (header 11), relay, Unlock A",
        "lane: pass_a = 27 (header 13), optocoupler, PASS A, open at rest",
    ]
    assert [line.split(":")[1].split(";")[0] for line in told[3:]] == [
        " no fire input",
        " no Ready input",
        " no reset button",
    ]
    assert len(taken({"profile": "tripod_level"}).told()) == 1 + 12
    assert "at /dev/ttyACM0" in taken({"profile": "tripod_own", "port": "/dev/ttyACM0"}).told()[0]
