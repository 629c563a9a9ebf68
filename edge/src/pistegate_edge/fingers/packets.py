# SPDX-License-Identifier: Apache-2.0
"""Packets: EF01, address u32, kind u8, length u16 (content and checksum), content, checksum u16; big-endian.

The checksum is the sum of kind, the two bytes of the length, and the content. No I/O here.
"""

from dataclasses import dataclass
from enum import IntEnum

START = b"\xef\x01"
ADDRESS = 0xFFFFFFFF  # of a sensor that nobody gave another one
CONTENT_MAX = 256
_HEAD, _SUM = 9, 2


class Kind(IntEnum):
    """Of a packet."""

    COMMAND = 0x01
    DATA = 0x02
    ANSWER = 0x07
    END_OF_DATA = 0x08


@dataclass(frozen=True, slots=True)
class Packet:
    """One that arrived whole."""

    kind: Kind
    content: bytes


@dataclass(frozen=True, slots=True)
class Damaged:
    """Something began like a packet and was none."""

    why: str


def encode_packet(kind: Kind, content: bytes, address: int = ADDRESS) -> bytes:
    """ValueError for content that is empty or too long."""
    if not 1 <= len(content) <= CONTENT_MAX:
        raise ValueError(f"content of {len(content)} bytes")
    body = bytes([kind]) + (len(content) + _SUM).to_bytes(2, "big") + content
    return START + address.to_bytes(4, "big") + body + _checksum(body)


def _checksum(body: bytes) -> bytes:
    return (sum(body) & 0xFFFF).to_bytes(2, "big")


class PacketReader:
    """Finds packets in what arrives in pieces, whatever stands between them (R503 says 55h once when it is powered)."""

    def __init__(self, address: int = ADDRESS) -> None:
        self._address = address.to_bytes(4, "big")
        self._data = bytearray()

    def clear(self) -> None:
        """Forget the beginning of a packet."""
        self._data.clear()

    def feed(self, data: bytes) -> list[Packet | Damaged]:
        """What is whole now."""
        self._data += data
        found: list[Packet | Damaged] = []
        while self._aligned() and (one := self._next()) is not None:
            found.append(one)
        return found

    def _aligned(self) -> bool:
        """Drop what is before a start; whether a head is there."""
        at = self._data.find(START)
        if at < 0:
            at = len(self._data) - (self._data[-1:] == START[:1])
        del self._data[:at]
        return len(self._data) >= _HEAD

    def _next(self) -> Packet | Damaged | None:
        """None while its end has not come. What is damaged loses its start alone: a packet may lie within."""
        length = int.from_bytes(self._data[7:9], "big")
        why = self._wrong_head(length)
        if why is None:
            if len(self._data) < _HEAD + length:
                return None
            body, told = bytes(self._data[6 : 7 + length]), bytes(self._data[7 + length : 9 + length])
            if told == _checksum(body):
                del self._data[: _HEAD + length]
                return Packet(Kind(body[0]), body[3:])
            why = "checksum"
        del self._data[: len(START)]
        return Damaged(why)

    def _wrong_head(self, length: int) -> str | None:
        if self._data[2:6] != self._address:
            return "address"
        if self._data[6] not in list(Kind):
            return "kind"
        return None if _SUM < length <= CONTENT_MAX + _SUM else "length"
