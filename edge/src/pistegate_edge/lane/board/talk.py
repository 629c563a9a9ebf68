# SPDX-License-Identifier: Apache-2.0
"""A technician's short talk with a lane board over its line; the gate must not run meanwhile."""

import os
import secrets
import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pistegate_edge.lane.board.errors import NoAnswer, port_error
from pistegate_edge.lane.board.serial_link import open_port
from pistegate_edge.lane.board.voice import ASK_MS, Voice
from pistegate_edge.lane.core import messages
from pistegate_edge.lane.core.wire import Decoder

HELLO_S = 3.0  # a board answers at once; one that has just been reset needs two seconds to start
REPORT_S = 2.0
LOGS_S = 1.0
_READ_MOST = 4096


class Talk:
    """`monotonic`: seconds. Every wait is bounded."""

    def __init__(self, number: int, profile: str, monotonic: Callable[[], float]) -> None:
        self.noise = b""  # the newest bytes, for those that are no frames: a console's prompt
        self._number = number
        self._monotonic = monotonic
        self._voice = Voice(profile, secrets.token_hex(4))
        self._decoder = Decoder()
        self._report: dict[str, Any] | None = None

    def hello(self, timeout_s: float = HELLO_S) -> dict[str, Any]:
        """Who is there; NoAnswer if nobody says."""
        for name, values in self._heard(timeout_s, lambda now: self._voice.ask(now)):
            if name == "hello":
                return values
        raise NoAnswer("nothing answers as a lane board does: run `pistegate-gate board flash --config ...`")

    def report(self, timeout_s: float = REPORT_S) -> dict[str, Any]:
        """How it is, after a hello of ours; NoAnswer if it does not say."""
        for values in self.reports(timeout_s):
            self._report = values
            return values
        raise NoAnswer("the board says hello and reports nothing: draw its cable and put it in again")

    def reports(self, seconds: float) -> Iterator[dict[str, Any]]:
        """Every report in that time: the board reports while it is asked."""
        for name, values in self._heard(seconds, lambda now: self._voice.ask(now)):
            if name == "state" and values["run"] == self._voice.run:
                yield values

    def logs(self) -> list[str]:
        """The lines that it keeps, oldest first; after a report."""
        if self._report is None:
            raise ValueError("a report first")
        asked = self._voice.command(self._report, "logs", {})
        lines: dict[int, str] = {}
        for name, values in self._heard(LOGS_S, lambda now: b"", asked):
            if name == "log":
                lines[values["number"]] = values["text"]
        return [lines[number] for number in sorted(lines)]

    def service(self) -> None:
        """Ask it to leave the console to us."""
        os.write(self._number, self._voice.frame("service", {}))

    def console(self, timeout_s: float = 0.5) -> bool:
        """Whether MicroPython's console is there instead of a firmware."""
        # Ctrl-C and Ctrl-B: out of whatever our frames have brought it into, to its prompt. No frame to a firmware.
        os.write(self._number, b"\r\x03\x02")
        for _ in self._heard(timeout_s, lambda now: b""):
            pass
        return self.noise.rstrip().endswith(b">>>")

    def _heard(
        self, timeout_s: float, say: Callable[[int], bytes], first: bytes = b""
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        end = self._monotonic() + timeout_s
        if first:
            os.write(self._number, first)
        while (now := self._monotonic()) < end:
            if data := say(round(now * 1000)):
                os.write(self._number, data)
            if not select.select([self._number], [], [], min(ASK_MS / 1000, end - now))[0]:
                continue
            data = os.read(self._number, _READ_MOST)
            if not data:
                raise NoAnswer("the board was unplugged, or it restarted: try again")
            self.noise = (self.noise + data)[-200:]
            for body in self._decoder.feed(data):
                told = messages.decode(body, messages.BOARD)
                if told is not None:
                    yield told[1], told[2]


@contextmanager
def talk_to(path: str, profile: str, monotonic: Callable[[], float]) -> Iterator[Talk]:
    """The board at `path`; NoBoard with its remedy when the port cannot be had."""
    try:
        port = open_port(path)
    except OSError as error:
        raise port_error(path, error) from error
    with port:
        yield Talk(port.fileno(), profile, monotonic)
