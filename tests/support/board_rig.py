# SPDX-License-Identifier: Apache-2.0
"""A flap lane with a simulated board on a pseudo terminal: its gate.toml, its leaf, people who walk through."""

import queue
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from simulated_board import SimulatedBoard

from pistegate_edge.config import load_config
from pistegate_edge.lane.board.board_host import BoardLane
from pistegate_edge.lane.board.document import document_of
from pistegate_edge.lane.board.image import image_of
from pistegate_edge.lane.host import Event
from pistegate_edge.lane.settings import LaneSettings

ROOT = Path(__file__).resolve().parents[2]
LIMIT_SHUT, LIMIT_OPEN, FIRE, OPENS = 15, 16, 12, 18  # GP numbers of hardware/boards/pico.toml, wiring flap
BODY_MM = 250
STEP_MM, STEP_S = 40, 0.02  # 2 m/s: a skier who glides


def gate_toml(folder: Path, port: str, profile: str = "flap_own") -> Path:
    """The example's configuration with a lane board at `port`."""
    text = (ROOT / "hardware" / "gate.example.toml").read_text()
    lane = f'[lane]\nprofile = "{profile}"\nport = "{port}"\n\n[signals]'
    path = folder / "gate.toml"
    path.write_text(re.sub(r"\[lane\].*?\[signals\]", lane, text, flags=re.S))
    return path


def settings_of(config: Path) -> LaneSettings:
    """Its lane."""
    lane = load_config(config).lane
    assert lane is not None
    return lane


def put_firmware(flash: Path, settings: LaneSettings) -> None:
    """What `board flash` leaves, without its half minute."""
    image = image_of(document_of(settings))
    for name, data in {**image.files, "lane_build.json": image.listing}.items():
        (flash / name).parent.mkdir(parents=True, exist_ok=True)
        (flash / name).write_bytes(data)


def board_command(config: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """pistegate-gate board ..., as a technician types it."""
    command = [sys.executable, "-m", "pistegate_edge", "board", *words, "--config", str(config)]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


class Gate:
    """The gate's loop around a BoardLane, as far as the lane is concerned."""

    def __init__(self, settings: LaneSettings, since: Any = None) -> None:
        self.told: queue.SimpleQueue[object] = queue.SimpleQueue()
        self.events: list[Event] = []
        self.lane = BoardLane(settings, self.told.put, since)

    def __enter__(self) -> "Gate":
        return self

    def __exit__(self, *_: object) -> None:
        self.lane.close()

    def run(self, seconds: float) -> None:
        """Serve the queue."""
        self.until(lambda: False, seconds, fail=False)

    def until(self, done: Callable[[], bool], seconds: float = 20.0, *, fail: bool = True) -> None:
        """Serve the queue until `done`."""
        end = time.monotonic() + seconds
        while not done():
            now = time.monotonic()
            if now >= end:
                assert not fail, f"not in {seconds} s: {self.events}, lane {self.lane.state}"
                return
            due = self.lane.deadline
            try:
                told = self.told.get(timeout=max(0.0, min(0.05, end - now if due is None else due - now)))
                self.events += self.lane.take(told, time.monotonic())
            except queue.Empty:
                pass
            if due is not None and time.monotonic() >= due:
                self.events += self.lane.tick(time.monotonic())

    def linked(self) -> None:
        """Until board and gate know each other."""
        self.until(lambda: self.lane.state == "shut")

    def names(self, name: str) -> list[Any]:
        """Values of the events of that name."""
        return [value for what, value in self.events if what == name]


def leaf_follows(board: SimulatedBoard, *, is_open: bool) -> None:
    """The leaf has arrived: its limit switches are active low."""
    board.set(LIMIT_SHUT, 1 if is_open else 0)
    board.set(LIMIT_OPEN, 0 if is_open else 1)


def walk_in(board: SimulatedBoard, gate: Gate, beams: list[list[int]]) -> None:
    """One person from outside to inside; beams are active high."""
    x = -700
    while x <= 700:
        for pin, (at, _) in enumerate(beams):
            board.set(pin, int(abs(at - x) <= BODY_MM // 2))
        gate.run(STEP_S)
        x += STEP_MM
