# SPDX-License-Identifier: Apache-2.0
"""The one application on a card: its files, keys and rights, as data; cloud, gate and card stock agree on it.

Gates and tills read, write and debit with the GATE key; crediting and issuing take the ISSUER key, which only the
cloud holds. Every change to usage, money or rental is one transaction, proved by the TransactionMAC file.
"""

from dataclasses import dataclass
from enum import IntEnum

from pistegate_protocol.errors import CodecError
from pistegate_protocol.signing import signed_claim_length
from pistegate_protocol.usage import USAGE_BYTES

AID = bytes.fromhex("504731")  # as sent in SelectApplication, least significant byte first
PICC_AID = bytes(3)  # stands for the card itself, also in key diversification
KEY_BYTES = 16
UID_BYTES = 7  # of every card we personalise; 4-byte UIDs are not unique
FREE = 0xE  # access right: no authentication needed
NEVER = 0xF
VALUE_MAX = 2**31 - 1
RECORD_BYTES = 16
RECORDS_VISIBLE = 16  # the last passages and consumptions (issue of the card); the card keeps one more slot for itself
SIGNED_FILE_BYTES = 96  # of a file that holds an amendment or a load statement


class CardKey(IntEnum):
    """Key numbers of the application, all AES-128."""

    MASTER = 0
    """Changes keys and settings; only the cloud holds it."""
    GATE = 1
    """Reads everything; writes usage, records, rental; debits. Gates and tills derive it per card."""
    ISSUER = 2
    """Writes the claim, credits the purse; only the cloud holds it."""
    ROLL = 3
    """Switches the card to its second key set; gates get it after a theft."""


class KeySet(IntEnum):
    """Both sets are put on a card at personalisation; which one is active, RollKeySet decides."""

    FIRST = 0
    SECOND = 1


class CommMode(IntEnum):
    """Communication mode of a file, as in its settings."""

    PLAIN = 0x00
    MAC = 0x01
    FULL = 0x03


class FileKind(IntEnum):
    """File type, as GetFileSettings tells it."""

    STANDARD = 0x00
    BACKUP = 0x01
    VALUE = 0x02
    CYCLIC = 0x04
    TRANSACTION_MAC = 0x05


@dataclass(frozen=True, slots=True)
class Rights:
    """Key numbers (or FREE, NEVER) for reading, writing, both, and changing the settings of a file.

    Of a value file, "read" may also debit, and only "both" may credit.
    """

    read: int
    write: int
    read_write: int
    change: int

    def to_int(self) -> int:
        """The 16 bits of a file's access rights."""
        return self.read << 12 | self.write << 8 | self.read_write << 4 | self.change


@dataclass(frozen=True, slots=True)
class CardFile:
    """One file. `size`: bytes of a data file or of one record; `lower`, `upper`: limits of a value."""

    number: int
    kind: FileKind
    size: int
    mode: CommMode
    rights: Rights
    lower: int = 0
    upper: int = 0
    records: int = 0
    """Capacity of a record file, the slot that the card keeps for itself included."""

    @property
    def backup(self) -> bool:
        """Whether changes count only when committed (a standard file's count at once)."""
        return self.kind is not FileKind.STANDARD


_SHARED = Rights(CardKey.GATE, CardKey.GATE, CardKey.ISSUER, CardKey.MASTER)
_DEBIT_ONLY = Rights(CardKey.GATE, NEVER, CardKey.ISSUER, CardKey.MASTER)

# 112 bytes hold the largest claim signed for a 7-byte UID (111); the file is read whole at a gate's first meeting.
CLAIM_FILE = CardFile(1, FileKind.STANDARD, 112, CommMode.PLAIN, Rights(FREE, CardKey.ISSUER, NEVER, CardKey.MASTER))
USAGE_FILE = CardFile(2, FileKind.BACKUP, USAGE_BYTES, CommMode.MAC, _SHARED)
PURSE_FILE = CardFile(3, FileKind.VALUE, 4, CommMode.MAC, _DEBIT_ONLY, lower=0, upper=VALUE_MAX)
LOADS_FILE = CardFile(4, FileKind.BACKUP, SIGNED_FILE_BYTES, CommMode.MAC, _SHARED)
SPENT_FILE = CardFile(5, FileKind.VALUE, 4, CommMode.MAC, _DEBIT_ONLY, lower=-VALUE_MAX - 1, upper=0)
RECENT_FILE = CardFile(6, FileKind.CYCLIC, RECORD_BYTES, CommMode.MAC, _SHARED, records=RECORDS_VISIBLE + 1)
RENTAL_FILE = CardFile(7, FileKind.BACKUP, 16, CommMode.MAC, _SHARED)
AMENDMENT_FILE = CardFile(8, FileKind.BACKUP, SIGNED_FILE_BYTES, CommMode.MAC, _SHARED)
PROOF_FILE = CardFile(
    15, FileKind.TRANSACTION_MAC, 12, CommMode.MAC, Rights(CardKey.GATE, NEVER, NEVER, CardKey.MASTER)
)
FILES = (
    CLAIM_FILE,
    USAGE_FILE,
    PURSE_FILE,
    LOADS_FILE,
    SPENT_FILE,
    RECENT_FILE,
    RENTAL_FILE,
    AMENDMENT_FILE,
    PROOF_FILE,
)
KEYS = tuple(CardKey)


def claim_file_content(signed_claim: bytes) -> bytes:
    """The whole claim file: the signed claim, zero-padded; CodecError when it does not fit."""
    return padded(signed_claim, CLAIM_FILE)


def claim_in_file(content: bytes) -> bytes | None:
    """The signed claim in a claim file's content, None when the file is blank; CodecError for anything else."""
    if not any(content):
        return None
    length = signed_claim_length(content)
    if any(content[length:]):
        raise CodecError("bytes after the signed claim")
    return content[:length]


def padded(content: bytes, file: CardFile) -> bytes:
    """`content` as a data file holds it, zero-padded; CodecError when it does not fit."""
    if len(content) > file.size:
        raise CodecError(f"{len(content)} bytes, file {file.number} of the card holds {file.size}")
    return content.ljust(file.size, b"\x00")
