# SPDX-License-Identifier: Apache-2.0
"""The other end of the till's socket: asks one thing and gives back what the till tells, line by line."""

import json
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from pistegate_edge.errors import EdgeError
from pistegate_edge.till.core.machine import AGAIN_S

_LINE_MAX = 1 << 20  # bytes; a till's longest line has about 10,000
_SLACK_S = 10.0  # seconds beyond what a request may take before the till counts as gone


class TillUnreachable(EdgeError, OSError):
    """Nobody listens on the till's socket, or nobody answers any more."""


class TillClient:
    """One connection. Closing it gives up what waits for a card."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._received = b""
        try:
            self._socket.settimeout(_SLACK_S)
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise TillUnreachable(str(error)) from error

    def send(self, request: Mapping[str, Any]) -> None:
        """Send a request without waiting for its answer."""
        try:
            self._socket.sendall(json.dumps(request).encode() + b"\n")
        except OSError as error:
            raise TillUnreachable(str(error)) from error

    def answers(self, wait_s: float) -> Iterator[dict[str, Any]]:
        """What the till tells, up to the line that ends the request; TillUnreachable when it falls silent."""
        # A torn card is given time beyond the request's own, each time that it is torn.
        self._socket.settimeout(wait_s + AGAIN_S + _SLACK_S)
        while True:
            line = json.loads(self._line())
            yield line
            if line["final"]:
                return

    def _line(self) -> bytes:
        while b"\n" not in self._received:
            try:
                received = self._socket.recv(65_536)
            except OSError as error:
                raise TillUnreachable(str(error)) from error
            if not received or len(self._received) > _LINE_MAX:
                raise TillUnreachable("the connection has ended")
            self._received += received
        line, _, self._received = self._received.partition(b"\n")
        return line

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
