# SPDX-License-Identifier: Apache-2.0
"""Run a scenario at a lane: with the lane's core, with the ideal controller, or recorded for another interpreter."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from pistegate_edge.lane.core.lanes import open_lane
from pistegate_edge.lane.profiles import load_lane
from pistegate_simulators.lane.gatehouse import Event, Lane
from pistegate_simulators.lane.ideal import IdealLane
from pistegate_simulators.lane.scenario import Scenario, load
from pistegate_simulators.lane.truth import Report, judge
from pistegate_simulators.lane.world import World

PROFILES = {"tripod": "tripod_own", "flap": "flap_own", "swing": "swing_own"}
Opener = Callable[[dict[str, Any]], Lane]


@dataclass(frozen=True)
class Trace:
    """What was asked of a lane and what it answered: enough to ask another one the same."""

    scenario: str
    seed: int
    profile: dict[str, Any]
    calls: list[tuple[int, str, tuple[Any, ...], list[Event], int]]
    """(ms, method, arguments after `now`, events, output word afterwards)."""

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def profile_of(kind: str) -> dict[str, Any]:
    """The profile that stands for a kind of lane, or the named one."""
    return load_lane(PROFILES.get(kind, kind))


def build(scenario: Scenario, profile: dict[str, Any], seed: int, opener: Opener = open_lane) -> World:
    """A world about to begin."""
    return World(scenario, profile, opener(profile), seed)


def run(scenario: str | Scenario, kind: str, seed: int, opener: Opener = open_lane) -> Report:
    """A whole run of a scenario at a lane, judged."""
    made = load(scenario) if isinstance(scenario, str) else scenario
    return judge(build(made, profile_of(kind), seed, opener).run(), seed)


def run_ideal(scenario: str | Scenario, kind: str, seed: int) -> Report:
    """The same crowd, served by the ideal controller."""
    made = load(scenario) if isinstance(scenario, str) else scenario
    profile = profile_of(kind)
    lane = IdealLane(int(profile["timeout_ms"]))
    world = World(made, profile, lane, seed)
    lane.world = world
    return judge(world.run(), seed)


def record(scenario: str, seed: int, kind: str = "flap", opener: Opener = open_lane) -> Trace:
    """The calls of a run, with what the lane answered."""
    profile = profile_of(kind)
    world = build(load(scenario), profile, seed, opener)
    world.gatehouse.calls = []
    world.run()
    return Trace(scenario, seed, profile, world.gatehouse.calls)
