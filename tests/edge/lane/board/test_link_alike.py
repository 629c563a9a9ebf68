# SPDX-License-Identifier: Apache-2.0
"""A whole talk of a host with its board, recorded on CPython, played again under MicroPython: byte for byte alike."""

import hashlib
import json
import random
from pathlib import Path
from typing import Any

import pytest
from board_bench import Bench, Board, clean, document, trouble
from micropython_wasm import core_files, run_micropython

from pistegate_edge.lane.core import words

FIRMWARE = Path(__file__).resolve().parents[4] / "edge" / "lane_board"
MACHINE = Path(__file__).parent / "fake_machine" / "machine.py"

# Pins and bytes of each turn as they were; what the board says goes into one hash, with each output word.
PLAY = """
import binascii, gc, hashlib, json
import machine
from lane_board.link import Link
from lane_board.loop import Loop
from lane_board.pins import Pins
from lane_board.start import sweep
from pistegate_edge.lane.core import lanes

with open("/talk.json") as file:
    talk = json.load(file)
pins = Pins(machine.Pin, talk["document"])
lane = lanes.open_lane(talk["document"]["profile"])
link = Link({"profile": "0badcafe", "build": "00c0ffee", "version": "0.1.0"}, "b0000001", lane, "")
said = hashlib.sha256()


class Line:
    came = b""

    def read(self):
        return self.came

    def write(self, data):
        said.update(data)


line = Line()
loop = Loop(pins, lane, link, line, lambda: None, gc.collect, 0)
for now, came, levels in talk["turns"]:
    line.came = binascii.unhexlify(came)
    for pin, level in levels:
        machine.levels[pin] = level
    loop.turn(now)
    said.update(bytes((pins.driven,)))
print(binascii.hexlify(said.digest()).decode(), lane.counts)
"""


class Recorder(Board):
    """Notes what each turn reads; `said` is as in PLAY."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.turns: list[tuple[int, str, list[tuple[int, int]]]] = []
        self.all_said = bytearray()
        self._levels: list[tuple[int, int]] = []

    def set(self, bit: int, on: bool) -> None:
        """Noted."""
        super().set(bit, on)
        pin = next(row[1] for row in document()["inputs"] if 1 << row[0] == bit)
        self._levels.append((pin, 0 if on else 1))

    def turn(self, now: int) -> None:
        """Noted."""
        self.turns.append((now - self._born, self.came.hex(), self._levels))
        self._levels = []
        super().turn(now)
        self.all_said += b"".join(self.says) + bytes((self.pins.driven,))


@pytest.mark.parametrize("seed", range(3))
def test_micropython_says_the_same_to_the_same(seed: int) -> None:
    """Openings, persons, fire, a group, lamps and a bad line: every byte of the answers and every output word."""
    chance = random.Random(seed)
    board = Recorder("b0000001", at=1000)
    bench = Bench(board)
    bench.link()
    bench.session.play(bench.now, 0, ((1, 400),), 400, ((2, 300), (0, 300)))
    for _ in range(12):
        bench.to_board = trouble(chance, chance.choice([0.0, 0.3]))
        what = chance.randrange(6)
        if what == 0:
            bench.told(bench.session.mode(bench.now, words.GROUP, words.EXIT, 2))
        elif what == 1:
            board.set(words.FIRE, True)
        elif what == 2:
            board.set(words.FIRE, False)
        else:
            bench.told(bench.session.open(bench.now, chance.randint(1, 3), words.ENTRY))
        bench.run(chance.randint(20, 400))
        for _ in range(chance.randint(0, 3)):
            bench.pass_one(chance.choice([words.PASS_A, words.PASS_B]))
        bench.run(chance.randint(20, 1500))
    bench.to_board = clean
    bench.run(500)
    talk = json.dumps({"document": document(), "turns": board.turns})
    files = core_files() | {"/lib/machine.py": MACHINE.read_text(), "/talk.json": talk}
    for path in FIRMWARE.glob("*.py"):
        files[f"/lib/lane_board/{path.name}"] = path.read_text()
    printed = run_micropython(PLAY, files)
    assert board.lane is not None
    assert printed == f"{hashlib.sha256(board.all_said).hexdigest()} {board.lane.counts}\n"
    assert sum(board.lane.counts) > 5
