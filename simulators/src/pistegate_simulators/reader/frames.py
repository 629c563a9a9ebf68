# SPDX-License-Identifier: Apache-2.0
"""PN532 host frames on a serial line: building them, and finding them in a stream of bytes."""

from dataclasses import dataclass, field

ACK = bytes.fromhex("0000FF00FF00")
NACK = bytes.fromhex("0000FFFF0000")
SYNTAX_ERROR = bytes.fromhex("0000FF01FF7F8100")
MAX_NORMAL = 255  # bytes of TFI + data that the one-byte length can name
MAX_DATA = 265  # bytes of TFI + data in an extended frame; PN532 user manual 6.2.1.2
FROM_HOST, TO_HOST = 0xD4, 0xD5
_START = b"\x00\xff"


def build(payload: bytes) -> bytes:
    """A frame around TFI + data, extended when it must be."""
    length = len(payload)
    if length <= MAX_NORMAL:
        head = bytes([length, -length & 0xFF])
    else:
        size = length.to_bytes(2, "big")
        head = b"\xff\xff" + size + bytes([-sum(size) & 0xFF])
    return b"\x00" + _START + head + payload + bytes([-sum(payload) & 0xFF, 0])


@dataclass
class FrameParser:
    """Bytes in, frames out: each is the payload after TFI D4, or ACK or NACK as such. Noise between frames is lost."""

    _buffer: bytearray = field(default_factory=bytearray)
    noise: int = 0  # bytes that belonged to no frame, wake-up preambles included

    def feed(self, data: bytes) -> list[bytes]:
        """Every frame that `data` completes, in order."""
        self._buffer += data
        found = []
        while (frame := self._next()) is not None:
            found.append(frame)
        return found

    def _drop(self, count: int) -> None:
        self.noise += count
        del self._buffer[:count]

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def _next(self) -> bytes | None:
        while True:
            start = self._buffer.find(_START)
            if start < 0:
                self._drop(max(0, len(self._buffer) - 1))
                return None
            self._drop(start)
            if len(self._buffer) < 4:
                return None
            shape = self._shape()
            if shape is None:
                return None
            head, length = shape
            if length == 0:
                return ACK if self._take(4)[2] == 0 else NACK
            if length < 0 or length > MAX_DATA:
                self._drop(len(_START))
                continue
            if len(self._buffer) < head + length + 1:
                return None
            payload = bytes(self._buffer[head : head + length])
            if sum(self._buffer[head : head + length + 1]) & 0xFF or payload[0] != FROM_HOST:
                self._drop(len(_START))
                continue
            self._take(head + length + 1)
            return payload[1:]

    def _shape(self) -> tuple[int, int] | None:
        """(bytes before TFI, length of TFI + data); length 0 = ACK or NACK, -1 = no frame; None = wait for more."""
        first, second = self._buffer[2], self._buffer[3]
        if (first, second) in ((0x00, 0xFF), (0xFF, 0x00)):
            return 4, 0
        if (first, second) == (0xFF, 0xFF):
            if len(self._buffer) < 7:
                return None
            good = sum(self._buffer[4:7]) & 0xFF == 0
            return 7, (int.from_bytes(self._buffer[4:6], "big") if good else -1) or -1
        return 4, first if (first + second) & 0xFF == 0 else -1
