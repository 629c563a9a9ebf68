# SPDX-License-Identifier: Apache-2.0
"""A reader of resident IDs with the ministry's module (SDT/SAM) on a pseudo terminal. No ID of anybody: made-up fields.

A card is found once: after it was read it must be taken away before it is found again.
"""

import threading
from pathlib import Path
from typing import Self

from pistegate_simulators.pty_device import PtyDevice

_WIDTHS = {"name": 30, "sex": 2, "nation": 4, "birth": 16, "address": 70, "number": 36, "authority": 30, "rest": 68}


def text_of(number: str, name: str = "测试", address: str = "测试路1号") -> bytes:
    """The 256 bytes of text of a card."""
    given = {"name": name, "sex": "1", "nation": "01", "birth": "19491231", "address": address, "number": number}
    return b"".join(
        given.get(field, "").ljust(width // 2).encode("utf-16-le")[:width] for field, width in _WIDTHS.items()
    )


class SimulatedIdReader:
    """Starts plugged in, with no card on it."""

    def __init__(self, link: Path | None = None) -> None:
        self.dead = False
        self.garble = 0
        """So many answers to come with one bit flipped."""
        self._card: bytes | None = None
        self._state = "away"
        self._heard_so_far = b""
        self._lock = threading.RLock()
        self.device = PtyDevice(self._heard, link)

    def put(self, number: str) -> None:
        """Put a card on it."""
        with self._lock:
            self._card, self._state = text_of(number), "there"

    def lift(self) -> None:
        """Take it away."""
        with self._lock:
            self._card, self._state = None, "away"

    def close(self) -> None:
        """Unplug for good."""
        self.device.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _heard(self, data: bytes) -> None:
        with self._lock:
            if self.dead or self.device.rate not in (None, 115200):
                return
            self._heard_so_far += data
            while len(self._heard_so_far) >= 10:
                command, self._heard_so_far = self._heard_so_far[:10], self._heard_so_far[10:]
                self._say(self._answer(command[7:9]))

    def _answer(self, command: bytes) -> bytes:
        if command == b"\x20\x01":
            found = self._state == "there"
            self._state = "found" if found else self._state
            return b"\x00\x00\x9f\x00\x00\x00\x00" if found else b"\x00\x00\x80"
        if command == b"\x20\x02":
            selected = self._state == "found"
            self._state = "selected" if selected else self._state
            return b"\x00\x00\x90" + bytes(8) if selected else b"\x00\x00\x81"
        if command == b"\x30\x01" and self._state == "selected" and self._card is not None:
            self._state = "read"
            return b"\x00\x00\x90\x01\x00\x04\x00" + self._card + bytes(1024)
        return b"\x00\x00\x41"

    def _say(self, content: bytes) -> None:
        body = (len(content) + 1).to_bytes(2, "big") + content
        check = 0
        for byte in body:
            check ^= byte
        if self.garble:
            self.garble -= 1
            check ^= 0x40
        self.device.send(b"\xaa\xaa\xaa\x96\x69" + body + bytes([check]))
