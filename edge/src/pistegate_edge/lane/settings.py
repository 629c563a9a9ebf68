# SPDX-License-Identifier: Apache-2.0
"""The [lane] section of gate.toml: a profile and a board by name, and what a site changes; or the keys of release 0.1.

[lane]
profile = "tripod_pulse"       # built in, or the path of a file; `pistegate-gate check` shows the pins
board = "pi5"                  # pi4 or pi5; pico (with port) for a lane that we drive ourselves
directions = ["entry"]         # if only one way is wired
unwired = ["alarm"]            # signals of the board's pin map that nothing is connected to
[lane.pins]                    # single signals on other pins
pass_a = 9
[lane.times]                   # single times of the profile
timeout_ms = 8000
"""

import difflib
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from pistegate_edge.errors import ConfigError
from pistegate_edge.lane.core import words
from pistegate_edge.lane.pinmap import Board, PinUse, load_board, pin_use
from pistegate_edge.lane.profile_checks import check_board, check_pins, check_profile, check_uses, wiring_of
from pistegate_edge.lane.profiles import board_document, load_lane

_NEW = ("profile", "board", "port", "directions", "key_direction", "escape", "unwired", "pins", "times")
_OLD = ("kind", "unlock_pin", "pass_pin", "pulse_ms", "timeout_ms")
_OLD_TIMES = ("pulse_ms", "timeout_ms")


class LaneSettings(Struct, frozen=True):
    """A checked lane: the core's profile, the board, and the pins in use on it. `port`: of a lane board, else None.

    `written`: where a signal's pin stands in gate.toml, if not under its own name.
    """

    name: str
    profile: dict[str, Any]
    board: Board
    pins: dict[str, PinUse]
    port: str | None = None
    written: dict[str, str] = {}

    @property
    def users(self) -> dict[int, str]:
        """Pins of this computer that the lane has, and for what; lamps and buzzer must have others."""
        return {} if self.port else {use.pin: self.where(signal) for signal, use in self.pins.items()}

    @property
    def lamps(self) -> frozenset[int]:
        """Lamps and buzzer that the lane board drives, as bits of `core.pattern`; none at pins of this computer."""
        if not self.port:
            return frozenset()
        return frozenset(bits for bits, _, _ in board_document(self.profile, self.board)["signals"])

    def where(self, signal: str) -> str:
        """The path of a signal in gate.toml."""
        return f"lane.{self.written.get(signal, signal)}"

    def told(self) -> list[str]:
        """What `pistegate-gate check` says of it: what drives the lane, each pin, and what is not there."""
        ways = " and ".join(self.profile["directions"])
        where = f" at {self.port}" if self.port else ""
        lines = [f"lane: {self.profile['title']} ({self.name}), {ways}, on {self.board.title}{where}"]
        lines += [_pin_told(self.board, signal, use) for signal, use in self.pins.items()]
        notes = {} if self.port else _MISSED
        return lines + [f"lane: {note}" for signal, note in notes.items() if signal not in self.pins]


# What a gate does not see when nothing is wired; that it works all the same is said, too.
_MISSED = {
    "fire": "no fire input: fire release acts by its own wiring, the gate does not tell it (hardware/README.md)",
    "not_ready": "no Ready input: lost power of the turnstile is not told; its PASS relay must rest released",
    "reset": "no reset button: a fault that latches ends with a restart of the gate",
}


def lane_settings(section: object, problems: list[str], way: str = words.ENTRY) -> LaneSettings | None:
    """The checked [lane]; every problem goes into `problems`, with its remedy. `way`: the direction of this gate."""
    if not isinstance(section, Mapping):
        problems.append('[lane] is missing: add the section with profile = "tripod_pulse" (or another) and board')
        return None
    before = len(problems)
    old = "profile" not in section and any(key in section for key in _OLD)
    _unknown(section, _OLD if old else _NEW, problems)
    try:
        found = _old(section, way, problems) if old else _new(section, problems)
    except ConfigError as error:
        problems += [f"lane: {problem}" for problem in error.problems]
        return None
    if found is not None:
        problems += _together(found, way)
    return found if len(problems) == before else None


def _together(found: LaneSettings, way: str) -> list[str]:
    """Problems of profile, board and pins in use, together."""
    profile, board = found.profile, found.board
    problems = [f"lane.{problem}" for problem in check_profile(profile)]
    ways = profile["directions"]
    if not isinstance(ways, list):
        return problems
    if way not in ways:
        problems.append(
            f"lane.directions = {ways}: this gate leads the other way ({way}); let [place] exit agree with it"
        )
    problems += [f"lane.{problem}" for problem in check_pins(profile, board, found.pins)]
    if wiring_of(profile) == "controller":
        problems += check_uses(board, [(found.where(signal), signal, use) for signal, use in found.pins.items()])
    return problems


def _new(section: Mapping[str, Any], problems: list[str]) -> LaneSettings | None:
    name = section.get("profile")
    if not isinstance(name, str):
        problems.append('lane.profile is missing: add it under [lane], such as "tripod_pulse"')
        return None
    profile = load_lane(name)
    own = wiring_of(profile) != "controller"
    board = load_board(_text(section, "board", "pico" if own else "pi4", problems))
    problems += [f"lane: {problem}" for problem in check_board(board)]
    port = _text(section, "port", "", problems)
    if own and not port:
        problems.append('lane.port is missing: this lane is driven by a lane board, write its path, "/dev/ttyACM0"')
    if port and not own:
        problems.append("lane.port is for lane boards: this lane is driven by pins, remove it")
    profile |= {key: section[key] for key in ("directions", "key_direction", "escape") if key in section}
    _times(section.get("times", {}), profile, problems)
    pins = _pins(section, board.wiring(wiring_of(profile)), own, problems)
    return LaneSettings(name, profile, board, pins, port or None)


def _old(section: Mapping[str, Any], way: str, problems: list[str]) -> LaneSettings | None:
    """The five keys of release 0.1: a pulse and a PASS contact to ground."""
    if section.get("kind") != "tripod_pulse":
        problems.append(
            f"lane.kind = {section.get('kind')!r}: write kind = 'tripod_pulse', or profile = a lane profile"
        )
    profile, board = load_lane("tripod_pulse"), load_board("pi4")
    profile["directions"] = [way]
    _times({key: section[key] for key in _OLD_TIMES if key in section}, profile, problems, "lane.")
    letter = "a" if way == words.ENTRY else "b"
    pins: dict[str, PinUse] = {}
    written: dict[str, str] = {}
    for key, signal in (("unlock_pin", f"unlock_{letter}"), ("pass_pin", f"pass_{letter}")):
        number = section.get(key)
        if type(number) is not int or number not in board.pins:
            found = f"lane.{key} = {number!r}" if key in section else f"lane.{key} is missing"
            problems.append(f"{found}: write a whole number from {board.pins[0]} to {board.pins[-1]}")
            number = board.controller[signal].pin
        pins[signal], written[signal] = replace(board.controller[signal], pin=number), key
    return LaneSettings("tripod_pulse", profile, board, pins, written=written)


def _pins(section: Mapping[str, Any], pins: Mapping[str, PinUse], own: bool, problems: list[str]) -> dict[str, PinUse]:
    """The board's pin map as this site wired it."""
    found = dict(pins)
    changes, unwired = section.get("pins", {}), section.get("unwired", [])
    if not isinstance(changes, Mapping) or not isinstance(unwired, list):
        problems.append('lane.pins is a table and lane.unwired a list: [lane.pins] pass_a = 6; unwired = ["alarm"]')
        return found
    if own and (changes or unwired):
        problems.append(
            "lane.pins and lane.unwired are for pins of this computer: name a board file of your own instead"
        )
        return found
    for signal in (*changes, *unwired):
        if signal not in pins:
            near = difflib.get_close_matches(str(signal), list(pins), 1)
            remedy = f"did you mean {near[0]}?" if near else f"signals are {', '.join(pins)}"
            problems.append(f"lane.pins: {signal!r} is no signal of this board's pin map: {remedy}")
    for signal, change in changes.items():
        if signal in pins:
            fields = change if isinstance(change, Mapping) else {"pin": change}
            use = pin_use(_fields(pins[signal]) | dict(fields), f"lane.pins.{signal}", problems)
            found[signal] = use or pins[signal]
    return {signal: use for signal, use in found.items() if signal not in unwired}


def _fields(use: PinUse) -> dict[str, Any]:
    return {name: value for name in use.__struct_fields__ if (value := getattr(use, name)) is not None}


def _times(changes: object, profile: dict[str, Any], problems: list[str], where: str = "lane.times.") -> None:
    """Put single times into the profile; their ranges are checked with the whole."""
    if not isinstance(changes, Mapping):
        problems.append("lane.times is a table: [lane.times] timeout_ms = 8000")
        return
    for key, value in changes.items():
        if type(profile.get(key)) is not int:
            near = difflib.get_close_matches(key, [name for name in profile if type(profile[name]) is int], 1)
            problems.append(f"{where}{key} is unknown: " + (f"did you mean {near[0]}?" if near else "remove it"))
        elif type(value) is not int:
            problems.append(f"{where}{key} = {value!r}: write a whole number")
        else:
            profile[key] = value


def _text(section: Mapping[str, Any], key: str, otherwise: str, problems: list[str]) -> str:
    value = section.get(key, otherwise)
    if isinstance(value, str):
        return value
    problems.append(f"lane.{key} = {value!r}: write a text in quotes")
    return otherwise


def _unknown(section: Mapping[str, Any], known: tuple[str, ...], problems: list[str]) -> None:
    for key in section:
        if key in known:
            continue
        if key in _OLD:
            problems.append(
                f"lane.{key} is of release 0.1 and not read beside profile: write it under [lane.pins] or [lane.times]"
            )
        else:
            near = difflib.get_close_matches(key, known, 1)
            problems.append(f"lane.{key} is unknown: " + (f"did you mean lane.{near[0]}?" if near else "remove it"))


def _pin_told(board: Board, signal: str, use: PinUse) -> str:
    place = board.place_of_pin[board.pins.index(use.pin)]
    rest = "" if use.direction == "out" else ", closed at rest" if use.closed_at_rest else ", open at rest"
    return f"lane: {signal} = {use.pin} (header {place}), {use.through}, {use.to}{rest}"
