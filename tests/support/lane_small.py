# SPDX-License-Identifier: Apache-2.0
"""The small worlds that the search goes through: profiles with timers of a few ticks, and what may happen."""

from typing import Any

from lane_leaf_world import CountedLeafWorld, CounterDouble, LeafWorld
from lane_search import Action
from lane_worlds import ControllerWorld, TripodWorld

from pistegate_edge.lane.core import words as w
from pistegate_edge.lane.core.controller import ControllerLane
from pistegate_edge.lane.core.counter import Counter
from pistegate_edge.lane.core.leaf import LeafLane
from pistegate_edge.lane.core.tripod import TripodLane

SMALL: dict[str, object] = {"timeout_ms": 3, "lease_ms_max": 2, "late_pass_ms": 1, "debounce_ms": 0, "loiter_ms": 3}
CONTROLLER = {
    **SMALL,
    "kind": "tripod",
    "pulse_ms": 1,
    "gap_ms": 1,
    "pass_debounce_ms": 1,
    "weather_ms": 4,
    "chatter_edges": 1,
}
TRIPOD = {**SMALL, "kind": "tripod", "drive": "own", "travel_max_ms": 3, "loiter_ms": 2, "doubts": 2}
LEAF = {**SMALL, "drive": "own", "travel_max_ms": 4, "stall_retries": 1, "reverse_ms": 1, "dwell_ms": 1, "sweep": [0]}
LEAF.update({"pinch_ms": 0, "stay_ms": 3})

BEAMS: dict[str, object] = {
    "beams": [[-100, 900], [100, 900], [200, 900]],
    "sweep": [0, 1],
    "weather_ms": 0,
    "beam_debounce_ms": 0,
    "clear_ms": 1,
    "lost_ms": 0,
    "crawl_ms": 0,
}

HOST: tuple[Action, ...] = (("open", w.ENTRY, 1), ("open", w.ENTRY, 2), ("open", w.EXIT, 1), ("renew",), ("stop",))
MODES: tuple[Action, ...] = (
    ("drain",),
    ("mode", w.NORMAL, "both", 1),
    ("mode", w.FREE, w.ENTRY, 1),
    ("mode", w.OUT, "both", 1),
    ("mode", w.GROUP, w.ENTRY, 2),
)
RESET: tuple[Action, ...] = (("reset",),)


def controller(
    bits: tuple[int, ...], commands: tuple[Action, ...], core: type = ControllerLane, **changed: object
) -> ControllerWorld:
    """A maker's controller."""
    profile = {**CONTROLLER, "drive": "pulse", **changed}
    world = ControllerWorld(core(profile), patience=1 + int(str(profile["debounce_ms"])))
    world.bits, world.commands = bits, commands
    return world


def tripod(
    bits: tuple[int, ...], commands: tuple[Action, ...], core: type = TripodLane, **changed: object
) -> TripodWorld:
    """Our own tripod."""
    profile = {**TRIPOD, **changed}
    world = TripodWorld(core(profile), patience=1 + int(str(profile["debounce_ms"])))
    world.slow = int(str(profile["debounce_ms"]))
    world.bits, world.commands = bits, commands
    return world


def leaf(
    kind: str, bits: tuple[int, ...], commands: tuple[Action, ...], core: type = LeafLane, **changed: Any
) -> LeafWorld:
    """Our own flap or swing gate."""
    profile = {**LEAF, "kind": kind, **changed}
    world = LeafWorld(
        core(profile, CounterDouble()),
        swing=kind == "swing",
        dwell=profile["dwell_ms"],
        reverse=profile["reverse_ms"],
        patience=1 + profile["debounce_ms"],
    )
    world.springs = profile.get("free_on_power_loss") != "ups"
    world.bits, world.commands = bits, commands
    return world


def counted(
    kind: str, bits: tuple[int, ...], commands: tuple[Action, ...], core: type = LeafLane, **changed: Any
) -> CountedLeafWorld:
    """The same with the real counter behind three beams; nobody touches the leaf."""
    profile: dict[str, Any] = {**LEAF, **BEAMS, "kind": kind, **changed}
    world = CountedLeafWorld(
        core(profile, Counter(profile)), kind == "swing", profile["dwell_ms"], profile["reverse_ms"]
    )
    world.patience = 1
    world.sweep = sum(w.BEAM[beam] for beam in profile["sweep"])
    world.persons = world.hands = ()
    world.bits, world.commands = bits, commands
    return world
