# SPDX-License-Identifier: Apache-2.0
"""Lane profiles and pin maps: all that is wrong is told at once, with what to do; each rule has its planted fault."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from pistegate_edge.errors import ConfigError
from pistegate_edge.lane.core import words as w
from pistegate_edge.lane.core.lanes import open_lane
from pistegate_edge.lane.pinmap import INPUTS, OUTPUTS, Board, PinUse
from pistegate_edge.lane.profiles import (
    board_document,
    check_board,
    check_lane,
    check_profile,
    load_board,
    load_lane,
    names,
)

LANES, BOARDS = names("lanes"), names("boards")
OUT = {"pin": 16, "direction": "out", "active": "high", "through": "relay", "contact": "open", "to": "Stop"}
IN = {"pin": 27, "direction": "in", "active": "low", "pull": "up", "through": "optocoupler", "to": "PASS A"}


def board_for(profile: dict[str, Any]) -> Board:
    """A board that is made for it."""
    return load_board("pico" if profile["drive"] == "own" else "pi4")


def board_with(signal: str, **fields: Any) -> Board:
    """The Pi's board with one signal changed."""
    board = load_board("pi4")
    return replace(board, controller=board.controller | {signal: replace(board.controller[signal], **fields)})


@pytest.mark.parametrize("name", LANES)
def test_built_in_lane_is_sound_and_the_core_takes_it(name: str) -> None:
    """By itself, and on a board; every lane kind and drive of the design is there."""
    profile = load_lane(name)
    assert check_lane(profile, board_for(profile)) == []
    assert open_lane(profile).outputs & w.CLOSING == 0


def test_every_lane_kind_is_built_in() -> None:
    """Seven lanes on three boards."""
    assert LANES == ["flap_level", "flap_own", "flap_pulse", "swing_own", "tripod_level", "tripod_own", "tripod_pulse"]
    assert BOARDS == ["pi4", "pi5", "pico"]


@pytest.mark.parametrize("name", BOARDS)
def test_built_in_board_is_sound(name: str) -> None:
    """No pin twice, nothing on at reset, guards closed at rest."""
    assert check_board(load_board(name)) == []


@pytest.mark.parametrize(
    ("signal", "fields", "told"),
    [
        (
            "unlock_b",
            {"pin": 17},
            "controller.unlock_b = 17: controller.unlock_a uses this pin already; give each its own",
        ),
        ("alarm", {"pin": 22}, "signals.green = 22: controller.alarm uses this pin already"),
        ("pass_a", {"pin": 15}, "controller.pass_a = 15: this pin is for reader: PN532 TXD (UART); take another one"),
        ("pass_a", {"pin": 2}, "controller.pass_a = 2: this pin is for I2C"),
        (
            "pass_a",
            {"pin": 28},
            "controller.pass_a = 28: Raspberry Pi 4 Model B has no such pin; write one from 0 to 27",
        ),
        (
            "unlock_a",
            {"pin": 8},
            "controller.unlock_a = 8: pulled up at reset, so it is on until the software runs; take one",
        ),
        (
            "unlock_a",
            {"active": "low"},
            "controller.unlock_a = 17: pulled down at reset, so it is on until the software runs",
        ),
        ("unlock_a", {"contact": "closed"}, "controller.unlock_a: lost power must do nothing; wire its open contact"),
        (
            "unlock_a",
            {"through": "direct", "contact": None},
            'controller.unlock_a: a pin bears some mA and no 24 V; put a "relay"',
        ),
        ("unlock_a", {"pull": "up"}, "controller.unlock_a: pull is for inputs; remove it"),
        ("unlock_a", {"through": "mosfet"}, "controller.unlock_a: contact is for relays; remove it"),
        ("pass_a", {"pull": None}, "controller.pass_a: an input without pull floats when its wire breaks; write pull"),
        (
            "pass_a",
            {"active": "high"},
            "controller.pass_a: a broken wire or lost power would read as PASS_A; take the contact",
        ),
        ("fire", {"active": "low"}, "controller.fire: a broken wire would read as all well; wire it closed at rest"),
        ("not_ready", {"pull": "down"}, "controller.not_ready: a broken wire would read as all well"),
        ("pass_a", {"through": "relay"}, 'controller.pass_a: an input comes through an "optocoupler"'),
        ("pass_a", {"contact": "open"}, "controller.pass_a: contact is for outputs through relays"),
    ],
)
def test_unsafe_pin_is_told_with_its_remedy(signal: str, fields: dict[str, Any], told: str) -> None:
    """One fault, one line."""
    (problem,) = check_board(board_with(signal, **fields))
    assert problem.startswith(told)


def test_signal_that_does_not_exist_is_named() -> None:
    """With the one that was meant; so is a wrong direction."""
    board = load_board("pi4")
    use = replace(board.controller["pass_a"], pin=9)
    (problem,) = check_board(replace(board, controller=board.controller | {"pas_a": use}))
    assert problem == "controller.pas_a is no signal: did you mean pass_a?"
    wrong = PinUse(**(OUT | {"pin": 9}))  # type: ignore[arg-type]
    (problem,) = check_board(replace(board, controller=board.controller | {"beam_0": wrong}))
    assert problem == 'controller.beam_0: direction is "out", this signal is an input; write "in"'


def test_every_problem_is_told_at_once() -> None:
    """A technician sees the whole list the first time."""
    board = load_board("pi4")
    controller = board.controller | {
        "unlock_a": replace(board.controller["unlock_a"], pin=0),
        "fire": replace(board.controller["fire"], pin=14, active="low"),
    }
    told = check_board(replace(board, controller=controller))
    assert [problem.split(":")[0] for problem in told] == [
        "controller.unlock_a = 0",
        "controller.unlock_a = 0",
        "controller.fire = 14",
        "controller.fire",
    ]


@pytest.mark.parametrize(
    ("name", "changes", "told"),
    [
        ("tripod_pulse", {"pulse_ms": 90}, "pulse_ms = 90: write a whole number from 100 to 2000"),
        ("tripod_pulse", {"gap_ms": 50}, "gap_ms = 50: write a whole number from 100"),
        ("tripod_pulse", {"pulse_ms": True}, "pulse_ms = True: write a whole number"),
        (
            "tripod_pulse",
            {"pulse_ms": 600, "timeout_ms": 500},
            "pulse_ms must be shorter than timeout_ms, it is 600 against 500",
        ),
        ("tripod_pulse", {"lease_ms_max": 60_000}, "lease_ms_max = 60000: write a whole number from 500 to 10000"),
        ("tripod_pulse", {"debounce_ms": 90}, "debounce_ms = 90: write a whole number from 5 to 60"),
        ("tripod_pulse", {"travel_ms": 500}, "travel_ms is unknown to a tripod with drive pulse: "),
        ("tripod_level", {"pulse_ms": 200}, "pulse_ms is unknown to a tripod with drive level"),
        ("tripod_pulse", {"kind": "tripot"}, "kind is 'tripot': write 'tripod' or 'flap' or 'swing'"),
        ("tripod_pulse", {"drive": "puls"}, "drive is 'puls': write"),
        ("tripod_pulse", {"directions": ["in"]}, "directions is ['in']: write"),
        ("tripod_pulse", {"key_direction": "in"}, "key_direction is 'in':"),
        ("tripod_own", {"free_on_power_loss": "ups"}, "free_on_power_loss is 'ups': a tripod has 'arm_drop'"),
        ("flap_own", {"travel_ms": 1500}, "travel_ms must be shorter than travel_max_ms, it is 1500 against 1500"),
        ("flap_own", {"loiter_ms": 30_000}, "loiter_ms must be shorter than weather_ms"),
        ("flap_own", {"lost_ms": -1}, "lost_ms = -1: write"),
        ("flap_own", {"escape": "in"}, "escape is 'in': the way that leaves open on fire"),
        ("tripod_own", {"doubts": 0}, "doubts = 0: write a whole number from 1"),
        ("tripod_own", {"lost_ms": 5}, "lost_ms is unknown to a tripod with drive own"),
        ("flap_own", {"sweep": [12]}, "sweep: write the numbers (0 to 11)"),
        ("flap_own", {"sweep": []}, "sweep: write the numbers"),
        ("flap_own", {"beams": [[1, 750]] * 13}, "beams: write 2 to 12 pairs"),
        ("flap_own", {"beams": [[60, 750], [180, 750]], "sweep": [0]}, "beams: none on one side of the leaf"),
        ("flap_own", {"beams": [[-60, 750], [60, 750], [60, 750]], "sweep": [0]}, "beams: two at one place"),
        ("flap_own", {"beams": [[-60, 750.5], [60, 750]]}, "beams: write 2 to 12 pairs"),
    ],
)
def test_unsound_profile_is_told_with_its_remedy(name: str, changes: dict[str, Any], told: str) -> None:
    """One fault, one line."""
    (problem,) = check_profile(load_lane(name) | changes)
    assert problem.startswith(told)


def test_every_key_that_the_core_reads_may_stand_in_a_profile() -> None:
    """A number that the core learns to take is not refused by the checks."""
    core = Path(w.__file__).parent
    read = re.compile(r'number\(profile, "(\w+)"|profile\.get\("(\w+)"|profile\["(\w+)"\]')
    keys = {"".join(found) for path in core.glob("*.py") for found in read.findall(path.read_text("utf-8"))}
    assert {"pulse_ms", "beams", "kind"} <= keys
    refused = []
    for name in LANES:
        profile = dict.fromkeys([*keys, "planted"], 5) | {"key_direction": w.ENTRY, "escape": w.ENTRY} | load_lane(name)
        refused.append({problem.split()[0] for problem in check_profile(profile) if "is unknown" in problem})
    assert set.intersection(*refused) == {"planted"}


def test_missing_time_is_named() -> None:
    """Nothing is guessed."""
    profile = load_lane("flap_own")
    del profile["dwell_ms"]
    assert check_profile(profile) == ["dwell_ms is missing: write a whole number from 100 to 5000"]


@pytest.mark.parametrize("name", LANES)
def test_signal_that_a_lane_needs_must_have_a_pin(name: str) -> None:
    """Each one taken away is told by name; a beam without a pin, too."""
    profile = load_lane(name) | ({"ready_ms": 60} if "own" not in name else {})
    board = board_for(profile)
    wiring = profile["kind"] if profile["drive"] == "own" else "controller"
    lacking = []
    for signal in board.wiring(wiring):
        rest = {other: use for other, use in board.wiring(wiring).items() if other != signal}
        lacking += [problem.split()[0] for problem in check_lane(profile, replace(board, **{wiring: rest}))]
    never = {"alarm", "inhibit", "key_one", "key_free", "key_out", "green", "red", "amber", "buzzer", "attendant"}
    optional = never | ({"fire", "reset"} if wiring == "controller" else set())
    assert set(lacking) == set(board.wiring(wiring)) - optional


def test_energised_pass_relay_needs_ready() -> None:
    """Only Ready tells lost power from a person."""
    board = load_board("pi4")
    rest = {signal: use for signal, use in board.controller.items() if signal != "not_ready"}
    told = check_lane(load_lane("tripod_pulse") | {"ready_ms": 60}, replace(board, controller=rest))
    assert told == ["not_ready has no pin: this lane needs it, add it to the pin map"]
    assert check_lane(load_lane("tripod_pulse"), replace(board, controller=rest)) == []


def test_board_that_is_not_made_for_a_lane_is_refused() -> None:
    """A Pi drives no motors."""
    (problem,) = check_lane(load_lane("flap_own"), load_board("pi5"))
    assert problem.startswith("board: Raspberry Pi 5 has no pin map for flap lanes (it has: controller)")


@pytest.mark.parametrize("name", [name for name in LANES if "own" in name])
def test_document_of_a_lane_board_is_small_numbers(name: str) -> None:
    """It goes over JSON unchanged, holds every pin once, and every output is off while its pin is pulled down."""
    profile, board = load_lane(name), load_board("pico")
    document = board_document(profile, board)
    assert json.loads(json.dumps(document)) == document
    assert all(abs(number) < 1 << 30 for number in _numbers(document))
    pins = [row[1] for part in ("inputs", "outputs", "signals") for row in document[part]]
    assert sorted(pins) == sorted(use.pin for use in board.wiring(profile["kind"]).values())
    assert [row[2] for row in document["outputs"] + document["signals"]] == [1] * len(
        document["outputs"] + document["signals"]
    )
    assert {1 << row[0] for row in document["inputs"]} <= set(INPUTS.values())
    assert {1 << row[0] for row in document["outputs"]} <= set(OUTPUTS.values())


def test_document_of_lane_and_board_that_do_not_fit_is_refused() -> None:
    """Nothing half right is ever shipped."""
    with pytest.raises(ConfigError, match="no pin map for flap"):
        board_document(load_lane("flap_own"), load_board("pi4"))


def test_own_files_are_read_by_path(tmp_path: Any) -> None:
    """A site's own lane and board; what is wrong in them is told with the file's name."""
    lane = tmp_path / "lane.toml"
    lane.write_text('kind = "tripod"\ndrive = "pulse"\n')
    with pytest.raises(ConfigError, match=r"lane\.toml: directions is None"):
        load_lane(str(lane))
    board = tmp_path / "board.toml"
    board.write_text('extends = "pi5"\n[controller]\npass_a = { pin = 9 }\n')
    with pytest.raises(ConfigError, match=r"controller\.pass_a: .*a pin has pin, direction"):
        load_board(str(board))
    board.write_text(
        'extends = "pi5"\n[controller.pass_a]\n' + "\n".join(f"{k} = {json.dumps(v)}" for k, v in IN.items())
    )
    assert load_board(str(board)).controller["pass_a"].pin == 27
    board.write_text(f'extends = "{board}"\n')
    with pytest.raises(ConfigError, match="extend each other in a circle"):
        load_board(str(board))
    with pytest.raises(ConfigError, match="there is no such file; built in are pi4, pi5, pico"):
        load_board("pi6")


def _numbers(tree: Any) -> list[int]:
    if isinstance(tree, dict):
        return [number for value in tree.values() for number in _numbers(value)]
    if isinstance(tree, list):
        return [number for value in tree for number in _numbers(value)]
    return [tree] if isinstance(tree, int) else []
