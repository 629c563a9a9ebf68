# SPDX-License-Identifier: Apache-2.0
"""Native DESFire commands in ISO 7816-4 wrapping: 90 INS 00 00 [Lc data] 00 -> data 91 SW."""

from enum import IntEnum

from pistegate_protocol.errors import ProtocolError

_DATA_MAX = 255  # bytes in one short APDU


class Ins(IntEnum):
    """Instruction codes used here."""

    AUTHENTICATE_EV2_FIRST = 0x71
    ADDITIONAL_FRAME = 0xAF
    SELECT_APPLICATION = 0x5A
    READ_DATA = 0xAD
    WRITE_DATA = 0x8D
    COMMIT_TRANSACTION = 0xC7


class Status(IntEnum):
    """Status codes that decide what happens next; others are told by number."""

    OK = 0x00
    INTEGRITY_ERROR = 0x1E
    LENGTH_ERROR = 0x7E
    PERMISSION_DENIED = 0x9D
    APPLICATION_NOT_FOUND = 0xA0
    AUTHENTICATION_ERROR = 0xAE
    ADDITIONAL_FRAME = 0xAF
    BOUNDARY_ERROR = 0xBE
    FILE_NOT_FOUND = 0xF0


class CardError(ProtocolError):
    """The card did not do what was asked."""


class CardRefused(CardError):
    """The card answered with a bad status; `status` is the native code, or None for an answer that is not native."""

    def __init__(self, command: str, status: int | None, answer: bytes = b"") -> None:
        said = f"status {status:02X}" if status is not None else f"answer {answer[:16].hex() or 'empty'}"
        super().__init__(f"{command}: {said}")
        self.status = status


class CardUntrusted(CardError):
    """The card's proof (authentication answer or MAC) is wrong: not our card, or someone in between."""


def command(ins: int, data: bytes = b"") -> bytes:
    """The wrapped command APDU."""
    if len(data) > _DATA_MAX:
        raise ValueError(f"{len(data)} bytes do not fit a short APDU")
    body = bytes([len(data)]) + data if data else b""
    return bytes([0x90, ins, 0x00, 0x00]) + body + b"\x00"


def response(name: str, answer: bytes, expect: int = Status.OK) -> bytes:
    """The data of an answer with status `expect`; CardRefused for another."""
    if len(answer) < 2 or answer[-2] != 0x91:
        raise CardRefused(name, None, answer)
    if answer[-1] != expect:
        raise CardRefused(name, answer[-1])
    return answer[:-2]


def select_application(aid: bytes) -> bytes:
    """The command that selects an application (3 bytes, least significant first)."""
    return command(Ins.SELECT_APPLICATION, aid)
