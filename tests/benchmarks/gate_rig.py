# SPDX-License-Identifier: Apache-2.0
"""What benchmarks of the gate share: the whole gate of the product, an instant reader, and what cannot be done without.

The floor is one Ed25519 verification of the same claim and one durable commit (SQLite, WAL, synchronous FULL) of a row
of an admission's size on the same file system.
"""

import logging
import queue
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from gate_bench import ISSUER, PASS, UNLOCK, gate_config, public, wait_for
from gpiozero import Device
from gpiozero.pins.mock import MockFactory, MockPin

from pistegate_edge.clock import Clock
from pistegate_edge.gate import Gate, open_gate
from pistegate_edge.journal.files import Files
from pistegate_edge.journal.opening import connect
from pistegate_edge.readers.supervisor import ReaderThread
from pistegate_protocol.signing import KeyRing, split_signed_claim

ROOT = Path(__file__).resolve().parent.parent.parent
EVENT_BYTES = 103  # payload and chain head of an admission


class TimedPin(MockPin):  # type: ignore[misc]
    """Notes when its output goes on."""

    went_on: float = 0.0

    def _set_state(self, value: bool) -> None:
        super()._set_state(value)
        if value:
            self.went_on = perf_counter()


@dataclass
class InstantReader:
    """Where the PN532 would be: each card put here is seen once, and is gone at the next look."""

    cards: "queue.SimpleQueue[Any]" = field(default_factory=queue.SimpleQueue)
    description: str = "instant reader"

    def wait(self, seconds: float) -> Any:
        """The next card, None when there is none for now."""
        try:
            card = self.cards.get(timeout=seconds)
        except queue.Empty:
            return None
        card.seen_at = perf_counter()
        return card

    def look(self, before: Any = None) -> list[Any]:
        """Nobody."""
        return []

    def activate(self, card: Any) -> Any:
        """As the chip does by itself."""
        card.card.power_on()
        return card

    def rest(self) -> None:
        """The field is off."""

    def close(self) -> None:
        """Nothing to close."""


class Floor:
    """One verification and one durable commit."""

    def __init__(self, directory: Path) -> None:
        self._keys = KeyRing({1: public(ISSUER)})
        self._db: sqlite3.Connection = connect(Files(directory), "floor.sqlite")
        self._db.execute("CREATE TABLE event (seq INTEGER PRIMARY KEY, payload BLOB NOT NULL)")

    def take(self, signed: bytes) -> tuple[float, float]:
        """Seconds of each, for a signed claim."""
        _, _, unsigned, signature = split_signed_claim(signed)
        began = perf_counter()
        assert self._keys.verify(1, signature, b"pistegate claim\x00" + unsigned)
        verified = perf_counter()
        self._db.execute("BEGIN IMMEDIATE")
        self._db.execute("INSERT INTO event (payload) VALUES (?)", (bytes(EVENT_BYTES),))
        self._db.execute("COMMIT")
        return verified - began, perf_counter() - verified

    def close(self) -> None:
        """Close the database."""
        self._db.close()


@dataclass
class Rig:
    """A running gate in service; cards put to `reader` are before it."""

    gate: Gate
    reader: InstantReader
    pins: MockFactory
    floor: Floor

    def until_open(self, present: Callable[[], None]) -> float:
        """When (perf_counter) the lane opened for what `present` presents; one person passes then."""
        unlock = self.pins.pin(UNLOCK)
        before = unlock.went_on
        present()
        wait_for(lambda: unlock.went_on > before)
        opened: float = unlock.went_on
        self.pins.pin(PASS).drive_low()
        self.pins.pin(PASS).drive_high()
        wait_for(lambda: self.gate._passage.state.value == "idle")
        return opened


@contextmanager
def running_rig(**sections: Any) -> Iterator[Rig]:
    """The rig, on this tree's file system; `sections`: of gate.toml, beside the bench's own."""
    logging.disable(logging.WARNING)  # the broker that nobody runs here
    (ROOT / "run").mkdir(exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-", dir=ROOT / "run") as name:
            yield from _running(Path(name), sections)
    finally:
        logging.disable(logging.NOTSET)


def _running(directory: Path, sections: dict[str, Any]) -> Iterator[Rig]:
    pins = MockFactory(pin_class=TimedPin)
    Device.pin_factory = pins
    reader = InstantReader()
    started: queue.SimpleQueue[Gate] = queue.SimpleQueue()

    def live() -> None:
        with ExitStack() as parts:
            gate = open_gate(gate_config(directory, **sections), Clock(), parts)
            real: Any = gate._reader
            instant = ReaderThread(lambda: reader, real._desk, real._thread._ready, real._thread._lost)  # type: ignore[arg-type,return-value]
            real.start, real.stop = instant.start, instant.stop
            started.put(gate)
            gate.run()

    thread = threading.Thread(target=live, name="gate loop", daemon=True)
    thread.start()
    gate = started.get(timeout=30)
    floor = Floor(directory)
    try:
        wait_for(lambda: gate._passage.service() == "in_service")
        yield Rig(gate, reader, pins, floor)
    finally:
        gate.stop()
        thread.join(10)
        floor.close()
        pins.reset()
