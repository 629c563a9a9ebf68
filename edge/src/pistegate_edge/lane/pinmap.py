# SPDX-License-Identifier: Apache-2.0
"""Boards as data: which pin carries which signal, at which level, through what.

The files are hardware/boards/*.toml: in a checkout they are read there, in a wheel they lie beside this package.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from pistegate_edge.errors import ConfigError
from pistegate_edge.lane.core import pattern, words

_HERE = Path(__file__).resolve()
_PACKED = _HERE.parent / "hardware"  # in a wheel (edge/pyproject.toml puts it there)
DIRECTORY = _PACKED if _PACKED.is_dir() else _HERE.parents[4] / "hardware"

INPUTS: dict[str, int] = {f"beam_{bit}": word for bit, word in enumerate(words.BEAM)} | {
    name: getattr(words, name.upper())
    for name in [
        "arm_a",
        "arm_b",
        "arm_home",
        "limit_open_a",
        "limit_open_b",
        "limit_shut",
        "stall",
        "pass_a",
        "pass_b",
        "not_ready",
        "alarm",
        "fire",
        "power_lost",
        "key_one",
        "key_free",
        "key_out",
        "reset",
    ]
}
"""Input signals by name, as bits of the input word."""
OUTPUTS: dict[str, int] = {
    name: getattr(words, name.upper())
    for name in ["unlock_a", "unlock_b", "hold", "motor_open_a", "motor_open_b", "motor_shut", "inhibit"]
}
"""Output signals of the core by name, as bits of the output word."""
SIGNALS: dict[str, int] = {
    "green": pattern.GREEN,
    "red": pattern.RED,
    "amber": pattern.AMBER,
    "buzzer": pattern.BUZZER,
    "attendant": pattern.ATTENDANT,
}
"""Lamps and buzzer by name, as bits of `core.pattern`."""


class PinUse(Struct, frozen=True, forbid_unknown_fields=True):
    """One signal's pin. `active`: the level at the pin that means 1. `contact` (relays): how it is at rest."""

    pin: int
    direction: Literal["in", "out"]
    active: Literal["high", "low"]
    through: Literal["relay", "optocoupler", "mosfet", "direct"]
    to: str
    pull: Literal["up", "down", "none"] | None = None
    contact: Literal["open", "closed"] | None = None

    @property
    def closed_at_rest(self) -> bool:
        """Whether an input's circuit is closed while its signal is 0; a broken wire then reads 1."""
        return self.active == ("low" if self.pull == "down" else "high")


Pins = Mapping[str, PinUse]


class Board(Struct, frozen=True, forbid_unknown_fields=True):
    """A board: its pins, what has them already, and a pin map for each wiring that it is made for."""

    title: str
    pins: list[int]
    pulled_up_at_reset: list[int]
    place_of_pin: list[int]
    supply_place: int
    ground_place: int
    reserved: dict[int, str]
    controller: dict[str, PinUse] = {}
    signals: dict[str, PinUse] = {}
    tripod: dict[str, PinUse] = {}
    flap: dict[str, PinUse] = {}
    swing: dict[str, PinUse] = {}

    def wiring(self, name: str) -> dict[str, PinUse]:
        """The pin map of one wiring; empty: this board is not made for it."""
        found: dict[str, PinUse] = getattr(self, name) if name in WIRINGS else {}
        return found


WIRINGS = ("controller", "tripod", "flap", "swing")


def names(folder: str) -> list[str]:
    """What is built in: `lanes` or `boards`."""
    return sorted(path.stem for path in (DIRECTORY / folder).glob("*.toml"))


def read(folder: str, name: str) -> dict[str, Any]:
    """The TOML file `name`: built in, or the path of one of the site's own; ConfigError if it cannot be had."""
    own = "/" in name or name.endswith(".toml")
    path = Path(name) if own else DIRECTORY / folder / f"{name}.toml"
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        known = ", ".join(names(folder)) or f"none in {DIRECTORY / folder}: install pistegate-edge again"
        raise ConfigError([f"{name}: there is no such file; built in are {known}"]) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: cannot be read ({error})"]) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{path}: not TOML: {error}; correct the line named"]) from error


def load_board(name: str) -> Board:
    """The board `name`: built in, or the path of a file; ConfigError with every problem of its form."""
    tree = read("boards", name)
    seen = {name}
    while base := tree.pop("extends", None):
        if base in seen:
            raise ConfigError([f"{name}: boards extend each other in a circle at {base}: let one stand alone"])
        seen.add(base)
        tree = _merged(read("boards", str(base)), tree)
    problems: list[str] = []
    for table in (*WIRINGS, "signals"):
        if isinstance(tree.get(table), dict):
            tree[table] = _uses(tree[table], f"{name}: {table}", problems)
    if problems:
        raise ConfigError(problems)
    try:
        return msgspec.convert(tree, Board, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError([f"{name}: {error}; see hardware/boards/pi4.toml for the form"]) from error


def pin_use(table: object, where: str, problems: list[str]) -> PinUse | None:
    """One pin's table; what is wrong with it goes into `problems`."""
    try:
        return msgspec.convert(table, PinUse)
    except msgspec.ValidationError as error:
        fields = "pin, direction, active, through, to; pull for inputs, contact for relays"
        problems.append(f"{where}: {error}; a pin has {fields}")
        return None


def _uses(table: Mapping[str, Any], where: str, problems: list[str]) -> dict[str, PinUse]:
    found = {signal: pin_use(use, f"{where}.{signal}", problems) for signal, use in table.items()}
    return {signal: use for signal, use in found.items() if use is not None}


def _merged(base: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `changes`, tables merged one level deep."""
    merged = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = base[key] | value if both else value
    return merged
