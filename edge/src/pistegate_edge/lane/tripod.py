# SPDX-License-Identifier: Apache-2.0
"""A pulse tripod on two pins: unlock (out, active high) and PASS (in, a dry contact to ground).

Which pin factory drives the pins is gpiozero's own choice (GPIOZERO_PIN_FACTORY).
"""

from collections.abc import Callable

from gpiozero import Button, OutputDevice  # type: ignore[import-untyped]

from pistegate_edge.lane.core.pulse import TripodCore

Outputs = list[tuple[str, int]]


class Tripod:
    """Drives the pins as the core says; `on_pass` is called from gpiozero's thread on each PASS edge."""

    def __init__(
        self, unlock_pin: int, pass_pin: int, pulse_ms: int, timeout_ms: int, on_pass: Callable[[], None]
    ) -> None:
        self._core = TripodCore(pulse_ms, timeout_ms)
        self._unlock = OutputDevice(unlock_pin, initial_value=False)
        try:
            self._button = Button(pass_pin, pull_up=True)
        except BaseException:
            self._unlock.close()
            raise
        self._button.when_pressed = on_pass

    @property
    def state(self) -> str:
        """The core's state."""
        return self._core.state

    @property
    def deadline(self) -> float | None:
        """Monotonic seconds at which `tick` is due."""
        return None if self._core.deadline is None else self._core.deadline / 1000

    def open(self, now: float, persons: int) -> Outputs:
        """Let `persons` through."""
        return self._apply(self._core.open(_ms(now), persons))

    def drain(self, now: float) -> Outputs:
        """Shut, and wait out what the last run may have opened."""
        return self._apply(self._core.drain(_ms(now)))

    def edge(self, at: float) -> Outputs:
        """A PASS edge met at `at`."""
        return self._apply(self._core.edge(_ms(at)))

    def tick(self, now: float) -> Outputs:
        """Time went on."""
        return self._apply(self._core.tick(_ms(now)))

    def stop(self, now: float) -> Outputs:
        """Shut at once."""
        return self._apply(self._core.stop(_ms(now)))

    def close(self) -> None:
        """Shut and give the pins back."""
        self._unlock.off()
        self._button.when_pressed = None
        self._button.close()
        self._unlock.close()

    def _apply(self, outputs: Outputs) -> Outputs:
        for what, value in outputs:
            if what == "unlock":
                if value:
                    self._unlock.on()
                else:
                    self._unlock.off()
        return [output for output in outputs if output[0] != "unlock"]


def _ms(seconds: float) -> int:
    # Rounded up, so that a deadline met exactly is met here too.
    return -int(-seconds * 1000 // 1)
