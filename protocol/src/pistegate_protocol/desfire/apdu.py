# SPDX-License-Identifier: Apache-2.0
"""Native DESFire commands in ISO 7816-4 wrapping: 90 INS 00 00 [Lc data] 00 -> data 91 SW."""

from enum import IntEnum

from pistegate_protocol.errors import ProtocolError

_DATA_MAX = 255  # bytes in one short APDU


class Ins(IntEnum):
    """Instruction codes used here."""

    AUTHENTICATE_ISO = 0x1A
    AUTHENTICATE_EV2_FIRST = 0x71
    AUTHENTICATE_EV2_NON_FIRST = 0x77
    ADDITIONAL_FRAME = 0xAF
    # The card, its applications and keys.
    GET_VERSION = 0x60
    GET_CARD_UID = 0x51
    GET_APPLICATION_IDS = 0x6A
    SELECT_APPLICATION = 0x5A
    CREATE_APPLICATION = 0xCA
    DELETE_APPLICATION = 0xDA
    FORMAT_PICC = 0xFC
    SET_CONFIGURATION = 0x5C
    GET_KEY_SETTINGS = 0x45
    CHANGE_KEY_SETTINGS = 0x54
    GET_KEY_VERSION = 0x64
    CHANGE_KEY = 0xC4
    CHANGE_KEY_EV2 = 0xC6
    INITIALIZE_KEY_SET = 0x56
    FINALIZE_KEY_SET = 0x57
    ROLL_KEY_SET = 0x55
    # Files.
    CREATE_STANDARD_FILE = 0xCD
    CREATE_BACKUP_FILE = 0xCB
    CREATE_VALUE_FILE = 0xCC
    CREATE_CYCLIC_FILE = 0xC0
    CREATE_TRANSACTION_MAC_FILE = 0xCE
    GET_FILE_IDS = 0x6F
    GET_FILE_SETTINGS = 0xF5
    # What is in them. ReadData, WriteData and WriteRecord in their EV2 forms: one frame, ISO-DEP chains it.
    READ_DATA = 0xAD
    WRITE_DATA = 0x8D
    READ_RECORDS_CHAINED = 0xBB
    WRITE_RECORD = 0x8B
    CLEAR_RECORD_FILE = 0xEB
    GET_VALUE = 0x6C
    CREDIT = 0x0C
    DEBIT = 0xDC
    COMMIT_TRANSACTION = 0xC7
    ABORT_TRANSACTION = 0xA7


class Status(IntEnum):
    """What the second status byte says, by the names of the data sheets. Any but OK and ADDITIONAL_FRAME is a refusal.

    A refusal ends the session and its transaction: whatever was written and not committed is gone.
    """

    OK = 0x00
    NO_CHANGES = 0x0C
    OUT_OF_MEMORY = 0x0E
    ILLEGAL_COMMAND = 0x1C
    INTEGRITY_ERROR = 0x1E
    NO_SUCH_KEY = 0x40
    LENGTH_ERROR = 0x7E
    PERMISSION_DENIED = 0x9D
    PARAMETER_ERROR = 0x9E
    APPLICATION_NOT_FOUND = 0xA0
    APPLICATION_INTEGRITY_ERROR = 0xA1
    AUTHENTICATION_DELAY = 0xAD
    AUTHENTICATION_ERROR = 0xAE
    ADDITIONAL_FRAME = 0xAF
    BOUNDARY_ERROR = 0xBE
    CARD_INTEGRITY_ERROR = 0xC1
    COMMAND_ABORTED = 0xCA
    CARD_DISABLED = 0xCD
    COUNT_ERROR = 0xCE
    DUPLICATE_ERROR = 0xDE
    MEMORY_ERROR = 0xEE
    FILE_NOT_FOUND = 0xF0
    FILE_INTEGRITY_ERROR = 0xF1


class CardError(ProtocolError):
    """The card did not do what was asked."""


class CardRefused(CardError):
    """The card answered with a bad status; `status` is the native code, or None for an answer that is not native."""

    def __init__(self, command: str, status: int | None, answer: bytes = b"") -> None:
        said = status_name(status) if status is not None else f"answer {answer[:16].hex() or 'empty'}"
        super().__init__(f"{command}: {said}")
        self.status = status


class CardUntrusted(CardError):
    """The card's proof (authentication answer or MAC) is wrong: not our card, or someone in between."""


def status_name(status: int) -> str:
    """`status BE boundary error`, or the number alone for one that no data sheet names."""
    known = status in list(Status)
    name = f" {Status(status).name.lower().replace('_', ' ')}" if known else ""
    return f"status {status:02X}{name}"


def wrap(ins: int, data: bytes = b"") -> bytes:
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


def more_follows(answer: bytes) -> bool:
    """The answer is one frame of several (91 AF)."""
    return answer[-2:] == bytes([0x91, Status.ADDITIONAL_FRAME])
