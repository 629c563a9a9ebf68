# SPDX-License-Identifier: Apache-2.0
"""Packets at the sensor's end, written apart from the gate's driver, from the makers' manuals."""

from collections.abc import Iterator

COMMAND, DATA, ANSWER, END = 1, 2, 7, 8


def packet(address: bytes, kind: int, content: bytes) -> bytes:
    """One packet."""
    length = len(content) + 2
    total = kind + (length >> 8) + (length & 255) + sum(content)
    return (
        b"\xef\x01" + address + bytes([kind, length >> 8, length & 255]) + content + (total & 0xFFFF).to_bytes(2, "big")
    )


class Ear:
    """Takes bytes; gives (kind, content), content None where the checksum is wrong. Other addresses are not heard."""

    def __init__(self, address: bytes) -> None:
        self.address = address
        self._heard = b""

    def hear(self, data: bytes) -> Iterator[tuple[int, bytes | None]]:
        """What is whole."""
        self._heard += data
        while True:
            start = self._heard.find(b"\xef\x01")
            if start < 0 or len(self._heard) < start + 9:
                return
            frame = self._heard[start:]
            length = int.from_bytes(frame[7:9], "big")
            if length > 258 or length < 3:
                self._heard = frame[2:]
                continue
            if len(frame) < 9 + length:
                return
            self._heard = frame[9 + length :]
            if frame[2:6] != self.address:
                continue
            content, checksum = frame[9 : 7 + length], int.from_bytes(frame[7 + length : 9 + length], "big")
            right = (frame[6] + frame[7] + frame[8] + sum(content)) & 0xFFFF == checksum
            yield frame[6], content if right else None
