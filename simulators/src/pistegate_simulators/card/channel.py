# SPDX-License-Identifier: Apache-2.0
"""Secure messaging as the card does it: EV1 (after AuthenticateAES) and EV2 (after AuthenticateEV2First/NonFirst).

A command protects one side: either what the host sends (a write) or what the card answers (a read, or any
administrative command, whose arguments are only ever MACed).
"""

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import NamedTuple, Protocol

from pistegate_simulators.card import crypto
from pistegate_simulators.card.status import Status, require

MAC_LENGTH = 8  # bytes, both generations truncate to it


class Mode(IntEnum):
    """Communication mode as stored in a file's settings."""

    PLAIN = 0
    MAC = 1
    FULL = 3


class Side(Enum):
    """Which half of a command carries the payload that FULL enciphers."""

    COMMAND = "command"
    ANSWER = "answer"


class Shape(NamedTuple):
    """How one command is protected: its payload's side, its mode, its never enciphered header in bytes."""

    side: Side
    mode: Mode
    header: int


class KeyChange(NamedTuple):
    """What ChangeKey carried: 16 bytes (new key, or new xor old), version, CRC of the new key if it was sent."""

    material: bytes
    version: int
    crc_of_new: bytes | None


class Channel(Protocol):
    """One authenticated session's messaging."""

    def wire_length(self, body: int, shape: Shape) -> int:
        """Bytes after the header for a payload of `body` bytes."""

    def open(self, command: int, data: bytes, body: int, shape: Shape) -> bytes:
        """Verify and decipher; gives header + payload of `body` bytes, or raises CardError."""

    def open_key_change(self, command: int, data: bytes, header: int, own: bool) -> KeyChange:
        """Decipher ChangeKey's argument after `header` bytes; `own` = the key being changed is the session's."""

    def seal(self, data: bytes, shape: Shape, whole_file: bool) -> bytes:
        """Protect a successful answer; `whole_file` = the host did not say how long the answer is."""


def _split_mac(data: bytes) -> tuple[bytes, bytes]:
    require(len(data) >= MAC_LENGTH, Status.LENGTH_ERROR)
    return data[:-MAC_LENGTH], data[-MAC_LENGTH:]


@dataclass
class Ev1Channel:
    """EV1 messaging: one key, CMAC and CBC share an IV that runs through the whole session."""

    key: bytes
    iv: bytes = crypto.ZERO_IV

    def _mac(self, data: bytes) -> bytes:
        self.iv = crypto.cmac(self.key, data, self.iv)
        return self.iv[:MAC_LENGTH]

    def _decipher(self, data: bytes) -> bytes:
        require(len(data) > 0 and len(data) % crypto.BLOCK == 0, Status.LENGTH_ERROR)
        plain = crypto.decrypt(self.key, self.iv, data)
        self.iv = data[-crypto.BLOCK :]
        return plain

    def wire_length(self, body: int, shape: Shape) -> int:
        """Plain, + 8 for a MAC, or enciphered with a CRC in whole blocks."""
        if shape.side is Side.ANSWER or shape.mode is Mode.PLAIN:
            return body
        if shape.mode is Mode.MAC:
            return body + MAC_LENGTH
        return len(crypto.pad_zero(bytes(body + 4)))

    def open(self, command: int, data: bytes, body: int, shape: Shape) -> bytes:
        """EV1 MACs only writes on the wire; every other command still turns the IV."""
        if shape.side is Side.ANSWER or shape.mode is Mode.PLAIN:
            self._mac(bytes([command]) + data)
            return data
        if shape.mode is Mode.MAC:
            data, mac = _split_mac(data)
            require(self._mac(bytes([command]) + data) == mac, Status.INTEGRITY_ERROR)
            return data
        header, plain = data[: shape.header], self._decipher(data[shape.header :])
        payload, crc, padding = plain[:body], plain[body : body + 4], plain[body + 4 :]
        require(crypto.crc32(bytes([command]) + header + payload) == crc, Status.INTEGRITY_ERROR)
        require(not any(padding), Status.INTEGRITY_ERROR)
        return header + payload

    def open_key_change(self, command: int, data: bytes, header: int, own: bool) -> KeyChange:
        """Material 16, version 1, CRC over command and these, then the CRC of the new key unless it is `own`."""
        require(len(data) == header + 32, Status.LENGTH_ERROR)
        plain = self._decipher(data[header:])
        crc = crypto.crc32(bytes([command]) + data[:header] + plain[:17])
        require(crc == plain[17:21], Status.INTEGRITY_ERROR)
        require(not any(plain[21 if own else 25 :]), Status.INTEGRITY_ERROR)
        return KeyChange(plain[:16], plain[16], None if own else plain[21:25])

    def seal(self, data: bytes, shape: Shape, whole_file: bool) -> bytes:
        """Append the CMAC, or encipher data and CRC; both end with the status 00 that they cover."""
        if shape.side is Side.ANSWER and shape.mode is Mode.FULL:
            plain = data + crypto.crc32(data + b"\x00")
            plain = crypto.pad_iso(plain) if whole_file else crypto.pad_zero(plain)
            sealed = crypto.encrypt(self.key, self.iv, plain)
            self.iv = sealed[-crypto.BLOCK :]
            return sealed
        return data + self._mac(data + b"\x00")


@dataclass
class Ev2Channel:
    """EV2 messaging: transaction identifier and command counter in every MAC and IV."""

    enc: bytes
    mac: bytes
    ti: bytes
    counter: int = 0

    def _tail(self) -> bytes:
        return self.counter.to_bytes(2, "little") + self.ti

    def _mac(self, code: int, data: bytes) -> bytes:
        message = bytes([code]) + self._tail() + data
        return crypto.odd_bytes(crypto.cmac(self.mac, message))

    def _iv(self, label: str) -> bytes:
        counter = self.counter.to_bytes(2, "little")
        return crypto.encrypt(self.enc, crypto.ZERO_IV, bytes.fromhex(label) + self.ti + counter + bytes(8))

    def wire_length(self, body: int, shape: Shape) -> int:
        """Plain, + 8 for a MAC, or padded to whole blocks + MAC."""
        if shape.mode is Mode.PLAIN:
            return body
        if shape.mode is Mode.FULL and shape.side is Side.COMMAND:
            body = len(crypto.pad_iso(bytes(body)))
        return body + MAC_LENGTH

    def _verified(self, command: int, data: bytes) -> bytes:
        data, mac = _split_mac(data)
        require(self._mac(command, data) == mac, Status.INTEGRITY_ERROR)
        return data

    def _decipher(self, data: bytes) -> bytes:
        require(len(data) > 0 and len(data) % crypto.BLOCK == 0, Status.LENGTH_ERROR)
        plain = crypto.unpad_iso(crypto.decrypt(self.enc, self._iv("A55A"), data))
        require(plain is not None, Status.INTEGRITY_ERROR)
        return plain or b""

    def open(self, command: int, data: bytes, body: int, shape: Shape) -> bytes:
        """Check the MAC, decipher a FULL write, and count the command."""
        if shape.mode is not Mode.PLAIN:
            data = self._verified(command, data)
            if shape.mode is Mode.FULL and shape.side is Side.COMMAND:
                data = data[: shape.header] + self._decipher(data[shape.header :])
                require(len(data) == shape.header + body, Status.LENGTH_ERROR)
        self._count()
        return data

    def open_key_change(self, command: int, data: bytes, header: int, own: bool) -> KeyChange:
        """Material 16, version 1, then the CRC of the new key unless it is `own`."""
        plain = self._decipher(self._verified(command, data)[header:])
        require(len(plain) == (17 if own else 21), Status.LENGTH_ERROR)
        self._count()
        return KeyChange(plain[:16], plain[16], None if own else plain[17:])

    def _count(self) -> None:
        require(self.counter < 0xFFFF, Status.COUNT_ERROR)
        self.counter += 1

    def seal(self, data: bytes, shape: Shape, whole_file: bool) -> bytes:
        """Encipher a FULL answer and append the MAC over status, counter, identifier and what is sent."""
        if shape.mode is Mode.PLAIN:
            return data
        if shape.mode is Mode.FULL and shape.side is Side.ANSWER:
            data = crypto.encrypt(self.enc, self._iv("5AA5"), crypto.pad_iso(data))
        return data + self._mac(0x00, data)
