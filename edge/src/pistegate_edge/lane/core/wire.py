# SPDX-License-Identifier: Apache-2.0
"""Frames between a host and its lane board: 00, then COBS of (body, CRC-32), then 00. Pure; both ends use this file.

COBS leaves no 00 in a frame, so that a decoder finds the next frame after any garbage. The 00 in front ends garbage
that came before it: a frame is lost only when its own bytes are hit.
"""

import binascii
import struct

BODY_MAX = 240  # bytes; with the CRC one block of COBS, and 21 ms at 115200 baud
_CRC_BYTES = 4
_CODED_MAX = BODY_MAX + _CRC_BYTES + 1


def frame(body: bytes) -> bytes:
    """The bytes to send; ValueError when the body is empty or too long."""
    if not 0 < len(body) <= BODY_MAX:
        raise ValueError("a body has 1 to 240 bytes")
    return b"\x00" + _stuff(body + struct.pack("<I", binascii.crc32(body))) + b"\x00"


def unframe(coded: bytes) -> bytes:
    """The body of what stood between two 00; empty when it is no frame."""
    whole = _unstuff(coded)
    if len(whole) <= _CRC_BYTES:
        return b""
    body = whole[:-_CRC_BYTES]
    return body if whole[-_CRC_BYTES:] == struct.pack("<I", binascii.crc32(body)) else b""


class Decoder:
    """Bytes in, in any pieces; bodies of whole frames out. `bad` counts what was no frame."""

    def __init__(self) -> None:
        self.bad = 0
        self._coded = b""
        self._overlong = False

    def feed(self, data: bytes) -> list[bytes]:
        """The bodies that end in `data`, in order."""
        parts = data.split(b"\x00")
        bodies = []
        for part in parts[:-1]:
            self._add(part)
            body = self._end()
            if body:
                bodies.append(body)
        self._add(parts[-1])
        return bodies

    def _add(self, part: bytes) -> None:
        if len(self._coded) + len(part) > _CODED_MAX:
            self._coded = b""
            self._overlong = True
        elif not self._overlong:
            self._coded += part

    def _end(self) -> bytes:
        coded, overlong = self._coded, self._overlong
        self._coded, self._overlong = b"", False
        if not coded and not overlong:
            return b""
        body = unframe(coded)
        if not body:
            self.bad += 1
        return body


def _stuff(data: bytes) -> bytes:
    """COBS of at most 254 bytes: each run without 00 is led by its length plus one."""
    coded = b""
    for run in data.split(b"\x00"):
        coded += bytes((len(run) + 1,)) + run
    return coded


def _unstuff(coded: bytes) -> bytes:
    """What `_stuff` made; empty when it did not make it."""
    data = b""
    at = 0
    while at < len(coded):
        length = coded[at]
        if at + length > len(coded):
            return b""
        data += coded[at + 1 : at + length]
        at += length
        if at < len(coded):
            data += b"\x00"
    return data
