# SPDX-License-Identifier: Apache-2.0
"""A scanner on a serial line (UART or USB CDC), as its profile says."""

import os
import select
import termios
from collections.abc import Callable

import serial  # type: ignore[import-untyped]

from pistegate_edge.scanners.lines import LineAssembler
from pistegate_edge.scanners.profiles import Command, ScannerProfile
from pistegate_edge.scanners.told import ScannerLine

ANSWER_S = 0.5  # how long a scanner may take to answer a command; estimate, GM65 class answers in tens of milliseconds
_READ_MOST = 4096


class SerialInput:
    """An open line; OSError (serial.SerialException is one) when it cannot be had, is in use, or goes."""

    def __init__(self, path: str, profile: ScannerProfile, monotonic: Callable[[], float]) -> None:
        self._profile = profile
        self._monotonic = monotonic
        self._lines = LineAssembler(profile.breaks, profile.gap_ms / 1000)
        self._answers = _answers(profile)
        self._port = open_line(path, profile.baud)
        try:
            silent = [command for command in profile.start if not self._obeyed(command)]
        except BaseException:
            self._port.close()
            raise
        self.description = f"{path} ({profile.baud} baud)"
        if silent:
            self.description += ": does not answer its start commands; is it set to this rate, is this its profile?"

    @property
    def wait_s(self) -> float | None:
        """How long to wait before asking `quiet`."""
        return self._lines.wait_s

    def fileno(self) -> int:
        """For select."""
        number: int = self._port.fileno()
        return number

    def read(self, at: float) -> list[ScannerLine]:
        """The lines that ended with what is there now."""
        return self._counting(self._lines.feed(self._bytes().decode("latin-1"), at))

    def quiet(self, at: float) -> list[ScannerLine]:
        """The line that ended because nothing is there."""
        return self._counting(self._lines.quiet(at))

    def scan(self, on: bool) -> None:
        """Begin or end a reading; nothing for profiles without a trigger."""
        trigger = self._profile.trigger
        if trigger is not None:
            self._port.write(bytes.fromhex(trigger.on if on else trigger.off))

    def close(self) -> None:
        """Close the line."""
        self._port.close()

    def _counting(self, lines: list[ScannerLine]) -> list[ScannerLine]:
        found = []
        for line in lines:
            text = line.text
            while any(text.startswith(answer) for answer in self._answers):  # right before a code, with no break
                text = text[len(next(answer for answer in self._answers if text.startswith(answer))) :]
            if text:
                found.append(ScannerLine(self._profile.extracted(text), line.at))
        return found

    def _bytes(self) -> bytes:
        data = os.read(self.fileno(), _READ_MOST)
        if not data:
            raise OSError("the device was unplugged")
        return data

    def _obeyed(self, command: Command) -> bool:
        """Send it and wait for its answer; what else comes meanwhile is dropped."""
        self._port.write(bytes.fromhex(command.send))
        heard, until = b"", self._monotonic() + ANSWER_S
        while (left := until - self._monotonic()) > 0:
            if select.select([self.fileno()], [], [], left)[0]:
                heard = (heard + self._bytes())[-_READ_MOST:]
                if bytes.fromhex(command.answer) in heard:
                    return True
        return False


def open_line(path: str, baud: int) -> serial.Serial:
    """The device, for this process alone; OSError when it cannot be had."""
    try:
        # Opening drops what lies there: it was read before anybody looked.
        return serial.Serial(path, baud, timeout=0, write_timeout=ANSWER_S, exclusive=True)
    except termios.error as error:  # not an OSError, though it has an errno
        raise OSError(*error.args) from error


def _answers(profile: ScannerProfile) -> list[str]:
    told = [command.answer for command in profile.start] + (profile.trigger.answers if profile.trigger else [])
    return [bytes.fromhex(answer).decode("latin-1") for answer in told]
