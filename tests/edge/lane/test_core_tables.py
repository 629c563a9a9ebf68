# SPDX-License-Identifier: Apache-2.0
"""The tables of the lane cores: every state with every event, and the page that is drawn from them."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from lane_leaf_world import CounterDouble
from lane_profiles import PROFILES, profile

from pistegate_edge.lane.core import controller, leaf, opening, tripod
from pistegate_edge.lane.core.lanes import open_lane

ROOT = Path(__file__).parents[3]
MACHINES: dict[str, tuple[ModuleType, Any, str]] = {
    "controller": (controller, lambda: controller.ControllerLane(profile("tripod_pulse")), "_go"),
    "tripod": (tripod, lambda: tripod.TripodLane(profile("tripod_own")), "_go"),
    "leaf": (leaf, lambda: leaf.LeafLane(profile("swing_own"), CounterDouble()), "_go"),
    "opening": (opening, opening.Opening, "go"),
}
EVERY = [
    (name, state, event)
    for name, (module, _, _) in MACHINES.items()
    for state in module.TABLE
    for event in sorted({event for ways in module.TABLE.values() for event in ways} | {"nonsense"})
]


@pytest.mark.parametrize("name", list(MACHINES))
def test_table_names_its_own_states_only(name: str) -> None:
    """Every way leads to a state that the table has, and every state but the first has a way to it."""
    table = MACHINES[name][0].TABLE
    reached = {following for ways in table.values() for following in ways.values()}
    assert reached | {next(iter(table))} == set(table)


@pytest.mark.parametrize(("name", "state", "event"), EVERY)
def test_every_state_with_every_event(name: str, state: str, event: str) -> None:
    """What is in the table is done, what is not raises with both names and changes nothing."""
    module, make, door = MACHINES[name]
    machine = make()
    machine.state = state
    if event in module.TABLE[state]:
        getattr(machine, door)(event)
        assert machine.state == module.TABLE[state][event]
        return
    with pytest.raises(ValueError, match=f"{state}: no {event}"):
        getattr(machine, door)(event)
    assert machine.state == state


@pytest.mark.parametrize("name", list(PROFILES))
def test_every_sample_profile_opens_a_lane(name: str) -> None:
    """Shut, nothing counted, due at once for its first step; on another clock it is the same lane."""
    lane = open_lane(profile(name))
    assert (lane.state, lane.counts, lane.deadline) == ("shut", [0, 0], 0)
    word = 1 << 14 | 1 << 17  # arm at home, leaf shut
    lane.step(0, word)
    lane.step(100, word)
    lane.open(200, "entry", 1, 1000)
    kept = lane.snapshot(250)
    hash(kept)
    lane.restore(1_000_250, kept)
    assert lane.snapshot(1_000_250) == kept
    assert lane.deadline > 1_000_250


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"kind": "door"}, "kind door"),
        ({"drive": "steam"}, "drive steam"),
        ({"timeout_ms": None}, "timeout_ms"),
        ({"pulse_ms": "long"}, "pulse_ms"),
        ({"gap_ms": -1}, "gap_ms"),
        ({"debounce_ms": 90}, "100 ms"),
    ],
)
def test_profile_that_lacks_something_says_what(changed: dict[str, object], what: str) -> None:
    """Before anything moves."""
    with pytest.raises(ValueError, match=what):
        open_lane(profile("tripod_pulse", **changed))


def test_page_of_states_is_what_the_tables_say() -> None:
    """docs/lane-states.md is drawn from them."""
    subprocess.run([sys.executable, ROOT / "tools" / "lane_diagram.py", "--check"], check=True)
