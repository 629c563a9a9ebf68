# SPDX-License-Identifier: Apache-2.0
"""A UPS behind NUT's server upsd: one line asked, one line answered, over TCP (network protocol of NUT 2.8).

No library: of those that are kept, two are GPL (nut2 also wants telnetlib, gone from Python 3.13), one asks for all
variables on an event loop of its own. All that a gate needs is one variable, which upsd gives without a login.
"""

import shlex
import socket
from typing import Self

from pistegate_edge.clock import Clock
from pistegate_edge.power.settings import Power
from pistegate_edge.power.told import PowerStatus

TIMEOUT_S = 5.0  # a server in the same house answers within milliseconds; upsmon's own connects wait no longer
LINE_MAX = 1024  # bytes; NUT's own limit for a line is 512
REMEDIES = {
    "DATA-STALE": "the UPS's driver gets no data: check the UPS's cable",
    "DRIVER-NOT-CONNECTED": "the UPS's driver does not run: `upsdrvctl start` there",
    "UNKNOWN-UPS": "correct [power] ups; `upsc -l HOST` lists the names",
    "ACCESS-DENIED": "let this computer ask: LISTEN in upsd.conf there",
    "VAR-NOT-SUPPORTED": "this UPS tells no state; use its pins instead",
}


class NutError(OSError):
    """The UPS's state cannot be had; the text says why and what to do."""


class NutPower:
    """A connection to upsd. `read` may take TIMEOUT_S; an OSError means: open a new one."""

    def __init__(self, power: Power) -> None:
        self.description = f"UPS {power.ups} at {power.host}:{power.port}"
        self._ups = power.ups
        self._buffer = b""
        self._clock = Clock()
        try:
            self._socket = socket.create_connection((power.host, power.port), TIMEOUT_S)
        except OSError as error:
            raise NutError(f"{self.description}: {error}; is upsd running there, and [power] host right?") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def read(self) -> PowerStatus:
        """The UPS's state now."""
        try:
            self._socket.sendall(f"GET VAR {self._ups} ups.status\n".encode())
            line = self._line()
        except NutError:
            raise
        except OSError as error:
            raise NutError(f"{self.description}: {error or 'no answer'}") from error
        return parse_status(line, self._ups)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _line(self) -> str:
        """One line, whole within TIMEOUT_S however slowly it drips."""
        deadline = self._clock.monotonic() + TIMEOUT_S
        while b"\n" not in self._buffer:
            if len(self._buffer) > LINE_MAX:
                raise NutError(f"{self.description}: this is no upsd, it sent {LINE_MAX} bytes without a line's end")
            self._socket.settimeout(max(0.001, deadline - self._clock.monotonic()))
            data = self._socket.recv(LINE_MAX)
            if not data:
                raise NutError(f"{self.description}: hung up")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode("ascii", "replace").strip()


def parse_status(line: str, ups: str) -> PowerStatus:
    """The state in upsd's answer; NutError for an error or for what is no answer to this question.

    OL: fed; OB: on battery; LB: low; FSD: it will be cut; RB: replace the battery. Others may stand beside.
    """
    try:
        words = shlex.split(line)
    except ValueError:
        words = []
    if words[:1] == ["ERR"]:
        code = words[1] if len(words) > 1 else ""
        raise NutError(f"UPS {ups}: {code}; {REMEDIES.get(code, 'see the log of upsd there')}")
    if words[:3] != ["VAR", ups, "ups.status"] or len(words) != 4:
        raise NutError(f"UPS {ups}: not an answer of upsd: {line[:60]!r}; check [power] host and port")
    flags = set(words[3].split())
    if not flags & {"OL", "OB", "FSD"}:
        raise NutError(f"UPS {ups} tells neither mains nor battery ({words[3]!r}): wait, or check the UPS")
    return PowerStatus(mains="OB" not in flags, low="LB" in flags, forced="FSD" in flags, worn="RB" in flags)
