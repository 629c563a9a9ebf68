# SPDX-License-Identifier: Apache-2.0
"""Resident-ID readers that speak the protocol of the ministry's module (SDT/SAM): polled; the number alone is taken.

AA AA AA 96 69, length u16, then a command (two bytes) or an answer (three bytes of status, data), then all of it but
the preamble XORed. Find 20 01, select 20 02, read 30 01. What is read is 256 bytes of text in UTF-16LE (name, sex,
nation, birth, address, number at byte 122, ...) and a photo, which are dropped where they arrive. Facts: makers'
documents as quoted by several programs; seen on no hardware.
"""

import os
import select
from collections.abc import Callable
from functools import reduce
from operator import xor

from pistegate_edge.scanners.profiles import ScannerProfile
from pistegate_edge.scanners.serial_input import open_line
from pistegate_edge.scanners.told import ScannerLine

PREAMBLE = bytes.fromhex("AAAAAA9669")
FIND, SELECT, READ = b"\x20\x01", b"\x20\x02", b"\x30\x01"
FOUND, NOTHING, DONE = 0x9F, 0x80, 0x90  # the third byte of an answer's status
_NEXT = {(FIND, FOUND): SELECT, (SELECT, DONE): READ}
POLL_S = 0.3  # between two looks for a card; makers' programs take 0.2-0.5 s
ANSWER_S = 2.0  # reading text and photo at 115200 baud takes 0.3 s with the chip's time; estimate
_LENGTHS = 4  # bytes: length of text and of photo
_NUMBER = slice(_LENGTHS + 122, _LENGTHS + 122 + 36)
_ANSWER_MAX = 4096
_READ_MOST = 4096
_SILENT = "the reader of resident IDs does not answer: is it set to this rate?"


def frame(content: bytes) -> bytes:
    """A command or an answer, ready to be sent."""
    body = (len(content) + 1).to_bytes(2, "big") + content
    return PREAMBLE + body + bytes([reduce(xor, body)])


class Frames:
    """Finds answers in what arrives in pieces; what is damaged is dropped."""

    def __init__(self) -> None:
        self._data = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The contents of those that are whole now: three bytes of status, then data."""
        self._data += data
        found: list[bytes] = []
        while (at := self._data.find(PREAMBLE)) >= 0:
            body = self._data[at + len(PREAMBLE) :]
            length = int.from_bytes(body[:2], "big")
            if length <= _ANSWER_MAX and len(body) < 2 + length:
                return found
            whole = 4 <= length <= _ANSWER_MAX and reduce(xor, body[: 1 + length]) == body[1 + length]
            self._data = body[2 + length :] if whole else body
            if whole:
                found.append(body[2 : 1 + length])
        self._data = self._data[-len(PREAMBLE) + 1 :]
        return found


def number_of(data: bytes) -> str:
    """The number in what was read, blanks taken off; empty where there is none."""
    return data[_NUMBER].decode("utf-16-le", "replace").strip(" \x00")


class SdtInput:
    """An open reader; OSError when it cannot be had, goes, or stays silent."""

    def __init__(self, path: str, profile: ScannerProfile, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._frames = Frames()
        self._asked: bytes | None = None
        self._asked_at = 0.0
        self._port = open_line(path, profile.baud)
        try:
            self._greet()
        except BaseException:
            self._port.close()
            raise
        self.description = f"{path} ({profile.baud} baud, module protocol)"

    @property
    def wait_s(self) -> float | None:
        """Until the next look for a card."""
        return POLL_S

    def fileno(self) -> int:
        """For select."""
        number: int = self._port.fileno()
        return number

    def read(self, at: float) -> list[ScannerLine]:
        """The number, once it was read."""
        return [line for content in self._contents() for line in self._answered(content, at)]

    def quiet(self, at: float) -> list[ScannerLine]:
        """Nothing came: look for a card, unless an answer is still due."""
        if self._asked is None:
            self._ask(FIND)
        elif at - self._asked_at > ANSWER_S:
            raise OSError(_SILENT)
        return []

    def scan(self, on: bool) -> None:
        """It looks all the time."""

    def close(self) -> None:
        """Close the line."""
        self._port.close()

    def _greet(self) -> None:
        """It works once it has answered; a card that lies on it already is read next."""
        self._ask(FIND)
        until = self._asked_at + ANSWER_S
        while self._asked == FIND:
            if not select.select([self.fileno()], [], [], max(0.0, until - self._monotonic()))[0]:
                raise OSError(_SILENT)
            for content in self._contents():
                self._answered(content, self._monotonic())

    def _contents(self) -> list[bytes]:
        data = os.read(self.fileno(), _READ_MOST)
        if not data:
            raise OSError("the device was unplugged")
        return self._frames.feed(data)

    def _ask(self, command: bytes) -> None:
        self._asked, self._asked_at = command, self._monotonic()
        self._port.write(frame(command))

    def _answered(self, content: bytes, at: float) -> list[ScannerLine]:
        asked, self._asked = self._asked, None
        if asked is None:
            return []  # a late one
        following = _NEXT.get((asked, content[2]))
        if following is not None:
            self._ask(following)
        number = number_of(content[3:]) if (asked, content[2]) == (READ, DONE) else ""
        return [ScannerLine(number, at)] if number else []
