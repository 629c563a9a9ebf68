# SPDX-License-Identifier: Apache-2.0
"""What lamps and buzzer do for each key of the texts: the data of `prompts.toml`, checked and made into patterns."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, Literal

import msgspec
from msgspec import Struct

from pistegate_edge.lane.core import pattern
from pistegate_protocol.claims import HolderClass

Loop = tuple[tuple[int, int], ...]
"""Steps (level bits, ms), as `lane.core.pattern` plays them."""

GUESTS: Final = ("reason", "prompt", "gate")  # sections shown to a guest
NEWS: Final = ("incident", "lane")  # sections told to the attendant while guests go on
NONE: Final = "none"  # a loop or sound that is not there
_LAMPS: Final = {"green": pattern.GREEN, "red": pattern.RED, "amber": pattern.AMBER}


class _Line(Struct, frozen=True, forbid_unknown_fields=True):
    """A line of the file; names of loops and sounds."""

    lamp: Literal["dark", "green", "red", "amber", "keep"]
    blink: str = "steady"
    sound: str = NONE
    attendant: str = NONE
    for_ms: int = 0


class _HolderLine(Struct, frozen=True, forbid_unknown_fields=True):
    """A line of [holders]."""

    sound: str
    attendant: str
    green: str
    mark: bool = True


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    loops: dict[str, list[int]]
    sounds: dict[str, list[int]]
    holders: dict[str, _HolderLine]
    reason: dict[str, _Line]
    prompt: dict[str, _Line]
    gate: dict[str, _Line]
    incident: dict[str, _Line]
    lane: dict[str, _Line]


@dataclass(frozen=True, slots=True)
class Prompt:
    """Patterns of one key. `lamp` None: what shows goes on. `news`: for the attendant, for `for_ms`."""

    lamp: Loop | None
    sound: Loop
    attendant: Loop
    for_ms: int
    news: bool
    words: tuple[str, str, str, str]
    """Names of lamp, blink, sound and attendant's loop, for people to read."""


@dataclass(frozen=True, slots=True)
class Holder:
    """How an attendant sees whom a ticket was sold for. `mark`: its letter is on the display."""

    sound: Loop
    attendant: Loop
    green: Loop
    mark: bool
    words: tuple[str, str, str]
    """Names of sound, attendant's loop and green loop."""


@dataclass(frozen=True, slots=True)
class Table:
    """All of it."""

    prompts: Mapping[str, Prompt]
    holders: Mapping[HolderClass, Holder]
    loops: Mapping[str, list[int]]
    sounds: Mapping[str, list[int]]


@cache
def table() -> Table:
    """The table of this release."""
    return read_table((files(__package__) / "prompts.toml").read_text("utf-8"))


def read_table(source: str) -> Table:
    """The table in a TOML text; ValueError names what is wrong in it."""
    file = msgspec.convert(tomllib.loads(source), _File)
    prompts = {
        f"{section}.{key}": _prompt(file, line, section)
        for section in (*GUESTS, *NEWS)
        for key, line in getattr(file, section).items()
    }
    holders = {HolderClass[name.upper()]: _holder(file, line) for name, line in file.holders.items()}
    return Table(prompts, holders, file.loops, file.sounds)


def _prompt(file: _File, line: _Line, section: str) -> Prompt:
    return Prompt(
        lamp=_lamp(file, line),
        sound=_steps(file.sounds, line.sound, pattern.BUZZER),
        attendant=_steps(file.loops, line.attendant, pattern.ATTENDANT),
        for_ms=line.for_ms,
        news=section in NEWS,
        words=(line.lamp, line.blink, line.sound, line.attendant),
    )


def _lamp(file: _File, line: _Line) -> Loop | None:
    if line.lamp == "keep":
        return None
    return () if line.lamp == "dark" else _steps(file.loops, line.blink, _LAMPS[line.lamp])


def _holder(file: _File, line: _HolderLine) -> Holder:
    return Holder(
        sound=_steps(file.sounds, line.sound, pattern.BUZZER),
        attendant=_steps(file.loops, line.attendant, pattern.ATTENDANT),
        green=_steps(file.loops, line.green, pattern.GREEN),
        mark=line.mark,
        words=(line.sound, line.attendant, line.green),
    )


def _steps(named: Mapping[str, list[int]], name: str, bits: int) -> Loop:
    """On and off by turns."""
    if name == NONE:
        return ()
    if name not in named:
        raise ValueError(f"there is no loop or sound {name!r}; there are {', '.join(named)}")
    steps = tuple((0 if place % 2 else bits, ms) for place, ms in enumerate(named[name]))
    pattern.check(steps, bits)
    return steps


def length_ms(loop: Loop) -> int:
    """How long one turn of a loop lasts."""
    return sum(ms for _, ms in loop)
