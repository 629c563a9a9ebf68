# SPDX-License-Identifier: Apache-2.0
"""A host's session and the board's real firmware and core, joined by a line that may do anything, in virtual time."""

import gc
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(_ROOT / "edge"), str(_ROOT / "tests/edge/lane/board/fake_machine")]

import machine  # noqa: E402
from lane_board.link import Link  # noqa: E402
from lane_board.loop import Loop  # noqa: E402
from lane_board.pins import Pins  # noqa: E402
from lane_board.start import sweep  # noqa: E402

from pistegate_edge.lane.board.session import BoardSession  # noqa: E402
from pistegate_edge.lane.core import lanes, messages, words  # noqa: E402

TURN_MS = 2
LATENCY_MS = 2
LEASE_MS = 2000
PROFILE_HASH = "0badcafe"
INPUT_PINS = {words.PASS_A: 2, words.PASS_B: 3, words.FIRE: 4, words.NOT_READY: 5, words.KEY_FREE: 6, words.RESET: 7}
OUTPUT_PINS = {words.UNLOCK_A: 16, words.UNLOCK_B: 17, words.INHIBIT: 18}
GREEN_PIN, RED_PIN = 20, 21
# A turnstile with a controller of its own, on a board: the smallest lane whose persons are one contact each.
LANE = {
    "kind": "tripod",
    "drive": "level",
    "directions": ["entry", "exit"],
    "timeout_ms": 5000,
    "lease_ms_max": 5000,
    "late_pass_ms": 400,
    "debounce_ms": 10,
    "gap_ms": 100,
    "pulse_ms": 200,
    "pass_relay": "released",
    "free_on_power_loss": "arm_drop",
}


def document(lane: dict[str, Any] = LANE) -> dict[str, Any]:
    """What `profiles.board_document` makes, for this bench's wires."""
    bits = {bit: bit.bit_length() - 1 for bit in (*INPUT_PINS, *OUTPUT_PINS)}
    return {
        "format": 1,
        "profile": lane,
        "inputs": [[bits[bit], pin, 0, 1] for bit, pin in INPUT_PINS.items()],
        "outputs": [[bits[bit], pin, 1] for bit, pin in OUTPUT_PINS.items()],
        "signals": [[1, GREEN_PIN, 1], [2, RED_PIN, 1]],
    }


class Board:
    """One boot of the firmware's loop; its line is two byte strings."""

    def __init__(self, boot: str, profile: str = PROFILE_HASH, crash: str = "", at: int = 0, doc: Any = None) -> None:
        machine.forget()
        doc = doc or document()
        self.boot = boot
        self.came = b""
        self.says: list[bytes] = []
        self._born = at
        self.pins = Pins(machine.Pin, doc)
        self.lane = None if crash else lanes.open_lane(doc["profile"])
        identity = {"profile": profile, "build": "00c0ffee", "version": "0.1.0"}
        self.link = Link(identity, boot, self.lane, crash)
        self.fed = 0
        self.loop = Loop(self.pins, self.lane, self.link, self, self._feed, gc_now, sweep(doc["profile"]))

    def _feed(self) -> None:
        self.fed += 1

    def read(self) -> bytes:
        """The firmware's line."""
        came, self.came = self.came, b""
        return came

    def write(self, data: bytes) -> None:
        """The firmware's line."""
        self.says.append(data)

    def turn(self, now: int) -> None:
        """Once around."""
        self.loop.turn(now - self._born)

    def set(self, bit: int, on: bool) -> None:
        """The world at an input; active is low."""
        machine.levels[INPUT_PINS[bit]] = 0 if on else 1

    def out(self, bit: int) -> bool:
        """An output's level."""
        return bool(machine.levels[OUTPUT_PINS[bit]])


def gc_now() -> None:
    """Forced, but only the young: a full one at each turn would be most of the tests' time."""
    gc.collect(0)


Trouble = Callable[[bytes], list[tuple[int, bytes]]]


def clean(frame: bytes) -> list[tuple[int, bytes]]:
    """A good line: [(ms later than usual, bytes)]."""
    return [(0, frame)]


class Bench:
    """`events` are what the host was told, with the time."""

    def __init__(self, board: Board | None = None, since: Any = None, run: str = "00000001") -> None:
        self.now = 1000
        self.board: Board | None = board or Board("b0000001", at=self.now)
        self.session = BoardSession(PROFILE_HASH, run, LEASE_MS, since)
        self.events: list[tuple[int, str, Any]] = []
        self.to_board: Trouble = clean
        self.to_host: Trouble = clean
        self._flying: list[tuple[int, int, bool, bytes]] = []
        self._number = 0
        self.opened = 0
        self._was_open = False
        self.told(self.session.line_up(self.now))

    def told(self, events: list[tuple[str, Any]]) -> None:
        """Note what the host learned."""
        self.events += [(self.now, name, value) for name, value in events]

    def names(self, name: str) -> list[Any]:
        """Values of the events of that name."""
        return [value for _, what, value in self.events if what == name]

    def run(self, ms: int) -> None:
        """Let time go on."""
        for _ in range(max(1, ms // TURN_MS)):
            self.turn()

    def turn(self) -> None:
        """One turn of everything."""
        self.now += TURN_MS
        self._arrive()
        if self.board is not None:
            self.board.turn(self.now)
            opens = self.board.out(words.UNLOCK_A) or self.board.out(words.UNLOCK_B)
            self.opened += opens and not self._was_open
            self._was_open = opens
            for data in self.board.says:
                self._fly(data, self.to_host, False)
            self.board.says.clear()
        self.told(self.session.tick(self.now))
        self._fly(self.session.send(self.now), self.to_board, True)

    def link(self) -> None:
        """Until board and host know each other."""
        self.run(200)
        assert self.session.state == "linked"

    def pass_one(self, bit: int = words.PASS_A) -> None:
        """One person: the contact closes and opens."""
        assert self.board is not None
        self.board.set(bit, True)
        self.run(60)
        if self.board is not None:
            self.board.set(bit, False)
        self.run(60)

    def reboot(self, boot: str = "b0000002", **more: Any) -> None:
        """Another boot; what flew to the old one is read by the new one."""
        self.board = Board(boot, at=self.now, **more)
        self._was_open = False

    def _fly(self, data: bytes, trouble: Trouble, down: bool) -> None:
        for frame in frames(data):
            for late, piece in trouble(frame):
                self._number += 1
                self._flying.append((self.now + LATENCY_MS + late, self._number, down, piece))

    def _arrive(self) -> None:
        due = sorted(entry for entry in self._flying if entry[0] <= self.now)
        self._flying = [entry for entry in self._flying if entry[0] > self.now]
        for _, _, down, data in due:
            if not down:
                self.told(self.session.hear(self.now, data))
            elif self.board is not None:
                self.board.came += data


def frames(data: bytes) -> list[bytes]:
    """Each with its 00 in front and behind."""
    return [b"\x00" + coded + b"\x00" for coded in data.split(b"\x00") if coded]


def trouble(chance: random.Random, often: float) -> Trouble:
    """Frames lost, doubled, late, hit, and garbage between them."""

    def line(frame: bytes) -> list[tuple[int, bytes]]:
        if chance.random() > often:
            return [(0, frame)]
        kind = chance.randrange(5)
        if kind == 0:
            return []
        if kind == 1:
            return [(0, frame), (chance.randrange(800), frame)]
        if kind == 2:
            return [(chance.randrange(800), frame)]
        if kind == 3:
            at = chance.randrange(len(frame))
            return [(0, frame[:at] + bytes([frame[at] ^ 1 << chance.randrange(8)]) + frame[at + 1 :])]
        return [(0, chance.randbytes(chance.randrange(300))), (0, frame)]

    return line


__all__ = ["LEASE_MS", "PROFILE_HASH", "Bench", "Board", "clean", "document", "frames", "messages", "trouble"]
