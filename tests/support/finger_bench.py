# SPDX-License-Identifier: Apache-2.0
"""A sensor's driver and a gate's thread on a simulated sensor."""

import queue
import time
from pathlib import Path
from typing import Any, Self, TypeVar

from pistegate_edge.fingers.consent import Consent, consent
from pistegate_edge.fingers.desk import EnrolmentDesk, Touch
from pistegate_edge.fingers.library import Library
from pistegate_edge.fingers.sealing import FileTemplateKeys
from pistegate_edge.fingers.sensor import Sensor
from pistegate_edge.fingers.store import TemplateStore
from pistegate_edge.fingers.thread import Comparison, FingerThread
from pistegate_edge.fingers.told import FingerTold
from pistegate_protocol.signing import Medium, MediumKind
from pistegate_simulators.finger import Finger, SimulatedSensor

KEYS = FileTemplateKeys({1: bytes(range(32)), 2: bytes(32)}, 1)
CARD = Medium(MediumKind.CARD, b"\x04\x01\x02\x03")
NOW_MS, LATER_MS = 1_700_000_000_000, 1_800_000_000_000
WAIT_S = 15.0  # for what must come; a busy machine
T = TypeVar("T")


def agreed(holder: bytes) -> Consent:
    """A consent with everything in it."""
    return consent(holder, NOW_MS, "li", ("finger-1", "May we keep ...", "en"))


def driver(simulated: SimulatedSensor) -> Sensor:
    """The product's driver on it."""
    return Sensor(simulated.path, time.monotonic)


def enrolled(simulated: SimulatedSensor, name: str, holder: bytes) -> bytes:
    """The sealed template of a finger, taken at a desk on this very sensor."""

    def obey(touch: Touch) -> None:
        simulated.put(Finger(name)) if touch is Touch.PUT else simulated.lift()

    with driver(simulated) as sensor:
        desk = EnrolmentDesk(sensor, KEYS, obey, time.monotonic, lambda _: None)
        try:
            return desk.enrol(agreed(holder), CARD).sealed
        finally:
            simulated.lift()


class Gate:
    """The thread of a gate's sensor; `wall_ms` is set by the test."""

    def __init__(self, simulated: SimulatedSensor, link: Path, folder: Path, *, watch: bool = False) -> None:
        self.told: queue.Queue[FingerTold] = queue.Queue()
        self.store = TemplateStore(folder / "fingers.db")
        self.wall_ms = NOW_MS
        self.simulated = simulated
        library = Library(self.store, KEYS, lambda: self.wall_ms)
        opener = lambda: Sensor(str(link), time.monotonic)  # noqa: E731
        self.thread = FingerThread(opener, library, KEYS, self.told.put, time.monotonic, watch=watch)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.thread.stop()
        self.store.close()

    def next(self, kind: type[T]) -> T:
        """The next thing told, which is of this kind."""
        told: Any = self.told.get(timeout=WAIT_S)
        assert isinstance(told, kind), told
        return told

    def compare(self, token: int, holder: bytes, sealed: bytes, seconds: float = WAIT_S) -> None:
        """Ask for a finger."""
        self.thread.compare(Comparison(token, holder, sealed, time.monotonic() + seconds))

    def until(self, condition: Any) -> None:
        """Wait for something to become so."""
        deadline = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.02)
