# SPDX-License-Identifier: Apache-2.0
"""Commands about files, their content and transactions."""

from collections.abc import Callable
from typing import TypeVar

from pistegate_simulators.card.channel import Mode, Side
from pistegate_simulators.card.context import CREATION_FREE, DIRECTORY_FREE, Command, Context
from pistegate_simulators.card.files import DENIED, FREE, DataFile, Kind, RecordFile, Rights, ValueFile
from pistegate_simulators.card.memory import CardFile, footprint
from pistegate_simulators.card.status import CardError, Status, require
from pistegate_simulators.card.transaction_mac import (
    AES_KEY_OPTION,
    Journal,
    TransactionMacFile,
    journal_clear,
    journal_read,
    journal_value,
    journal_write,
)

MAX_FILES = 32
_FILE_NUMBER = 0x1F
_F = TypeVar("_F", DataFile, ValueFile, RecordFile)


def u24(data: bytes, at: int) -> int:
    """Three bytes, least significant first."""
    return int.from_bytes(data[at : at + 3], "little")


def _i32(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "little", signed=True)


def _file(card: Context, data: bytes, kind: type[_F]) -> _F:
    file = _any_file(card, data)
    if not isinstance(file, kind):
        raise CardError(Status.PERMISSION_DENIED)
    return file


def _mode(raw: int) -> Mode:
    return Mode.PLAIN if raw & 1 == 0 else Mode(raw & 3)


# Creation and description


def get_file_ids(card: Context, _: bytes) -> bytes:
    """Numbers of all files of the selected application."""
    require(not card.at_picc_level, Status.PERMISSION_DENIED)
    card.require_setting(DIRECTORY_FREE)
    return bytes(card.selected.files)


def get_file_settings(card: Context, data: bytes) -> bytes:
    """Kind, mode, rights, then what the kind adds."""
    require(not card.at_picc_level, Status.PERMISSION_DENIED)
    card.require_setting(DIRECTORY_FREE)
    file = card.selected.file(data[0])
    return bytes([file.kind, file.mode]) + file.rights.encode() + file.settings()


def change_file_settings(card: Context, data: bytes) -> bytes:
    """New mode and rights, by the file's change key."""
    file = card.selected.file(data[0])
    file.mode, file.rights = _mode(data[1]), Rights.decode(data[2:4])
    return b""


def _change_settings_mode(card: Context, data: bytes) -> Mode:
    require(len(data) > 0, Status.LENGTH_ERROR)
    change = card.selected.file(data[0]).rights.change
    if change == FREE and card.key_number is None:
        return Mode.PLAIN
    require(change == card.key_number, Status.AUTHENTICATION_ERROR)
    return Mode.FULL


def _create(kind: Kind) -> Callable[[Context, bytes], bytes]:
    def run(card: Context, data: bytes) -> bytes:
        require(not card.at_picc_level, Status.PERMISSION_DENIED)
        card.require_setting(CREATION_FREE)
        number, data = _strip_iso_id(data, _CREATE_LENGTH[kind])
        require(number < MAX_FILES, Status.PARAMETER_ERROR)
        require(number not in card.selected.files, Status.DUPLICATE_ERROR)
        file = _build(kind, _mode(data[0]), Rights.decode(data[1:3]), data[3:])
        require(footprint(file) <= card.memory.free_bytes(), Status.OUT_OF_MEMORY)
        card.selected.files[number] = file
        return b""

    return run


def create_transaction_mac_file(card: Context, data: bytes) -> bytes:
    """Number, mode, rights, key option, key, key version; by the master key only, as the key travels in it."""
    number, mode, option, key, version = data[0], data[1], data[4], data[5:21], data[21]
    rights = Rights.decode(data[2:4])
    require(number < MAX_FILES, Status.PARAMETER_ERROR)
    # CommitReaderID, which the third right would name a key for, is not simulated.
    require(option == AES_KEY_OPTION and rights.write == rights.both == DENIED, Status.PARAMETER_ERROR)
    require(number not in card.selected.files and not card.selected.transaction_mac, Status.DUPLICATE_ERROR)
    file = TransactionMacFile(_mode(mode), rights, key, version)
    require(footprint(file) <= card.memory.free_bytes(), Status.OUT_OF_MEMORY)
    card.selected.files[number] = file
    card.transaction_input.clear()
    return b""


def _creating_transaction_mac(card: Context, _: bytes) -> Mode:
    require(not card.at_picc_level, Status.PERMISSION_DENIED)
    require(card.master, Status.AUTHENTICATION_ERROR)
    return Mode.FULL


_CREATE_LENGTH = {Kind.STANDARD: 7, Kind.BACKUP: 7, Kind.VALUE: 17, Kind.LINEAR: 10, Kind.CYCLIC: 10}  # bytes


def _strip_iso_id(data: bytes, length: int) -> tuple[int, bytes]:
    require(len(data) in (length, length + 2), Status.LENGTH_ERROR)
    return data[0], data[1:] if len(data) == length else data[3:]


def _build(kind: Kind, mode: Mode, rights: Rights, data: bytes) -> CardFile:
    if kind in (Kind.STANDARD, Kind.BACKUP):
        size = u24(data, 0)
        require(size > 0, Status.PARAMETER_ERROR)
        return DataFile(kind, mode, rights, bytes(size))
    if kind is Kind.VALUE:
        lower, upper, value, flags = _i32(data, 0), _i32(data, 4), _i32(data, 8), data[12]
        require(lower <= value <= upper, Status.BOUNDARY_ERROR)
        return ValueFile(mode, rights, lower, upper, value, bool(flags & 1), bool(flags & 2))
    size, capacity = u24(data, 0), u24(data, 3)
    require(size > 0 and capacity > (1 if kind is Kind.CYCLIC else 0), Status.PARAMETER_ERROR)
    return RecordFile(kind, mode, rights, size, capacity)


def delete_file(card: Context, data: bytes) -> bytes:
    """Remove a file for good; the proof of transactions by the master key only."""
    card.require_setting(CREATION_FREE)
    file = card.selected.file(data[0])
    require(card.master or not isinstance(file, TransactionMacFile), Status.AUTHENTICATION_ERROR)
    card.memory.lost_bytes += footprint(file)
    del card.selected.files[data[0]]
    return b""


# Data


def _any_file(card: Context, data: bytes) -> CardFile:
    require(len(data) > 0, Status.LENGTH_ERROR)
    return card.selected.file(data[0] & _FILE_NUMBER)


def _reading(card: Context, data: bytes) -> Mode:
    file = _any_file(card, data)
    return card.access_mode(file, file.rights.read, file.rights.both)


def _writing(card: Context, data: bytes) -> Mode:
    file = _any_file(card, data)
    return card.access_mode(file, file.rights.write, file.rights.both)


def _full_right(card: Context, data: bytes) -> Mode:
    file = _any_file(card, data)
    return card.access_mode(file, file.rights.both)


def _debiting(card: Context, data: bytes) -> Mode:
    file = _file(card, data, ValueFile)
    return card.access_mode(file, file.rights.read, file.rights.write, file.rights.both)


def _looking(card: Context, data: bytes) -> Mode:
    free = _file(card, data, ValueFile).free_get and card.key_number is None
    return Mode.PLAIN if free else _debiting(card, data)


def _clearing(card: Context, data: bytes) -> Mode:
    # Carries no payload: MACed in a session whatever the file's mode.
    _full_right(card, data)
    return Mode.MAC


def read_data(card: Context, data: bytes) -> bytes:
    """File, offset, length (0 = to the end)."""
    file = _any_file(card, data)
    if not isinstance(file, DataFile | TransactionMacFile):
        raise CardError(Status.PERMISSION_DENIED)
    return file.read(u24(data, 1), u24(data, 4))


def write_data(card: Context, data: bytes) -> bytes:
    """File, offset, length, bytes."""
    _file(card, data, DataFile).write(u24(data, 1), data[7:])
    return b""


def half_write(card: Context, command: Command, argument: bytes) -> None:
    """What a failing write leaves: a standard file has no copy to fall back on."""
    file = _any_file(card, argument) if command.run is write_data else None
    if isinstance(file, DataFile) and file.kind is Kind.STANDARD:
        data = argument[7:]
        file.write(u24(argument, 1), data[: len(data) // 2])


# Value


def get_value(card: Context, data: bytes) -> bytes:
    """The committed value, signed, least significant byte first."""
    return _file(card, data, ValueFile).value.to_bytes(4, "little", signed=True)


def _amount(data: bytes) -> int:
    amount = _i32(data, 1)
    require(amount >= 0, Status.PARAMETER_ERROR)
    return amount


def credit(card: Context, data: bytes) -> bytes:
    """File, amount; pending."""
    _file(card, data, ValueFile).add(_amount(data))
    return b""


def debit(card: Context, data: bytes) -> bytes:
    """File, amount; pending."""
    _file(card, data, ValueFile).add(-_amount(data))
    return b""


def limited_credit(card: Context, data: bytes) -> bytes:
    """File, amount at most as much as was last debited; pending."""
    _file(card, data, ValueFile).add_limited(_amount(data))
    return b""


# Records


def read_records(card: Context, data: bytes) -> bytes:
    """File, how many newest to skip, count (0 = all older)."""
    return _file(card, data, RecordFile).read(u24(data, 1), u24(data, 4))


def write_record(card: Context, data: bytes) -> bytes:
    """File, offset in the record, length, bytes; pending."""
    _file(card, data, RecordFile).write(u24(data, 1), data[7:])
    return b""


def clear_record_file(card: Context, data: bytes) -> bytes:
    """Empty the file; pending."""
    _file(card, data, RecordFile).clear()
    return b""


# Transactions


def commit_transaction(card: Context, data: bytes) -> bytes:
    """All pending changes count, together with their proof, which option 01 answers.

    NO_CHANGES when there are none; where transactions are proved, to have read something is enough.
    """
    require(data in (b"", b"\x00", b"\x01"), Status.PARAMETER_ERROR)
    proof = card.selected.transaction_mac
    wanted = data == b"\x01"
    require(not wanted or proof is not None, Status.PARAMETER_ERROR)
    _require_transaction(card)
    if proof is not None:
        proof.prove(card.uid, bytes(card.transaction_input))
    card.selected.commit()
    card.transaction_input.clear()
    return proof.content if wanted and proof is not None else b""


def _require_transaction(card: Context) -> None:
    require(card.selected.dirty or bool(card.transaction_input), Status.NO_CHANGES)


def abort_transaction(card: Context, _: bytes) -> bytes:
    """Forget all pending changes, and what was read so far; NO_CHANGES when there is nothing."""
    _require_transaction(card)
    card.selected.rollback()
    card.transaction_input.clear()
    return b""


def journal(card: Context, add: Journal, command: int, argument: bytes, answer: bytes) -> None:
    """Add a command that succeeded to what the TransactionMAC will prove."""
    file = card.selected.file(argument[0] & _FILE_NUMBER)
    if card.selected.transaction_mac is not None and not isinstance(file, TransactionMacFile):
        unit = file.record_size if isinstance(file, RecordFile) else 1
        card.transaction_input += add(command, argument, answer, unit)


def _sized(header: bytes) -> int:
    return u24(header, 4)


def _reads(run: Callable[[Context, bytes], bytes]) -> Command:
    return Command(run, mode=_reading, lengths=(7,), answers_all=lambda data: _sized(data) == 0, journal=journal_read)


def _writes(run: Callable[[Context, bytes], bytes]) -> Command:
    return Command(run, Side.COMMAND, _writing, header=7, body=_sized, journal=journal_write)


_READ, _READ_RECORDS = _reads(read_data), _reads(read_records)
_WRITE, _WRITE_RECORD = _writes(write_data), _writes(write_record)


def _value_change(run: Callable[[Context, bytes], bytes], mode: Callable[[Context, bytes], Mode]) -> Command:
    return Command(run, Side.COMMAND, mode, header=1, body=lambda header: 4, journal=journal_value)


COMMANDS: dict[int, Command] = {
    0x6F: Command(get_file_ids, lengths=(0,)),
    0xF5: Command(get_file_settings, lengths=(1,)),
    0x5F: Command(change_file_settings, Side.COMMAND, _change_settings_mode, header=1, body=lambda header: 3),
    0xCD: Command(_create(Kind.STANDARD)),
    0xCB: Command(_create(Kind.BACKUP)),
    0xCC: Command(_create(Kind.VALUE)),
    0xC1: Command(_create(Kind.LINEAR)),
    0xC0: Command(_create(Kind.CYCLIC)),
    0xCE: Command(
        create_transaction_mac_file, Side.COMMAND, _creating_transaction_mac, header=5, body=lambda header: 17
    ),
    0xDF: Command(delete_file, lengths=(1,)),
    0xBD: _READ,
    0xAD: _READ,
    0x3D: _WRITE,
    0x8D: _WRITE,
    0xBB: _READ_RECORDS,
    0xAB: _READ_RECORDS,
    0x3B: _WRITE_RECORD,
    0x8B: _WRITE_RECORD,
    0x6C: Command(get_value, mode=_looking, lengths=(1,), journal=journal_value),
    0x0C: _value_change(credit, _full_right),
    0xDC: _value_change(debit, _debiting),
    0x1C: _value_change(limited_credit, _writing),
    0xEB: Command(clear_record_file, mode=_clearing, lengths=(1,), journal=journal_clear),
    0xC7: Command(commit_transaction, lengths=(0, 1)),
    0xA7: Command(abort_transaction, lengths=(0,)),
}
SINGLE_FRAME = frozenset({0xAD, 0x8D, 0xAB, 0x8B})  # EV2 forms: long frames are ISO-DEP's affair, never 91 AF
