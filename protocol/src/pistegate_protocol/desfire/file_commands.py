# SPDX-License-Identifier: Apache-2.0
"""Commands about the files of an application and what is in them, transactions included."""

from pistegate_protocol.card_layout import KEY_BYTES, CardFile, CommMode, FileKind
from pistegate_protocol.desfire.apdu import Ins
from pistegate_protocol.desfire.command import Command, i32, u24

VALUE_BYTES = 4
PROOF_BYTES = 12  # transaction MAC counter 4, value 8
_TRANSACTION_KEY_AES = b"\x02"
_CREATE = {
    FileKind.STANDARD: Ins.CREATE_STANDARD_FILE,
    FileKind.BACKUP: Ins.CREATE_BACKUP_FILE,
    FileKind.VALUE: Ins.CREATE_VALUE_FILE,
    FileKind.CYCLIC: Ins.CREATE_CYCLIC_FILE,
}


def read_data(file: CardFile) -> Command:
    """The whole of a data file (or of the TransactionMAC file): `size` bytes."""
    header = _range(file, file.size)
    return Command(f"read file {file.number}", Ins.READ_DATA, header, mode=file.mode, answer=file.size)


def write_data(file: CardFile, content: bytes) -> Command:
    """All bytes of a data file; ValueError when `content` has another size."""
    if len(content) != file.size:
        raise ValueError(f"{len(content)} bytes for file {file.number}, which has {file.size}")
    return Command(f"write file {file.number}", Ins.WRITE_DATA, _range(file, file.size), content, file.mode)


def read_records(file: CardFile) -> Command:
    """All records, oldest first; the card refuses with BOUNDARY_ERROR when there is none.

    In frames (91 AF): 16 records and their MAC are longer than one short APDU's answer.
    """
    header = bytes([file.number]) + u24(0) + u24(0)
    name = f"read records {file.number}"
    return Command(name, Ins.READ_RECORDS_CHAINED, header, mode=file.mode, answer=None, chained=True)


def write_record(file: CardFile, record: bytes) -> Command:
    """One record more; ValueError when it has another size."""
    if len(record) != file.size:
        raise ValueError(f"a record of {len(record)} bytes for file {file.number}, whose records have {file.size}")
    return Command(f"write record {file.number}", Ins.WRITE_RECORD, _range(file, file.size), record, file.mode)


def clear_records(file: CardFile) -> Command:
    """Forget all records."""
    return Command(f"clear records {file.number}", Ins.CLEAR_RECORD_FILE, bytes([file.number]))


def get_value(file: CardFile) -> Command:
    """The committed value of a value file; see `value_of`."""
    name = f"get value {file.number}"
    return Command(name, Ins.GET_VALUE, bytes([file.number]), mode=file.mode, answer=VALUE_BYTES)


def value_of(answer: bytes) -> int:
    """The value in the answer to `get_value`."""
    return int.from_bytes(answer, "little", signed=True)


def credit(file: CardFile, amount: int) -> Command:
    """Raise a value by `amount` > 0; ValueError when it is not that, or does not fit."""
    return _change(file, Ins.CREDIT, f"credit {file.number}", amount)


def debit(file: CardFile, amount: int) -> Command:
    """Lower a value by `amount` > 0; ValueError when it is not that, or does not fit."""
    return _change(file, Ins.DEBIT, f"debit {file.number}", amount)


def _change(file: CardFile, ins: Ins, name: str, amount: int) -> Command:
    if amount < 1:
        raise ValueError(f"{name}: an amount of {amount}")
    return Command(name, ins, bytes([file.number]), i32(amount), file.mode)


def commit_transaction() -> Command:
    """Everything written since the transaction began is in force; answers the TransactionMAC counter and value."""
    return Command("commit", Ins.COMMIT_TRANSACTION, b"\x01", answer=PROOF_BYTES)


def abort_transaction() -> Command:
    """Forget what was written, and what was read for the TransactionMAC."""
    return Command("abort", Ins.ABORT_TRANSACTION)


def create_file(file: CardFile) -> Command:
    """A file of the layout, empty or 0; ValueError for the TransactionMAC file, which needs a key."""
    head = bytes([file.number, file.mode]) + file.rights.to_int().to_bytes(2, "little")
    if file.kind is FileKind.VALUE:
        tail = i32(file.lower) + i32(file.upper) + i32(0) + b"\x00"  # no limited credit, no free GetValue
    elif file.kind is FileKind.CYCLIC:
        tail = u24(file.size) + u24(file.records)
    else:
        tail = u24(file.size)
    if file.kind not in _CREATE:
        raise ValueError(f"file {file.number} is not created without a key")
    return Command(f"create file {file.number}", _CREATE[file.kind], head + tail)


def create_transaction_mac_file(file: CardFile, key: bytes, version: int) -> Command:
    """The file that keeps the last TransactionMAC, and the key that makes it; the key travels enciphered."""
    if len(key) != KEY_BYTES:
        raise ValueError(f"a transaction MAC key of {len(key)} bytes")
    head = bytes([file.number, file.mode]) + file.rights.to_int().to_bytes(2, "little") + _TRANSACTION_KEY_AES
    name, ins = f"create file {file.number}", Ins.CREATE_TRANSACTION_MAC_FILE
    return Command(name, ins, head, key + bytes([version]), CommMode.FULL)


def get_file_ids() -> Command:
    """The numbers of all files, one byte each."""
    return Command("get file ids", Ins.GET_FILE_IDS, answer=None)


def get_file_settings(file: CardFile) -> Command:
    """Kind, mode, rights and what the kind adds."""
    return Command(f"get settings of file {file.number}", Ins.GET_FILE_SETTINGS, bytes([file.number]), answer=None)


def _range(file: CardFile, length: int) -> bytes:
    """File number, offset 0 and length (u24, least significant byte first)."""
    return bytes([file.number]) + u24(0) + u24(length)
