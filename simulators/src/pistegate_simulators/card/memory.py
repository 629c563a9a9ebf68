# SPDX-License-Identifier: Apache-2.0
"""What a card's EEPROM holds - applications, keys, files - and its JSON-able image."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pistegate_simulators.card.channel import Mode
from pistegate_simulators.card.files import CardFile, DataFile, Kind, RecordFile, Rights, ValueFile
from pistegate_simulators.card.status import CardError, Status

PICC_AID = 0
IMAGE_VERSION = 1
EEPROM_BYTES = 8192  # an 8 KiB part, storage size byte 1A
_FILE_OVERHEAD = 32  # bytes; estimate, real cards allocate in blocks of 32


class Key(NamedTuple):
    """An AES-128 key and its version byte."""

    value: bytes = bytes(16)
    version: int = 0


@dataclass
class Application:
    """Keys, key settings and files of one AID; AID 0 stands for the card itself."""

    aid: int
    keys: list[Key]
    key_settings: int = 0x0F  # master key changeable, directory free, creation free, settings changeable
    files: dict[int, CardFile] = field(default_factory=dict)
    df_name: bytes = b""

    def file(self, number: int) -> CardFile:
        """The file, or FILE_NOT_FOUND."""
        try:
            return self.files[number]
        except KeyError:
            raise CardError(Status.FILE_NOT_FOUND) from None

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
    """The card itself (AID 0) and its applications."""

    applications: dict[int, Application] = field(default_factory=lambda: {PICC_AID: Application(PICC_AID, [Key()])})

    def application(self, aid: int) -> Application:
        """The application, or APPLICATION_NOT_FOUND."""
        try:
            return self.applications[aid]
        except KeyError:
            raise CardError(Status.APPLICATION_NOT_FOUND) from None

    def free_bytes(self) -> int:
        """Estimate of GetFreeMemory, never negative."""
        files = [file for app in self.applications.values() for file in app.files.values()]
        return max(0, EEPROM_BYTES - sum(_FILE_OVERHEAD + footprint(file) for file in files))


def footprint(file: CardFile) -> int:
    """Content bytes that a file occupies, backup copies included."""
    if isinstance(file, DataFile):
        return len(file.content) * (2 if file.kind is Kind.BACKUP else 1)
    return 24 if isinstance(file, ValueFile) else file.record_size * file.capacity


def _file_image(file: CardFile) -> dict[str, Any]:
    common = {"kind": file.kind.name, "mode": file.mode.name, "rights": list(file.rights)}
    return common | file.image()


def _file_from_image(image: dict[str, Any]) -> CardFile:
    fields = dict(image)
    kind, mode = Kind[fields.pop("kind")], Mode[fields.pop("mode")]
    rights = Rights(*fields.pop("rights"))
    if kind in (Kind.STANDARD, Kind.BACKUP):
        return DataFile(kind, mode, rights, bytes.fromhex(fields["content"]))
    if kind is Kind.VALUE:
        return ValueFile(mode, rights, **fields)
    records = [bytes.fromhex(record) for record in fields["records"]]
    return RecordFile(kind, mode, rights, fields["record_size"], fields["capacity"], records)


def memory_image(memory: Memory) -> dict[str, Any]:
    """EEPROM as JSON-able data; an open transaction is not part of it."""
    return {
        f"{app.aid:06X}": {
            "keys": [[key.value.hex(), key.version] for key in app.keys],
            "key_settings": app.key_settings,
            "df_name": app.df_name.hex(),
            "files": {str(number): _file_image(file) for number, file in app.files.items()},
        }
        for app in memory.applications.values()
    }


def memory_from_image(image: dict[str, Any]) -> Memory:
    """Undo `memory_image`; KeyError or ValueError when it is not one."""
    memory = Memory()
    for aid, fields in image.items():
        memory.applications[int(aid, 16)] = Application(
            aid=int(aid, 16),
            keys=[Key(bytes.fromhex(value), version) for value, version in fields["keys"]],
            key_settings=fields["key_settings"],
            df_name=bytes.fromhex(fields["df_name"]),
            files={int(number): _file_from_image(file) for number, file in fields["files"].items()},
        )
    return memory
