# SPDX-License-Identifier: Apache-2.0
"""Scenario files: who comes, what they do, what the weather does; numbers in ranges [least, most], drawn from a seed.

The built-in ones are in scenarios/; FORMAT_HELP says what a file may hold.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pistegate_edge.lane.core import words
from pistegate_simulators.lane.disturbances import EFFECTS
from pistegate_simulators.lane.kinds import KINDS
from pistegate_simulators.lane.people import Does

BUILT_IN = Path(__file__).resolve().parent / "scenarios"
LANE_KINDS = ("tripod", "flap", "swing")
USUAL = {"tripod": "ordinary", "flap": "ordinary", "swing": "ordinary"}
FORMAT_HELP = f"""\
title, story, lanes = ["tripod", "flap", "swing"] it is meant for, parties = how many come, every_s = [least, most]
mode = "normal", "free" or "group"; bench = false keeps it out of the counting benchmark
[[party]]  weight, direction = "entry", "exit"; persons = [kinds]; together = false: each with a ticket of its own;
           batch, gap_mm, speed_mm_s, height_mm, reaction_ms;
           first, last, follower, sneaker = {{ does, kind, at_mm (the trunk's front), for_s, gap_mm, .. }}
[[disturbance]]  effect, where ("any", "sweep", "outside", "all" beams, or an input's name), at_s, for_s, each_s, chance
kinds: {", ".join(KINDS)}
does: {", ".join(Does)}
effects: {", ".join(EFFECTS)}
"""
TOP = {"title", "story", "lanes", "parties", "every_s", "mode", "bench", "party", "disturbance", "end_s"}
NUMBERS = {"gap_mm", "speed_mm_s", "height_mm", "reaction_ms", "at_mm", "for_s"}
WHO = {"does", "kind"} | NUMBERS
PARTY = {"weight", "direction", "persons", "together", "batch", "first", "last", "follower", "sneaker"} | NUMBERS
DISTURBANCE = {"effect", "where", "at_s", "for_s", "each_s", "chance"}


class ScenarioError(ValueError):
    """A scenario file that cannot be used; the message says where and what to do."""


@dataclass(frozen=True)
class Scenario:
    """A checked file."""

    name: str
    title: str
    lanes: tuple[str, ...]
    parties: int
    every_s: tuple[float, float]
    mode: str
    bench: bool
    end_s: float
    party: tuple[dict[str, Any], ...]
    disturbances: tuple[dict[str, Any], ...]


def built_in(lane: str | None = None) -> list[str]:
    """Names of the built-in scenarios, or those meant for one kind of lane."""
    names = sorted(path.stem for path in BUILT_IN.glob("*.toml"))
    return [name for name in names if lane is None or lane in load(name).lanes]


@cache
def load(name: str) -> Scenario:
    """A built-in scenario by name, or a file by path; ScenarioError when it cannot be used."""
    path = BUILT_IN / f"{name}.toml"
    if not path.is_file():
        path = Path(name)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        known = ", ".join(sorted(path.stem for path in BUILT_IN.glob("*.toml")))
        raise ScenarioError(
            f"{name}: cannot be read ({getattr(error, 'strerror', None) or error}); give a file, or one of: {known}"
        ) from None
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{name}: not TOML: {error}; correct that line") from None
    return _checked(path.stem, name, document)


def _checked(stem: str, name: str, document: dict[str, Any]) -> Scenario:
    problems = list(_problems(document))
    if problems:
        raise ScenarioError("\n".join(f"{name}: {problem}" for problem in problems))
    return Scenario(
        stem,
        document["title"],
        tuple(document.get("lanes", LANE_KINDS)),
        document.get("parties", 8),
        pair(document.get("every_s", [2, 6])),
        document.get("mode", words.NORMAL),
        document.get("bench", True),
        float(document.get("end_s", 0)),
        tuple(document["party"]),
        tuple(document.get("disturbance", ())),
    )


def _problems(document: dict[str, Any]) -> Iterable[str]:
    yield from _unknown("", document, TOP)
    if not isinstance(document.get("title"), str):
        yield 'needs title = "..."'
    for lane in document.get("lanes", ()):
        if lane not in LANE_KINDS:
            yield f"lanes: no kind {lane!r}; there are {', '.join(LANE_KINDS)}"
    if document.get("mode", words.NORMAL) not in (words.NORMAL, words.FREE, words.GROUP):
        yield 'mode: "normal", "free" or "group"'
    count = document.get("parties", 8)
    if not isinstance(count, int) or not 1 <= count <= 1000:
        yield "parties: a whole number from 1 to 1000"
    yield from _ranges("", document, {"every_s"})
    parties = document.get("party")
    if not isinstance(parties, list) or not parties:
        yield "needs at least one [[party]]: somebody has to come"
        return
    for index, party in enumerate(parties, 1):
        yield from _party_problems(f"party {index}: ", party)
    for index, disturbance in enumerate(document.get("disturbance", ()), 1):
        yield from _disturbance_problems(f"disturbance {index}: ", disturbance)


def _party_problems(where: str, party: dict[str, Any]) -> Iterable[str]:
    yield from _unknown(where, party, PARTY)
    yield from _ranges(where, party, NUMBERS)
    persons = party.get("persons", ["adult"])
    if not isinstance(persons, list) or not persons:
        yield f'{where}persons: a list of kinds, for example ["adult"]'
        persons = []
    if party.get("direction", words.ENTRY) not in (words.ENTRY, words.EXIT):
        yield f'{where}direction: "entry" or "exit"'
    kinds = list(persons)
    for role in ("first", "last", "follower", "sneaker"):
        who = party.get(role, {})
        if not isinstance(who, dict):
            yield f'{where}{role}: a table, for example {{ does = "stands", at_mm = [0, 100] }}'
            continue
        yield from _unknown(f"{where}{role}: ", who, WHO)
        yield from _ranges(f"{where}{role}: ", who, NUMBERS)
        if who.get("does", Does.PASSES) not in tuple(Does):
            yield f"{where}{role}: nobody does {who['does']!r}; there are {', '.join(Does)}"
        kinds += [who["kind"]] if "kind" in who else []
    for kind in kinds:
        if kind not in KINDS:
            yield f"{where}no kind of person {kind!r}; there are {', '.join(KINDS)}"


def _disturbance_problems(where: str, disturbance: dict[str, Any]) -> Iterable[str]:
    yield from _unknown(where, disturbance, DISTURBANCE)
    yield from _ranges(where, disturbance, {"at_s", "for_s", "each_s"})
    if disturbance.get("effect") not in EFFECTS:
        yield f"{where}effect: one of {', '.join(EFFECTS)}"
    place = disturbance.get("where", "any")
    if place not in ("any", "sweep", "outside", "all") and not isinstance(getattr(words, str(place), None), int):
        yield f'{where}where: "any", "sweep", "outside", "all", or an input such as "PASS_A", "FIRE", "LIMIT_SHUT"'


def _unknown(where: str, table: dict[str, Any], known: set[str]) -> Iterable[str]:
    for key in sorted(set(table) - known):
        yield f"{where}no setting {key!r}; there are {', '.join(sorted(known))}"


def _ranges(where: str, table: dict[str, Any], keys: Iterable[str]) -> Iterable[str]:
    for key in sorted(set(keys) & set(table)):
        value = table[key]
        number = isinstance(value, int | float)
        if not number and not (
            isinstance(value, list)
            and len(value) == 2
            and all(isinstance(v, int | float) for v in value)
            and value[0] <= value[1]
        ):
            yield f"{where}{key}: a number, or a range [least, most]"


def pair(value: Any) -> tuple[float, float]:
    """A range of a file: one number is both ends."""
    return (float(value), float(value)) if isinstance(value, int | float) else (float(value[0]), float(value[1]))
