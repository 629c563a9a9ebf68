# SPDX-License-Identifier: Apache-2.0
"""Transaction semantics of the card against a model, in any order of commands, commits and accidents."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pistegate_simulators.card import (
    DENIED,
    DesfireCard,
    Mode,
    Rights,
    TransactionMacFile,
    ValueFile,
    backup_file,
    cyclic_file,
    standard_file,
)

from .desfire_host import MAC, Host, Refused, u24
from .proofs import Proved, transaction_mac

AID, KEY = 0x504731, b"\x07" * 16
PROOF_KEY = b"\x09" * 16
STANDARD, BACKUP, VALUE, CYCLIC, PROOF = 1, 2, 3, 4, 15
FILES = (STANDARD, BACKUP, VALUE, CYCLIC, PROOF)
SIZE, UPPER, CAPACITY = 24, 1_000, 4


class Committed:
    """What the model says the EEPROM holds."""

    def __init__(self) -> None:
        self.standard = bytes(SIZE)
        self.backup = bytes(SIZE)
        self.value = 500
        self.records: list[bytes] = []
        self.counter = 0
        self.proof = bytes(8)


class Transactions(RuleBasedStateMachine):
    """Backup, value, cyclic files and the proof change at commit, all together; a standard file at once."""

    def __init__(self) -> None:
        super().__init__()
        self.card = DesfireCard()
        rights = Rights(0, 0, 0, 0)
        files = {
            STANDARD: standard_file(SIZE, Mode.MAC, rights),
            BACKUP: backup_file(SIZE, Mode.MAC, rights),
            VALUE: ValueFile(Mode.MAC, rights, 0, UPPER, 500),
            CYCLIC: cyclic_file(8, CAPACITY, Mode.MAC, rights),
            PROOF: TransactionMacFile(Mode.MAC, Rights(0, DENIED, DENIED, 0), PROOF_KEY),
        }
        self.card.create_application(AID, [KEY], files)
        self.model = Committed()
        self.host = Host(self.card.process)
        self.session: Proved | None = None

    @initialize()
    def start(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self.backup: bytes | None = None
        self.value: int | None = None
        self.record: bytes | None = None

    def _lost(self) -> None:
        self._forget()
        self.session = None

    @precondition(lambda self: self.session is None)
    @rule()
    def authenticate(self) -> None:
        self.host.select(AID)
        self.session = Proved(self.host.auth_ev2(0, KEY))

    @precondition(lambda self: self.session is not None)
    @rule(data=st.binary(min_size=1, max_size=SIZE), offset=st.integers(0, SIZE), backup=st.booleans())
    def write(self, data: bytes, offset: int, backup: bool) -> None:
        assert self.session
        header = bytes([BACKUP if backup else STANDARD]) + u24(offset) + u24(len(data))
        fits = offset + len(data) <= SIZE
        try:
            self.session.write(0x3D, header, data, MAC)
        except Refused:
            assert not fits
            self._lost()
            return
        assert fits
        base = (self.backup or self.model.backup) if backup else self.model.standard
        result = base[:offset] + data + base[offset + len(data) :]
        if backup:
            self.backup = result
        else:
            self.model.standard = result

    @precondition(lambda self: self.session is not None)
    @rule(amount=st.integers(0, 400), credit=st.booleans())
    def change_value(self, amount: int, credit: bool) -> None:
        assert self.session
        old = self.model.value if self.value is None else self.value
        new = old + amount if credit else old - amount
        try:
            self.session.change_value(0x0C if credit else 0xDC, VALUE, amount, MAC)
        except Refused:
            assert not 0 <= new <= UPPER
            self._lost()
            return
        assert 0 <= new <= UPPER
        self.value = new

    @precondition(lambda self: self.session is not None)
    @rule(data=st.binary(min_size=8, max_size=8))
    def append(self, data: bytes) -> None:
        assert self.session
        self.session.write(0x3B, bytes([CYCLIC]) + u24(0) + u24(8), data, MAC)
        self.record = data

    @precondition(lambda self: self.session is not None)
    @rule(backup=st.booleans())
    def look(self, backup: bool) -> None:
        """A read shows what is committed, and is proved too."""
        assert self.session
        number, expected = (BACKUP, self.model.backup) if backup else (STANDARD, self.model.standard)
        assert self.session.read(0xBD, bytes([number]) + bytes(6), MAC) == expected

    @precondition(lambda self: self.session is not None)
    @rule(keep=st.booleans())
    def end(self, keep: bool) -> None:
        """Commit or abort; with nothing done either is refused with 0C and ends the session."""
        assert self.session
        session, covered = self.session.session, self.session.covered
        command, data = (0xC7, b"\x01") if keep else (0xA7, b"")
        if not covered:
            with pytest.raises(Refused, match="0C"):
                session.admin(command, data)
            self._lost()
            return
        answer = session.admin(command, data)
        self.session.covered = b""
        if keep:
            self.model.counter += 1
            self.model.proof = transaction_mac(PROOF_KEY, self.card.uid, self.model.counter, covered)
            assert answer == self._proof()
            self.model.backup = self.model.backup if self.backup is None else self.backup
            self.model.value = self.model.value if self.value is None else self.value
            if self.record is not None:
                self.model.records = [*self.model.records, self.record][-(CAPACITY - 1) :]
        self._forget()

    @rule(how=st.sampled_from(["power", "select", "error", "authenticate"]))
    def accident(self, how: str) -> None:
        """Each ends the session and rolls back."""
        if how == "power":
            self.card.power_off()
            self.card.power_on()
        elif how == "select":
            self.host.select(0)
        elif how == "error":
            self.host.raw(0x99)
        else:
            self.host.raw(0x71, b"\x00\x00")
            self.host.raw(0xAF, bytes(32))
        self._lost()

    @rule()
    def image(self) -> None:
        """An image taken at any moment holds what is committed."""
        twin = DesfireCard.from_image(self.card.image())
        assert [twin.file_bytes(AID, number) for number in FILES] == self._expected()

    def _proof(self) -> bytes:
        return self.model.counter.to_bytes(4, "little") + self.model.proof

    def _expected(self) -> list[bytes]:
        value = self.model.value.to_bytes(4, "little")
        return [self.model.standard, self.model.backup, value, b"".join(self.model.records), self._proof()]

    @invariant()
    def card_holds_what_the_model_says(self) -> None:
        assert [self.card.file_bytes(AID, number) for number in FILES] == self._expected()


TestTransactions = Transactions.TestCase
TestTransactions.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
