# SPDX-License-Identifier: Apache-2.0
"""The host side of EV2 secure messaging against NXP's published examples (AN12196, AN12343, AN10922)."""

from typing import NamedTuple

import pytest
from card_flows import Transcript, cmd, flipped_bits, rsp, run_flow

from pistegate_protocol.card_layout import CLAIM_FILE, USAGE_FILE
from pistegate_protocol.desfire import crypto
from pistegate_protocol.desfire.apdu import CardError, CardRefused, CardUntrusted, Ins, Status, command, response
from pistegate_protocol.desfire.ev2 import Ev2Session, authenticate, file_range
from pistegate_protocol.desfire.transactions import open_card

ZERO_KEY = bytes(16)
h = bytes.fromhex


class First(NamedTuple):
    """A published EV2First: challenge (encrypted RndB), RndA, the host's proof, the card's answer; TI and keys."""

    challenge: str
    rnd_a: str
    proof: str
    answer: str
    transaction: str
    enc_key: str
    mac_key: str

    def transcript(self) -> Transcript:
        """The conversation, key 0, no capabilities."""
        return Transcript(
            (cmd("71 00 00"), rsp(self.challenge, Status.ADDITIONAL_FRAME)),
            (cmd("AF" + self.proof), rsp(self.answer)),
        )


AN12196_6_6 = First(
    "A04C124213C186F22399D33AC2A30215",
    "13C5DB8A5930439FC3DEF9A4C675360F",
    "35C3E05A752E0144BAC0DE51C1F22C56B34408A23D8AEA266CAB947EA8E0118D",
    "3FA64DB5446D1F34CD6EA311167F5E4985B89690C04A05F17FA7AB2F08120663",
    "9D00C4DF",
    "1309C877509E5A215007FF0ED19CA564",
    "4C6626F5E72EA694202139295C7A7FC7",
)
AN12196_6_10 = First(
    "B875CEB0E66A6C5CD00898DC371F92D1",
    "B98F4C50CF1C2E084FD150E33992B048",
    "FF0306E47DFBC50087C4D8A78E88E62DE1E8BE457AA477C707E2F0874916A8B1",
    "0CC9A8094A8EEA683ECAAC5C7BF20584206D0608D477110FC6B3D5D3F65C3A6A",
    "7614281A",
    "7A93D6571E4B180FCA6AC90C9A7488D4",
    "FC4AF159B62E549B5812394CAB1918CC",
)
FIRSTS = pytest.mark.parametrize("first", [AN12196_6_6, AN12196_6_10], ids=["AN12196 6.6", "AN12196 6.10"])


@FIRSTS
def test_ev2_first_sends_the_published_proof_and_derives_the_published_session(first: First) -> None:
    """From a given RndA: the same bytes as NXP's."""
    transcript = first.transcript()
    session = run_flow(authenticate(0, ZERO_KEY, h(first.rnd_a)), transcript)
    assert transcript.left == 0
    assert session == Ev2Session(h(first.enc_key), h(first.mac_key), h(first.transaction), counter=0)


@FIRSTS
def test_a_card_that_does_not_know_the_key_is_not_trusted(first: First) -> None:
    """Every change of one bit of its proof, the rotated RndA: CBC garbles what the gate checks."""
    challenge, answer = rsp(first.challenge, Status.ADDITIONAL_FRAME), h(first.answer)
    for changed in flipped_bits(answer):
        plain = crypto.decrypt(ZERO_KEY, changed)
        if plain[4:20] == crypto.decrypt(ZERO_KEY, answer)[4:20]:
            continue  # a bit of TI or capabilities; those are proved by the first MAC
        flow = authenticate(0, ZERO_KEY, h(first.rnd_a))
        next(flow)
        flow.send(challenge)
        with pytest.raises(CardUntrusted):
            flow.send(changed + b"\x91\x00")


def test_a_replayed_card_answer_is_not_trusted() -> None:
    """A recorded conversation does not open a session for another RndA."""
    flow = authenticate(0, ZERO_KEY, h(AN12196_6_10.rnd_a))
    next(flow)
    flow.send(rsp(AN12196_6_6.challenge, Status.ADDITIONAL_FRAME))
    with pytest.raises(CardUntrusted):
        flow.send(rsp(AN12196_6_6.answer))


def test_a_reflected_proof_is_not_trusted() -> None:
    """A card that sends the host's own bytes back proves nothing."""
    flow = authenticate(0, ZERO_KEY, h(AN12196_6_6.rnd_a))
    next(flow)
    proof = flow.send(rsp(AN12196_6_6.challenge, Status.ADDITIONAL_FRAME))
    with pytest.raises(CardUntrusted):
        flow.send(proof[5:-1] + b"\x91\x00")


@pytest.mark.parametrize("status", [Status.AUTHENTICATION_ERROR, Status.PERMISSION_DENIED, 0x40, 0xFF])
def test_a_refusal_during_authentication_tells_its_status(status: int) -> None:
    """At either step; AE at the second is how a card says that the gate's key is wrong."""
    flow = authenticate(0, ZERO_KEY, h(AN12196_6_6.rnd_a))
    next(flow)
    with pytest.raises(CardRefused) as first:
        flow.send(rsp("", status))
    flow = authenticate(0, ZERO_KEY, h(AN12196_6_6.rnd_a))
    next(flow)
    flow.send(rsp(AN12196_6_6.challenge, Status.ADDITIONAL_FRAME))
    with pytest.raises(CardRefused) as second:
        flow.send(rsp("", status))
    assert (first.value.status, second.value.status) == (status, status)


@pytest.mark.parametrize("status", [Status.OK, Status.ADDITIONAL_FRAME])
def test_the_right_bytes_with_the_other_steps_status_are_refused(status: int) -> None:
    """AF ends the first step and 00 the second, nothing else."""
    flow = authenticate(0, ZERO_KEY, h(AN12196_6_6.rnd_a))
    next(flow)
    if status == Status.OK:
        with pytest.raises(CardRefused):
            flow.send(rsp(AN12196_6_6.challenge, status))
        return
    flow.send(rsp(AN12196_6_6.challenge, Status.ADDITIONAL_FRAME))
    with pytest.raises(CardRefused):
        flow.send(rsp(AN12196_6_6.answer, status))


@pytest.mark.parametrize("length", [0, 1, 8, 15, 17, 32])
def test_a_challenge_of_a_wrong_length_is_a_card_error(length: int) -> None:
    """An 8-byte one is DES's, the rest is damage; AES must not stumble over it."""
    flow = authenticate(0, ZERO_KEY, h(AN12196_6_6.rnd_a))
    next(flow)
    with pytest.raises(CardUntrusted):
        flow.send(rsp("00" * length, Status.ADDITIONAL_FRAME))


@pytest.mark.parametrize("length", [0, 1, 16, 31, 33, 48])
def test_a_proof_of_a_wrong_length_is_a_card_error(length: int) -> None:
    """EV1's is 16 bytes, EV2's 32."""
    flow = authenticate(0, ZERO_KEY, h(AN12196_6_6.rnd_a))
    next(flow)
    flow.send(rsp(AN12196_6_6.challenge, Status.ADDITIONAL_FRAME))
    with pytest.raises(CardUntrusted):
        flow.send(rsp("00" * length))


# Messages in a session.


def session_of(first: First, counter: int = 0) -> Ev2Session:
    """The session of a published authentication."""
    return Ev2Session(h(first.enc_key), h(first.mac_key), h(first.transaction), counter)


GET_FILE_SETTINGS = Ev2Session(ZERO_KEY, h("8248134A386E86EB7FAF54A52E536CB6"), h("7A21085E"))
SETTINGS = "0040EEEE000100D1FE001F00004400004400002000006A0000"


def test_mac_mode_gives_the_published_command_and_takes_the_published_answer() -> None:
    """AN12196 5.3, GetFileSettings."""
    session = Ev2Session(ZERO_KEY, GET_FILE_SETTINGS.mac_key, GET_FILE_SETTINGS.transaction)
    assert session.with_mac(0xF5, b"\x02") == cmd("F5 02 6597A457C8CD442C")
    assert session.counter == 1
    assert session.open_mac("settings", rsp(SETTINGS + "2A474282E7A47986")) == h(SETTINGS)


def test_every_flipped_bit_of_a_maced_answer_is_refused() -> None:
    """Data and MAC: not trusted. Status: refused."""
    session = Ev2Session(ZERO_KEY, GET_FILE_SETTINGS.mac_key, GET_FILE_SETTINGS.transaction, counter=1)
    answer = rsp(SETTINGS + "2A474282E7A47986")
    assert session.open_mac("settings", answer) == h(SETTINGS)
    for at, changed in enumerate(flipped_bits(answer)):
        with pytest.raises(CardUntrusted if at < 8 * (len(answer) - 2) else CardRefused):
            session.open_mac("settings", changed)


@pytest.mark.parametrize("counter", [0, 2, 3, 256, 65535])
def test_an_answer_to_another_command_of_the_session_is_not_trusted(counter: int) -> None:
    """A replay within the session: the counter is part of the MAC."""
    session = Ev2Session(ZERO_KEY, GET_FILE_SETTINGS.mac_key, GET_FILE_SETTINGS.transaction, counter)
    with pytest.raises(CardUntrusted):
        session.open_mac("settings", rsp(SETTINGS + "2A474282E7A47986"))


@pytest.mark.parametrize("answer", ["", "00", "2A474282E7A479", SETTINGS])
def test_an_answer_without_a_mac_is_not_trusted(answer: str) -> None:
    """A relay that answers plainly, or too short to hold a MAC at all."""
    session = Ev2Session(ZERO_KEY, GET_FILE_SETTINGS.mac_key, GET_FILE_SETTINGS.transaction, counter=1)
    with pytest.raises(CardUntrusted):
        session.open_mac("settings", rsp(answer))


def test_full_mode_writes_carry_the_published_macs() -> None:
    """AN12196 6.12 and 5.4: the MAC is over header and ciphertext; the IV comes from TI and counter."""
    session = session_of(AN12196_6_10)
    written = session.with_mac(0x8D, h("030000000A0000 6B5E6804909962FC4E3FF5522CF0F843"))
    assert written == cmd("8D 030000000A0000 6B5E6804909962FC4E3FF5522CF0F843 6C0C53315B9C73AA")
    assert session.open_mac("write", rsp("C26D236E4A7C046D")) == b""

    url = h("0051D1014D5504") + b"choose.url.com/ntag424?e=" + b"0" * 32 + b"&c=" + b"0" * 16
    session = session_of(AN12196_6_6)
    iv = crypto.encrypt(session.enc_key, b"\xa5\x5a" + session.transaction + bytes(10))
    ciphertext = crypto.encrypt(session.enc_key, url.ljust(128, b"\x00") + b"\x80" + bytes(15), iv)
    assert ciphertext.hex().upper().startswith("421C73A2")
    assert session.with_mac(0x8D, h("02000000800000") + ciphertext)[-9:] == h("D1D9A8499661EBF3 00")
    assert session.open_mac("write", rsp("FC222E5F7A542452")) == b""


def test_full_mode_answers_carry_the_published_mac() -> None:
    """AN12196 7.3, GetCardUID."""
    keys = h("2B4D963C014DC36F24F69A50A394F875"), h("379D32130CE61705DD5FD8C36B95D764")
    session = Ev2Session(*keys, h("DF055522"))
    assert session.with_mac(0x51) == cmd("51 8E2C155ADDA99BE3")
    ciphertext = session.open_mac("uid", rsp("70756055688505B52A5E26E59E329CD6 595F672298EA41B7"))
    iv = crypto.encrypt(session.enc_key, b"\x5a\xa5" + session.transaction + b"\x01\x00" + bytes(8))
    assert crypto.decrypt(session.enc_key, ciphertext, iv).hex().upper().startswith("04958CAA5C5E80")


def test_session_keys_are_the_published_ones() -> None:
    """AN12343 7.1.3.1, from RndA and RndB."""
    rnd_a, rnd_b = h("B04D0787C93EE0CC8CACC8E86F16C6FE"), h("FA659AD0DCA738DD65DC7DC38612AD81")
    enc_key, mac_key = crypto.session_keys(ZERO_KEY, rnd_a, rnd_b)
    assert enc_key.hex().upper() == "63DC07286289A7A6C0334CA31C314A04"
    assert mac_key.hex().upper() == "774F26743ECE6AF5033B6AE8522946F6"


def test_cmac_is_the_published_one() -> None:
    """AN10922 2.2.1: diversification constant 01, then the input."""
    key, data = h("00112233445566778899AABBCCDDEEFF"), h("04782E21801D803042F54E585020416275")
    assert crypto.cmac(key, b"\x01" + data).hex().upper() == "A8DD63A3B89D54B37CA802473FDA9175"


def test_the_command_counter_counts_every_command_and_ends() -> None:
    """Plain ones too; at its end the session is over, before a counter repeats."""
    session = session_of(AN12196_6_6)
    session.plain(Ins.READ_DATA)
    session.with_mac(Ins.READ_DATA)
    assert session.counter == 2
    session.counter = 0xFFFF
    for send in (session.plain, session.with_mac):
        with pytest.raises(CardUntrusted):
            send(Ins.READ_DATA)


# Commands and answers.


def test_commands_are_wrapped_as_iso_7816_asks() -> None:
    """With and without data; what does not fit a short APDU is the caller's mistake."""
    assert command(0xC7).hex() == "90c7000000"
    assert command(0x5A, h("314750")).hex() == "905a00000331475000"
    assert command(0x8D, bytes(255))[4] == 255
    with pytest.raises(ValueError, match="256"):
        command(0x8D, bytes(256))
    assert file_range(2, 0x010203, 32).hex() == "0203020120" + "0000"


@pytest.mark.parametrize("answer", [b"", b"\x91", b"\x00", b"\x6a\x82", b"\x90\x00", b"data\x90\x00", b"\x00\x91"])
def test_an_answer_that_is_not_native_is_refused_without_a_status(answer: bytes) -> None:
    """Another card's operating system, or half an answer."""
    with pytest.raises(CardRefused) as refused:
        response("select", answer)
    assert refused.value.status is None
    assert str(refused.value).startswith("select: answer ")


@pytest.mark.parametrize("size", [0, 127, 129])
def test_a_claim_file_of_another_size_is_not_trusted(size: int) -> None:
    """An emulator that cuts the plain read short, after a genuine authentication."""
    first = AN12196_6_6
    header = file_range(CLAIM_FILE.number, 0, CLAIM_FILE.size)
    transcript = Transcript(
        (cmd("5A 504731"), rsp("")),
        (cmd("71 01 00"), rsp(first.challenge, Status.ADDITIONAL_FRAME)),
        (cmd("AF" + first.proof), rsp(first.answer)),
        (cmd("AD" + header.hex()), rsp("00" * size)),
    )
    with pytest.raises(CardUntrusted, match="read claim"):
        run_flow(open_card(ZERO_KEY, h(first.rnd_a)), transcript)
    assert USAGE_FILE.number != CLAIM_FILE.number


def test_a_card_without_our_application_is_told_by_its_status() -> None:
    """The gate says `not a ski ticket`, not `key refused`."""
    flow = open_card(ZERO_KEY, ZERO_KEY)
    next(flow)
    with pytest.raises(CardRefused) as refused:
        flow.send(rsp("", Status.APPLICATION_NOT_FOUND))
    assert refused.value.status == Status.APPLICATION_NOT_FOUND
    assert isinstance(refused.value, CardError)
