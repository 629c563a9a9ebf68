# SPDX-License-Identifier: Apache-2.0
"""A UPS board whose pins tell that mains is lost and that the battery is low."""

from gpiozero import DigitalInputDevice  # type: ignore[import-untyped]

from pistegate_edge.power.settings import Level, Power, Pull, pins
from pistegate_edge.power.told import PowerStatus

_PULL = {"none": None, "up": True, "down": False}


class _Input:
    """One pin, and the level that it is asked for."""

    def __init__(self, number: int, level: Level, pull: Pull) -> None:
        # gpiozero takes low for active where it pulls up, and wants to be told only where it does not pull at all.
        self._device = DigitalInputDevice(number, pull_up=_PULL[pull], active_state=True if pull == "none" else None)
        self._inverted = (pull == "up") == (level == "high")

    def read(self) -> bool:
        """Whether the pin has its level."""
        return bool(self._device.is_active) != self._inverted

    def close(self) -> None:
        """Give it back."""
        self._device.close()


class GpioPower:
    """Reads the pins; what the levels mean is the configuration's."""

    def __init__(self, power: Power) -> None:
        self.description = "pins " + ", ".join(f"{name} {pin}" for name, pin in pins(power).items())
        self._inputs: list[_Input] = []
        try:
            self._lost = self._open(power.mains_lost_pin, power.mains_lost_level, power.pull)
            self._low = self._open(power.battery_low_pin, power.battery_low_level, power.pull)
        except BaseException:
            self.close()
            raise

    def read(self) -> PowerStatus:
        """What the pins say now."""
        lost, low = (pin is not None and pin.read() for pin in (self._lost, self._low))
        return PowerStatus(mains=not lost, low=low)

    def close(self) -> None:
        """The pins are given back."""
        for pin in self._inputs:
            pin.close()

    def _open(self, number: int | None, level: Level, pull: Pull) -> _Input | None:
        if number is None:
            return None
        self._inputs.append(_Input(number, level, pull))
        return self._inputs[-1]
