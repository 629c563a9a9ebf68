# SPDX-License-Identifier: Apache-2.0
"""Numbers of the protocol of R30x, AS608 and R503 sensors, from their makers' manuals (R305, R503 1.2.2)."""

from enum import IntEnum


class Instruction(IntEnum):
    """What a sensor is asked."""

    GET_IMAGE = 0x01
    IMAGE_TO_FEATURES = 0x02
    MATCH = 0x03
    SEARCH = 0x04
    MERGE = 0x05  # RegModel: buffers 1 and 2 become a template in both
    STORE = 0x06
    LOAD = 0x07
    UP = 0x08
    DOWN = 0x09
    DELETE = 0x0C
    READ_SYSTEM = 0x0F
    VERIFY_PASSWORD = 0x13
    WRITE_NOTE = 0x18  # 16 pages of 32 bytes for the host, in flash
    READ_NOTE = 0x19
    READ_INDEX = 0x1F


class Code(IntEnum):
    """What a sensor confirms; those that are dealt with one by one."""

    OK = 0x00
    PACKET_DAMAGED = 0x01
    NO_FINGER = 0x02
    IMAGE_FAILED = 0x03
    TOO_SMEARED = 0x06
    TOO_FEW_FEATURES = 0x07
    NO_MATCH = 0x08
    NOT_FOUND = 0x09
    NOT_ONE_FINGER = 0x0A
    NO_SUCH_SLOT = 0x0B
    SLOT_INVALID = 0x0C
    UP_FAILED = 0x0D
    DOWN_FAILED = 0x0E
    DELETE_FAILED = 0x10
    WRONG_PASSWORD = 0x13
    NO_IMAGE = 0x15
    FLASH_FAILED = 0x18
    LIBRARY_FULL = 0x1F
    PASSWORD_FIRST = 0x21


UNREADABLE = {Code.IMAGE_FAILED, Code.TOO_SMEARED, Code.TOO_FEW_FEATURES, Code.NO_IMAGE}
"""A finger is there and cannot be read: wet, dry, dirty, too short a touch."""


def words_of(code: int) -> str:
    """For a technician."""
    return Code(code).name.lower().replace("_", " ") if code in list(Code) else "which its manual does not tell"
