# SPDX-License-Identifier: Apache-2.0
"""The pins as words: polarity and places are the profile's, bits are those of `core.words` and `core.pattern`."""


class Pins:
    """`profile` is what the host's `profiles.board_document` makes: rows of bit, pin, level when active, and pull.

    Outputs come first and inactive, so that they are driven safe before anything else is looked at.
    """

    def __init__(self, pin_class, profile: dict):
        pulls = {1: pin_class.PULL_UP, -1: pin_class.PULL_DOWN, 0: None}
        self._outputs = [_driven(pin_class, pin, 1 << bit, active) for bit, pin, active in profile["outputs"]]
        self._lamps = [_driven(pin_class, pin, bits, active) for bits, pin, active in profile["signals"]]
        self._inputs = []
        for bit, pin, active, pull in profile["inputs"]:
            self._inputs.append((pin_class(pin, pin_class.IN, pulls[pull]), 1 << bit, active))
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


def _driven(pin_class, pin: int, bits: int, active: int) -> tuple:
    return pin_class(pin, pin_class.OUT, value=1 - active), bits, active


def _drive(pins: list, word: int) -> None:
    for pin, bits, active in pins:
        pin.value(active if word & bits else 1 - active)
