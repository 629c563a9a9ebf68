# SPDX-License-Identifier: Apache-2.0
"""Green and red lamp, buzzer, and words on a small display.

Idle: both lamps off. Admit: green until the passage is over. Refuse: red for `refuse_s`. Out of service: red blinks.
"""

import logging
import os
from dataclasses import dataclass
from pathlib import Path

from gpiozero import OutputDevice  # type: ignore[import-untyped]

from pistegate_edge.core.actions import Lamp, Show
from pistegate_protocol.texts import text

log = logging.getLogger(__name__)

BLINK_S = 0.5  # seconds on, then as long off
BEEP_ADMIT_S = 0.08
BEEP_REFUSE_S = 0.4


@dataclass(frozen=True, slots=True)
class Levels:
    """What is on."""

    green: bool
    red: bool
    buzzer: bool


class SignalCore:
    """Which signals are on when; pure."""

    def __init__(self, refuse_s: float) -> None:
        self._refuse_s = refuse_s
        self._base = Lamp.OUT
        self._admit = False
        self._refuse_until = 0.0
        self._beep_until = 0.0
        self._blink_from = 0.0

    def show(self, lamp: Lamp, now: float) -> None:
        """The lamps now tell `lamp`."""
        if lamp is Lamp.KEEP:
            return
        self._admit = lamp is Lamp.ADMIT
        if lamp is Lamp.ADMIT:
            self._refuse_until = now
            self._beep_until = now + BEEP_ADMIT_S
        elif lamp is Lamp.REFUSE:
            self._refuse_until = now + self._refuse_s
            self._beep_until = now + BEEP_REFUSE_S
        else:
            if lamp is Lamp.OUT and self._base is not Lamp.OUT:
                self._blink_from = now
            self._base = lamp

    def levels(self, now: float) -> Levels:
        """What is on at `now`."""
        buzzer = now < self._beep_until
        if self._admit:
            return Levels(True, False, buzzer)
        if now < self._refuse_until:
            return Levels(False, True, buzzer)
        blink = self._base is Lamp.OUT and int((now - self._blink_from) / BLINK_S) % 2 == 0
        return Levels(False, blink, buzzer)

    def deadline(self, now: float) -> float | None:
        """When `levels` next changes by itself."""
        times = [t for t in (self._beep_until, self._refuse_until) if t > now]
        if self._base is Lamp.OUT and not self._admit:
            times.append(self._blink_from + BLINK_S * (int((now - self._blink_from) / BLINK_S) + 1))
        return min(times, default=None)


class Display:
    """Writes a line per text to a device or file; one that fails is told once and not waited for."""

    def __init__(self, path: str | None, locale: str) -> None:
        self._path = Path(path) if path else None
        self._locale = locale
        self._shown = ""
        self._failed = False

    def show(self, key: str, values: dict[str, object], also: tuple[str, ...] = ()) -> None:
        """The words for `key` and then for each of `also`."""
        if self._path is not None:
            self.line(" ".join(text(each, self._locale, **values) for each in (key, *also)))

    def line(self, words: str) -> None:
        """One line of words, unless it shows already."""
        if self._path is None or words == self._shown:
            return
        self._shown = words
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_NOCTTY
        try:
            file = os.open(self._path, flags, 0o644)
            try:
                os.write(file, words.encode() + b"\n")
            finally:
                os.close(file)
            self._failed = False
        except OSError as error:
            if not self._failed:
                log.warning("display %s: %s", self._path, error)
            self._failed = True


class Signals:
    """The pins, active high."""

    def __init__(self, green_pin: int, red_pin: int, buzzer_pin: int, refuse_s: float, display: Display) -> None:
        self._core = SignalCore(refuse_s)
        self._display = display
        self._levels = Levels(False, False, False)
        self._pins: list[OutputDevice] = []
        try:
            for pin in (green_pin, red_pin, buzzer_pin):
                self._pins.append(OutputDevice(pin, initial_value=False))
        except BaseException:
            self.close()
            raise

    def show(self, show: Show, now: float) -> None:
        """Lamps, beep and words; the lamps first."""
        self._core.show(show.lamp, now)
        self.tick(now)
        self._display.show(show.key, dict(show.values), show.also)

    def tick(self, now: float) -> None:
        """Time went on."""
        levels = self._core.levels(now)
        if levels == self._levels:
            return
        self._levels = levels
        for pin, on in zip(self._pins, (levels.green, levels.red, levels.buzzer), strict=True):
            pin.value = on

    def deadline(self, now: float) -> float | None:
        """Monotonic seconds at which `tick` is due; `now` while a change that is due has not been shown."""
        return now if self._core.levels(now) != self._levels else self._core.deadline(now)

    def close(self) -> None:
        """Everything off, pins given back."""
        for pin in self._pins:
            pin.off()
            pin.close()
