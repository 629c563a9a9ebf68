# SPDX-License-Identifier: Apache-2.0
"""What a lane profile and a pin map must be before anything moves; every problem is told at once, with its remedy."""

import difflib
from collections.abc import Iterable, Iterator
from typing import Any

from pistegate_edge.lane.core import words
from pistegate_edge.lane.pinmap import INPUTS, OUTPUTS, SIGNALS, WIRINGS, Board, Pins, PinUse

PULSE_MIN_MS = 100  # shorter pulses, and gaps between them, are not seen by every turnstile (makers' sheets)
LEASE_MAX_MS = 10_000  # a host that is gone for longer will not come back to this guest
SMALL_INT = (1 << 30) - 1  # of a 32-bit MicroPython

KINDS = ("tripod", "flap", "swing")
DRIVES = ("pulse", "level", "own")
FREED = {"tripod": ("arm_drop",), "flap": ("spring", "ups"), "swing": ("spring", "ups")}

_Range = tuple[int, int]
_COMMON: dict[str, _Range] = {
    "timeout_ms": (100, 600_000),
    "lease_ms_max": (500, LEASE_MAX_MS),
    "late_pass_ms": (0, 5000),
    "debounce_ms": (5, 60),  # beyond: fire could not free the way within 100 ms
}
_CONTROLLER: dict[str, _Range] = {
    "gap_ms": (PULSE_MIN_MS, 2000),
    "pass_debounce_ms": (10, 100),  # beyond: two persons may come within it
    "ready_ms": (0, 200),
    "weather_ms": (5000, 600_000),
}
_PULSE: dict[str, _Range] = {"pulse_ms": (PULSE_MIN_MS, 2000)}
_TRIPOD: dict[str, _Range] = {"travel_max_ms": (2000, 120_000), "loiter_ms": (2000, 120_000)}
_LEAF: dict[str, _Range] = {
    "beam_debounce_ms": (2, 50),  # beyond: a body at a run covers a beam for 60 ms
    "travel_ms": (100, 5000),
    "travel_max_ms": (200, 10_000),
    "stall_retries": (1, 10),
    "reverse_ms": (50, 1000),
    "dwell_ms": (100, 5000),
    "loiter_ms": (2000, 120_000),
    "weather_ms": (2000, 600_000),
    "clear_ms": (200, 60_000),
}
# What the core has a number of its own for, unless a profile says another; by what a lane is.
_OPTIONAL: dict[str, dict[str, _Range]] = {
    "controller": {"chatter_edges": (2, 50)},
    "tripod": {"doubts": (1, 20)},
    "leaf": {"lost_ms": (0, 10_000), "crawl_ms": (0, 60_000), "inrush_ms": (0, 1000)}
    | {"pinch_ms": (0, 1000), "stay_ms": (0, 600_000)},
}
_WORDS = ("title", "kind", "drive", "directions", "free_on_power_loss", "key_direction", "escape", "mechanics")

# Which inputs must read 1 when their wire breaks, and which 0: the safe reading.
_GUARDS = {"fire", "power_lost", "not_ready", "stall", *(f"beam_{bit}" for bit in range(words.BEAMS_MAX))}
_QUIET = {"pass_a", "pass_b", "key_one", "key_free", "key_out", "reset", "limit_open_a", "limit_open_b", "limit_shut"}


def wiring_of(profile: dict[str, Any]) -> str:
    """The pin map that a lane takes: `controller`, or the kind of a lane that we drive ourselves."""
    return str(profile.get("kind")) if profile.get("drive") == "own" else "controller"


def check_profile(profile: dict[str, Any]) -> list[str]:
    """Problems of a lane profile by itself."""
    problems = list(_choices(profile))
    if problems:
        return problems  # what else it needs hangs on these
    ranges = _ranges(profile)
    what = wiring_of(profile) if wiring_of(profile) in _OPTIONAL else "leaf"
    ranges |= {key: limits for key, limits in _OPTIONAL[what].items() if key in profile}
    leaf = what == "leaf"
    known = [*_WORDS, *ranges, *(("beams", "sweep") if leaf else ())]
    problems += _unknown(profile, known)
    for key, (low, high) in ranges.items():
        problems += _number(profile, key, low, high)
    if not problems:
        problems += _times(profile)
    return problems + (list(_beams(profile)) if leaf else [])


def needed(profile: dict[str, Any]) -> list[str]:
    """Every signal that a lane of this profile cannot do without."""
    both = [way for way, name in (("a", words.ENTRY), ("b", words.EXIT)) if name in profile["directions"]]
    if profile["drive"] != "own":
        ready = ["not_ready"] if profile["ready_ms"] else []  # lost power looks like PASS: only Ready tells them apart
        return [f"unlock_{way}" for way in both] + [f"pass_{way}" for way in both] + ready
    always = ["fire", "power_lost", "reset"]
    if profile["kind"] == "tripod":
        return [f"unlock_{way}" for way in both] + ["hold", "arm_a", "arm_b", "arm_home", *always]
    ways = ["a", "b"] if profile["kind"] == "swing" else ["a"]
    beams = [f"beam_{number}" for number in range(len(profile["beams"]))]
    motor = [f"motor_open_{way}" for way in ways] + ["motor_shut"]
    return beams + motor + [f"limit_open_{way}" for way in ways] + ["limit_shut", "stall", *always]


def check_lane(profile: dict[str, Any], board: Board) -> list[str]:
    """Problems of a profile on a board, both checked by themselves too."""
    problems = check_profile(profile) + check_board(board)
    if problems:
        return problems
    return check_pins(profile, board, board.wiring(wiring_of(profile)))


def check_pins(profile: dict[str, Any], board: Board, pins: Pins) -> list[str]:
    """Whether `pins` (a board's map, with a site's overrides) carry every signal that the lane needs."""
    wiring = wiring_of(profile)
    if not pins:
        made = ", ".join(name for name in WIRINGS if board.wiring(name)) or "none"
        return [f"board: {board.title} has no pin map for {wiring} lanes (it has: {made}): take a board that has one"]
    lacking = [name for name in needed(profile) if name not in pins]
    return [f"{name} has no pin: this lane needs it, add it to the pin map" for name in lacking]


def check_board(board: Board) -> list[str]:
    """Problems of a board's own pin maps. The Pi's [signals] are used beside [controller], so they share its pins."""
    problems: list[str] = []
    if len(board.place_of_pin) != len(board.pins):
        problems.append(f"place_of_pin has {len(board.place_of_pin)} places for {len(board.pins)} pins: one for each")
    for wiring in WIRINGS:
        uses = [(f"{wiring}.{name}", name, use) for name, use in board.wiring(wiring).items()]
        beside = [(f"signals.{name}", name, use) for name, use in board.signals.items()]
        problems += check_uses(board, uses + (beside if wiring == "controller" else []))
    return problems


def check_uses(board: Board, uses: Iterable[tuple[str, str, PinUse]]) -> list[str]:
    """Problems of pins that are used together, (where it is written, signal, use): each by itself, and no pin twice."""
    problems: list[str] = []
    users: dict[int, str] = {}
    for where, signal, use in uses:
        problems += _pin(board, where, signal, use)
        problems += _input(where, signal, use) if use.direction == "in" else _output(board, where, use)
        if use.pin in users:
            problems.append(f"{where} = {use.pin}: {users[use.pin]} uses this pin already; give each its own")
        users.setdefault(use.pin, where)
    return problems


def _pin(board: Board, where: str, signal: str, use: PinUse) -> Iterator[str]:
    if use.pin not in board.pins:
        yield f"{where} = {use.pin}: {board.title} has no such pin; write one from {board.pins[0]} to {board.pins[-1]}"
    elif use.pin in board.reserved:
        yield f"{where} = {use.pin}: this pin is for {board.reserved[use.pin]}; take another one"
    directions = {"in": INPUTS, "out": OUTPUTS | SIGNALS}
    if signal not in INPUTS | OUTPUTS | SIGNALS:
        near = difflib.get_close_matches(signal, [*INPUTS, *OUTPUTS, *SIGNALS], 1)
        yield f"{where} is no signal: " + (f"did you mean {near[0]}?" if near else "remove it")
    elif signal not in directions[use.direction]:
        right = "in" if signal in INPUTS else "out"
        yield f'{where}: direction is "{use.direction}", this signal is an {right}put; write "{right}"'


def _input(where: str, signal: str, use: PinUse) -> Iterator[str]:
    if use.contact is not None:
        yield f"{where}: contact is for outputs through relays; say by active and pull how an input rests"
    if use.through in ("relay", "mosfet"):
        yield f'{where}: an input comes through an "optocoupler", or "direct" from a dry contact in the same box'
    if use.pull not in ("up", "down"):
        yield f'{where}: an input without pull floats when its wire breaks; write pull = "up"'
    elif signal in _GUARDS and not use.closed_at_rest:
        level = _level(use, closed_at_rest=True)
        yield f"{where}: a broken wire would read as all well; wire it closed at rest and write active = {level}"
    elif signal in _QUIET and use.closed_at_rest:
        remedy = f"take the contact that is open at rest, write active = {_level(use, closed_at_rest=False)}"
        yield f"{where}: a broken wire or lost power would read as {signal.upper()}; {remedy}"


def _level(use: PinUse, *, closed_at_rest: bool) -> str:
    """The active level that goes with the pull."""
    return '"high"' if (use.pull == "up") == closed_at_rest else '"low"'


def _output(board: Board, where: str, use: PinUse) -> Iterator[str]:
    up = use.pin in board.pulled_up_at_reset
    if use.pull is not None:
        yield f"{where}: pull is for inputs; remove it"
    if use.pin in board.pins and up == (use.active == "high"):
        level, active = ("up", "low") if up else ("down", "high")
        free = [pin for pin in board.pins if (pin in board.pulled_up_at_reset) != up and pin not in board.reserved]
        remedy = f"take one that is not, such as {free[0]}" if free else f'write active = "{active}"'
        yield f"{where} = {use.pin}: pulled {level} at reset, so it is on until the software runs; {remedy}"
    if use.through == "relay" and use.contact != "open":
        yield f'{where}: lost power must do nothing; wire its open contact: contact = "open"'
    if use.through != "relay" and use.contact is not None:
        yield f"{where}: contact is for relays; remove it"
    if use.through == "direct":
        yield f'{where}: a pin bears some mA and no 24 V; put a "relay", "optocoupler" or "mosfet" between'


def _choices(profile: dict[str, Any]) -> Iterator[str]:
    for key, allowed in (("kind", KINDS), ("drive", DRIVES)):
        if profile.get(key) not in allowed:
            yield f"{key} is {profile.get(key)!r}: write {' or '.join(map(repr, allowed))}"
    ways = profile.get("directions")
    if not isinstance(ways, list) or not ways or any(way not in (words.ENTRY, words.EXIT) for way in ways):
        yield f'directions is {ways!r}: write ["entry"], ["exit"] or ["entry", "exit"]'
    freed = FREED.get(str(profile.get("kind")), ())
    if freed and profile.get("free_on_power_loss") not in freed:
        found = profile.get("free_on_power_loss")
        yield f"free_on_power_loss is {found!r}: a {profile['kind']} has {' or '.join(map(repr, freed))}"
    for key, why in (("key_direction", "the key lets one through"), ("escape", "leaves open on fire")):
        if profile.get(key, words.ENTRY) not in (words.ENTRY, words.EXIT):
            yield f'{key} is {profile[key]!r}: the way that {why}, "entry" or "exit"'


def _ranges(profile: dict[str, Any]) -> dict[str, _Range]:
    if profile["drive"] == "own":
        return _COMMON | (_TRIPOD if profile["kind"] == "tripod" else _LEAF)
    return _COMMON | _CONTROLLER | (_PULSE if profile["drive"] == "pulse" else {})


def _unknown(profile: dict[str, Any], known: list[str]) -> Iterator[str]:
    for key in profile:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            remedy = f"did you mean {near[0]}?" if near else "remove it"
            yield f"{key} is unknown to a {profile['kind']} with drive {profile['drive']}: {remedy}"


def _number(profile: dict[str, Any], key: str, low: int, high: int) -> Iterator[str]:
    value = profile.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        found = f"{key} is missing" if value is None else f"{key} = {value!r}"
        yield f"{found}: write a whole number from {low} to {high}"


def _times(profile: dict[str, Any]) -> Iterator[str]:
    """What times must agree on; (shorter, longer, why)."""
    pairs = [
        ("pulse_ms", "timeout_ms", "the pulse ends before the turnstile gives up"),
        ("beam_debounce_ms", "dwell_ms", "a beam is believed before the leaf shuts"),
        ("travel_ms", "travel_max_ms", "else every travel is a fault"),
        ("reverse_ms", "travel_ms", "a leaf that hurts is turned round at once"),
        ("loiter_ms", "weather_ms", "a guest who stands still is no weather"),
        ("clear_ms", "weather_ms", "a beam is believed again sooner than it was given up"),
        ("debounce_ms", "timeout_ms", "contacts are believed before the opening is over"),
    ]
    for short, long, why in pairs:
        if short in profile and long in profile and profile[short] >= profile[long]:
            yield f"{short} must be shorter than {long}, it is {profile[short]} against {profile[long]}: {why}"


def _beams(profile: dict[str, Any]) -> Iterator[str]:
    beams, sweep = profile.get("beams"), profile.get("sweep")
    if not isinstance(beams, list) or not all(_place(beam) for beam in beams) or not 2 <= len(beams) <= words.BEAMS_MAX:
        yield f"beams: write 2 to {words.BEAMS_MAX} pairs [x, z] in whole millimetres"
        return
    if not any(x < 0 for x, _ in beams) or not any(x > 0 for x, _ in beams):
        yield "beams: none on one side of the leaf (x = 0): place some on both, or a person is not seen through"
    if [list(beam) for number, beam in enumerate(beams) if beam in beams[:number]]:
        yield "beams: two at one place: give each its own"
    if not isinstance(sweep, list) or not sweep or any(number not in range(len(beams)) for number in sweep):
        yield f"sweep: write the numbers (0 to {len(beams) - 1}) of the beams that the leaf moves through, at least one"


def _place(beam: object) -> bool:
    numbers = isinstance(beam, list) and len(beam) == 2 and all(type(number) is int for number in beam)
    return numbers and all(-SMALL_INT <= number <= SMALL_INT for number in beam)  # type: ignore[attr-defined]
