# SPDX-License-Identifier: Apache-2.0
"""The network of a storm: messages are late, lost, doubled and out of order, and lines are cut without a word."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Generic, TypeVar

from pistegate_edge.uplink.mqtt import Arrived, LinkDown, LinkEvent, LinkUp
from pistegate_simulators.storm.timeline import Timeline

NOTICED_S = (2.0, 45.0)  # seconds until a side notices that its line is cut (keep-alive)
RECONNECT_S = (0.5, 5.0)  # seconds to the next try


@dataclass(slots=True)
class Weather:
    """Chances by message, and seconds on the way."""

    loss: float = 0.0
    twice: float = 0.0
    delay_s: tuple[float, float] = (0.02, 0.08)
    again_s: float = 0.0
    """How much later the second one of a doubled message may come."""


CALM = Weather()
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Events(Generic[T]):
    """What a device is told of its line."""

    up: Callable[[], T]
    down: Callable[[str], T]
    arrived: Callable[[bytes], T]


TO_CLOUD: Events[LinkEvent] = Events(LinkUp, LinkDown, Arrived)


class Line(Generic[T]):
    """One device's line to a broker. `up`: what the device tells goes there; `tell`: how the device is told."""

    def __init__(
        self,
        timeline: Timeline,
        rng: Random,
        up: Callable[[bytes], None],
        tell: Callable[[T], None],
        serves: Callable[[], bool],
        events: Events[T],
        calm: Weather = CALM,
    ) -> None:
        """`serves`: whether the other side is there to connect to. `calm`: what its weather is without a storm."""
        self._events = events
        self._timeline = timeline
        self._rng = rng
        self._up = up
        self._tell = tell
        self._serves = serves
        self.weather = self.calm = calm
        self.cut = False
        self._run = 0  # counts starts of the device's client; what an earlier one waits for is void
        self._session = 0
        self._running = False
        self.connected = False

    # The device's side: Link

    def start(self) -> None:
        """See Link."""
        self._run += 1
        self._running = True
        self._try()

    def publish(self, payload: bytes) -> None:
        """See Link."""
        if self.connected and not self.cut:
            self._send(lambda: self._up(payload))

    def stop(self) -> None:
        """See Link; also what the death of a device's process does."""
        self._run += 1
        self._running = self.connected = False

    # The world's side

    def down(self, payload: bytes) -> None:
        """A message for the device, lost where it is not connected: nothing relies on a broker's queue."""
        if not self.connected or self.cut:
            return
        session = self._session

        def arrive() -> None:
            if self.connected and session == self._session:
                self._tell(self._events.arrived(payload))

        self._send(arrive)

    def sever(self) -> None:
        """No message gets through any more; the device notices later."""
        self.cut = True
        session, run = self._session, self._run
        if self.connected:
            self._timeline.after(self._rng.uniform(*NOTICED_S), lambda: self._noticed(run, session))

    def mend(self) -> None:
        """Messages get through again."""
        self.cut = False

    def drop(self) -> None:
        """The broker went away: every connection ends at once."""
        self._noticed(self._run, self._session)

    def _noticed(self, run: int, session: int) -> None:
        if self.connected and (run, session) == (self._run, self._session):
            self.connected = False
            self._tell(self._events.down("connection lost"))
            self._again()

    def _again(self) -> None:
        run = self._run
        self._timeline.after(self._rng.uniform(*RECONNECT_S), lambda: self._try() if run == self._run else None)

    def _try(self) -> None:
        if not self._running or self.connected:
            return
        if self.cut or not self._serves():
            self._again()
            return
        run = self._run
        self._timeline.after(self._late(), lambda: self._opened(run))

    def _opened(self, run: int) -> None:
        if run != self._run or self.connected:
            return
        self.connected = True
        self._session += 1
        self._tell(self._events.up())

    def _send(self, arrive: Callable[[], None]) -> None:
        rng, weather = self._rng, self.weather
        if rng.random() < weather.loss:
            return
        self._timeline.after(self._late(), arrive)
        if rng.random() < weather.twice:
            self._timeline.after(self._late() + rng.uniform(0.0, weather.again_s), arrive)

    def _late(self) -> float:
        return self._rng.uniform(*self.weather.delay_s)
