# SPDX-License-Identifier: Apache-2.0
"""Every command in every session kind and communication mode, and what a card refuses."""

import json
from collections.abc import Callable
from functools import partial

import pytest

from pistegate_simulators.card import (
    DENIED,
    FREE,
    DesfireCard,
    Kind,
    Mode,
    RecordFile,
    Rights,
    Status,
    ValueFile,
    backup_file,
    cyclic_file,
    standard_file,
)

from .desfire_host import FULL, MAC, PLAIN, Ev1, Ev2, Host, Refused, u24

AID = 0x504731
KEYS = [bytes([number] * 16) for number in range(1, 5)]
STANDARD, BACKUP, VALUE, CYCLIC, LINEAR, SECRET = range(1, 7)
MODES = [PLAIN, MAC, FULL]
BY_KEY = Rights(1, 2, 3, 0)


def prepared(mode: int = PLAIN, rights: Rights = BY_KEY) -> DesfireCard:
    card = DesfireCard()
    files = {
        STANDARD: standard_file(150, Mode(mode), rights, bytes(range(150))),
        BACKUP: backup_file(32, Mode(mode), rights),
        VALUE: ValueFile(Mode(mode), rights, 0, 10_000, 500, limited_enabled=True),
        CYCLIC: cyclic_file(16, 4, Mode(mode), rights),
        LINEAR: RecordFile(Kind.LINEAR, Mode(mode), rights, 8, 2),
        SECRET: standard_file(16, Mode(mode), Rights(DENIED, DENIED, DENIED, DENIED)),
    }
    card.create_application(AID, KEYS, files)
    return card


def opened(card: DesfireCard, generation: int, key: int = 3, *, native: bool = False) -> Ev1 | Ev2:
    host = Host(card.process, native=native)
    host.select(AID)
    return host.auth_ev1(key, KEYS[key]) if generation == 1 else host.auth_ev2(key, KEYS[key])


def span(file: int, offset: int, length: int) -> bytes:
    return bytes([file]) + u24(offset) + u24(length)


def amount(value: int) -> bytes:
    return value.to_bytes(4, "little", signed=True)


def refusal(run: Callable[[], object]) -> Status:
    with pytest.raises(Refused) as refused:
        run()
    return Status(refused.value.status)


@pytest.mark.parametrize("native", [False, True], ids=["wrapped", "native"])
@pytest.mark.parametrize("mode", MODES, ids=["plain", "mac", "full"])
@pytest.mark.parametrize("generation", [1, 2], ids=["ev1", "ev2"])
class TestEverySessionAndMode:
    """The same transactions through EV1 and EV2, plain, MACed and enciphered, wrapped and native."""

    def test_data_written_is_read(self, generation: int, mode: int, native: bool) -> None:
        """Long data goes in several frames both ways (3D, BD) and in one (8D, AD)."""
        card = prepared(mode)
        session = opened(card, generation, native=native)
        data = bytes(reversed(range(130)))
        for write, read in ((0x3D, 0xBD), (0x8D, 0xAD)):
            session.write(write, span(STANDARD, 10, 130), data, mode)
            assert session.read(read, span(STANDARD, 10, 130), mode, 130) == data
            data = data[::-1]
        assert session.read(0xBD, span(STANDARD, 0, 0), mode) == card.file_bytes(AID, STANDARD)

    def test_value_goes_up_and_down(self, generation: int, mode: int, native: bool) -> None:
        """Debit, credit, limited credit; each counts at commit only."""
        card = prepared(mode)
        session = opened(card, generation, native=native)
        session.write(0xDC, bytes([VALUE]), amount(120), mode)
        assert session.read(0x6C, bytes([VALUE]), mode, 4) == amount(500)
        session.admin(0xC7)
        assert session.read(0x6C, bytes([VALUE]), mode, 4) == amount(380)
        session.write(0x1C, bytes([VALUE]), amount(20), mode)
        session.admin(0xC7)
        session.write(0x0C, bytes([VALUE]), amount(1000), mode)
        session.admin(0xC7)
        assert card.file_bytes(AID, VALUE) == amount(1400)

    def test_records_are_kept_in_order(self, generation: int, mode: int, native: bool) -> None:
        """A cyclic file of 4 shows the last 3, oldest first."""
        card = prepared(mode)
        session = opened(card, generation, native=native)
        for number in range(5):
            session.write(0x3B, span(CYCLIC, 4, 4), amount(number), mode)
            session.admin(0xC7)
        expected = [bytes(4) + amount(number) + bytes(8) for number in (2, 3, 4)]
        assert session.read(0xBB, span(CYCLIC, 0, 0), mode) == b"".join(expected)
        assert session.read(0xAB, span(CYCLIC, 1, 2), mode, 32) == b"".join(expected[:2])
        session.admin(0xEB, bytes([CYCLIC]))
        session.admin(0xC7)
        assert card.file_bytes(AID, CYCLIC) == b""

    def test_keys_are_changed(self, generation: int, mode: int, native: bool) -> None:
        """Another key, then the session's own; both work afterwards and the old ones do not."""
        card = prepared(mode)
        session = opened(card, generation, 0, native=native)
        assert session.admin(0x64, b"\x02") == b"\x00"
        new = bytes(range(16))
        session.change_key(2, new, KEYS[2], version=7)
        assert session.admin(0x64, b"\x02") == b"\x07"
        session.change_key(0, new, KEYS[0], version=9)
        host = Host(card.process, native=native)
        assert refusal(lambda: host.auth_ev2(0, KEYS[0])) is Status.AUTHENTICATION_ERROR
        assert host.auth_ev2(0, new).admin(0x64, b"\x00") == b"\x09"
        host.auth_ev1(2, new)


@pytest.mark.parametrize("mode", [MAC, FULL], ids=["mac", "full"])
@pytest.mark.parametrize("generation", [1, 2], ids=["ev1", "ev2"])
def test_a_wrong_mac_is_refused(generation: int, mode: int) -> None:
    """One bit of the last byte: 1E, the session is over, nothing is written."""
    card = prepared(mode)
    session = opened(card, generation)
    header = span(BACKUP, 0, 16)
    assert refusal(lambda: session.write(0x3D, header, bytes(16), mode, spoil=1)) is Status.INTEGRITY_ERROR
    assert card.authenticated_key is None
    assert not card.file(AID, BACKUP).dirty


@pytest.mark.parametrize("generation", [1, 2], ids=["ev1", "ev2"])
def test_a_blank_card_is_set_up_by_commands_alone(generation: int) -> None:
    """Application, every kind of file, their lists and settings, deletion and formatting."""
    card = DesfireCard()
    host = Host(card.process)
    login = host.auth_ev1 if generation == 1 else host.auth_ev2
    picc = login(0, bytes(16))
    picc.admin(0xCA, u24(AID) + bytes([0x0F, 0x83]))
    assert picc.admin(0x6A) == u24(AID)
    assert picc.read(0x51, b"", FULL, 7) == card.uid
    free = int.from_bytes(picc.admin(0x6E), "little")
    host.select(AID)
    app = login(0, bytes(16))
    rights = Rights(1, 2, 3, 0).encode()
    app.admin(0xCD, b"\x01\x00" + rights + u24(64))
    app.admin(0xCB, b"\x02\x01" + rights + u24(32))
    app.admin(0xCC, b"\x03\x03" + rights + amount(0) + amount(100) + amount(50) + b"\x01")
    app.admin(0xC0, b"\x04\x00" + rights + u24(16) + u24(4))
    app.admin(0xC1, b"\x05\x00" + rights + u24(16) + u24(4))
    assert app.admin(0x6F) == bytes([1, 2, 3, 4, 5])
    assert app.admin(0xF5, b"\x02") == b"\x01\x01" + rights + u24(32)
    assert app.admin(0xF5, b"\x03") == b"\x02\x03" + rights + amount(0) + amount(100) + amount(0) + b"\x01"
    assert app.admin(0xF5, b"\x04") == b"\x04\x00" + rights + u24(16) + u24(4) + u24(0)
    assert app.admin(0x45) == b"\x0f\x83"
    assert int.from_bytes(app.admin(0x6E), "little") < free
    app.write(0x5F, b"\x01", b"\x01" + rights, FULL)
    assert card.file(AID, 1).mode is Mode.MAC
    app.admin(0xDF, b"\x05")
    assert app.admin(0x6F) == bytes([1, 2, 3, 4])
    host.select(0)
    picc = login(0, bytes(16))
    picc.admin(0xDA, u24(AID))
    assert card.applications() == []
    picc.admin(0xFC)


def test_non_first_continues_the_transaction_with_another_key() -> None:
    """AuthenticateEV2NonFirst keeps identifier, counter and what is pending."""
    card = prepared(MAC)
    host = Host(card.process)
    host.select(AID)
    session = host.auth_ev2(2, KEYS[2])
    session.write(0x3D, span(BACKUP, 0, 4), b"ABCD", MAC)
    other = host.auth_ev2(3, KEYS[3], running=session)
    assert (other.ti, other.counter) == (session.ti, 1)
    other.admin(0xC7)
    assert card.file_bytes(AID, BACKUP)[:4] == b"ABCD"


def test_non_first_needs_a_running_ev2_session() -> None:
    """From nothing and from EV1 alike: 9D."""
    host = Host(prepared().process)
    host.select(AID)
    assert host.raw(0x77, b"\x01")[0] == Status.PERMISSION_DENIED
    host.auth_ev1(1, KEYS[1])
    assert host.raw(0x77, b"\x01")[0] == Status.PERMISSION_DENIED


@pytest.mark.parametrize("command", [0xAA, 0x71], ids=["ev1", "ev2"])
def test_a_wrong_key_is_refused(command: int) -> None:
    """AE after the second part; nobody is authenticated."""
    card = prepared()
    host = Host(card.process)
    host.select(AID)
    login = host.auth_ev1 if command == 0xAA else host.auth_ev2
    assert refusal(lambda: login(1, bytes(16))) is Status.AUTHENTICATION_ERROR
    assert card.authenticated_key is None
    assert refusal(lambda: login(9, bytes(16))) is Status.NO_SUCH_KEY


READ, WRITE, GET, DEBIT, LIMITED, CREDIT, CLEAR, RECORD, RECORDS = (
    (0xBD, span(BACKUP, 0, 4), b""),
    (0x3D, span(BACKUP, 0, 4), b"abcd"),
    (0x6C, bytes([VALUE]), b""),
    (0xDC, bytes([VALUE]), amount(1)),
    (0x1C, bytes([VALUE]), amount(0)),
    (0x0C, bytes([VALUE]), amount(1)),
    (0xEB, bytes([CYCLIC]), b""),
    (0x3B, span(CYCLIC, 0, 4), b"abcd"),
    (0xBB, span(LINEAR, 0, 1), b""),
)
ALLOWED = {
    None: [],
    0: [],
    1: [READ, GET, DEBIT, RECORDS],
    2: [WRITE, GET, DEBIT, LIMITED, RECORD],
    3: [READ, WRITE, GET, DEBIT, LIMITED, CREDIT, CLEAR, RECORD, RECORDS],
}


@pytest.mark.parametrize("key", list(ALLOWED))
def test_each_right_opens_what_it_should_and_nothing_else(key: int | None) -> None:
    """Read = key 1, write = key 2, read and write = key 3, and what each may do to a value."""
    for command, header, data in (READ, WRITE, GET, DEBIT, LIMITED, CREDIT, CLEAR, RECORD, RECORDS):
        card = prepared()
        file = card.file(AID, LINEAR)
        assert isinstance(file, RecordFile)
        file.records = [bytes(8)]
        host = Host(card.process)
        host.select(AID)
        session = host.auth_ev2(key, KEYS[key]) if key is not None else host
        run = session.admin if command == 0xEB and isinstance(session, Ev2) else host.exchange
        if (command, header, data) in ALLOWED[key]:
            run(command, header + data)
        else:
            assert refusal(partial(run, command, header + data)) is Status.AUTHENTICATION_ERROR


def test_denied_to_everybody_is_another_status() -> None:
    """Rights F for all keys: 9D, also to the master."""
    session = opened(prepared(), 2, 0)
    assert refusal(lambda: session.read(0xBD, span(SECRET, 0, 1), PLAIN)) is Status.PERMISSION_DENIED


def test_free_access_is_plain_even_in_a_session() -> None:
    """A free right with another key authenticated: no MAC, no cipher, but EV2 counts the command."""
    card = prepared(FULL, Rights(FREE, 2, 3, 0))
    assert Host(card.process, native=True).raw(0x5A, u24(AID)) == (0, b"")
    session = opened(card, 2, 1)
    assert session.read(0xBD, span(STANDARD, 1, 3), PLAIN) == bytes([1, 2, 3])
    assert len(session.admin(0x6F)) == 6


STATUS_CASES = [
    (0x5A, u24(0x999999), Status.APPLICATION_NOT_FOUND),
    (0x5A, b"\x00", Status.LENGTH_ERROR),
    (0xF5, b"\x1f", Status.FILE_NOT_FOUND),
    (0xBD, span(STANDARD, 140, 11), Status.BOUNDARY_ERROR),
    (0xBD, span(STANDARD, 0, 1)[:-1], Status.LENGTH_ERROR),
    (0x3D, span(BACKUP, 30, 3) + b"abc", Status.BOUNDARY_ERROR),
    (0x3D, span(BACKUP, 0, 2) + b"abc", Status.LENGTH_ERROR),
    (0x8D, span(BACKUP, 0, 4) + b"abc", Status.LENGTH_ERROR),
    (0xDC, bytes([VALUE]) + amount(501), Status.BOUNDARY_ERROR),
    (0xDC, bytes([VALUE]) + amount(-1), Status.PARAMETER_ERROR),
    (0x0C, bytes([VALUE]) + amount(9_501), Status.BOUNDARY_ERROR),
    (0x1C, bytes([VALUE]) + amount(1), Status.BOUNDARY_ERROR),
    (0xBB, span(CYCLIC, 0, 0), Status.BOUNDARY_ERROR),
    (0xDC, bytes([BACKUP]) + amount(1), Status.PERMISSION_DENIED),
    (0xC7, b"", Status.NO_CHANGES),
    (0xA7, b"", Status.NO_CHANGES),
    (0xAF, b"", Status.ILLEGAL_COMMAND),
    (0x99, b"", Status.ILLEGAL_COMMAND),
    (0xCD, b"\x01\x00\xee\xee" + u24(9), Status.DUPLICATE_ERROR),
    (0xCD, b"\x09\x00\xee\xee" + u24(9000), Status.OUT_OF_MEMORY),
    (0x64, b"\x0d", Status.NO_SUCH_KEY),
    (0x5C, b"\x00\x00", Status.PERMISSION_DENIED),
]


@pytest.mark.parametrize(("command", "data", "status"), STATUS_CASES, ids=lambda case: getattr(case, "name", None))
def test_refusals_carry_their_status(command: int, data: bytes, status: Status) -> None:
    """91 xx as the data sheets have it, on files that are free for all."""
    card = prepared(PLAIN, Rights())
    host = Host(card.process)
    host.select(AID)
    assert host.raw(command, data)[0] == status


def test_a_command_amid_a_chain_aborts_it() -> None:
    """GetVersion half read, then something else: CA, and the chain is gone."""
    host = Host(prepared().process)
    assert host.raw(0x60)[0] == Status.ADDITIONAL_FRAME
    assert host.raw(0x6E)[0] == Status.COMMAND_ABORTED
    assert host.raw(0xAF)[0] == Status.ILLEGAL_COMMAND
    assert len(host.exchange(0x60)) == 28


@pytest.mark.parametrize(
    ("apdu", "answer"),
    [
        ("00A4040007D276000085010100", "6A82"),
        ("00A4040007D276000085010000", "9000"),
        ("00B0000002", "6D00"),
        ("90600000", "9100 without"),
        ("9060000005AA", "917E"),
        ("906000", "917E"),
        ("", "7E"),
    ],
)
def test_odd_apdus_are_answered(apdu: str, answer: str) -> None:
    """Selects of other stacks, wrong lengths, nothing at all: an answer, never an exception."""
    got = DesfireCard().process(bytes.fromhex(apdu)).hex().upper()
    assert got.endswith("91AF") if "without" in answer else got == answer


def test_an_image_brings_back_the_same_card() -> None:
    """Through JSON; an open transaction is not in it, an unknown version is refused."""
    card = prepared()
    session = opened(card, 2)
    session.write(0x3D, span(BACKUP, 0, 4), b"ABCD", PLAIN)
    image = json.loads(json.dumps(card.image()))
    twin = DesfireCard.from_image(image)
    assert twin.image() == image
    assert twin.file_bytes(AID, BACKUP) == bytes(32)
    opened(twin, 1)
    with pytest.raises(ValueError, match="version 99"):
        DesfireCard.from_image(image | {"version": 99})


def test_content_can_be_overwritten_without_keys() -> None:
    """What an attack with a stolen key would leave behind."""
    card = prepared()
    for number, content in ((BACKUP, bytes(range(32))), (VALUE, amount(-7)), (CYCLIC, bytes(range(32)))):
        card.overwrite(AID, number, content)
        assert card.file_bytes(AID, number) == content
    with pytest.raises(ValueError, match="32 bytes"):
        card.overwrite(AID, BACKUP, b"short")
