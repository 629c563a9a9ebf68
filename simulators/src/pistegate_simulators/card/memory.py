# SPDX-License-Identifier: Apache-2.0
"""What a card's EEPROM holds: applications with their key sets and files."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from pistegate_simulators.card.files import DataFile, Kind, RecordFile, ValueFile
from pistegate_simulators.card.status import CardError, Status
from pistegate_simulators.card.transaction_mac import TransactionMacFile

PICC_AID = 0
EEPROM_BYTES = 8192  # an 8 KiB part, storage size byte 1A
_FILE_OVERHEAD = 32  # bytes; estimate, real cards allocate in blocks of 32
_DES_KEY_BYTES = 8
_VALUE_BYTES, _PROOF_BYTES = 24, 48  # content with backup; estimates

CardFile = DataFile | ValueFile | RecordFile | TransactionMacFile


class Key(NamedTuple):
    """An AES-128 key, or the factory's DES key (8 bytes), and its version byte."""

    value: bytes = bytes(16)
    version: int = 0

    @property
    def is_des(self) -> bool:
        """Not an AES key."""
        return len(self.value) == _DES_KEY_BYTES


@dataclass
class KeySet:
    """The keys of an application, one of up to 16 such sets; only a finalised set can become the active one."""

    keys: list[Key]
    version: int = 0
    finalised: bool = False


@dataclass
class Application:
    """Key sets, key settings and files of one AID; AID 0 stands for the card itself.

    `key_sets` holds None for a set that was never initialised. `roll_key` is the key that may switch between sets;
    None: the application was created without key sets.
    """

    aid: int
    key_sets: list[KeySet | None]
    key_settings: int = 0x0F  # master key changeable, directory free, creation free, settings changeable
    files: dict[int, CardFile] = field(default_factory=dict)
    df_name: bytes = b""
    active: int = 0
    roll_key: int | None = None

    @classmethod
    def with_keys(cls, aid: int, keys: Sequence[Key], key_settings: int = 0x0F) -> Self:
        """An application with one key set."""
        return cls(aid, [KeySet(list(keys), finalised=True)], key_settings)

    @property
    def keys(self) -> list[Key]:
        """The keys that authenticate now."""
        active = self.key_sets[self.active]
        if active is None:
            raise ValueError(f"application {self.aid:06X}: the active key set {self.active} does not exist")
        return active.keys

    def file(self, number: int) -> CardFile:
        """The file, or FILE_NOT_FOUND."""
        try:
            return self.files[number]
        except KeyError:
            raise CardError(Status.FILE_NOT_FOUND) from None

    @property
    def transaction_mac(self) -> TransactionMacFile | None:
        """The file that proves transactions; an application has at most one."""
        return next((file for file in self.files.values() if isinstance(file, TransactionMacFile)), None)

    @property
    def dirty(self) -> bool:
        """A transaction is open."""
        return any(file.dirty for file in self.files.values())

    def commit(self) -> None:
        """Make every pending change count, all together."""
        for file in self.files.values():
            file.commit()

    def rollback(self) -> None:
        """Forget every pending change."""
        for file in self.files.values():
            file.rollback()


@dataclass
class Memory:
    """The card itself (AID 0), its applications, and the key that new applications start with.

    `lost_bytes`: what deleted applications and files occupied. Only formatting gives it back, as seen on EV3.
    """

    applications: dict[int, Application] = field(
        default_factory=lambda: {PICC_AID: Application.with_keys(PICC_AID, [Key()])}
    )
    default_key: Key = field(default_factory=Key)
    lost_bytes: int = 0

    def application(self, aid: int) -> Application:
        """The application, or APPLICATION_NOT_FOUND."""
        try:
            return self.applications[aid]
        except KeyError:
            raise CardError(Status.APPLICATION_NOT_FOUND) from None

    def free_bytes(self) -> int:
        """Estimate of GetFreeMemory, never negative."""
        taken = sum(occupied(app) for app in self.applications.values())
        return max(0, EEPROM_BYTES - self.lost_bytes - taken)


def occupied(application: Application) -> int:
    """Bytes of an application's files."""
    return sum(_FILE_OVERHEAD + footprint(file) for file in application.files.values())


def footprint(file: CardFile) -> int:
    """Content bytes that a file occupies, backup copies included."""
    if isinstance(file, DataFile):
        return len(file.content) * (2 if file.kind is Kind.BACKUP else 1)
    if isinstance(file, RecordFile):
        return file.record_size * file.capacity
    return _PROOF_BYTES if isinstance(file, TransactionMacFile) else _VALUE_BYTES
