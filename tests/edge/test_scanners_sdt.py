# SPDX-License-Identifier: Apache-2.0
"""Readers of resident IDs with the ministry's module: frames, and the product's thread on a simulated one."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scanner_bench import Bench

from pistegate_edge.scanners.opening import open_scanner
from pistegate_edge.scanners.sdt import FIND, READ, SELECT, Frames, frame, number_of
from pistegate_simulators.scanner import SimulatedIdReader
from pistegate_simulators.scanner.id_reader import text_of

NUMBER = "11010519491231002X"


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SimulatedIdReader]:
    """No card on it."""
    with SimulatedIdReader(tmp_path / "reader") as reader:
        yield reader


@pytest.fixture
def gate(reader: SimulatedIdReader, tmp_path: Path) -> Iterator[Bench]:
    """Open."""
    path = str(tmp_path / "reader")
    with Bench(lambda tell: open_scanner(path, "resident-id-sdt", tell, time.monotonic)) as gate:
        gate.ready()
        yield gate


@pytest.mark.parametrize(
    ("command", "wire"),
    [(FIND, "AAAAAA96690003200122"), (SELECT, "AAAAAA96690003200221"), (READ, "AAAAAA96690003300132")],
)
def test_commands_are_those_that_programs_send(command: bytes, wire: str) -> None:
    """Byte for byte."""
    assert frame(command) == bytes.fromhex(wire)


@pytest.mark.parametrize(
    ("wire", "status"),
    [("AAAAAA9669000800009F0000000097", 0x9F), ("AAAAAA9669000C00009000000000000000009C", 0x90)],
)
def test_answers_are_those_that_programs_quote(wire: str, status: int) -> None:
    """Found, selected."""
    assert [content[2] for content in Frames().feed(bytes.fromhex(wire))] == [status]


@given(st.lists(st.binary(min_size=3, max_size=60), max_size=4), st.integers(1, 40))
def test_answers_are_found_in_any_pieces(contents: list[bytes], size: int) -> None:
    """With another byte between them."""
    wire = b"".join(b"\x55" + frame(content) for content in contents)
    frames = Frames()
    assert [one for at in range(0, len(wire), size) for one in frames.feed(wire[at : at + size])] == contents


def test_a_torn_answer_does_not_take_the_next_one_with_it() -> None:
    """The first one lost its tail, and announced more than came."""
    good = b"\x00\x00\x80"
    assert Frames().feed(frame(b"torn" * 4)[:12] + frame(good) + bytes(20)) == [good]


@given(st.binary(max_size=300))
def test_garbage_raises_nothing(garbage: bytes) -> None:
    """Nor what only begins like an answer."""
    Frames().feed(garbage)
    Frames().feed(bytes.fromhex("AAAAAA9669") + garbage)
    number_of(garbage)


def test_the_number_alone_is_taken() -> None:
    """Of a made-up card; of one that was read short, nothing."""
    data = b"\x01\x00\x04\x00" + text_of(NUMBER)
    assert len(data) == 260
    assert number_of(data) == NUMBER
    assert number_of(data[:100]) == ""


def test_a_card_is_told_once_until_it_was_taken_away(gate: Bench, reader: SimulatedIdReader) -> None:
    """Name and address are in no line; put on again it is another presentation."""
    for _ in range(2):
        reader.put(NUMBER)
        assert gate.line() == NUMBER
        gate.nothing(0.8)
        reader.lift()


def test_damaged_answers_are_no_card_and_cost_a_restart_at_most(gate: Bench, reader: SimulatedIdReader) -> None:
    """A flipped bit in the answer to a look: told lost after its time-out, found again, the card is read."""
    reader.garble = 1
    reader.put(NUMBER)
    gate.lost()
    gate.ready()
    reader.lift()
    reader.put(NUMBER)
    assert gate.line() == NUMBER


def test_a_reader_that_does_not_answer_is_told(gate: Bench, reader: SimulatedIdReader) -> None:
    """Dead, then alive."""
    reader.dead = True
    assert "does not answer" in gate.lost().detail
    gate.nothing(3.0)
    reader.dead = False
    gate.ready()


def test_a_card_that_lies_there_when_the_gate_starts_is_read(reader: SimulatedIdReader, tmp_path: Path) -> None:
    """The first look is the one that asks whether the reader is there."""
    reader.put(NUMBER)
    path = str(tmp_path / "reader")
    with Bench(lambda tell: open_scanner(path, "resident-id-sdt", tell, time.monotonic)) as gate:
        gate.ready()
        assert gate.line() == NUMBER


def test_a_wrong_rate_is_never_told_ready(reader: SimulatedIdReader, tmp_path: Path) -> None:
    """A technician sees why."""
    text = 'title = "x"\nprotocol = "sdt"\ndelivers = "resident_id"\nbaud = 9600\nbreaks = ""\ngap_ms = 100\n'
    (tmp_path / "mine.toml").write_text(text)
    path, profile = str(tmp_path / "reader"), str(tmp_path / "mine.toml")
    with Bench(lambda tell: open_scanner(path, profile, tell, time.monotonic)) as gate:
        assert "does not answer" in gate.lost().detail


def test_unplugged_and_plugged_in_again(gate: Bench, reader: SimulatedIdReader) -> None:
    """As every scanner."""
    reader.device.unplug()
    gate.lost()
    reader.device.plug()
    gate.ready()
    reader.put(NUMBER)
    assert gate.line() == NUMBER
