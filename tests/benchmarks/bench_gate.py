# SPDX-License-Identifier: Apache-2.0
"""From a card's coming into the field to the lane-open command, against what cannot be done without.

The whole gate of the product runs: reader thread, queue, loop, decision, journal, lane, lamps. Only the reader chip is
replaced, by one that hands over a simulated card at once. Card time, taken off, is the two sessions with the card
(reading both files, writing and committing usage); a second figure takes off only the time inside the simulated card,
and so holds the gate's own share of the card cryptography too.

The reference is one Ed25519 verification of the same claim and one durable commit (SQLite, WAL, synchronous FULL) of a
row of an admission's size on the same file system, taken before each tap after the same pause.
"""

import logging
import queue
import sqlite3
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, sleep
from typing import Any, NamedTuple
from unittest import mock

from figures import Figure, progress
from gate_bench import ISSUER, PASS, UNLOCK, gate_config, public, ski_card, wait_for
from gpiozero import Device
from gpiozero.pins.mock import MockFactory, MockPin

from pistegate_edge.clock import Clock
from pistegate_edge.core.presentation import JOIN_S
from pistegate_edge.gate import Gate
from pistegate_edge.journal.opening import connect
from pistegate_edge.readers import desk
from pistegate_edge.readers.pn532 import Kind
from pistegate_edge.readers.supervisor import ReaderThread
from pistegate_protocol.card_layout import claim_in_file
from pistegate_protocol.signing import KeyRing, split_signed_claim
from pistegate_simulators.card import DesfireCard
from pistegate_simulators.stock import claim_content

SAMPLES = 300
WARM_UP = 20  # taps first, not counted: caches, prepared statements, SQLite's WAL
PAUSE_S = (JOIN_S + 0.1) / 2  # twice between taps: the next one is another guest, not the same pocket
LIMIT = 3.0
ROOT = Path(__file__).resolve().parent.parent.parent
EVENT_BYTES = 103  # payload and chain head of an admission


class Sample(NamedTuple):
    """Seconds of one tap without the card's sessions, without only its own time, and of the two references."""

    tap: float
    with_cryptography: float
    verification: float
    commit: float


class TimedPin(MockPin):  # type: ignore[misc]
    """Notes when its output goes on."""

    went_on: float = 0.0

    def _set_state(self, value: bool) -> None:
        super()._set_state(value)
        if value:
            self.went_on = perf_counter()


@dataclass
class TimedCard:
    """A card that notes how long it was at work itself, how long its sessions took, and when it was first seen."""

    card: DesfireCard
    inside_s: float = 0.0
    sessions_s: float = 0.0
    seen_at: float = 0.0

    @property
    def uid(self) -> bytes:
        """As a sighting tells it."""
        return self.card.uid

    @property
    def kind(self) -> Kind:
        """As a sighting tells it."""
        return Kind.SKI

    def patient(self, patient: bool) -> None:
        """Nothing is lost here."""

    def transceive(self, apdu: bytes) -> bytes:
        """One exchange."""
        began = perf_counter()
        try:
            return self.card.process(apdu)
        finally:
            self.inside_s += perf_counter() - began


@dataclass
class InstantReader:
    """Where the PN532 would be: each card put here is seen once, and is gone at the next look."""

    cards: "queue.SimpleQueue[TimedCard]" = field(default_factory=queue.SimpleQueue)
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

    def activate(self, card: TimedCard) -> TimedCard:
        """As the chip does by itself."""
        card.card.power_on()
        return card

    def rest(self) -> None:
        """The field is off."""

    def close(self) -> None:
        """Nothing to close."""


def timed(session: Callable[..., Any]) -> Callable[..., Any]:
    """`read_card` or `write_card`, its time noted on the card."""

    def run(card: TimedCard, *arguments: Any) -> Any:
        began = perf_counter()
        try:
            return session(card, *arguments)
        finally:
            card.sessions_s += perf_counter() - began

    return run


class Floor:
    """One verification and one durable commit."""

    def __init__(self, directory: Path) -> None:
        self._keys = KeyRing({1: public(ISSUER)})
        self._db: sqlite3.Connection = connect(directory / "floor.sqlite")
        self._db.execute("CREATE TABLE event (seq INTEGER PRIMARY KEY, payload BLOB NOT NULL)")

    def take(self, card: DesfireCard) -> tuple[float, float]:
        """Seconds of each."""
        signed = claim_in_file(claim_content(card))
        assert signed is not None
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


def measure() -> list[Figure]:
    """Taps and references in turn."""
    logging.disable(logging.WARNING)  # the broker that nobody runs here
    (ROOT / "run").mkdir(exist_ok=True)
    sessions = mock.patch.multiple(desk, read_card=timed(desk.read_card), write_card=timed(desk.write_card))
    with tempfile.TemporaryDirectory(prefix="bench-", dir=ROOT / "run") as name, sessions:
        try:
            return _measure(Path(name))
        finally:
            logging.disable(logging.NOTSET)


def _measure(directory: Path) -> list[Figure]:
    pins = MockFactory(pin_class=TimedPin)
    Device.pin_factory = pins
    reader = InstantReader()
    started: queue.SimpleQueue[Gate] = queue.SimpleQueue()

    def live() -> None:
        with ExitStack() as parts:
            gate = Gate(gate_config(directory), Clock(), parts)
            real = gate._reader
            gate._reader = ReaderThread(lambda: reader, gate._desk, real._ready, real._lost)  # type: ignore[arg-type,return-value]
            started.put(gate)
            gate.run()

    thread = threading.Thread(target=live, name="gate loop", daemon=True)
    thread.start()
    gate = started.get(timeout=30)
    floor = Floor(directory)
    try:
        wait_for(lambda: gate._passage.service() == "in_service")
        return _compare(gate, reader, pins, floor)
    finally:
        gate.stop()
        thread.join(10)
        floor.close()
        pins.reset()


def _compare(gate: Gate, reader: InstantReader, pins: MockFactory, floor: Floor) -> list[Figure]:
    samples: list[Sample] = []
    unlock = pins.pin(UNLOCK)
    for number in range(1, WARM_UP + SAMPLES + 1):
        card = TimedCard(ski_card(number))
        sleep(PAUSE_S)  # the gate is asleep when the card comes, as it mostly is
        verification, commit = floor.take(card.card)
        sleep(PAUSE_S)
        before = unlock.went_on
        reader.cards.put(card)
        wait_for(lambda before=before: unlock.went_on > before)  # type: ignore[misc]
        took = unlock.went_on - card.seen_at
        pins.pin(PASS).drive_low()
        pins.pin(PASS).drive_high()
        wait_for(lambda: gate._passage.state.value == "idle")
        if number > WARM_UP:
            samples.append(Sample(took - card.sessions_s, took - card.inside_s, verification, commit))
            progress(number - WARM_UP, SAMPLES)
    return _figures(samples)


def _figures(samples: list[Sample]) -> list[Figure]:
    taps = [sample.tap for sample in samples]
    reference = median(sample.verification + sample.commit for sample in samples)
    whole = median(sample.with_cryptography for sample in samples)
    how = f"medians of {SAMPLES}; reference: one Ed25519 verification + one durable commit"
    return [
        Figure("gate: tap to lane open / reference", median(taps) / reference, "x", LIMIT, "at most", how),
        Figure("gate: the same with card cryptography", whole / reference, "x", note="only the card's own time off"),
        Figure("gate: tap to lane open", median(taps) * 1000, "ms", note="card sessions off"),
        Figure("gate: tap to lane open, 95 of 100", quantiles(taps, n=20)[-1] * 1000, "ms"),
        Figure("gate: Ed25519 verification", median(sample.verification for sample in samples) * 1000, "ms"),
        Figure("gate: durable commit", median(sample.commit for sample in samples) * 1000, "ms", note="WAL, FULL"),
    ]
