# SPDX-License-Identifier: Apache-2.0
"""A scanner that plays a keyboard, read by evdev (the extra `keyboard`), grabbed so that it types nowhere else."""

import importlib
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from pistegate_edge.scanners.keys import DROPPED, Key, KeyLines
from pistegate_edge.scanners.told import ScannerLine

_EV_SYN, _EV_KEY, _SYN_DROPPED = 0, 1, 3
_INSTALL = (
    "evdev is not installed: pip install 'pistegate-edge[keyboard]' (needs a C compiler and the kernel's headers)"
)


class KeySource(Protocol):
    """An open keyboard that nobody else hears. Every method raises OSError when it has gone."""

    name: str

    def fileno(self) -> int:
        """For select."""

    def read(self) -> Iterable[Key]:
        """The keys that are there now."""

    def close(self) -> None:
        """Let go of it."""


class EvdevSource:
    """A device of /dev/input. OSError when it cannot be had, or another program has grabbed it (EBUSY)."""

    def __init__(self, path: str) -> None:
        try:
            evdev: Any = importlib.import_module("evdev")
        except ImportError as error:
            raise OSError(_INSTALL) from error
        self._device = evdev.InputDevice(path)
        self.name: str = self._device.name
        try:
            self._device.grab()  # EVIOCGRAB: codes never reach a console, where a line of them is a command
        except BaseException:
            self._device.close()
            raise

    def fileno(self) -> int:
        """For select."""
        number: int = self._device.fileno()
        return number

    def read(self) -> Iterable[Key]:
        """The keys that are there now."""
        for event in self._device.read():
            if event.type == _EV_KEY:
                yield Key(event.code, event.value)
            elif event.type == _EV_SYN and event.code == _SYN_DROPPED:
                yield Key(DROPPED, 1)

    def close(self) -> None:
        """Closing ungrabs."""
        self._device.close()


class KeyboardInput:
    """The Input of a scanner on a KeySource."""

    def __init__(self, source: KeySource) -> None:
        self._source = source
        self._lines = KeyLines()
        self.description = f"keyboard {source.name}"

    @property
    def wait_s(self) -> float | None:
        """How long to wait before asking `quiet`."""
        return self._lines.wait_s

    def fileno(self) -> int:
        """For select."""
        return self._source.fileno()

    def read(self, at: float) -> list[ScannerLine]:
        """The lines that ended with the keys that are there now."""
        return self._lines.typed(self._source.read(), at)

    def quiet(self, at: float) -> list[ScannerLine]:
        """The line that ended because nothing was typed."""
        return self._lines.quiet(at)

    def scan(self, on: bool) -> None:
        """Keyboards cannot be told to scan."""

    def close(self) -> None:
        """Let go of the keyboard."""
        self._source.close()


def keyboard_opener(path: str, source: Callable[[str], KeySource] = EvdevSource) -> Callable[[], KeyboardInput]:
    """Opens the keyboard at `path` (best one of /dev/input/by-id, which keeps its name over plugging)."""
    return lambda: KeyboardInput(source(path))
