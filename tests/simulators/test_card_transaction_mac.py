# SPDX-License-Identifier: Apache-2.0
"""The TransactionMAC file: what is proved of a transaction, by a key that the host of the session does not know."""

import pytest

from pistegate_simulators.card import (
    DENIED,
    CardFile,
    DesfireCard,
    Kind,
    Mode,
    RecordFile,
    Rights,
    Status,
    TransactionMacFile,
    ValueFile,
    backup_file,
    cyclic_file,
    standard_file,
)

from .desfire_host import FULL, MAC, PLAIN, Ev1, Ev2, Host, Refused, u24
from .proofs import Proved, transaction_mac

AID, KEY, SECRET = 0x504731, b"\x07" * 16, bytes(range(16))
STANDARD, BACKUP, VALUE, CYCLIC, LINEAR, PROOF = 1, 2, 3, 4, 5, 15
ALL = Rights(0, 0, 0, 0)
MODES = [PLAIN, MAC, FULL]


def prepared(mode: int = MAC, *, proof: bool = True) -> DesfireCard:
    card = DesfireCard()
    kind = Mode(mode)
    files: dict[int, CardFile] = {
        STANDARD: standard_file(40, kind, ALL, b"standard"),
        BACKUP: backup_file(40, kind, ALL, b"backup"),
        VALUE: ValueFile(kind, ALL, 0, 1_000, 500, limited_enabled=True),
        CYCLIC: cyclic_file(16, 4, kind, ALL),
        LINEAR: RecordFile(Kind.LINEAR, kind, ALL, 16, 3, [b"1" * 16, b"2" * 16]),
    }
    if proof:
        files[PROOF] = TransactionMacFile(kind, Rights(0, DENIED, DENIED, 0), SECRET, 5)
    card.create_application(AID, [KEY, KEY], files)
    return card


def opened(card: DesfireCard, generation: int = 2) -> Ev1 | Ev2:
    host = Host(card.process)
    host.select(AID)
    return host.auth_ev1(0, KEY) if generation == 1 else host.auth_ev2(0, KEY)


def span(file: int, offset: int, length: int) -> bytes:
    return bytes([file]) + u24(offset) + u24(length)


def proof_of(card: DesfireCard) -> tuple[int, bytes]:
    content = card.file_bytes(AID, PROOF)
    return int.from_bytes(content[:4], "little"), content[4:]


def status_of(session: Ev1 | Ev2, command: int, data: bytes = b"") -> Status:
    with pytest.raises(Refused) as refused:
        session.admin(command, data)
    return Status(refused.value.status)


@pytest.mark.parametrize("mode", MODES, ids=["plain", "mac", "full"])
@pytest.mark.parametrize("generation", [1, 2], ids=["ev1", "ev2"])
class TestWhatIsProved:
    """Every command on files, whatever the session and the mode: always the plain data."""

    def test_every_command_on_a_file_counts(self, generation: int, mode: int) -> None:
        """Reads too; lengths of 0 by what was really read; counter and value are in answer and file alike."""
        card = prepared(mode)
        session = Proved(opened(card, generation))
        session.read(0xBD, span(BACKUP, 3, 20), mode, 20)
        session.read(0xAD, span(STANDARD, 5, 0), mode)
        session.write(0x3D, span(BACKUP, 1, 3), b"abc", mode)
        session.write(0x8D, span(BACKUP, 0, 40), bytes(range(40)), mode)
        session.write(0x3D, span(STANDARD, 2, 17), bytes(17), mode)
        session.read(0xBB, span(LINEAR, 0, 0), mode, unit=16)
        session.read(0xAB, span(LINEAR, 1, 1), mode, 16)
        session.get_value(VALUE, mode)
        session.change_value(0xDC, VALUE, 120, mode)
        session.change_value(0x0C, VALUE, 20, mode)
        session.write(0x3B, span(CYCLIC, 4, 4), b"four", mode)
        session.clear(LINEAR)
        counter, value, covered = session.commit()
        assert (counter, value) == (1, transaction_mac(SECRET, card.uid, 1, covered))
        assert proof_of(card) == (counter, value)

    def test_one_transaction_after_the_other(self, generation: int, mode: int) -> None:
        """The counter goes up by one, and what was proved before is not proved again."""
        card = prepared(mode)
        session = Proved(opened(card, generation))
        for expected in (1, 2, 3):
            session.change_value(0xDC, VALUE, expected, mode)
            counter, value, covered = session.commit()
            assert (counter, len(covered)) == (expected, 16)
            assert value == transaction_mac(SECRET, card.uid, counter, covered)
        session.change_value(0x1C, VALUE, 2, mode)
        counter, value, covered = session.commit()
        assert value == transaction_mac(SECRET, card.uid, 4, covered)


def test_reading_is_proved_too() -> None:
    """A commit after reads alone: what an inspector saw."""
    card = prepared()
    session = Proved(opened(card))
    session.read(0xBD, span(BACKUP, 0, 6), MAC, 6)
    counter, value, covered = session.commit()
    assert (counter, value) == (1, transaction_mac(SECRET, card.uid, 1, covered))


def test_the_proof_itself_is_not_proved() -> None:
    """Reading the file between write and commit changes nothing; it reads as counter and value."""
    card = prepared()
    session = Proved(opened(card))
    session.change_value(0xDC, VALUE, 1, MAC)
    assert session.session.read(0xBD, span(PROOF, 0, 12), MAC, 12) == bytes(12)
    counter, value, covered = session.commit()
    assert value == transaction_mac(SECRET, card.uid, 1, covered)
    assert session.session.read(0xAD, span(PROOF, 0, 0), MAC) == counter.to_bytes(4, "little") + value
    assert session.session.read(0xAD, span(PROOF, 4, 8), MAC) == value


def test_another_card_or_counter_or_key_has_another_value() -> None:
    """None of the four can be exchanged."""
    values = {
        transaction_mac(key, uid, counter, covered)
        for key in (SECRET, KEY)
        for uid in (bytes(7), bytes([4] * 7))
        for counter in (1, 2)
        for covered in (bytes(16), bytes(32))
    }
    assert len(values) == 16


def test_nothing_to_commit_changes_no_counter() -> None:
    """0C; the proof stays."""
    card = prepared()
    assert status_of(opened(card), 0xC7, b"\x01") is Status.NO_CHANGES
    assert proof_of(card) == (0, bytes(8))


def test_a_transaction_before_authentication_is_not_proved_with_it() -> None:
    """Select, authentication, abort: each begins with nothing. After NonFirst what was written commits unproved."""
    card = prepared()
    free = card.file(AID, BACKUP)
    free.rights = Rights(0xE, 0, 0, 0)
    host = Host(card.process)
    host.select(AID)
    host.plain(0xBD, span(BACKUP, 0, 4))
    session = host.auth_ev2(0, KEY)
    session.write(0xDC, bytes([VALUE]), (5).to_bytes(4, "little"), MAC)
    session.admin(0xA7)
    again = Proved(host.auth_ev2(1, KEY, running=session))
    again.session = host.auth_ev2(0, KEY, running=again.session)
    again.change_value(0xDC, VALUE, 7, MAC)
    counter, value, covered = again.commit()
    assert (counter, value) == (1, transaction_mac(SECRET, card.uid, 1, covered))
    again.change_value(0xDC, VALUE, 7, MAC)
    last = host.auth_ev2(0, KEY, running=again.session)
    assert last.admin(0xC7, b"\x01") == card.file_bytes(AID, PROOF)
    assert (proof_of(card)[0], card.file_bytes(AID, VALUE)) == (1, (486).to_bytes(4, "little"))


def test_an_abort_leaves_out_what_was_read() -> None:
    """AbortTransaction with nothing written is allowed where something was read."""
    card = prepared()
    session = Proved(opened(card))
    session.read(0xBD, span(BACKUP, 0, 6), MAC, 6)
    session.session.admin(0xA7)
    session.covered = b""
    session.change_value(0xDC, VALUE, 1, MAC)
    _, value, covered = session.commit()
    assert value == transaction_mac(SECRET, card.uid, 1, covered)


@pytest.mark.parametrize("how", ["power", "error", "select"])
def test_free_files_are_proved_without_any_session(how: str) -> None:
    """What was read before power, an error or a selection ended it is not proved with what follows."""
    card = prepared()
    file = card.file(AID, BACKUP)
    file.rights = Rights(0xE, 0xE, 0, 0)
    host = Host(card.process)
    host.select(AID)
    host.plain(0xBD, span(BACKUP, 0, 4))
    if how == "power":
        card.power_off()
        card.power_on()
    elif how == "error":
        host.raw(0x99)
    host.select(AID)
    host.plain(0x3D, span(BACKUP, 0, 3) + b"abc")
    answer = host.plain(0xC7, b"\x01")
    covered = bytes([0x3D]) + span(BACKUP, 0, 3) + bytes(8) + b"abc".ljust(16, b"\x00")
    assert answer == (1).to_bytes(4, "little") + transaction_mac(SECRET, card.uid, 1, covered)


@pytest.mark.parametrize("how", ["power", "error", "select"])
def test_what_was_lost_is_not_proved(how: str) -> None:
    """Power, an error, another selection: neither change nor counter; the next transaction begins with nothing."""
    card = prepared()
    session = Proved(opened(card))
    session.change_value(0xDC, VALUE, 100, MAC)
    if how == "power":
        card.power_off()
        card.power_on()
    elif how == "error":
        assert status_of(session.session, 0x99) is Status.ILLEGAL_COMMAND
    else:
        Host(card.process).select(0)
    assert proof_of(card) == (0, bytes(8))
    fresh = Proved(opened(card))
    fresh.change_value(0xDC, VALUE, 1, MAC)
    counter, value, covered = fresh.commit()
    assert (counter, len(covered)) == (1, 16)
    assert value == transaction_mac(SECRET, card.uid, 1, covered)


def test_a_commit_that_wants_no_proof_counts_all_the_same() -> None:
    """Without option 01 the answer is empty; the file is up to date."""
    card = prepared()
    session = Proved(opened(card))
    session.change_value(0xDC, VALUE, 1, MAC)
    assert session.session.admin(0xC7) == b""
    assert proof_of(card) == (1, transaction_mac(SECRET, card.uid, 1, session.covered))
    session.session.write(0xDC, bytes([VALUE]), bytes(4), MAC)
    assert session.session.admin(0xC7, b"\x00") == b""
    assert proof_of(card)[0] == 2


def test_an_application_without_the_file_proves_nothing() -> None:
    """Option 01 is refused, and nothing is committed."""
    card = prepared(proof=False)
    session = opened(card)
    session.write(0xDC, bytes([VALUE]), (5).to_bytes(4, "little"), MAC)
    assert status_of(session, 0xC7, b"\x01") is Status.PARAMETER_ERROR
    assert card.file_bytes(AID, VALUE) == (500).to_bytes(4, "little")


@pytest.mark.parametrize("generation", [1, 2], ids=["ev1", "ev2"])
def test_the_file_is_created_with_its_key_enciphered(generation: int) -> None:
    """CreateTransactionMACFile; its settings show option and version, never the key."""
    card = prepared(proof=False)
    session = opened(card, generation)
    rights = Rights(1, DENIED, DENIED, 0)
    header = bytes([PROOF, MAC]) + rights.encode() + b"\x02"
    session.write(0xCE, header, SECRET + b"\x09", FULL)
    assert session.admin(0xF5, bytes([PROOF])) == bytes([5, MAC]) + rights.encode() + bytes([2, 9])
    assert PROOF in session.admin(0x6F)
    proved = Proved(session)
    proved.change_value(0xDC, VALUE, 1, MAC)
    counter, value, covered = proved.commit()
    assert value == transaction_mac(SECRET, card.uid, counter, covered)


CREATE = bytes([9, MAC]) + Rights(1, DENIED, DENIED, 0).encode()
REFUSED_CREATIONS = [
    (CREATE + b"\x02", 0, True, Status.DUPLICATE_ERROR),  # a second one
    (bytes([STANDARD]) + CREATE[1:] + b"\x02", 0, False, Status.DUPLICATE_ERROR),
    (CREATE + b"\x00", 0, False, Status.PARAMETER_ERROR),  # no AES key
    (bytes([9, MAC]) + Rights(1, DENIED, 1, 0).encode() + b"\x02", 0, False, Status.PARAMETER_ERROR),
    (bytes([9, MAC]) + Rights(1, 1, DENIED, 0).encode() + b"\x02", 0, False, Status.PARAMETER_ERROR),
    (CREATE + b"\x02", 1, False, Status.AUTHENTICATION_ERROR),  # not the master key
]


@pytest.mark.parametrize(("header", "key", "proof", "status"), REFUSED_CREATIONS)
def test_creations_that_are_refused(header: bytes, key: int, proof: bool, status: Status) -> None:
    """One per application, AES only, nobody writes it, and the master key it takes."""
    card = prepared(proof=proof)
    host = Host(card.process)
    host.select(AID)
    session = host.auth_ev2(key, KEY)
    with pytest.raises(Refused) as refused:
        session.write(0xCE, header, SECRET + b"\x01", FULL)
    assert refused.value.status == status


def test_nobody_writes_or_deletes_the_proof() -> None:
    """WriteData is refused for any key, and a card where files are free to delete keeps this one."""
    card = prepared()
    session = opened(card)
    with pytest.raises(Refused) as refused:
        session.write(0x3D, span(PROOF, 0, 4), bytes(4), MAC)
    assert refused.value.status == Status.PERMISSION_DENIED
    host = Host(card.process)
    host.select(AID)
    with pytest.raises(Refused, match="AE"):
        host.plain(0xDF, bytes([PROOF]))
    assert PROOF in host.plain(0x6F)
    opened(card).admin(0xDF, bytes([PROOF]))
    assert PROOF not in opened(card).admin(0x6F)


def test_an_exhausted_counter_refuses() -> None:
    """No transaction without a proof of its own."""
    card = prepared()
    card.overwrite(AID, PROOF, b"\xff" * 4 + bytes(8))
    session = opened(card)
    session.write(0xDC, bytes([VALUE]), (5).to_bytes(4, "little"), MAC)
    assert status_of(session, 0xC7, b"\x01") is Status.COUNT_ERROR
    assert card.file_bytes(AID, VALUE) == (500).to_bytes(4, "little")
