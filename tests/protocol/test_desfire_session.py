# SPDX-License-Identifier: Apache-2.0
"""Authentication and messages of the host against what a card, or somebody in between, may answer."""

import pytest
from card_flows import Transcript, cmd, flipped_bits, rsp, run_flow
from desfire_cases import AN12196_6_6, AN12196_6_10, ZERO_KEY, First, h
from hypothesis import given
from hypothesis import strategies as st

from pistegate_protocol.card_layout import CommMode
from pistegate_protocol.desfire import crypto
from pistegate_protocol.desfire.apdu import (
    CardRefused,
    CardUntrusted,
    Ins,
    Status,
    response,
    status_name,
    wrap,
)
from pistegate_protocol.desfire.command import Command, i32, u24
from pistegate_protocol.desfire.ev2 import Ev2Session, authenticate, authenticate_non_first, without_session

FIRSTS = pytest.mark.parametrize("first", [AN12196_6_6, AN12196_6_10], ids=["AN12196 6.6", "AN12196 6.10"])


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


GET_FILE_SETTINGS = Ev2Session(ZERO_KEY, h("8248134A386E86EB7FAF54A52E536CB6"), h("7A21085E"))
SETTINGS = "0040EEEE000100D1FE001F00004400004400002000006A0000"


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


def test_the_command_counter_counts_every_command_and_ends() -> None:
    """Plain ones too; at its end the session is over, before a counter repeats."""
    session = AN12196_6_6.session()
    session.plain(Ins.READ_DATA)
    session.with_mac(Ins.READ_DATA)
    assert session.counter == 2
    session.counter = 0xFFFF
    for send in (session.plain, session.with_mac):
        with pytest.raises(CardUntrusted):
            send(Ins.READ_DATA)


# Commands and answers.


@pytest.mark.parametrize("answer", [b"", b"\x91", b"\x00", b"\x6a\x82", b"\x90\x00", b"data\x90\x00", b"\x00\x91"])
def test_an_answer_that_is_not_native_is_refused_without_a_status(answer: bytes) -> None:
    """Another card's operating system, or half an answer."""
    with pytest.raises(CardRefused) as refused:
        response("select", answer)
    assert refused.value.status is None
    assert str(refused.value).startswith("select: answer ")


def test_every_status_is_told_by_its_name() -> None:
    """What stands in a gate's log and on a desk's screen is a word; an unknown code is told as it is."""
    for status in Status:
        assert str(CardRefused("read", status)) == f"read: status {status:02X} {status.name.lower().replace('_', ' ')}"
    assert status_name(0xBE) == "status BE boundary error"
    assert status_name(0x77) == "status 77"


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.OK])
def test_a_refusal_ends_the_session(status: Status) -> None:
    """The card has dropped it; what would be sent next could only be misread, and is not sent."""
    session = AN12196_6_6.session()
    session.with_mac(Ins.READ_DATA)
    with pytest.raises(CardRefused):
        session.open_mac("read", rsp("", status))
    for send in (session.plain, session.with_mac):
        with pytest.raises(CardUntrusted, match="authenticate again"):
            send(Ins.READ_DATA)
    with pytest.raises(CardUntrusted, match="EV2First"):
        next(authenticate_non_first(session, 0, ZERO_KEY, ZERO_KEY))


def test_an_untrusted_answer_ends_the_session() -> None:
    """Somebody is in between: nothing more is told."""
    session = AN12196_6_6.session()
    session.with_mac(Ins.READ_DATA)
    with pytest.raises(CardUntrusted):
        session.open_mac("read", rsp("00" * 8))
    with pytest.raises(CardUntrusted):
        session.with_mac(Ins.COMMIT_TRANSACTION)


# Whole commands. The card's side is played by a second session with the same keys.


def answered(session: Ev2Session, data: bytes, *, full: bool = False) -> bytes:
    """What a card answers to the last command: `data`, in MAC or FULL mode."""
    if full:
        iv = crypto.encrypt(session.enc_key, b"\x5a\xa5" + session.transaction + counter_of(session) + bytes(8))
        data = crypto.encrypt(session.enc_key, crypto.pad(data), iv)
    mac = crypto.truncated_cmac(session.mac_key, b"\x00" + counter_of(session) + session.transaction + data)
    return data + mac + b"\x91\x00"


def counter_of(session: Ev2Session) -> bytes:
    """Least significant byte first."""
    return session.counter.to_bytes(2, "little")


@given(st.binary(min_size=1, max_size=90))
def test_full_mode_round_trips_both_ways(data: bytes) -> None:
    """Any length, block borders included; the padding is taken off again."""
    session = AN12196_6_6.session()
    command = Command("try", Ins.WRITE_DATA, b"\x02", data, CommMode.FULL, answer=len(data))
    iv = crypto.encrypt(session.enc_key, b"\xa5\x5a" + session.transaction + counter_of(session) + bytes(8))
    apdu = session.seal(command)
    assert crypto.unpad(crypto.decrypt(session.enc_key, apdu[6:-9], iv)) == data
    assert len(apdu) == 5 + 1 + 16 * (len(data) // 16 + 1) + 8 + 1
    assert session.open(command, answered(session, data, full=True)) == data


@given(st.binary(max_size=40), st.integers(min_value=0))
def test_every_flipped_bit_of_an_enciphered_answer_is_refused(data: bytes, at: int) -> None:
    """The MAC covers the ciphertext."""
    session = AN12196_6_6.session()
    session.with_mac(Ins.GET_CARD_UID)
    answer = bytearray(answered(session, data, full=True))
    at %= 8 * (len(answer) - 2)
    answer[at // 8] ^= 1 << at % 8
    with pytest.raises(CardUntrusted):
        session.open_full("uid", bytes(answer))


def test_an_answer_whose_padding_is_wrong_is_not_trusted() -> None:
    """Its MAC is right: not what a card does."""
    for plain in (bytes(16), bytes(15) + b"\x01", b"\x80" + bytes(31), b"\x80" * 15):
        session = AN12196_6_6.session()
        session.with_mac(Ins.GET_CARD_UID)
        iv = crypto.encrypt(session.enc_key, b"\x5a\xa5" + session.transaction + b"\x01\x00" + bytes(8))
        sealed = crypto.encrypt(session.enc_key, plain, iv) if len(plain) % 16 == 0 else plain
        with pytest.raises(CardUntrusted, match="enciphered"):
            session.open_full("uid", answered(session, sealed))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_genuine_answer_of_another_length_is_not_trusted(length: int) -> None:
    """A file of another size: not our card's layout."""
    session = AN12196_6_6.session()
    command = Command("read", Ins.READ_DATA, bytes(7), answer=32)
    session.seal(command)
    with pytest.raises(CardUntrusted, match="32 expected"):
        session.open(command, answered(session, bytes(length)))


@pytest.mark.parametrize("length", [0, 1, 111, 113])
def test_a_plain_answer_of_another_length_is_not_trusted(length: int) -> None:
    """An emulator that cuts the plain read of the claim short, after a genuine authentication."""
    session = AN12196_6_6.session()
    command = Command("read", Ins.READ_DATA, bytes(7), mode=CommMode.PLAIN, answer=112)
    session.seal(command)
    with pytest.raises(CardUntrusted, match="112 expected"):
        session.open(command, rsp("00" * length))


@pytest.mark.parametrize("answer", [rsp("00"), rsp("00" * 8)])
def test_a_command_that_ends_the_session_is_answered_by_its_status_alone(answer: bytes) -> None:
    """RollKeySet, ChangeKey of the own key: no MAC can be made any more, so that none is waited for."""
    command = Command("roll", Ins.ROLL_KEY_SET, b"\x01", ends_session=True)
    session = AN12196_6_6.session()
    session.seal(command)
    assert session.open(command, rsp("")) == b""
    with pytest.raises(CardUntrusted, match="authenticate again"):
        session.seal(command)
    session = AN12196_6_6.session()
    session.seal(command)
    with pytest.raises(CardUntrusted, match="0 expected"):
        session.open(command, answer)


# Answers in frames.


def test_an_answer_in_frames_is_collected() -> None:
    """GetVersion's three parts, outside a session."""
    frames = [rsp("01", Status.ADDITIONAL_FRAME), rsp("0203", Status.ADDITIONAL_FRAME), rsp("04")]
    transcript = Transcript((cmd("60"), frames[0]), (cmd("AF"), frames[1]), (cmd("AF"), frames[2]))
    command = Command("version", Ins.GET_VERSION, answer=None, chained=True)
    assert run_flow(without_session(command), transcript) == h("01020304")
    assert transcript.left == 0


def test_an_answer_of_another_length_outside_a_session_is_not_trusted() -> None:
    """Selecting is answered by its status alone."""
    flow = without_session(Command("select", Ins.SELECT_APPLICATION, h("504731"), mode=CommMode.PLAIN))
    next(flow)
    with pytest.raises(CardUntrusted, match="0 expected"):
        flow.send(rsp("00"))


def test_a_maced_answer_in_frames_counts_as_one_command() -> None:
    """Its MAC comes with the last frame and covers them all."""
    session, card = AN12196_6_6.session(), AN12196_6_6.session(counter=1)
    whole = answered(card, bytes(range(100)))
    parts = [whole[:59] + b"\x91\xaf", whole[59:]]
    command = Command("records", Ins.READ_RECORDS_CHAINED, bytes(7), answer=None, chained=True)
    flow = session.do(command)
    next(flow)
    assert flow.send(parts[0]) == cmd("AF")
    with pytest.raises(StopIteration) as done:
        flow.send(parts[1])
    assert done.value.value == bytes(range(100))
    assert session.counter == 1


def test_a_frame_that_was_dropped_is_noticed() -> None:
    """Somebody in between leaves one record out."""
    session, card = AN12196_6_6.session(), AN12196_6_6.session(counter=1)
    whole = answered(card, bytes(range(100)))
    flow = session.do(Command("records", Ins.READ_RECORDS_CHAINED, bytes(7), answer=None, chained=True))
    next(flow)
    flow.send(whole[:59] + b"\x91\xaf")
    with pytest.raises(CardUntrusted):
        flow.send(whole[75:])


def test_an_answer_without_end_is_given_up() -> None:
    """A card that always says `more`."""
    flow = without_session(Command("version", Ins.GET_VERSION, answer=None, chained=True))
    next(flow)
    frames = (flow.send(rsp("00", Status.ADDITIONAL_FRAME)) for _ in range(1000))
    with pytest.raises(CardUntrusted, match="without end"):
        list(frames)


def test_a_command_that_is_answered_in_one_frame_takes_no_other() -> None:
    """91 AF where none is due is a refusal, not a reason to go on."""
    session = AN12196_6_6.session()
    flow = session.do(Command("read", Ins.READ_DATA, bytes(7), answer=32))
    next(flow)
    with pytest.raises(CardRefused):
        flow.send(rsp("00" * 40, Status.ADDITIONAL_FRAME))


def test_commands_are_wrapped_as_iso_7816_asks() -> None:
    """With and without data; what does not fit a short APDU is the caller's mistake."""
    assert wrap(0xC7).hex() == "90c7000000"
    assert wrap(0x5A, h("314750")).hex() == "905a00000331475000"
    assert wrap(0x8D, bytes(255))[4] == 255
    with pytest.raises(ValueError, match="256"):
        wrap(0x8D, bytes(256))


def test_numbers_that_do_not_fit_are_the_callers_mistake() -> None:
    """24 bits without sign, 32 bits with one, least significant byte first."""
    assert (u24(0x010203), i32(-2)) == (h("030201"), h("FEFFFFFF"))
    for call, number in ((u24, 1 << 24), (u24, -1), (i32, 1 << 31), (i32, -(1 << 31) - 1)):
        with pytest.raises(ValueError, match="does not fit"):
            call(number)


@given(st.binary(max_size=70))
def test_padding_comes_off_as_it_went_on(data: bytes) -> None:
    """Whole blocks, at least one byte of padding, nothing else."""
    padded = crypto.pad(data)
    assert len(padded) % 16 == 0
    assert len(padded) - len(data) in range(1, 17)
    assert crypto.unpad(padded) == data
