# SPDX-License-Identifier: Apache-2.0
"""TransactionMAC: what a card proves of a committed transaction, with a key that no gate holds.

MF2DL(H)x0 10.3 and AN12343. The input grows with every command that touches a file's content, reads included, with
the plain data whatever the mode: command, file number and parameters padded with zeros to 16 bytes, then the data
padded likewise. It starts empty at select, authentication, commit and abort; the TransactionMAC file is left out.
"""

from dataclasses import dataclass, field
from enum import Enum

from pistegate_protocol.card_layout import PROOF_FILE, RECORD_BYTES, UID_BYTES
from pistegate_protocol.desfire import crypto
from pistegate_protocol.desfire.apdu import Ins
from pistegate_protocol.desfire.command import Command, u24

_SESSION_LABEL = bytes.fromhex("5A00010080")
COUNTER_MAX = 2**32 - 1


class _Part(Enum):
    """What a command adds behind its header."""

    NOTHING = "nothing"
    SENT = "sent"
    ANSWERED = "answered"
    VALUE_SENT = "value sent"
    VALUE_ANSWERED = "value answered"


_PARTS = {
    Ins.READ_DATA: _Part.ANSWERED,
    Ins.READ_RECORDS_CHAINED: _Part.ANSWERED,
    Ins.WRITE_DATA: _Part.SENT,
    Ins.WRITE_RECORD: _Part.SENT,
    Ins.GET_VALUE: _Part.VALUE_ANSWERED,
    Ins.CREDIT: _Part.VALUE_SENT,
    Ins.DEBIT: _Part.VALUE_SENT,
    Ins.CLEAR_RECORD_FILE: _Part.NOTHING,
}
_ENDS = frozenset({Ins.COMMIT_TRANSACTION, Ins.ABORT_TRANSACTION})


@dataclass(slots=True)
class TransactionInput:
    """The input of one transaction's MAC, built command by command. `committed`: that of the last commit."""

    committed: bytes = b""
    _collected: bytearray = field(default_factory=bytearray)

    def add(self, command: Command, answer: bytes = b"") -> None:
        """Take in a command that succeeded, and the data of its answer."""
        if command.ins is Ins.COMMIT_TRANSACTION:
            self.committed = self.content
        if command.ins in _ENDS:
            self._collected.clear()
        part = _PARTS.get(command.ins)
        if part is None or command.header[:1] == bytes([PROOF_FILE.number]):
            return
        self._collected += _update(command, part, answer)

    @property
    def content(self) -> bytes:
        """TMI; empty when nothing touched a file."""
        return bytes(self._collected)


def _update(command: Command, part: _Part, answer: bytes) -> bytes:
    if part in (_Part.VALUE_SENT, _Part.VALUE_ANSWERED):
        value = command.data if part is _Part.VALUE_SENT else answer
        return crypto.zero_pad(bytes([command.ins]) + command.header + value)
    header, data = command.header, command.data
    if part is _Part.ANSWERED:
        header, data = _filled(command, answer), answer
    return crypto.zero_pad(bytes([command.ins]) + header) + crypto.zero_pad(data)


def _filled(command: Command, answer: bytes) -> bytes:
    """The header of a read; where it asked for everything (length 0), with the number of what came."""
    if any(command.header[4:7]):
        return command.header
    read = len(answer) // RECORD_BYTES if command.ins is Ins.READ_RECORDS_CHAINED else len(answer)
    return command.header[:4] + u24(read)


def transaction_mac(key: bytes, uid: bytes, tmc: int, tmi: bytes) -> bytes:
    """The 8 bytes that a card with `uid` (7 bytes) answers to the commit that brought its counter to `tmc`."""
    if len(uid) != UID_BYTES or not 0 < tmc <= COUNTER_MAX:
        raise ValueError(f"a transaction MAC of UID {uid.hex()} and counter {tmc}")
    session_key = crypto.cmac(key, _SESSION_LABEL + tmc.to_bytes(4, "little") + uid)
    return crypto.truncated_cmac(session_key, tmi)
