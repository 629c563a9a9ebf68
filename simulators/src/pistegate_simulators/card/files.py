# SPDX-License-Identifier: Apache-2.0
"""The files of a DESFire application: committed content, and what an open transaction would make of it."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple, Self

from pistegate_simulators.card.channel import Mode
from pistegate_simulators.card.status import Status, require

FREE, DENIED = 0xE, 0xF  # access right nibbles that are not key numbers


class Kind(IntEnum):
    """File type as GetFileSettings reports it."""

    STANDARD = 0
    BACKUP = 1
    VALUE = 2
    LINEAR = 3
    CYCLIC = 4
    TRANSACTION_MAC = 5


class Rights(NamedTuple):
    """Key numbers (0-13), FREE or DENIED, for each right of a file."""

    read: int = FREE
    write: int = FREE
    both: int = FREE
    change: int = 0

    @classmethod
    def decode(cls, raw: bytes) -> Self:
        """From two bytes as CreateFile carries them, least significant first."""
        low, high = raw
        return cls(high >> 4, high & 15, low >> 4, low & 15)

    def encode(self) -> bytes:
        """Two bytes, least significant first."""
        return bytes([self.both << 4 | self.change, self.read << 4 | self.write])


OPEN = Rights()  # everybody reads and writes, key 0 changes settings


def _u24(number: int) -> bytes:
    return number.to_bytes(3, "little")


def _i32(number: int) -> bytes:
    return number.to_bytes(4, "little", signed=True)


@dataclass
class DataFile:
    """A standard file (writes count at once) or a backup file (writes count when committed)."""

    kind: Kind
    mode: Mode
    rights: Rights
    content: bytes
    pending: bytes | None = field(default=None, compare=False)

    def read(self, offset: int, length: int) -> bytes:
        """Committed bytes; length 0 = to the end."""
        length = length or len(self.content) - offset
        require(offset < len(self.content) and offset + length <= len(self.content), Status.BOUNDARY_ERROR)
        return self.content[offset : offset + length]

    def write(self, offset: int, data: bytes) -> None:
        """Put `data` at `offset`; whole or not at all."""
        require(offset + len(data) <= len(self.content), Status.BOUNDARY_ERROR)
        base = self.content if self.pending is None else self.pending
        result = base[:offset] + data + base[offset + len(data) :]
        if self.kind is Kind.STANDARD:
            self.content = result
        else:
            self.pending = result

    @property
    def dirty(self) -> bool:
        """An uncommitted write exists."""
        return self.pending is not None

    def commit(self) -> None:
        """Make pending writes the content."""
        if self.pending is not None:
            self.content, self.pending = self.pending, None

    def rollback(self) -> None:
        """Forget pending writes."""
        self.pending = None

    def settings(self) -> bytes:
        """The part of GetFileSettings that depends on the kind."""
        return _u24(len(self.content))

    def image(self) -> dict[str, Any]:
        """What EEPROM holds, besides the common part."""
        return {"content": self.content.hex()}


@dataclass
class ValueFile:
    """A signed 32-bit value between limits, with the limited credit that the last debit left."""

    mode: Mode
    rights: Rights
    lower: int
    upper: int
    value: int
    limited_enabled: bool = False
    free_get: bool = False
    limited: int = 0
    pending: int | None = field(default=None, compare=False)
    debited: int = field(default=0, compare=False)
    limited_used: bool = field(default=False, compare=False)
    kind: Kind = Kind.VALUE

    def add(self, amount: int) -> None:
        """Credit (positive) or debit (negative), pending; both limits hold at every step."""
        result = (self.value if self.pending is None else self.pending) + amount
        require(self.lower <= result <= self.upper, Status.BOUNDARY_ERROR)
        self.pending = result
        self.debited += max(0, -amount)

    def add_limited(self, amount: int) -> None:
        """Give back at most what the last committed transaction debited, once."""
        require(self.limited_enabled, Status.PERMISSION_DENIED)
        require(not self.limited_used and amount <= self.limited, Status.BOUNDARY_ERROR)
        self.add(amount)
        self.limited_used = True

    @property
    def dirty(self) -> bool:
        """An uncommitted credit or debit exists."""
        return self.pending is not None

    def commit(self) -> None:
        """Make the pending value count, and set what LimitedCredit may return."""
        if self.pending is None:
            return
        self.value = self.pending
        if self.debited:
            self.limited = self.debited
        elif self.limited_used:
            self.limited = 0
        self.rollback()

    def rollback(self) -> None:
        """Forget the pending value."""
        self.pending, self.debited, self.limited_used = None, 0, False

    @property
    def flags(self) -> int:
        """Bit 0: LimitedCredit allowed; bit 1: GetValue free."""
        return self.limited_enabled | self.free_get << 1

    def settings(self) -> bytes:
        """The part of GetFileSettings that depends on the kind."""
        return _i32(self.lower) + _i32(self.upper) + _i32(self.limited) + bytes([self.flags])

    def image(self) -> dict[str, Any]:
        """What EEPROM holds, besides the common part."""
        names = ("lower", "upper", "value", "limited_enabled", "free_get", "limited")
        return {name: getattr(self, name) for name in names}


@dataclass
class RecordFile:
    """Records of one size, oldest first; a cyclic file drops the oldest, a linear one refuses when full."""

    kind: Kind
    mode: Mode
    rights: Rights
    record_size: int
    capacity: int
    records: list[bytes] = field(default_factory=list)
    pending: bytes | None = field(default=None, compare=False)
    clearing: bool = field(default=False, compare=False)

    @property
    def visible(self) -> int:
        """Records that can be read at most: a cyclic file keeps one as its backup."""
        return self.capacity - 1 if self.kind is Kind.CYCLIC else self.capacity

    def write(self, offset: int, data: bytes) -> None:
        """Change the one record that the transaction will append."""
        require(not self.clearing, Status.PERMISSION_DENIED)
        require(offset + len(data) <= self.record_size, Status.BOUNDARY_ERROR)
        full = self.kind is Kind.LINEAR and len(self.records) >= self.capacity
        require(not full, Status.BOUNDARY_ERROR)
        base = bytes(self.record_size) if self.pending is None else self.pending
        self.pending = base[:offset] + data + base[offset + len(data) :]

    def read(self, newest: int, count: int) -> bytes:
        """`count` records (0 = all older) ending `newest` records back, oldest first."""
        end = len(self.records) - newest
        count = count or end
        require(end > 0 and 0 < count <= end, Status.BOUNDARY_ERROR)
        return b"".join(self.records[end - count : end])

    def clear(self) -> None:
        """Empty the file when committed."""
        self.clearing, self.pending = True, None

    @property
    def dirty(self) -> bool:
        """An uncommitted record or clearing exists."""
        return self.clearing or self.pending is not None

    def commit(self) -> None:
        """Append the pending record, or clear."""
        if self.clearing:
            self.records = []
        if self.pending is not None:
            self.records = [*self.records, self.pending][-self.visible :]
        self.rollback()

    def rollback(self) -> None:
        """Forget the pending record or clearing."""
        self.pending, self.clearing = None, False

    def settings(self) -> bytes:
        """The part of GetFileSettings that depends on the kind."""
        return _u24(self.record_size) + _u24(self.capacity) + _u24(len(self.records))

    def image(self) -> dict[str, Any]:
        """What EEPROM holds, besides the common part."""
        records = [record.hex() for record in self.records]
        return {"record_size": self.record_size, "capacity": self.capacity, "records": records}


def standard_file(size: int, mode: Mode = Mode.PLAIN, rights: Rights = OPEN, content: bytes = b"") -> DataFile:
    """A standard data file of `size` bytes that starts with `content`."""
    return DataFile(Kind.STANDARD, mode, rights, content.ljust(size, b"\x00"))


def backup_file(size: int, mode: Mode = Mode.PLAIN, rights: Rights = OPEN, content: bytes = b"") -> DataFile:
    """A backup data file of `size` bytes that starts with `content`."""
    return DataFile(Kind.BACKUP, mode, rights, content.ljust(size, b"\x00"))


def cyclic_file(record_size: int, capacity: int, mode: Mode = Mode.PLAIN, rights: Rights = OPEN) -> RecordFile:
    """A cyclic record file; `capacity` counts the record that the card keeps for itself."""
    return RecordFile(Kind.CYCLIC, mode, rights, record_size, capacity)
