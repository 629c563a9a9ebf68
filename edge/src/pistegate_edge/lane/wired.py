# SPDX-License-Identifier: Apache-2.0
"""A lane on pins of this computer: a turnstile with its maker's controller, driven by gpiozero.

Which pin factory drives the pins is gpiozero's own choice (GPIOZERO_PIN_FACTORY). Its threads only note an edge with
its moment and tell that there is one; the gate's loop steps the core, edge by edge at the moment of each, so that a
late loop neither loses a person nor takes two for one. When no edge waits, the pins themselves are read: an edge that
was lost on the way heals.
"""

from collections import deque
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from gpiozero import DigitalInputDevice, OutputDevice  # type: ignore[import-untyped]

from pistegate_edge.lane.core import words as w
from pistegate_edge.lane.core.controller import FREE, FREED
from pistegate_edge.lane.core.lanes import open_lane
from pistegate_edge.lane.deadman import DeadMan
from pistegate_edge.lane.host import Event, Mark, in_ms
from pistegate_edge.lane.pinmap import INPUTS, OUTPUTS, PinUse
from pistegate_edge.lane.unlock import UNLOCKS, Unlock

RENEWALS = 3  # times that the loop comes by within a lease
REPLAY_MOST = 1000  # deadlines of the core between two edges; more is an error of the core


@dataclass(frozen=True, slots=True)
class PinEdge:
    """An input of the lane changed at `at` (monotonic seconds)."""

    at: float
    bit: int
    active: bool


class _Input:
    """One contact; `tell` is called from gpiozero's threads with each change."""

    def __init__(self, bit: int, use: PinUse, tell: Callable[[int, bool], None]) -> None:
        self._bit = bit
        self._tell = tell
        up = {"up": True, "down": False}.get(use.pull or "none")
        device = self._device = DigitalInputDevice(use.pin, pull_up=up, active_state=True if up is None else None)
        # gpiozero calls the pulled-to level inactive; a circuit that is closed at rest is active at that level.
        self._inverted = (use.active == "high") == (up is True)
        self.first = self.word()
        device.when_activated = self._activated
        device.when_deactivated = self._deactivated

    def word(self) -> int:
        """Its bit, as the pin is now."""
        return self._bit if self._device.is_active != self._inverted else 0

    def close(self) -> None:
        """No more calls; the pin is given back."""
        self._device.when_activated = self._device.when_deactivated = None
        self._device.close()

    def _activated(self) -> None:
        self._tell(self._bit, not self._inverted)

    def _deactivated(self) -> None:
        self._tell(self._bit, self._inverted)


class WiredLane:
    """A LaneHost. `pins` by signal, as `lane.settings` gives them; `tell` is called from gpiozero's threads."""

    def __init__(
        self,
        profile: dict[str, Any],
        pins: Mapping[str, PinUse],
        tell: Callable[[object], None],
        monotonic: Callable[[], float],
    ) -> None:
        self._core = open_lane(profile)
        self._tell = tell
        self._monotonic = monotonic
        self._edges: deque[PinEdge] = deque()
        self._lease_ms = int(profile["lease_ms_max"])
        self._unlock = Unlock(int(profile.get("pulse_ms", 0)), int(profile["gap_ms"]))
        self._last = self._now = in_ms(monotonic())
        self._driven = 0
        self._leased = False  # an opening of the host is under way: it must come by to renew
        self._back_at: int | None = None
        with ExitStack() as parts:
            self._outputs = [(bit, parts.enter_context(_output(use))) for bit, use in _by_bit(OUTPUTS, pins)]
            self._inputs = []
            for bit, use in _by_bit(INPUTS, pins):
                one = _Input(bit, use, self._changed)
                parts.callback(one.close)
                self._inputs.append(one)
            self._dead_man = DeadMan(self._lease_ms / 1000, self._let_go)
            parts.callback(self._dead_man.close)
            self._parts = parts.pop_all()
        # Levels from before gpiozero's threads could tell of changes: so no change is missed.
        self._word = sum(one.first for one in self._inputs)
        self._events = self._step(self._last)

    @property
    def state(self) -> str:
        """The core's state, for logs."""
        return str(self._core.state)

    @property
    def deadline(self) -> float | None:
        """When `tick` is due; None: not before another call."""
        due = [ms for ms in (self._core.deadline, self._unlock.deadline, self._back_at) if ms is not None]
        return min(due) / 1000 if due else None

    @property
    def ready(self) -> bool:
        """Pins are there at once."""
        return True

    @property
    def mark(self) -> Mark | None:
        """None: a controller's PASS contact counts nothing while nobody listens."""
        return None

    @property
    def exact(self) -> bool:
        """Never, for the same reason."""
        return False

    def remember(self, since: Mark | None) -> None:
        """Of no use here."""

    def open(self, now: float, persons: int, direction: str) -> list[Event]:
        """Let `persons` through in `direction`; a lane that cannot be opened now is closed at once."""
        events = self._catch_up(now)
        if not self._core.can_open(direction):
            return [*events, (w.CLOSED, 0)]
        self._leased = True
        return events + self._apply(self._core.open(self._last, direction, persons, self._lease_ms))

    def take(self, told: object, now: float) -> list[Event]:
        """Something that a thread of this host told; it may have been met already, by a call in between."""
        return self._catch_up(now)

    def tick(self, now: float) -> list[Event]:
        """Time went on."""
        return self._catch_up(now)

    def drain(self, now: float) -> list[Event]:
        """After a restart: shut, and wait out what the last run may have opened; ends with ("closed", k)."""
        return self._catch_up(now) + self._apply(self._core.drain(self._last))

    def stop(self, now: float) -> list[Event]:
        """Shut; an opening under way ends with what passed so far."""
        return self._catch_up(now) + self._apply(self._core.stop(self._last))

    def mode(self, now: float, mode: str, direction: str, persons: int) -> list[Event]:
        """Override; refused, the mode that holds is told."""
        events = self._catch_up(now)
        try:
            return events + self._apply(self._core.mode(self._last, mode, direction, persons))
        except ValueError:
            return [*events, (w.MODE, self._core.mode_is())]

    def reset(self, now: float) -> list[Event]:
        """The documented reset of latched faults."""
        return self._catch_up(now) + self._apply(self._core.reset(self._last))

    def close(self) -> None:
        """Everything off, then the pins are given back."""
        for _, device in self._outputs:
            device.off()
        self._parts.close()

    def _changed(self, bit: int, active: bool) -> None:
        """From gpiozero's threads."""
        edge = PinEdge(self._monotonic(), bit, active)
        self._edges.append(edge)
        self._tell(edge)

    def _catch_up(self, now: float) -> list[Event]:
        """The core as it is `now`: what the pins did in between, in order, each at its moment."""
        self._now = max(self._now, in_ms(now))
        events, self._events = self._events, []
        while self._edges:
            edge = self._edges.popleft()
            at = max(self._last, in_ms(edge.at))
            events += self._replay(at)
            self._word = self._word | edge.bit if edge.active else self._word & ~edge.bit
            events += self._step(at)
        self._word = self._read()
        events += self._step(max(self._last, self._now))
        self._core.renew(self._last, self._lease_ms)
        return events

    def _replay(self, at: int) -> list[Event]:
        """What was due before the edge, at its time."""
        events: list[Event] = []
        for _ in range(REPLAY_MOST):
            due = self._core.deadline
            if due is None or due >= at:
                return events
            events += self._step(max(due, self._last))
        raise RuntimeError(f"lane core in state {self.state}: its deadline does not move")

    def _step(self, at: int) -> list[Event]:
        self._last = at
        return self._apply(self._core.step(at, self._word))

    def _read(self) -> int:
        word = 0
        for one in self._inputs:
            word |= one.word()
        return word

    def _apply(self, events: list[Event]) -> list[Event]:
        """Drive the pins as the core says; what goes off does so before anything goes on."""
        wanted = self._core.outputs
        word = wanted & ~UNLOCKS | self._unlock.step(self._now, wanted & UNLOCKS, self._core.state)
        self._leased = self._leased and not any(name == w.CLOSED for name, _ in events)
        guarded = bool(word & UNLOCKS) and self._core.state not in (FREE, FREED)
        self._back_at = self._now + self._lease_ms // RENEWALS if guarded or self._leased else None
        # Armed before the pins go on: the dead man cannot let go of them after this.
        if guarded:
            self._dead_man.arm()
        else:
            self._dead_man.rest()
        for going_on in (False, True):
            for bit, device in self._outputs:
                if (word ^ self._driven) & bit and bool(word & bit) is going_on:
                    device.on() if going_on else device.off()
        self._driven = word
        return events

    def _let_go(self) -> None:
        """From the dead man's thread: the loop hangs, so nobody shuts."""
        for bit, device in self._outputs:
            if bit & UNLOCKS:
                device.off()
        self._driven &= ~UNLOCKS


def _by_bit(bits: Mapping[str, int], pins: Mapping[str, PinUse]) -> list[tuple[int, PinUse]]:
    return [(bits[signal], use) for signal, use in pins.items() if signal in bits]


def _output(use: PinUse) -> OutputDevice:
    return OutputDevice(use.pin, active_high=use.active == "high", initial_value=False)
