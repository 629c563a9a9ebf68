# SPDX-License-Identifier: Apache-2.0
"""Key sets of an application, the key that applications begin with, key settings, and the factory's DES key."""

from collections.abc import Callable

import pytest

from pistegate_simulators.card import DesfireCard, Status, des, standard_file

from .desfire_host import FULL, Ev2, Host, Refused, cbc, crc32, u24
from .proofs import change_key_of_set, diversify, roll

AID, ZERO = 0x504731, bytes(16)
START = bytes([0x5A] * 16)
MASTER, ROLL = 0, 3
WITH_SETS = u24(AID) + bytes([0x0F, 0x80 | 0x10 | 4, 0x01, 1, 2, 0x10, ROLL])
H = bytes.fromhex


def keys_of(key_set: int) -> list[bytes]:
    return [bytes([16 * key_set + number] * 16) for number in range(1, 5)]


def refusal(run: Callable[..., object], *arguments: object) -> Status:
    with pytest.raises(Refused) as refused:
        run(*arguments)
    return Status(refused.value.status)


def session_of(card: DesfireCard, aid: int, number: int, key: bytes) -> Ev2:
    host = Host(card.process)
    host.select(aid)
    return host.auth_ev2(number, key)


def at_card(card: DesfireCard) -> Host:
    """Nobody authenticated, no application selected."""
    host = Host(card.process)
    host.select(0)
    return host


def free_bytes(card: DesfireCard) -> int:
    return int.from_bytes(at_card(card).plain(0x6E), "little")


def with_application(create: bytes = WITH_SETS) -> DesfireCard:
    """A card whose application begins with START as its keys."""
    card = DesfireCard()
    picc = session_of(card, 0, 0, ZERO)
    picc.write(0x5C, b"\x01", START + bytes(8) + b"\x00", FULL)
    picc.admin(0xCA, create)
    return card


def prepared() -> DesfireCard:
    """Both sets filled and finalised, as personalisation would do it."""
    card = with_application()
    session = session_of(card, AID, MASTER, START)
    session.admin(0x56, b"\x01\x02")
    for number, key in enumerate(keys_of(2)):
        change_key_of_set(session, 1, number, key, START, 2)
    session.admin(0x57, b"\x01\x02")
    for number in (1, 2, 3, 0):
        session.change_key(number, keys_of(1)[number], START, 1)
    return card


def test_new_applications_begin_with_the_configured_key() -> None:
    """SetConfiguration 01; applications that are there keep theirs."""
    card = DesfireCard()
    picc = session_of(card, 0, 0, ZERO)
    picc.admin(0xCA, u24(1) + b"\x0f\x82")
    picc.write(0x5C, b"\x01", START + bytes(8) + b"\x07", FULL)
    picc.admin(0xCA, u24(2) + b"\x0f\x82")
    assert card.key(1, 1) == (ZERO, 0)
    assert card.key(2, 1) == (START, 7)
    session_of(card, 2, 1, START)


def test_who_may_set_the_default_key() -> None:
    """The card's master key, at card level, enciphered; the other options are refused."""
    card = with_application()
    data = START + bytes(8) + b"\x00"
    assert refusal(at_card(card).plain, 0x5C, b"\x01" + data) is Status.AUTHENTICATION_ERROR
    app = session_of(card, AID, 0, START)
    assert refusal(app.write, 0x5C, b"\x01", data, FULL) is Status.PERMISSION_DENIED
    picc = session_of(card, 0, 0, ZERO)
    assert refusal(picc.write, 0x5C, b"\x00", b"\x02", FULL) is Status.PERMISSION_DENIED
    picc = session_of(card, 0, 0, ZERO)
    assert refusal(picc.write, 0x5C, b"\x01", START + b"8 nonzero\x00"[:9], FULL) is Status.PARAMETER_ERROR


def test_a_card_is_rolled_to_its_second_set() -> None:
    """Old keys are dead, new ones live, files and settings stay; the answer bears no MAC, the session is over."""
    card = prepared()
    assert card.active_key_set(AID) == 0
    session = session_of(card, AID, ROLL, keys_of(1)[ROLL])
    roll(session, 1)
    assert card.active_key_set(AID) == 1
    assert card.authenticated_key is None
    for number in range(4):
        assert refusal(session_of, card, AID, number, keys_of(1)[number]) is Status.AUTHENTICATION_ERROR
        session_of(card, AID, number, keys_of(2)[number])


def test_there_is_no_way_back() -> None:
    """A lower set cannot be rolled to, nor the active one again."""
    card = prepared()
    roll(session_of(card, AID, ROLL, keys_of(1)[ROLL]), 1)
    session = session_of(card, AID, ROLL, keys_of(2)[ROLL])
    assert refusal(session.admin, 0x55, b"\x00") is Status.PERMISSION_DENIED
    session = session_of(card, AID, ROLL, keys_of(2)[ROLL])
    assert refusal(session.admin, 0x55, b"\x01") is Status.PARAMETER_ERROR


@pytest.mark.parametrize("number", [0, 1, 2])
def test_only_the_roll_key_rolls(number: int) -> None:
    """A stolen gate's key cannot switch cards, the master key neither."""
    card = prepared()
    session = session_of(card, AID, number, keys_of(1)[number])
    assert refusal(session.admin, 0x55, b"\x01") is Status.AUTHENTICATION_ERROR
    assert card.active_key_set(AID) == 0


def test_a_set_is_rolled_to_only_when_finalised() -> None:
    """Never initialised, initialised, finalised; and no further than there are sets."""
    card = with_application()
    wrong = {1: Status.NO_SUCH_KEY, 2: Status.PARAMETER_ERROR}
    for number, status in wrong.items():
        session = session_of(card, AID, ROLL, START)
        assert refusal(session.admin, 0x55, bytes([number])) is status
    session_of(card, AID, MASTER, START).admin(0x56, b"\x01\x02")
    session = session_of(card, AID, ROLL, START)
    assert refusal(session.admin, 0x55, b"\x01") is Status.PERMISSION_DENIED
    session_of(card, AID, MASTER, START).admin(0x57, b"\x01\x09")
    roll(session_of(card, AID, ROLL, START), 1)


def test_a_finalised_set_keeps_its_keys() -> None:
    """ChangeKeyEV2 and a second finalisation are refused; so is anybody but the master key before that."""
    card = prepared()
    session = session_of(card, AID, MASTER, keys_of(1)[MASTER])
    assert refusal(change_key_of_set, session, 1, 1, ZERO, keys_of(2)[1], 3) is Status.PERMISSION_DENIED
    session = session_of(card, AID, MASTER, keys_of(1)[MASTER])
    assert refusal(session.admin, 0x57, b"\x01\x03") is Status.PERMISSION_DENIED
    fresh = with_application()
    session_of(fresh, AID, MASTER, START).admin(0x56, b"\x01\x02")
    for command, data in ((0x56, b"\x01\x02"), (0x57, b"\x01\x01")):
        other = session_of(fresh, AID, 1, START)
        assert refusal(other.admin, command, data) is Status.AUTHENTICATION_ERROR
    other = session_of(fresh, AID, 1, START)
    assert refusal(change_key_of_set, other, 1, 1, ZERO, START, 3) is Status.AUTHENTICATION_ERROR


def test_a_change_in_a_set_names_the_old_key() -> None:
    """Whoever does not know it writes nothing: the CRC of the new key tells."""
    card = with_application()
    session = session_of(card, AID, MASTER, START)
    session.admin(0x56, b"\x01\x02")
    assert refusal(change_key_of_set, session, 1, 1, keys_of(2)[1], ZERO, 3) is Status.INTEGRITY_ERROR
    session = session_of(card, AID, MASTER, START)
    assert refusal(session.change_key, 1, keys_of(1)[1], ZERO) is Status.INTEGRITY_ERROR


def test_the_active_set_changes_by_its_number_too() -> None:
    """ChangeKeyEV2 of set 0 is ChangeKey."""
    card = with_application()
    session = session_of(card, AID, MASTER, START)
    change_key_of_set(session, 0, 2, keys_of(1)[2], START, 8)
    assert card.key(AID, 2) == (keys_of(1)[2], 8)


def test_versions_of_keys_and_sets() -> None:
    """Of an active key, of a key in a set, of all sets; nothing of a set that is not there."""
    card = prepared()
    session = session_of(card, AID, MASTER, keys_of(1)[MASTER])
    assert session.admin(0x64, b"\x01") == b"\x01"
    assert session.admin(0x64, b"\x41\x00") == b"\x01"
    assert session.admin(0x64, b"\x41\x01") == b"\x02"
    assert session.admin(0x64, b"\x40\x80") == b"\x01\x02"
    assert refusal(session.admin, 0x64, b"\x41\x02") is Status.NO_SUCH_KEY
    fresh = with_application()
    session = session_of(fresh, AID, MASTER, START)
    assert session.admin(0x64, b"\x40\x80") == b"\x01\x00"


def test_an_initialised_set_begins_with_the_default_key() -> None:
    """And may be initialised again until it is finalised or after; never the active one."""
    card = with_application()
    session = session_of(card, AID, MASTER, START)
    for _ in range(2):
        session.admin(0x56, b"\x01\x02")
        change_key_of_set(session, 1, 1, keys_of(2)[1], START, 2)
    assert refusal(session.admin, 0x56, b"\x00\x02") is Status.PERMISSION_DENIED
    session = session_of(card, AID, MASTER, START)
    assert refusal(session.admin, 0x56, b"\x02\x02") is Status.PARAMETER_ERROR
    session = session_of(card, AID, MASTER, START)
    assert refusal(session.admin, 0x56, b"\x01\x00") is Status.PARAMETER_ERROR


@pytest.mark.parametrize(
    ("create", "status"),
    [
        (WITH_SETS[:-1], Status.LENGTH_ERROR),
        (WITH_SETS + b"\x00", Status.LENGTH_ERROR),
        (WITH_SETS[:7] + b"\x01\x10\x03", Status.PARAMETER_ERROR),  # one set
        (WITH_SETS[:7] + b"\x11\x10\x03", Status.PARAMETER_ERROR),  # seventeen
        (WITH_SETS[:7] + b"\x02\x18\x03", Status.PARAMETER_ERROR),  # room for 3TDEA keys
        (WITH_SETS[:7] + b"\x02\x10\x04", Status.PARAMETER_ERROR),  # no such key
        (WITH_SETS[:5] + b"\x02" + WITH_SETS[6:], Status.PARAMETER_ERROR),  # virtual card keys
        (u24(AID) + b"\x0f\x4e", Status.PARAMETER_ERROR),  # 3TDEA
    ],
)
def test_applications_that_cannot_be(create: bytes, status: Status) -> None:
    """What an EV3 refuses in CreateApplication."""
    picc = session_of(DesfireCard(), 0, 0, ZERO)
    assert refusal(picc.admin, 0xCA, create) is status


def test_an_application_without_sets_has_one() -> None:
    """Key set commands are refused; an ISO name may follow key sets."""
    card = with_application(u24(AID) + b"\x0f\x84")
    for command, data in ((0x56, b"\x01\x02"), (0x57, b"\x01\x01"), (0x55, b"\x01")):
        session = session_of(card, AID, MASTER, START)
        assert refusal(session.admin, command, data) is Status.PERMISSION_DENIED
    named = WITH_SETS[:4] + bytes([WITH_SETS[4] | 0x20]) + WITH_SETS[5:] + b"\x10\xe1" + b"PISTE"
    card = with_application(named)
    assert card.process(H("00A4040005") + b"PISTE" + b"\x00") == H("9000")
    session_of(card, AID, ROLL, START)


# Key settings of the card: what is free, and what takes its master key.

MASTER_CHANGEABLE, DIRECTORY_FREE, CREATION_FREE, SETTINGS_CHANGEABLE = 1, 2, 4, 8
FREE_COMMANDS = [
    (DIRECTORY_FREE, 0x6A, b""),
    (DIRECTORY_FREE, 0x45, b""),
    (CREATION_FREE, 0xCA, u24(7) + b"\x0f\x81"),
]


@pytest.mark.parametrize(("bit", "command", "data"), FREE_COMMANDS)
@pytest.mark.parametrize("free", [True, False])
def test_what_a_card_lets_anybody_do(bit: int, command: int, data: bytes, free: bool) -> None:
    """Listing and creating are free or not by one bit each; the master key may always."""
    card = with_application()
    card.set_key_settings(0, bit if free else 0x0F & ~bit)
    host = at_card(card)
    if free:
        host.plain(command, data)
    else:
        assert refusal(host.plain, command, data) is Status.AUTHENTICATION_ERROR
        session_of(card, 0, 0, ZERO).admin(command, data)


@pytest.mark.parametrize("settings", [0x0F, 0x0B])
def test_who_may_delete_an_application(settings: int) -> None:
    """The card's master key always; the application's own only where creating and deleting is free; nobody else."""
    card = with_application()
    card.set_key_settings(0, settings)
    assert refusal(at_card(card).plain, 0xDA, u24(AID)) is Status.AUTHENTICATION_ERROR
    own = session_of(card, AID, MASTER, START)
    if settings & CREATION_FREE:
        own.admin(0xDA, u24(AID))
        assert card.applications() == []
        return
    assert refusal(own.admin, 0xDA, u24(AID)) is Status.AUTHENTICATION_ERROR
    session_of(card, 0, 0, ZERO).admin(0xDA, u24(AID))
    assert card.applications() == []


def test_settings_and_master_key_can_be_frozen() -> None:
    """Both for good."""
    card = DesfireCard()
    picc = session_of(card, 0, 0, ZERO)
    picc.write(0x54, b"", b"\x0a", FULL)
    assert refusal(picc.change_key, 0, START, ZERO) is Status.AUTHENTICATION_ERROR
    picc = session_of(card, 0, 0, ZERO)
    picc.write(0x54, b"", b"\x02", FULL)
    assert refusal(picc.write, 0x54, b"", b"\x0f", FULL) is Status.PERMISSION_DENIED


@pytest.mark.parametrize(("changer", "by", "allowed"), [(0, 0, True), (0, 1, False), (1, 1, True), (1, 0, False)])
def test_the_changing_key_is_what_the_settings_say(changer: int, by: int, allowed: bool) -> None:
    """Upper nibble of an application's key settings; 0 is the master key."""
    card = with_application()
    card.set_key_settings(AID, changer << 4 | 0x0F)
    session = session_of(card, AID, by, START)
    if allowed:
        session.change_key(2, keys_of(1)[2], START)
    else:
        assert refusal(session.change_key, 2, keys_of(1)[2], START) is Status.AUTHENTICATION_ERROR


def test_frozen_keys_stay_in_every_set() -> None:
    """Upper nibble F."""
    card = with_application()
    session_of(card, AID, MASTER, START).admin(0x56, b"\x01\x02")
    card.set_key_settings(AID, 0xFF)
    session = session_of(card, AID, MASTER, START)
    assert refusal(session.change_key, 2, keys_of(1)[2], START) is Status.AUTHENTICATION_ERROR
    session = session_of(card, AID, MASTER, START)
    assert refusal(change_key_of_set, session, 1, 2, ZERO, START, 1) is Status.PERMISSION_DENIED


def test_deleted_memory_comes_back_by_formatting_only() -> None:
    """As seen on EV3: the name is free, the memory is not."""
    card = DesfireCard()
    full = free_bytes(card)
    card.create_application(AID, [ZERO], {1: standard_file(1000)})
    session_of(card, 0, 0, ZERO).admin(0xDA, u24(AID))
    left = free_bytes(card)
    assert left <= full - 1000
    session_of(card, 0, 0, ZERO).admin(0xFC)
    assert free_bytes(card) == full


# The factory's DES key


def test_a_real_cards_trace_of_its_des_key() -> None:
    """A published trace of an EV3: AuthenticateISO, then ChangeKey to an AES key of zeros, byte for byte."""
    key = bytes([2] * 8)
    challenge = des.decrypt(key, bytes(8), H("AD3463C0300F23CA"))
    card = DesfireCard(rng=lambda length: challenge.ljust(length, b"\x00")[:length])
    card.set_key(0, 0, key)
    assert card.process(H("901A0000010000")) == H("AD3463C0300F23CA91AF")
    assert card.process(H("90AF00001019D1EBA52085BA1B6510F72968F9D00F00")) == H("8BF91BF7656411A59100")
    change = "80BED765948D2BA93908216473D9323F8616353B071C8AAAA7"
    assert card.process(H("90C4000019" + change + "00")) == H("9100")
    assert card.key(0, 0) == (ZERO, 0)
    session_of(card, 0, 0, ZERO)


def test_des_and_aes_do_not_mix() -> None:
    """AE to the other kind of authentication; nothing but the change works in a DES session."""
    card = DesfireCard()
    assert Host(card.process).raw(0x1A, b"\x00")[0] == Status.AUTHENTICATION_ERROR
    card.set_key(0, 0, des.FACTORY_KEY)
    for command, data in ((0xAA, b"\x00"), (0x71, b"\x00\x00")):
        assert Host(card.process).raw(command, data)[0] == Status.AUTHENTICATION_ERROR
    host = Host(card.process)
    first = host.raw(0x1A, b"\x00")[1]
    rnd_b = des.decrypt(bytes(8), bytes(8), first)
    token = des.encrypt(bytes(8), first, bytes(8) + rnd_b[1:] + rnd_b[:1])
    assert host.raw(0xAF, token)[0] == 0
    assert host.raw(0x6A)[0] == Status.PERMISSION_DENIED
    first = host.raw(0x1A, b"\x00")[1]
    assert host.raw(0xAF, bytes(16))[0] == Status.AUTHENTICATION_ERROR


# Diversification


@pytest.mark.parametrize("length", range(1, 32))
def test_diversification_at_every_length(length: int) -> None:
    """The card's own AN10922 against one on another CMAC; AN10922 and AN10957 give two of the values."""
    from pistegate_simulators.card import crypto

    master, message = bytes(range(16)), bytes(range(100, 100 + length))
    assert crypto.diversify(master, message) == diversify(master, message)


def test_published_diversified_keys() -> None:
    """AN10922 2.2.1, AN10957 p. 14, and that a plain CMAC over a short message is another key."""
    from pistegate_simulators.card import crypto

    key, message = H("00112233445566778899AABBCCDDEEFF"), H("04782E21801D803042F54E585020416275")
    assert crypto.diversify(key, message) == H("A8DD63A3B89D54B37CA802473FDA9175")
    key, message = H("F3F9377698707B688EAF84ABE39E3791"), H("04DEADBEEFFEED")
    assert crypto.diversify(key, message) == H("0BB408BAFF98B6EE9F2E1585777F6A51")
    assert crypto.cmac(key, b"\x01" + message) == H("721E2C01E81AF85D815633969CEA2607")
    for wrong in (b"", bytes(32)):
        with pytest.raises(ValueError, match="1 to 31"):
            crypto.diversify(key, wrong)


def test_the_hosts_change_key_is_enciphered() -> None:
    """Neither new nor old key can be seen in what goes over the air."""
    sent: list[bytes] = []
    card = with_application()

    def listening(apdu: bytes) -> bytes:
        sent.append(apdu)
        return card.process(apdu)

    host = Host(listening)
    host.select(AID)
    host.auth_ev2(MASTER, START).change_key(1, keys_of(1)[1], START)
    assert all(keys_of(1)[1][:8] not in apdu and crc32(keys_of(1)[1]) not in apdu for apdu in sent)
    assert cbc(ZERO, ZERO, cbc(ZERO, ZERO, START), decrypt=True) == START
