# SPDX-License-Identifier: Apache-2.0
"""Lane profiles as data (hardware/lanes/*.toml): loaded, checked with their board, shipped to one."""

from typing import Any

from pistegate_edge.errors import ConfigError
from pistegate_edge.lane.pinmap import INPUTS, OUTPUTS, SIGNALS, Board, Pins, load_board, names, read
from pistegate_edge.lane.profile_checks import check_board, check_lane, check_pins, check_profile, wiring_of

__all__ = [
    "FORMAT",
    "board_document",
    "check_board",
    "check_lane",
    "check_pins",
    "check_profile",
    "load_board",
    "load_lane",
    "names",
    "wiring_of",
]

FORMAT = 1  # of the document that a lane board is given; the firmware refuses another one
_PULLS = {"up": 1, "down": -1, "none": 0}


def load_lane(name: str) -> dict[str, Any]:
    """The lane profile `name`, built in or the path of a file; ConfigError with every problem found."""
    profile = read("lanes", name)
    problems = [f"{name}: {problem}" for problem in check_profile(profile)]
    if problems:
        raise ConfigError(problems)
    return profile


def board_document(profile: dict[str, Any], board: Board) -> dict[str, Any]:
    """What a lane board needs to know, for JSON: the core's profile and its pins as small integers.

    `inputs` and `outputs`: [bit number, pin, active level, ...]; `signals`: [bits of core.pattern, pin, active level].
    ConfigError if board and profile do not go together.
    """
    problems = check_lane(profile, board)
    if problems:
        raise ConfigError(problems)
    pins = board.wiring(wiring_of(profile))
    return {
        "format": FORMAT,
        "profile": {key: value for key, value in profile.items() if key not in ("title", "mechanics")},
        "inputs": [[*_bit(INPUTS, pins, name), _PULLS[pins[name].pull or "none"]] for name in pins if name in INPUTS],
        "outputs": [_bit(OUTPUTS, pins, name) for name in pins if name in OUTPUTS],
        "signals": [[SIGNALS[name], use.pin, _level(use.active)] for name, use in pins.items() if name in SIGNALS],
    }


def _bit(bits: dict[str, int], pins: Pins, name: str) -> list[int]:
    return [bits[name].bit_length() - 1, pins[name].pin, _level(pins[name].active)]


def _level(active: str) -> int:
    return int(active == "high")
