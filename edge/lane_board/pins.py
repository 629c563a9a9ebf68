# SPDX-License-Identifier: Apache-2.0
"""The pins as words: polarity and places are the profile's, bits are those of `core.words` and `core.pattern`."""


class Pins:
    """`profile` has "inputs": [[gpio, bit, level when active, pull up], ...], "outputs" and "lamps": [[gpio, bit, level]].

    Outputs come first and inactive, so that they are driven safe before anything else is looked at.
    """

    def __init__(self, pin_class, profile: dict):
        self._outputs = _driven(pin_class, profile["outputs"])
        self._lamps = _driven(pin_class, profile["lamps"])
        self._inputs = []
        for gpio, bit, active, pull_up in profile["inputs"]:
            pull = pin_class.PULL_UP if pull_up else pin_class.PULL_DOWN
            self._inputs.append((pin_class(gpio, pin_class.IN, pull), 1 << bit, active))
        self.driven = 0  # the output word that stands on the pins

    def read(self) -> int:
        """The input word."""
        word = 0
        for pin, bit, active in self._inputs:
            if pin.value() == active:
                word |= bit
        return word

    def write(self, word: int) -> None:
        """Drive an output word; what goes off does so before anything goes on."""
        if word == self.driven:
            return
        _drive(self._outputs, word & self.driven)
        _drive(self._outputs, word)
        self.driven = word

    def show(self, levels: int) -> None:
        """Drive lamps and buzzer."""
        _drive(self._lamps, levels)

    def safe(self) -> None:
        """Everything off, whatever stood there."""
        _drive(self._outputs, 0)
        _drive(self._lamps, 0)
        self.driven = 0


def _driven(pin_class, rows: list) -> list:
    pins = []
    for gpio, bit, active in rows:
        pins.append((pin_class(gpio, pin_class.OUT, value=1 - active), 1 << bit, active))
    return pins


def _drive(pins: list, word: int) -> None:
    for pin, bit, active in pins:
        pin.value(active if word & bit else 1 - active)
