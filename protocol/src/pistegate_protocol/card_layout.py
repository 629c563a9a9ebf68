# SPDX-License-Identifier: Apache-2.0
"""The one application on a card: its files, keys and rights, as data; cloud, gate and card stock agree on it."""

from dataclasses import dataclass
from enum import IntEnum

from pistegate_protocol.errors import CodecError
from pistegate_protocol.signing import signed_claim_length
from pistegate_protocol.usage import USAGE_BYTES

AID = bytes.fromhex("504731")  # as sent in SelectApplication, least significant byte first
KEY_BYTES = 16
FREE = 0xE  # access right: no authentication needed
NEVER = 0xF


class CardKey(IntEnum):
    """Key numbers of the application, all AES-128."""

    MASTER = 0
    GATE = 1
    """Reads and writes usage."""
    ISSUER = 2
    """Writes claim and usage; only the cloud holds it."""


class CommMode(IntEnum):
    """Communication mode of a file, as in its settings."""

    PLAIN = 0x00
    MAC = 0x01
    FULL = 0x03


@dataclass(frozen=True, slots=True)
class Rights:
    """Key numbers (or FREE, NEVER) for reading, writing, both, and changing the settings of a file."""

    read: int
    write: int
    read_write: int
    change: int

    def to_int(self) -> int:
        """The 16 bits of a file's access rights."""
        return self.read << 12 | self.write << 8 | self.read_write << 4 | self.change


@dataclass(frozen=True, slots=True)
class CardFile:
    """One data file: number, size in bytes, whether it is a backup file (changed by CommitTransaction only)."""

    number: int
    size: int
    backup: bool
    mode: CommMode
    rights: Rights


CLAIM_FILE = CardFile(1, 128, False, CommMode.PLAIN, Rights(FREE, CardKey.ISSUER, NEVER, CardKey.MASTER))
USAGE_FILE = CardFile(2, USAGE_BYTES, True, CommMode.MAC, Rights(NEVER, CardKey.ISSUER, CardKey.GATE, CardKey.MASTER))
FILES = (CLAIM_FILE, USAGE_FILE)
KEYS = tuple(CardKey)


def claim_file_content(signed_claim: bytes) -> bytes:
    """The whole claim file: the signed claim, zero-padded; CodecError when it does not fit."""
    if len(signed_claim) > CLAIM_FILE.size:
        raise CodecError(f"signed claim of {len(signed_claim)} bytes, the card holds {CLAIM_FILE.size}")
    return signed_claim.ljust(CLAIM_FILE.size, b"\x00")


def claim_in_file(content: bytes) -> bytes | None:
    """The signed claim in a claim file's content, None when the file is blank; CodecError for anything else."""
    if not any(content):
        return None
    length = signed_claim_length(content)
    if any(content[length:]):
        raise CodecError("bytes after the signed claim")
    return content[:length]
