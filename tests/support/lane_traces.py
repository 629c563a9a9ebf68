# SPDX-License-Identifier: Apache-2.0
"""Traces of a lane for the differential test: what a simulated crowd did, and what nobody would do."""

import importlib.util
import json
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

from micropython_wasm import core_files, run_micropython

from pistegate_edge.lane.core import words
from pistegate_edge.lane.profiles import load_lane
from pistegate_simulators.lane import running

REPLAY = Path(__file__).resolve().parent / "micropython" / "replay.py"
DIRECTIONS = (words.ENTRY, words.EXIT)
INPUTS = [bit for bit in range(29) if bit >= words.BEAMS_MAX]
STEPS_MS = (1, 3, 5, 10, 20, 60, 250, 1000, 5000)


def scenario_trace(scenario: str, seed: int, kind: str) -> dict[str, Any]:
    """Inputs and the gate's calls of one simulated run."""
    trace = running.record(scenario, seed, kind)
    return {
        "profile": trace.profile,
        "calls": [[now, name, list(args)] for now, name, args, _told, _out in trace.calls],
    }


def random_trace(profile_name: str, seed: int, steps: int = 400) -> dict[str, Any]:
    """Bodies and noise in the beams, contacts at random, calls of the host that nobody would make."""
    rng = Random(f"{profile_name} {seed}")
    profile = load_lane(profile_name)
    now = rng.choice((0, 1000, 1 << 28))
    word, beams = 0, _walks(rng)
    calls: list[list[Any]] = []
    for _ in range(steps):
        now += rng.choice(STEPS_MS)
        if rng.random() < 0.25:
            word ^= 1 << rng.choice(INPUTS)
        calls.append([now, "step", [word | next(beams)]])
        if rng.random() < 0.2:
            calls.append([now, *_call(rng)])
        if rng.random() < 0.1:
            word = 0
    return {"profile": profile, "calls": calls}


def _call(rng: Random) -> list[Any]:
    way = rng.choice(DIRECTIONS)
    persons, lease = rng.choice((1, 1, 2, 9)), rng.choice((1, 300, 1000, 60_000))
    mode = rng.choice((words.NORMAL, words.NORMAL, words.FREE, words.GROUP, words.OUT))
    return rng.choice(
        [
            ["open", [way, persons, lease]],
            ["open", [way, persons, lease]],
            ["renew", [lease]],
            ["stop", []],
            ["drain", []],
            ["reset", []],
            ["mode", [mode, way, persons]],
        ]
    )


def _walks(rng: Random) -> Any:
    """Words of beams: a run of two to four hip beams walks up or down; flicker; a stuck beam."""
    while True:
        width, up, noise = rng.randint(1, 4), rng.random() < 0.5, rng.choice((0.0, 0.05))
        stuck = 1 << rng.randrange(words.BEAMS_MAX) if rng.random() < 0.3 else 0
        for place in range(-width, words.BEAMS_MAX):
            run = ((1 << width) - 1) << (place + width) >> width
            if not up:
                run = int(f"{run & words.BEAMS:012b}"[::-1], 2)
            for _ in range(rng.randint(1, 5)):
                flicker = 1 << rng.randrange(words.BEAMS_MAX) if rng.random() < noise else 0
                yield (run & 0xFF | stuck) ^ flicker


def on_cpython(traces: list[dict[str, Any]]) -> list[list[str]]:
    """The answers to each trace."""
    replay = _replay()
    return [list(replay.answers(json.loads(json.dumps(trace)))) for trace in traces]


def on_micropython(traces: list[dict[str, Any]], files: dict[str, str] | None = None) -> list[list[str]]:
    """The same under MicroPython, in one process; `files` replaces modules of the core."""
    given = {f"/traces/{number}.json": json.dumps(trace) for number, trace in enumerate(traces)}
    given |= core_files() | {"/lib/replay.py": REPLAY.read_text("utf-8")} | (files or {})
    printed = run_micropython(f"import replay\nreplay.main('/traces', {len(traces)})", given)
    answers: list[list[str]] = []
    for line in printed.splitlines():
        if line.startswith("trace "):
            answers.append([])
        else:
            answers[-1].append(line)
    return answers


def _replay() -> ModuleType:
    spec = importlib.util.spec_from_file_location("lane_replay", REPLAY)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def first_difference(traces: list[dict[str, Any]], one: list[list[str]], other: list[list[str]]) -> str:
    """Where two interpreters part; empty when they never do."""
    if len(one) != len(other):
        return f"{len(one)} traces answered on one, {len(other)} on the other"
    for number, trace in enumerate(traces):
        for index, call in enumerate(trace["calls"]):
            here, there = one[number][index : index + 1], other[number][index : index + 1]
            if here != there or not here:
                return f"trace {number}, call {index} {call}: CPython {here}, MicroPython {there}"
    return ""
