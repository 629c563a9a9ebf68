# SPDX-License-Identifier: Apache-2.0
"""A wired lane on the bench: mock pins, a clock that the test moves, and the turnstile's contacts by signal."""

from typing import Any

from gpiozero import Device  # type: ignore[import-untyped]
from gpiozero.pins.mock import MockFactory, MockPin  # type: ignore[import-untyped]

from pistegate_edge.lane.pinmap import PinUse
from pistegate_edge.lane.profiles import load_board, load_lane
from pistegate_edge.lane.wired import WiredLane

UNLOCK_A, UNLOCK_B, STOP = 17, 18, 16
PULSE, GAP, TIMEOUT, LATE = 0.2, 0.12, 5.0, 1.0
BOARD = load_board("pi5")


class WiredPin(MockPin):  # type: ignore[misc]
    """A mock pin whose closed circuit to ground is stronger than its pull-up (MockPin lets the pull win)."""

    grounded = False

    def _set_pull(self, value: str) -> None:
        self._pull = value
        self.settle()

    def settle(self) -> None:
        """Take the level that circuit and pull give."""
        if self.function == "input" and self._pull == "up":
            self.drive_low() if self.grounded else self.drive_high()


class WiredBench:
    """A wired lane on mock pins, its clock, and the turnstile's contacts by signal."""

    def __init__(self, name: str = "tripod_pulse", **times: int) -> None:
        self.factory = MockFactory(pin_class=WiredPin)
        Device.pin_factory = self.factory
        self.now = 100.0
        self.told: list[object] = []
        self.pins: dict[str, PinUse] = BOARD.controller
        self.profile: dict[str, Any] = load_lane(name) | times
        for signal, use in self.pins.items():
            if use.direction == "in":
                self.contact(signal, closed=use.closed_at_rest)
        self.lane = self.start()

    def start(self) -> WiredLane:
        """Another lane on the same pins, as after a restart of the gate."""
        return WiredLane(self.profile, self.pins, self.told.append, lambda: self.now)

    def contact(self, signal: str, *, closed: bool) -> None:
        """Close or open a circuit; it pulls its pin to ground."""
        pin = self.factory.pin(self.pins[signal].pin)
        pin.grounded = closed
        pin.settle()

    def at(self, after: float) -> list[tuple[str, Any]]:
        """The loop comes by `after` s later."""
        self.now += after
        return self.lane.tick(self.now)

    def run(self, seconds: float) -> list[tuple[str, Any]]:
        """A loop that comes by when it is due, for `seconds`."""
        end, events = self.now + seconds, self.lane.tick(self.now)
        for _ in range(1000):
            if self.lane.deadline is None or self.lane.deadline > end:
                break
            self.now = max(self.now, self.lane.deadline)
            events += self.lane.tick(self.now)
        else:
            raise AssertionError(f"the loop spins: {self.lane.state} is due at {self.lane.deadline} for ever")
        self.now = end
        return events + self.lane.tick(end)

    def passes(self, way: str = "a", seconds: float = 0.25) -> list[tuple[str, Any]]:
        """One PASS contact, as makers give it."""
        self.contact(f"pass_{way}", closed=True)
        events = self.run(seconds)
        self.contact(f"pass_{way}", closed=False)
        return events + self.run(0)

    def levels(self, number: int) -> list[bool]:
        """Every level the pin ever had, in order (assert_states would pass if it did less)."""
        return [bool(state.state) for state in self.factory.pin(number).states]

    def close(self) -> None:
        """Shut, and give the mock pins back."""
        self.lane.close()
        self.factory.reset()
        Device.pin_factory = None
