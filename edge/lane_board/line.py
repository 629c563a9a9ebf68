# SPDX-License-Identifier: Apache-2.0
"""The line to the host: the USB serial port, as raw bytes."""

import select
import sys

import micropython

READ_MAX = 64  # bytes of one look; a turn of the loop stays short, whatever comes


class UsbLine:
    """Never waits for bytes. It writes only to a host that was heard a moment ago: USB waits for one that hangs."""

    def __init__(self):
        # A 03 among the host's bytes is no Ctrl-C.
        micropython.kbd_intr(-1)
        self._input = sys.stdin.buffer
        self._output = sys.stdout.buffer
        self._poll = select.poll()
        self._poll.register(sys.stdin, select.POLLIN)

    def read(self) -> bytes:
        """What has come."""
        data = b""
        while len(data) < READ_MAX and self._poll.poll(0):
            byte = self._input.read(1)
            if not byte:
                break
            data += byte
        return data

    def write(self, data: bytes) -> None:
        """Send."""
        self._output.write(data)

    def close(self) -> None:
        """The port is a console again."""
        micropython.kbd_intr(3)
