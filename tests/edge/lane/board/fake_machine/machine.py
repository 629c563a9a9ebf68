# SPDX-License-Identifier: Apache-2.0
"""A Pico's `machine` without a Pico, in the dialect of the lane's core: it runs on CPython and under MicroPython.

The bench reads and writes `levels`, reads `watchdog` and `resets`; nothing here knows what the pins are for.
"""

levels = {}  # level at each pin, by its number; a pin that nobody drives reads its pull
modes = {}  # what the firmware made of each pin: IN or OUT
watchdog = {"timeout": None, "fed": 0}
resets = []  # one entry for each reset() that returned, for want of a board to restart


class Reset(BaseException):
    """The board restarts: no code after reset() runs."""


class Pin:
    """As of rp2."""

    IN = 0
    OUT = 1
    PULL_UP = 1
    PULL_DOWN = 2

    def __init__(self, number, mode=-1, pull=-1, value=None):
        self._number = number
        if mode in (0, 1):
            modes[number] = mode
        if value is not None:
            levels[number] = value
        elif number not in levels:
            levels[number] = 1 if pull == Pin.PULL_UP else 0

    def value(self, level=None):
        """Read, or drive an output; the driver of an input is the world."""
        if level is None:
            return levels[self._number]
        if modes.get(self._number) != Pin.OUT:
            raise ValueError("pin " + str(self._number) + " is no output")
        levels[self._number] = level
        return None


class WDT:
    """Counts; a bench that lets it bite looks at `fed`."""

    def __init__(self, id=0, timeout=5000):
        watchdog["timeout"] = timeout

    def feed(self):
        """Alive."""
        watchdog["fed"] += 1


def reset():
    """Restart."""
    resets.append(1)
    raise Reset()


def unique_id():
    """Of this Pico."""
    return b"\xe6\x61\x64\x08\x43\x00\x00\x01"


def forget():
    """Another board."""
    levels.clear()
    modes.clear()
    resets.clear()
    watchdog["timeout"], watchdog["fed"] = None, 0
