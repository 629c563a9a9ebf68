# SPDX-License-Identifier: Apache-2.0
"""Lamps and buzzer on pins of this computer, active high."""

from gpiozero import OutputDevice  # type: ignore[import-untyped]

from pistegate_edge.lane.core import pattern
from pistegate_edge.signals.table import Loop


class PinLamps:
    """Plays patterns on pins; `pins`: BCM number by level bit. What has no pin is not shown."""

    def __init__(self, pins: dict[int, int]) -> None:
        self._mixer = pattern.Mixer()
        self._shown = 0
        self._pins: dict[int, OutputDevice] = {}
        try:
            for bit, pin in pins.items():
                self._pins[bit] = OutputDevice(pin, initial_value=False)
        except BaseException:
            self.close()
            raise

    def play(self, now: float, track: int, first: Loop, for_ms: int, then: Loop) -> None:
        """See pattern.Mixer.play; shown by the next `tick`. `now`: monotonic seconds."""
        self._mixer.play(_ms(now), track, first, for_ms, then)

    def tick(self, now: float) -> None:
        """Show what is on at `now`; what goes dark goes first, so that no colours mix on the way."""
        levels = self._mixer.levels(_ms(now))
        changed = levels ^ self._shown
        if not changed:
            return
        self._shown = levels
        for bit, pin in self._pins.items():
            if changed & ~levels & bit:
                pin.off()
        for bit, pin in self._pins.items():
            if changed & levels & bit:
                pin.on()

    def deadline(self, now: float) -> float | None:
        """Monotonic seconds at which `tick` is due; `now` while a change that is due has not been shown."""
        if self._mixer.levels(_ms(now)) != self._shown:
            return now
        due = self._mixer.deadline(_ms(now))
        return None if due is None else due / 1000

    def close(self) -> None:
        """Everything off, pins given back."""
        for pin in self._pins.values():
            pin.off()
            pin.close()


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
