# SPDX-License-Identifier: Apache-2.0
"""Status bytes of native DESFire commands, and the exception that carries one."""

from enum import IntEnum


class Status(IntEnum):
    """The second half of 91 xx; names as in the DESFire data sheets."""

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
    AUTHENTICATION_ERROR = 0xAE
    ADDITIONAL_FRAME = 0xAF
    BOUNDARY_ERROR = 0xBE
    COMMAND_ABORTED = 0xCA
    COUNT_ERROR = 0xCE
    DUPLICATE_ERROR = 0xDE
    FILE_NOT_FOUND = 0xF0


class CardError(Exception):
    """A command that the card refuses with `status`."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.name)
        self.status = status


def require(condition: bool, otherwise: Status) -> None:
    """Refuse with `otherwise` unless `condition` holds."""
    if not condition:
        raise CardError(otherwise)
