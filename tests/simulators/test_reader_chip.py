# SPDX-License-Identifier: Apache-2.0
"""The PN532 as bytes: frames in a dirty stream, the chip's answers, ISO-DEP blocks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pistegate_simulators.card import ClassicCard, DesfireCard, Type2Card, standard_file
from pistegate_simulators.reader import Cut, Pn532, frames
from pistegate_simulators.reader.chip import SyntaxFault

H = bytes.fromhex


def command(payload: str) -> bytes:
    return frames.build(b"\xd4" + H(payload))


def ask(chip: Pn532, payload: str) -> str:
    answer = chip.handle(H(payload))
    assert answer is not None
    return answer.data.hex().upper()


def test_frames_are_what_nfcpy_sends() -> None:
    """Byte transcripts of its start-up."""
    assert command("02") == H("0000ff02fed4022a00")  # GetFirmwareVersion
    assert command("140100 00") == H("0000ff05fbd4140100001700")  # SAMConfiguration
    assert frames.build(b"\xd4\x00" + bytes(262))[:8] == H("0000ffffff0108f7")  # extended frame


@given(
    st.lists(st.binary(min_size=1, max_size=263), min_size=1, max_size=4),
    st.integers(1, 40),
    st.binary(max_size=12).filter(lambda noise: b"\xff" not in noise),
)
def test_frames_are_found_in_any_pieces(payloads: list[bytes], piece: int, noise: bytes) -> None:
    """Preambles and noise between frames are lost, frames never, however the line cuts them."""
    stream = b"".join(noise + frames.build(b"\xd4" + payload) for payload in payloads) + frames.ACK
    parser, found = frames.FrameParser(), []
    for at in range(0, len(stream), piece):
        found += parser.feed(stream[at : at + piece])
    assert found == [*payloads, frames.ACK]


@given(st.binary(max_size=600))
def test_any_garbage_is_survived(garbage: bytes) -> None:
    """A frame after garbage and a long enough silence of zeros is found."""
    parser = frames.FrameParser()
    parser.feed(garbage + bytes(frames.MAX_DATA + 10))
    assert parser.feed(command("02"))[-1:] == [b"\x02"]


def test_a_broken_checksum_is_no_frame() -> None:
    """Neither head nor data."""
    parser = frames.FrameParser()
    good = command("4A0100")
    for at in (4, len(good) - 2, 7):
        bad = bytearray(good)
        bad[at] ^= 1
        assert parser.feed(bytes(bad)) == []
    assert parser.feed(good) == [H("4A0100")]


def test_unknown_commands_and_missing_arguments_are_syntax_faults() -> None:
    """The error frame 7F, as the real chip."""
    for payload in ("99", "4A", "32", "1042", "40"):
        with pytest.raises(SyntaxFault):
            Pn532().handle(H(payload))


def listing(*cards: object) -> Pn532:
    chip = Pn532()
    chip.handle(H("3205010001"))
    for card in cards:
        chip.rf.present(card)  # type: ignore[arg-type]
    return chip


def test_the_list_of_cards() -> None:
    """Nothing, one with and without automatic RATS, one by its UID, and the limit."""
    assert ask(listing(), "4A0200") == "00"
    chip = listing(DesfireCard(), ClassicCard())
    assert ask(chip, "4A0100DEADBEEF") == "0101" + "03440804DEADBEEF"  # both said their ATQA: 0344 or 0004
    assert ask(chip, "4A01008804A1B2C3D4E5F6") == "010103442007" + "04A1B2C3D4E5F6" + "067577810280"
    assert ask(chip, "4A010012345678") == "00"
    assert ask(chip, "4A0103" + "00") == "00"
    chip = listing(DesfireCard())
    chip.handle(H("1200"))  # no automatic RATS
    assert ask(chip, "4A0100") == "010103442007" + "04A1B2C3D4E5F6"


def test_chip_does_iso_dep_by_itself() -> None:
    """InDataExchange: chained both ways, a lost answer asked for again, a gone card is a time-out."""
    card = DesfireCard()
    card.create_application(1, [bytes(16)], {1: standard_file(200)})
    chip = listing(card)
    ask(chip, "4A0100")
    assert ask(chip, "40015A010000") == "0000"
    data = bytes(range(200)).hex().upper()
    assert ask(chip, "4001" + "8D01000000C80000" + data) == "0000"
    chip.rf.lose_answers(1)
    assert ask(chip, "4001" + "AD01000000C80000") == "01"  # MaxRtyCOM 0: given up at once
    chip = listing(card)
    ask(chip, "4A0100")
    ask(chip, "40015A010000")
    chip.handle(H("320401"))
    chip.rf.lose_answers(1)
    assert ask(chip, "4001" + "AD01000000C80000") == "0000" + data
    chip.rf.cut_after(0, Cut.AFTER)
    assert ask(chip, "4001" + "60") == "01"


def test_field_off_takes_the_cards_power() -> None:
    """RFConfiguration item 1 and PowerDown both end the session."""
    for off in ("320100", "1600"):
        card = DesfireCard()
        chip = listing(card)
        ask(chip, "4A0100")
        assert ask(chip, "40019071000002000000")[:2] == "00"
        assert card.powered
        chip.handle(H(off))
        assert not card.powered
        assert card.process(H("AF" + "00" * 32))[0] == 0x1C


def test_iso_dep_blocks_of_the_card() -> None:
    """RATS, chaining, R(NAK) for the last block, R(ACK) for a block never got, presence check, deselect."""
    card = DesfireCard()
    card.create_application(1, [bytes(16)], {1: standard_file(40, content=bytes(range(40)))})
    assert card.receive(H("0260")) is None  # not activated
    assert card.receive(H("E010")) == H("067577810280")  # frames of 24 to the reader
    assert card.receive(H("025A010000")) == H("0200")
    assert card.receive(H("13AD0100")) == H("A3")  # first part of a chained command
    assert card.receive(H("B3")) == H("A3")
    assert card.receive(H("0200001C0000")) == H("12") + b"\x00" + bytes(range(20))
    assert card.receive(H("B2")) == H("12") + b"\x00" + bytes(range(20))  # answer lost: the same again
    assert card.receive(H("A3")) == H("03") + bytes(range(20, 28))
    assert card.receive(H("B2")) == H("A3")  # presence check, other block number
    assert card.receive(H("C2")) == H("C2")
    assert card.receive(H("0260")) is None


def test_type_2_answers_carry_a_crc_when_the_host_asked_for_it() -> None:
    """Nfcpy switches the chip's CRC check off for Type 2 tags, by a register."""
    chip = listing(Type2Card())
    ask(chip, "4A0100")
    plain = ask(chip, "423000")
    assert len(plain) == 2 * 17
    chip.handle(H("08630300"))
    assert ask(chip, "423000")[:34] == plain
    assert len(ask(chip, "423000")) == 2 * 19
    assert ask(chip, "42FF") == "0000"  # NAK: four bits, no CRC


def test_empty_fifo_shows_the_poll() -> None:
    """CIU_FIFOData reads 26: nfcpy's sign that no card is there, rather than a Type 1 tag."""
    assert ask(Pn532(), "066339") == "26"


def test_a_poll_without_end_waits_for_a_card() -> None:
    """MxRtyPassiveActivation FF: no answer until a card comes; an ACK from the host gives up."""
    chip = Pn532()
    assert chip.handle(H("4A0100")) is None
    chip.rf.present(ClassicCard())
    found = chip.retry()
    assert found is not None
    assert (found[0], found[1].data[0]) == (0x4A, 1)
    chip.rf.remove()
    assert chip.handle(H("4A0100")) is None
    chip.abort()
    assert chip.retry() is None
