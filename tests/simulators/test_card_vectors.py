# SPDX-License-Identifier: Apache-2.0
"""The card replays published traces byte for byte: AN10957, AN12196, AN12343 and a real EV1 card."""

import pytest

from pistegate_simulators.card import DesfireCard, Mode, Rights, crypto, standard_file
from pistegate_simulators.card.channel import Ev2Channel, Shape, Side
from pistegate_simulators.card.status import CardError, Status

H = bytes.fromhex
ZERO_KEY = bytes(16)
AID = 0x112233


def scripted(*values: str) -> DesfireCard:
    """A card that draws these random values, application selected."""
    rest = list(values)

    def rng(length: int) -> bytes:
        value = H(rest.pop(0))
        assert len(value) == length
        return value

    card = DesfireCard(H("04958CAA5C5E80"), rng)
    card.create_application(
        AID, [ZERO_KEY], {2: standard_file(64), 3: standard_file(256, Mode.FULL, Rights(0, 0, 0, 0))}
    )
    assert card.process(H("905A00000333221100")) == H("9100")
    return card


def wrapped(command: int, data: bytes) -> bytes:
    return bytes([0x90, command, 0, 0, len(data)]) + data + b"\x00"


def test_cmac_of_a_short_and_of_a_longer_message() -> None:
    """AN10957 p. 14 (its negative example, a plain CMAC) and AN10922 2.2.1."""
    key, message = H("F3F9377698707B688EAF84ABE39E3791"), H("0104DEADBEEFFEED")
    assert crypto.cmac(key, message) == H("721E2C01E81AF85D815633969CEA2607")
    key, message = H("00112233445566778899AABBCCDDEEFF"), H("0104782E21801D803042F54E585020416275")
    assert crypto.cmac(key, message) == H("A8DD63A3B89D54B37CA802473FDA9175")


def test_crc32_of_a_key() -> None:
    """Not inverted, least significant byte first."""
    assert crypto.crc32(H("00102030405060708090A0B0B0A09080")) == H("BFE37919")


def test_ev1_authentication_of_a_real_card() -> None:
    """AuthenticateAES chains its CBC through both parts."""
    card = scripted("C05DDD714FD788A6B7B754F3C4D066E8")
    assert card.process(wrapped(0xAA, b"\x00")) == H("B969FDFE56FD91FC9DE6F6F213B8FD1E91AF")
    proof = H("36AAD7DF6E436BA08D18613830A70D5AD43E3D3F4A8D47541EEE623A934E4774")
    assert card.process(wrapped(0xAF, proof)) == H("800DB680BC146BD121D6578F2D2E20599100")
    rnd_a, rnd_b = H("F44B26F5686F3A391CD38EBD10772281"), H("C05DDD714FD788A6B7B754F3C4D066E8")
    assert crypto.ev1_session_key(rnd_a, rnd_b) == H("F44B26F5C05DDD7110772281C4D066E8")


@pytest.mark.parametrize(
    ("challenge", "ti", "answer", "proof"),
    [
        (
            "A04C124213C186F22399D33AC2A30215",
            "9D00C4DF",
            "35C3E05A752E0144BAC0DE51C1F22C56B34408A23D8AEA266CAB947EA8E0118D",
            "3FA64DB5446D1F34CD6EA311167F5E4985B89690C04A05F17FA7AB2F08120663",
        ),
        (
            "B875CEB0E66A6C5CD00898DC371F92D1",
            "7614281A",
            "FF0306E47DFBC50087C4D8A78E88E62DE1E8BE457AA477C707E2F0874916A8B1",
            "0CC9A8094A8EEA683ECAAC5C7BF20584206D0608D477110FC6B3D5D3F65C3A6A",
        ),
    ],
    ids=["AN12196-6.6", "AN12196-6.10"],
)
def test_ev2_first_of_an12196(challenge: str, ti: str, answer: str, proof: str) -> None:
    """The card's challenge and proof, from the same random numbers."""
    card = scripted(crypto.decrypt(ZERO_KEY, crypto.ZERO_IV, H(challenge)).hex(), ti)
    assert card.process(wrapped(0x71, H("0000"))) == H(challenge) + H("91AF")
    assert card.process(wrapped(0xAF, H(answer))) == H(proof) + H("9100")


@pytest.mark.parametrize(
    ("rnd_a", "rnd_b", "enc", "mac"),
    [
        (
            "13C5DB8A5930439FC3DEF9A4C675360F",
            crypto.decrypt(ZERO_KEY, crypto.ZERO_IV, H("A04C124213C186F22399D33AC2A30215")).hex(),
            "1309C877509E5A215007FF0ED19CA564",
            "4C6626F5E72EA694202139295C7A7FC7",
        ),
        (
            "B98F4C50CF1C2E084FD150E33992B048",
            crypto.decrypt(ZERO_KEY, crypto.ZERO_IV, H("B875CEB0E66A6C5CD00898DC371F92D1")).hex(),
            "7A93D6571E4B180FCA6AC90C9A7488D4",
            "FC4AF159B62E549B5812394CAB1918CC",
        ),
        (
            "B04D0787C93EE0CC8CACC8E86F16C6FE",
            "FA659AD0DCA738DD65DC7DC38612AD81",
            "63DC07286289A7A6C0334CA31C314A04",
            "774F26743ECE6AF5033B6AE8522946F6",
        ),
    ],
    ids=["AN12196-6.6", "AN12196-6.10", "AN12343-7.1.3.1"],
)
def test_ev2_session_keys(rnd_a: str, rnd_b: str, enc: str, mac: str) -> None:
    """Both session keys from both random numbers."""
    assert crypto.ev2_session_keys(ZERO_KEY, H(rnd_a), H(rnd_b)) == (H(enc), H(mac))


def test_mac_mode_of_an12196_5_3() -> None:
    """GetFileSettings: the command's MAC is accepted, the answer's MAC comes out."""
    channel = Ev2Channel(bytes(16), H("8248134A386E86EB7FAF54A52E536CB6"), H("7A21085E"))
    shape = Shape(Side.ANSWER, Mode.MAC, 0)
    assert channel.open(0xF5, H("026597A457C8CD442C"), 0, shape) == b"\x02"
    settings = H("0040EEEE000100D1FE001F00004400004400002000006A0000")
    assert channel.seal(settings, shape, False) == settings + H("2A474282E7A47986")


def test_full_write_of_an12196_6_12() -> None:
    """Ten bytes deciphered; the answer is a MAC alone."""
    channel = Ev2Channel(H("7A93D6571E4B180FCA6AC90C9A7488D4"), H("FC4AF159B62E549B5812394CAB1918CC"), H("7614281A"))
    shape, header = Shape(Side.COMMAND, Mode.FULL, 7), H("030000000A0000")
    sent = header + H("6B5E6804909962FC4E3FF5522CF0F8436C0C53315B9C73AA")
    assert channel.open(0x8D, sent, 10, shape) == header + H("0102030405060708090A")
    assert channel.seal(b"", shape, False) == H("C26D236E4A7C046D")


def test_full_write_of_an12196_5_4() -> None:
    """128 bytes in nine blocks."""
    channel = Ev2Channel(H("1309C877509E5A215007FF0ED19CA564"), H("4C6626F5E72EA694202139295C7A7FC7"), H("9D00C4DF"))
    url = b"choose.url.com/ntag424?e=" + b"0" * 32 + b"&c=" + b"0" * 16
    data = (H("0051D1014D5504") + url).ljust(128, b"\x00")
    shape, header = Shape(Side.COMMAND, Mode.FULL, 7), H("02000000800000")
    blocks = crypto.encrypt(channel.enc, channel._iv("A55A"), crypto.pad_iso(data))
    assert len(blocks) == 144
    assert blocks[:4] == H("421C73A2")
    assert channel.open(0x8D, header + blocks + H("D1D9A8499661EBF3"), 128, shape) == header + data
    assert channel.seal(b"", shape, False) == H("FC222E5F7A542452")


def test_full_read_of_an12196_7_3() -> None:
    """GetCardUID: enciphered answer and its MAC."""
    channel = Ev2Channel(H("2B4D963C014DC36F24F69A50A394F875"), H("379D32130CE61705DD5FD8C36B95D764"), H("DF055522"))
    shape = Shape(Side.ANSWER, Mode.FULL, 0)
    assert channel.open(0x51, H("8E2C155ADDA99BE3"), 0, shape) == b""
    answer = channel.seal(H("04958CAA5C5E80"), shape, False)
    assert answer == H("70756055688505B52A5E26E59E329CD6595F672298EA41B7")


def test_a_replayed_command_is_refused() -> None:
    """The same bytes again: the counter has moved on."""
    channel = Ev2Channel(bytes(16), H("8248134A386E86EB7FAF54A52E536CB6"), H("7A21085E"))
    shape = Shape(Side.ANSWER, Mode.MAC, 0)
    channel.open(0xF5, H("026597A457C8CD442C"), 0, shape)
    with pytest.raises(CardError) as refused:
        channel.open(0xF5, H("026597A457C8CD442C"), 0, shape)
    assert refused.value.status is Status.INTEGRITY_ERROR
