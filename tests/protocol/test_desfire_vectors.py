# SPDX-License-Identifier: Apache-2.0
"""The host against every published example that we know: NXP's AN10922, AN10957, AN12196, AN12343, and real traces."""

import pytest
from card_flows import Transcript, cmd, rsp, run_flow
from desfire_cases import AN12196_6_6, AN12196_6_10, ZERO_KEY, First, h

from pistegate_protocol.card_layout import CommMode
from pistegate_protocol.desfire import card_commands, crypto
from pistegate_protocol.desfire.apdu import CardRefused, CardUntrusted, Ins, Status
from pistegate_protocol.desfire.command import Command
from pistegate_protocol.desfire.diversify import diversified, diversify
from pistegate_protocol.desfire.ev2 import Ev2Session, authenticate, authenticate_non_first
from pistegate_protocol.desfire.factory import replace_factory_key

FIRSTS = pytest.mark.parametrize("first", [AN12196_6_6, AN12196_6_10], ids=["AN12196 6.6", "AN12196 6.10"])

# AN10957 pages 13-14.
SHORT_MASTER, SHORT_M = h("F3F9377698707B688EAF84ABE39E3791"), h("04DEADBEEFFEED")


def an12196_6_16(counter: int) -> Ev2Session:
    """The session of AN12196's ChangeKey examples, opened by EV2NonFirst."""
    keys = h("4CF3CB41A22583A61E89B158D252FC53"), h("5529860B2FC5FB6154B7F28361D30BF9")
    return Ev2Session(*keys, h("7614281A"), counter)


# Diversification


def test_diversification_gives_the_published_key() -> None:
    """AN10922 2.2.1: UID, AID and `NXP Abu`."""
    master = h("00112233445566778899AABBCCDDEEFF")
    published = h("A8DD63A3B89D54B37CA802473FDA9175")
    assert diversified(master, h("04782E21801D803042F54E585020416275")) == published
    assert diversify(master, h("04782E21801D80"), h("3042F5"), b"NXP Abu") == published


def test_a_short_input_is_padded_to_two_blocks() -> None:
    """AN10957: a CMAC over the short M alone (libfreefare issue 91) gives the other key, which no card has."""
    assert diversified(SHORT_MASTER, SHORT_M).hex().upper() == "0BB408BAFF98B6EE9F2E1585777F6A51"
    assert crypto.cmac(SHORT_MASTER, b"\x01" + SHORT_M).hex().upper() == "721E2C01E81AF85D815633969CEA2607"


@pytest.mark.parametrize("length", [16, 30, 31])
def test_a_longer_input_is_a_cmac(length: int) -> None:
    """From 17 bytes, constant included, the padding of a CMAC is that of AN10922; 32 bytes have none."""
    message = bytes(range(1, length + 1))
    assert diversified(SHORT_MASTER, message) == crypto.cmac(SHORT_MASTER, b"\x01" + message)


@pytest.mark.parametrize(("master", "length"), [(16, 0), (16, 32), (15, 7), (24, 7)])
def test_what_cannot_be_diversified_is_the_callers_mistake(master: int, length: int) -> None:
    """31 bytes at most, an AES-128 key."""
    with pytest.raises(ValueError, match="diversify"):
        diversified(bytes(master), bytes(length))


# Authentication


@FIRSTS
def test_ev2_first_sends_the_published_proof_and_derives_the_published_session(first: First) -> None:
    """From a given RndA: the same bytes as NXP's."""
    transcript = first.transcript()
    session = run_flow(authenticate(0, ZERO_KEY, h(first.rnd_a)), transcript)
    assert transcript.left == 0
    assert session == Ev2Session(h(first.enc_key), h(first.mac_key), h(first.transaction), counter=0)


def test_ev2_non_first_goes_on_in_the_published_session() -> None:
    """AN12196 6.14: new keys, the transaction identifier and the counter stay."""
    transcript = Transcript(
        (cmd("77 00"), rsp("A6A2B3C572D06C097BB8DB70463E22DC", Status.ADDITIONAL_FRAME)),
        (
            cmd("AF BE7D45753F2CAB85F34BC60CE58B940763FE969658A532DF6D95EA2773F6E991"),
            rsp("B888349C24B315EAB5B589E279C8263E"),
        ),
    )
    flow = authenticate_non_first(AN12196_6_10.session(counter=2), 0, ZERO_KEY, h("60BE759EDA560250AC57CDDC11743CF6"))
    assert run_flow(flow, transcript) == an12196_6_16(counter=2)
    assert transcript.left == 0


def test_ev2_non_first_does_not_trust_another_answer() -> None:
    """The card's proof of another authentication."""
    flow = authenticate_non_first(AN12196_6_10.session(), 0, ZERO_KEY, h(AN12196_6_6.rnd_a))
    next(flow)
    flow.send(rsp("A6A2B3C572D06C097BB8DB70463E22DC", Status.ADDITIONAL_FRAME))
    with pytest.raises(CardUntrusted):
        flow.send(rsp("B888349C24B315EAB5B589E279C8263E"))


def test_ev1_chains_its_blocks_and_ev2_does_not() -> None:
    """A real card's EV1 authentication: the host's proof is one CBC chain with the challenge, which EV2 starts anew."""
    challenge, rnd_b = h("B969FDFE56FD91FC9DE6F6F213B8FD1E"), h("C05DDD714FD788A6B7B754F3C4D066E8")
    rnd_a = h("F44B26F5686F3A391CD38EBD10772281")
    chained = h("36AAD7DF6E436BA08D18613830A70D5AD43E3D3F4A8D47541EEE623A934E4774")
    answer = h("800DB680BC146BD121D6578F2D2E2059")
    assert crypto.decrypt(ZERO_KEY, challenge) == rnd_b
    assert crypto.encrypt(ZERO_KEY, rnd_a + crypto.rotate_left(rnd_b), challenge) == chained
    assert crypto.decrypt(ZERO_KEY, answer, chained[-16:]) == crypto.rotate_left(rnd_a)
    assert rnd_a[:4] + rnd_b[:4] + rnd_a[12:] + rnd_b[12:] == h("F44B26F5C05DDD7110772281C4D066E8")
    flow = authenticate(0, ZERO_KEY, rnd_a)
    next(flow)
    assert flow.send(challenge + b"\x91\xaf") != cmd("AF" + chained.hex())
    with pytest.raises(CardUntrusted):
        flow.send(answer + b"\x91\x00")


def test_session_keys_are_the_published_ones() -> None:
    """AN12343 7.1.3.1, from RndA and RndB."""
    rnd_a, rnd_b = h("B04D0787C93EE0CC8CACC8E86F16C6FE"), h("FA659AD0DCA738DD65DC7DC38612AD81")
    enc_key, mac_key = crypto.session_keys(ZERO_KEY, rnd_a, rnd_b)
    assert enc_key.hex().upper() == "63DC07286289A7A6C0334CA31C314A04"
    assert mac_key.hex().upper() == "774F26743ECE6AF5033B6AE8522946F6"


# Messages


def test_mac_mode_gives_the_published_command_and_takes_the_published_answer() -> None:
    """AN12196 5.3, GetFileSettings."""
    session = Ev2Session(ZERO_KEY, h("8248134A386E86EB7FAF54A52E536CB6"), h("7A21085E"))
    settings = "0040EEEE000100D1FE001F00004400004400002000006A0000"
    command = Command("settings", Ins.GET_FILE_SETTINGS, b"\x02", answer=25)
    assert session.seal(command) == cmd("F5 02 6597A457C8CD442C")
    assert session.counter == 1
    assert session.open(command, rsp(settings + "2A474282E7A47986")) == h(settings)


def test_full_mode_writes_are_the_published_ones() -> None:
    """AN12196 6.12 and 5.4: enciphered data, MAC over header and ciphertext, IV from TI and counter."""
    session = AN12196_6_10.session()
    header, data = h("030000000A0000"), h("0102030405060708090A")
    command = Command("write", Ins.WRITE_DATA, header, data, CommMode.FULL)
    assert session.seal(command) == cmd("8D 030000000A0000 6B5E6804909962FC4E3FF5522CF0F843 6C0C53315B9C73AA")
    assert session.open(command, rsp("C26D236E4A7C046D")) == b""

    url = h("0051D1014D5504") + b"choose.url.com/ntag424?e=" + b"0" * 32 + b"&c=" + b"0" * 16
    session = AN12196_6_6.session()
    sent = session.full(Ins.WRITE_DATA, h("02000000800000"), url.ljust(128, b"\x00"))
    assert len(sent) == 5 + 7 + 144 + 8 + 1
    assert sent[12:16] == h("421C73A2")
    assert sent[-9:] == h("D1D9A8499661EBF3 00")
    assert session.open_full("write", rsp("FC222E5F7A542452")) == b""


def test_full_mode_change_of_settings_is_the_published_one() -> None:
    """AN12196 6.9, ChangeFileSettings: the second command of its session."""
    session = AN12196_6_6.session(counter=1)
    sent = session.full(0x5F, b"\x02", h("4000E0C1F121200000430000430000"))
    assert sent == h("905F0000190261B6D97903566E84C3AE5274467E89EAD799B7C1A0EF7A0400")
    assert session.open_full("change settings", rsp("57BFF87B1241E93D")) == b""


def test_full_mode_answers_are_deciphered_as_published() -> None:
    """AN12196 7.3, GetCardUID."""
    keys = h("2B4D963C014DC36F24F69A50A394F875"), h("379D32130CE61705DD5FD8C36B95D764")
    session = Ev2Session(*keys, h("DF055522"))
    command = card_commands.get_card_uid()
    assert session.seal(command) == cmd("51 8E2C155ADDA99BE3")
    answer = rsp("70756055688505B52A5E26E59E329CD6 595F672298EA41B7")
    assert session.open(command, answer).hex().upper() == "04958CAA5C5E80"


# Keys


def test_the_checksum_of_a_new_key_is_the_published_one() -> None:
    """CRC32 without its last inversion, least significant byte first."""
    assert crypto.key_checksum(h("00102030405060708090A0B0B0A09080")).hex().upper() == "BFE37919"
    assert crypto.key_checksum(h("F3847D627727ED3BC9C4CC050489B966")).hex().upper() == "789DFADC"


def test_changing_another_key_is_the_published_command() -> None:
    """AN12196 6.16.1: new exclusive-or old, version, checksum; the session goes on."""
    session = an12196_6_16(counter=2)
    command = card_commands.change_key(2, ZERO_KEY, h("F3847D627727ED3BC9C4CC050489B966"), 1)
    assert session.seal(command) == h(
        "90C4000029022CF362B7BF4311FF3BE1DAA295E8C68DE09050560D19B9E16C2393AE9CD1FAC75D0CE20BCD1D06E600"
    )
    assert session.open(command, rsp("203BB55D1089D587")) == b""
    assert not session.over


def test_changing_the_own_key_is_the_published_command() -> None:
    """AN12196 6.16.2: new key and version, no checksum; the session ends without a MAC."""
    session = an12196_6_16(counter=3)
    command = card_commands.change_own_key(0, h("5004BF991F408672B1EF00F08F9E8647"), 1)
    assert session.seal(command) == h(
        "90C400002900C0EB4DEEFEDDF0B513A03A95A75491818580503190D4D05053FF75668A01D6FDA6610234BDED643200"
    )
    assert session.open(command, rsp("")) == b""
    assert session.over


def test_the_old_key_is_exclusive_ored_into_a_change() -> None:
    """NXP's example has zeros for the old key, which would hide it if it were left out."""
    old, new = h("00112233445566778899AABBCCDDEEFF"), h("F3847D627727ED3BC9C4CC050489B966")
    command = card_commands.change_key(2, old, new, 1)
    assert command.data[:16] == crypto.xor(old, new)
    assert command.data[16:] == b"\x01" + h("789DFADC")
    of_set = card_commands.change_key_of_set(1, 2, old, new, 1)
    assert (of_set.ins, of_set.header, of_set.data) == (Ins.CHANGE_KEY_EV2, b"\x01\x02", command.data)


# The factory's DES key: an EV3 card's trace.

TRACE_RND_A = bytes([2] * 8)
TRACE_KEY = bytes([2] * 8)  # of the card at that moment
TRACE = (
    (cmd("1A 00"), rsp("AD3463C0300F23CA", Status.ADDITIONAL_FRAME)),
    (cmd("AF 19D1EBA52085BA1B6510F72968F9D00F"), rsp("8BF91BF7656411A5")),
    (cmd("C4 80 BED765948D2BA93908216473D9323F8616353B071C8AAAA7"), rsp("")),
)


def test_a_des_key_is_replaced_as_a_real_card_took_it() -> None:
    """AuthenticateISO and ChangeKey to an AES key of zeros, byte for byte."""
    transcript = Transcript(*TRACE)
    run_flow(replace_factory_key(ZERO_KEY, 0, TRACE_RND_A, TRACE_KEY), transcript)
    assert transcript.left == 0


def test_a_card_that_does_not_know_the_des_key_is_not_trusted() -> None:
    """Nor one that answers too little."""
    for proof in ("8BF91BF7656411A4", "", "8BF91BF7656411A58BF91BF7656411A5"):
        flow = replace_factory_key(ZERO_KEY, 0, TRACE_RND_A, TRACE_KEY)
        next(flow)
        flow.send(TRACE[0][1])
        with pytest.raises(CardUntrusted):
            flow.send(rsp(proof))
    flow = replace_factory_key(ZERO_KEY, 0, TRACE_RND_A)
    next(flow)
    with pytest.raises(CardUntrusted):
        flow.send(rsp("00" * 16, Status.ADDITIONAL_FRAME))


def test_a_card_without_a_des_key_refuses() -> None:
    """It has an AES key already, and not the one that was tried."""
    flow = replace_factory_key(ZERO_KEY, 0, TRACE_RND_A)
    next(flow)
    with pytest.raises(CardRefused) as refused:
        flow.send(rsp("", Status.AUTHENTICATION_ERROR))
    assert refused.value.status == Status.AUTHENTICATION_ERROR
