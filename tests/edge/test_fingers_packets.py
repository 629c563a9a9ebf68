# SPDX-License-Identifier: Apache-2.0
"""The packet codec and what counts as an answer: no I/O."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pistegate_edge.fingers.asking import DATA_MAX, FENCE, Answer, Ask, Awaiting, Misfit, fenced, pieces
from pistegate_edge.fingers.codes import Code, Instruction
from pistegate_edge.fingers.packets import CONTENT_MAX, Damaged, Kind, Packet, PacketReader, encode_packet

# From the R305 and R503 manuals: log on with password 0, read the index, an answer to "how many templates".
MANUAL = [
    (Kind.COMMAND, "1300000000", "EF01FFFFFFFF01000713000000 00 001B"),
    (Kind.COMMAND, "01", "EF01FFFFFFFF010003010005"),
    (Kind.COMMAND, "0201", "EF01FFFFFFFF01000402010008"),
    (Kind.COMMAND, "1D", "EF01FFFFFFFF0100031D0021"),
    (Kind.ANSWER, "00", "EF01FFFFFFFF07000300000A"),
]


@pytest.mark.parametrize(("kind", "content", "wire"), MANUAL)
def test_packets_are_those_of_the_manuals(kind: Kind, content: str, wire: str) -> None:
    """Byte for byte, both ways."""
    assert encode_packet(kind, bytes.fromhex(content)) == bytes.fromhex(wire)
    assert PacketReader().feed(bytes.fromhex(wire)) == [Packet(kind, bytes.fromhex(content))]


@given(
    st.lists(st.tuples(st.sampled_from(Kind), st.binary(min_size=1, max_size=CONTENT_MAX)), max_size=5),
    st.binary(max_size=6).filter(lambda noise: b"\xef" not in noise),
    st.integers(1, 60),
)
def test_packets_are_found_in_any_pieces_and_noise(packets: list[tuple[Kind, bytes]], noise: bytes, size: int) -> None:
    """An R503 says 55h when it is powered; a line has its own words now and then."""
    wire = b"".join(noise + encode_packet(kind, content) for kind, content in packets) + noise
    reader, found = PacketReader(), []
    for at in range(0, len(wire), size):
        found += reader.feed(wire[at : at + size])
    assert found == [Packet(kind, content) for kind, content in packets]


@given(st.binary(min_size=1, max_size=40), st.data())
def test_no_flipped_bit_passes(content: bytes, data: st.DataObject) -> None:
    """One bit anywhere: nothing is found, or damage; never another packet. (Sums miss some double ones.)"""
    wire = bytearray(encode_packet(Kind.ANSWER, content))
    at = data.draw(st.integers(0, len(wire) * 8 - 1))
    wire[at // 8] ^= 1 << at % 8
    assert not [one for one in PacketReader().feed(bytes(wire)) if isinstance(one, Packet)]


@given(st.binary(max_size=400))
def test_garbage_raises_nothing_and_a_packet_after_it_is_found(garbage: bytes) -> None:
    """As long as the garbage does not announce a long packet of its own."""
    reader = PacketReader()
    reader.feed(garbage)
    reader.clear()
    assert reader.feed(encode_packet(Kind.ANSWER, b"\x00")) == [Packet(Kind.ANSWER, b"\x00")]


def test_a_packet_within_a_damaged_one_is_found() -> None:
    """The first one lost its tail; the next one is not lost with it."""
    wire = encode_packet(Kind.ANSWER, b"\x00" * 12)[:15] + encode_packet(Kind.ANSWER, b"\x02") + bytes(20)
    found = PacketReader().feed(wire)
    assert Packet(Kind.ANSWER, b"\x02") in found
    assert isinstance(found[0], Damaged)


@pytest.mark.parametrize("content", [b"", bytes(CONTENT_MAX + 1)])
def test_what_no_sensor_takes_is_not_sent(content: bytes) -> None:
    """ValueError, not a packet that is cut."""
    with pytest.raises(ValueError, match="content of"):
        encode_packet(Kind.COMMAND, content)


MATCHED = Packet(Kind.ANSWER, b"\x00\x00\x96")


def test_a_late_answer_to_another_question_is_no_answer() -> None:
    """Answers do not say what they answer: the length of a match does not fit a look at a finger."""
    for ask, packet in (
        (Ask(Instruction.GET_IMAGE), MATCHED),
        (Ask(Instruction.MATCH), Packet(Kind.ANSWER, b"\x00")),
        (Ask(Instruction.SEARCH), MATCHED),
        (Ask(Instruction.MATCH), Packet(Kind.DATA, b"\x00\x00\x96")),
    ):
        with pytest.raises(Misfit):
            Awaiting(ask).take(packet)
    assert Awaiting(Ask(Instruction.MATCH)).take(MATCHED) == Answer(Code.OK, b"\x00\x96")


def test_only_the_fence_is_taken_for_the_fence() -> None:
    """No other answer has sixteen bytes of parameters."""
    assert FENCE.content == b"\x0f"
    assert fenced(Packet(Kind.ANSWER, bytes(17)))
    for other in (MATCHED, Packet(Kind.ANSWER, b"\x00"), Packet(Kind.DATA, bytes(17)), Damaged("checksum")):
        assert not fenced(other)


def test_data_is_bounded() -> None:
    """A sensor that never ends its data is no sensor."""
    awaiting = Awaiting(Ask(Instruction.UP, b"\x01", takes_data=True))
    assert awaiting.take(Packet(Kind.ANSWER, b"\x00")) is None
    piece = Packet(Kind.DATA, bytes(CONTENT_MAX))
    assert [awaiting.take(piece) for _ in range(DATA_MAX // CONTENT_MAX)] == [None] * (DATA_MAX // CONTENT_MAX)
    with pytest.raises(Misfit, match="more data"):
        awaiting.take(piece)


@pytest.mark.parametrize("size", [32, 128, 256, 512])
def test_data_is_cut_as_the_sensor_wants_it(size: int) -> None:
    """All of it, in order, the last one marked, none too long for a packet."""
    data = bytes(range(256)) * 2 + b"tail"
    cut = pieces(data, size)
    assert b"".join(piece for _, piece in cut) == data
    assert [kind for kind, _ in cut] == [Kind.DATA] * (len(cut) - 1) + [Kind.END_OF_DATA]
    assert max(len(piece) for _, piece in cut) <= CONTENT_MAX
