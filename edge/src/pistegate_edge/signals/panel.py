# SPDX-License-Identifier: Apache-2.0
"""What guests and the attendant see and hear: lamps, buzzer, words."""

from typing import Protocol, Self

from pistegate_edge.core.actions import Show
from pistegate_edge.lane.core import pattern
from pistegate_edge.signals.core import Amber, Fitted, SignalCore
from pistegate_edge.signals.display import Display
from pistegate_edge.signals.pins import PinLamps
from pistegate_edge.signals.table import Loop, table


class Lamps(Protocol):
    """Whoever plays patterns: pins of this computer, or a lane board. Times are monotonic seconds."""

    def play(self, now: float, track: int, first: Loop, for_ms: int, then: Loop) -> None:
        """Begin a pattern; see `lane.core.pattern.Mixer.play`."""

    def tick(self, now: float) -> None:
        """Time went on, or patterns have begun."""

    def deadline(self, now: float) -> float | None:
        """When `tick` is due; None: not before another pattern."""

    def close(self) -> None:
        """Everything off."""


class Signals:
    """The panel of one gate. Made of pins; `Signals.on` makes one of any lamps."""

    def __init__(
        self,
        green_pin: int,
        red_pin: int,
        buzzer_pin: int,
        refuse_s: float,
        display: Display,
        *,
        attendant_pin: int | None = None,
        amber_pin: int | None = None,
        amber_mixed: bool = False,
        class_on_green: bool = False,
    ) -> None:
        pins = {pattern.GREEN: green_pin, pattern.RED: red_pin, pattern.BUZZER: buzzer_pin}
        if amber_pin is not None:
            pins[pattern.AMBER] = amber_pin
        if attendant_pin is not None:
            pins[pattern.ATTENDANT] = attendant_pin
        amber = Amber.FITTED if amber_pin is not None else Amber.MIXED if amber_mixed else Amber.NONE
        fitted = Fitted(amber, attendant_pin is not None, class_on_green)
        self._begin(PinLamps(pins), fitted, refuse_s, display)

    @classmethod
    def on(cls, lamps: Lamps, fitted: Fitted, refuse_s: float, display: Display) -> Self:
        """A panel whose lamps are elsewhere, such as at a lane board."""
        panel = cls.__new__(cls)
        panel._begin(lamps, fitted, refuse_s, display)
        return panel

    def _begin(self, lamps: Lamps, fitted: Fitted, refuse_s: float, display: Display) -> None:
        self._lamps = lamps
        self._core = SignalCore(round(refuse_s * 1000), fitted)
        self._display = display

    def show(self, show: Show, now: float) -> None:
        """Lamps, beep and words; the lamps first."""
        for play in self._core.show(show, round(now * 1000)):
            self._lamps.play(now, *play)
        self._lamps.tick(now)
        marked = show.holder is not None and table().holders[show.holder].mark
        self._display.show(show.key, dict(show.values), show.also, show.holder if marked else None)

    def tick(self, now: float) -> None:
        """Time went on."""
        self._lamps.tick(now)

    def deadline(self, now: float) -> float | None:
        """Monotonic seconds at which `tick` is due."""
        return self._lamps.deadline(now)

    def close(self) -> None:
        """Everything off, pins given back."""
        self._lamps.close()
