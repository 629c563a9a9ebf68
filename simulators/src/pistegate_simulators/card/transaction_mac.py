# SPDX-License-Identifier: Apache-2.0
"""The TransactionMAC file: a proof of each committed transaction, by a key that no reader holds.

Written from the public MIFARE DESFire Light data sheet (MF2DL(H)x0, 10.3) and AN12343; shares nothing with the host.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pistegate_simulators.card import crypto
from pistegate_simulators.card.channel import Mode
from pistegate_simulators.card.files import Kind, Rights
from pistegate_simulators.card.status import Status, require

AES_KEY_OPTION = 0x02  # TMKeyOption, the only one
COUNTER_MAX = 0xFFFF_FFFF
PROOF_BYTES = 12  # counter 4, value 8
_SESSION_LABEL = bytes.fromhex("5A00010080")
_READ_HEADER = 7  # file number, offset, length


def session_key(key: bytes, counter: int, uid: bytes) -> bytes:
    """SesTMMACKey for the transaction that will bring the counter to `counter`."""
    return crypto.cmac(key, _SESSION_LABEL + counter.to_bytes(4, "little") + uid)


@dataclass
class TransactionMacFile:
    """Counter and value of the last proved transaction; only CommitTransaction changes them."""

    mode: Mode
    rights: Rights
    key: bytes
    key_version: int = 0
    counter: int = 0
    value: bytes = bytes(8)
    kind: Kind = field(default=Kind.TRANSACTION_MAC, init=False)

    @property
    def content(self) -> bytes:
        """As it is read: counter, least significant byte first, then the value."""
        return self.counter.to_bytes(4, "little") + self.value

    def read(self, offset: int, length: int) -> bytes:
        """Committed bytes; length 0 = to the end."""
        length = length or PROOF_BYTES - offset
        require(offset < PROOF_BYTES and offset + length <= PROOF_BYTES, Status.BOUNDARY_ERROR)
        return self.content[offset : offset + length]

    def prove(self, uid: bytes, transaction_input: bytes) -> None:
        """Count the transaction and leave its value; nothing to prove changes nothing."""
        if not transaction_input:
            return
        require(self.counter < COUNTER_MAX, Status.COUNT_ERROR)
        self.counter += 1
        key = session_key(self.key, self.counter, uid)
        self.value = crypto.odd_bytes(crypto.cmac(key, transaction_input))

    @property
    def dirty(self) -> bool:
        """Never by itself: the other files make a transaction."""
        return False

    def commit(self) -> None:
        """Nothing is pending here."""

    def rollback(self) -> None:
        """Nothing is pending here."""

    def settings(self) -> bytes:
        """The part of GetFileSettings that depends on the kind; never the key."""
        return bytes([AES_KEY_OPTION, self.key_version])

    def image(self) -> dict[str, Any]:
        """What EEPROM holds, besides the common part."""
        return {
            "key": self.key.hex(),
            "key_version": self.key_version,
            "counter": self.counter,
            "value": self.value.hex(),
        }


# What each command adds to the input, from its plain argument and plain answer, whatever the communication mode
# (10.3.4). A read of the TransactionMAC file itself adds nothing; that is the caller's affair.

Journal = Callable[[int, bytes, bytes, int], bytes]
"""Command, argument, answer, and the size of one thing read: a byte or a record."""


def journal_read(command: int, argument: bytes, answer: bytes, unit: int) -> bytes:
    """ReadData, ReadRecords: command, header, padding, what was read, padding; a length of 0 by the real one."""
    header, length = argument[: _READ_HEADER - 3], argument[_READ_HEADER - 3 :]
    if not any(length):
        length = (len(answer) // unit).to_bytes(3, "little")
    return crypto.pad_zero(bytes([command]) + header + length) + crypto.pad_zero(answer)


def journal_write(command: int, argument: bytes, _answer: bytes, _unit: int) -> bytes:
    """WriteData, WriteRecord: command, header, padding, what was written, padding."""
    header, data = argument[:_READ_HEADER], argument[_READ_HEADER:]
    return crypto.pad_zero(bytes([command]) + header) + crypto.pad_zero(data)


def journal_value(command: int, argument: bytes, answer: bytes, _unit: int) -> bytes:
    """GetValue, Credit, Debit, LimitedCredit: command, file number, value or amount, padding."""
    return crypto.pad_zero(bytes([command]) + argument + answer)


def journal_clear(command: int, argument: bytes, _answer: bytes, _unit: int) -> bytes:
    """ClearRecordFile: command, file number, padding."""
    return crypto.pad_zero(bytes([command]) + argument)
