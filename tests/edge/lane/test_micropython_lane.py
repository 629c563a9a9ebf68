# SPDX-License-Identifier: Apache-2.0
"""The same lane under MicroPython: state, outputs, deadline, counts and events are equal after every call."""

import json

import pytest
from lane_traces import REPLAY, first_difference, on_cpython, on_micropython, random_trace, scenario_trace
from micropython_dialect import problems
from micropython_wasm import EDGE_SRC, core_files, run_micropython

from pistegate_edge.lane.profiles import load_lane
from pistegate_simulators.lane import scenario

PROFILES = ("tripod_own", "flap_own", "swing_own", "tripod_pulse", "tripod_level", "flap_pulse", "flap_level")
RUNS = [
    (name, kind) for name in scenario.built_in() for kind in scenario.LANE_KINDS if kind in scenario.load(name).lanes
]


def once_each() -> list[tuple[str, str]]:
    """Every scenario file at one of its kinds of lane, in turn."""
    kinds: dict[str, list[str]] = {}
    for name, kind in RUNS:
        kinds.setdefault(name, []).append(kind)
    return [(name, options[index % len(options)]) for index, (name, options) in enumerate(kinds.items())]


def test_every_scenario_file_has_the_same_outcome_on_the_board() -> None:
    """What the simulated crowds do, replayed with the calls of the gate."""
    traces = [scenario_trace(name, 1, kind) for name, kind in once_each()]
    assert len(traces) >= 40
    assert first_difference(traces, on_cpython(traces), on_micropython(traces)) == ""


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", scenario.LANE_KINDS)
def test_every_scenario_at_every_kind_of_lane(kind: str) -> None:
    """The same with more seeds."""
    traces = [scenario_trace(name, seed, kind) for name, its in RUNS if its == kind for seed in (2, 3)]
    assert first_difference(traces, on_cpython(traces), on_micropython(traces)) == ""


def test_what_nobody_would_do_has_the_same_outcome_too() -> None:
    """Random inputs and random calls, refused ones included, at every profile of hardware/lanes."""
    traces = [random_trace(name, seed) for name in PROFILES for seed in range(4)]
    answers = on_cpython(traces)
    states = {json.loads(line)[0] for lines in answers for line in lines}
    assert len(states) > 15
    assert any('"ValueError"' in line for lines in answers for line in lines)
    assert first_difference(traces, answers, on_micropython(traces)) == ""


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("counter_bodies", "SURE = 4", "SURE = 5"),
        ("counter_beams", "PERIODS = 20", "PERIODS = 10"),
        ("words", "MOTOR_SHUT = 1 << 5", "MOTOR_SHUT = 1 << 7"),
    ],
)
def test_a_difference_is_found(module: str, old: str, new: str) -> None:
    """One changed line on the board's side is seen."""
    path = f"/lib/pistegate_edge/lane/core/{module}.py"
    source = core_files()[path]
    assert source.count(old) == 1
    traces = [random_trace("flap_own", 1), scenario_trace("tailgater_30cm", 1, "flap")]
    changed = on_micropython(traces, {path: source.replace(old, new)})
    assert "MicroPython" in first_difference(traces, on_cpython(traces), changed)


def test_the_trace_is_what_the_simulator_saw() -> None:
    """Replayed, a run gives the very events that the simulated gate heard."""
    from pistegate_simulators.lane import running

    trace = running.record("close_pair", 1, "flap")
    [lines] = on_cpython([scenario_trace("close_pair", 1, "flap")])
    heard = [[list(event) for event in told] for _now, _name, _args, told, _out in trace.calls]
    assert [json.loads(line)[4] or [] for line in lines] == heard
    assert sum(map(len, heard)) > 10


def test_the_replay_is_in_the_subset_as_well() -> None:
    """It runs on both."""
    assert problems(REPLAY.read_text("utf-8")) == []
    assert EDGE_SRC.is_dir()


def test_a_flap_lane_fits_a_pico() -> None:
    """Code and state of the largest lane, compiled on the board, take less than half of a Pico's heap."""
    measure = (
        "import gc, json\ngc.collect()\nbefore = gc.mem_alloc()\n"
        "from pistegate_edge.lane.core.lanes import open_lane\n"
        "with open('/profile.json') as file:\n    lane = open_lane(json.load(file))\n"
        "gc.collect()\nprint(gc.mem_alloc() - before)"
    )
    profile = {key: value for key, value in load_lane("flap_own").items() if key != "mechanics"}
    taken = int(run_micropython(measure, core_files() | {"/profile.json": json.dumps(profile)}))
    assert 10_000 < taken < 96_000
