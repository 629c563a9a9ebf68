# SPDX-License-Identifier: Apache-2.0
"""Lines from pieces; what is left out so that no scanner floods a gate."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pistegate_edge.scanners.lines import LINE_MAX, LINES_MAX, REPEAT_S, LineAssembler, Thinning
from pistegate_edge.scanners.told import ScannerLine

GAP_S = 0.1


def texts(lines: list[ScannerLine]) -> list[str]:
    return [line.text for line in lines]


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\r\r\n"])
def test_every_terminator_ends_a_line_and_none_is_in_it(end: str) -> None:
    """CR, LF and both; no empty lines come of a pair."""
    lines = LineAssembler("\r\n", GAP_S)
    assert texts(lines.feed(f"ONE{end}TWO{end}", 1.0)) == ["ONE", "TWO"]
    assert texts(lines.quiet(9.0)) == []


def test_a_scanner_without_a_terminator_ends_its_lines_by_silence() -> None:
    """Not before the gap; the line's time is that of its last character."""
    lines = LineAssembler("", GAP_S)
    assert lines.feed("CO", 1.0) == []
    assert lines.feed("DE", 1.05) == []
    assert lines.wait_s == GAP_S
    assert lines.quiet(1.1) == []
    assert lines.quiet(1.2) == [ScannerLine("CODE", 1.05)]
    assert lines.wait_s is None


def test_a_torn_line_never_begins_the_next_guests_code() -> None:
    """Half a code, silence, another code: two lines, and the second one is whole."""
    lines = LineAssembler("\r", GAP_S)
    lines.feed("HALF", 1.0)
    assert texts(lines.quiet(1.2)) == ["HALF"]
    assert texts(lines.feed("WHOLE\r", 2.0)) == ["WHOLE"]


def test_an_over_long_line_is_cut_and_stays_over_long() -> None:
    """A megabyte without an end takes bounded memory; the next line is unharmed."""
    lines = LineAssembler("\r", GAP_S)
    for _ in range(256):
        assert lines.feed("A" * 4096, 1.0) == []
    assert texts(lines.feed("\rNEXT\r", 1.0)) == ["A" * LINE_MAX, "NEXT"]


def test_frames_of_a_resident_id_reader_lose_their_marks() -> None:
    """STX and ETX are breaks as well; half a frame before one is a line of its own."""
    lines = LineAssembler("\x02\x03\r\n", GAP_S)
    assert texts(lines.feed("\x02110\x02110105\x03\r\n", 1.0)) == ["110", "110105"]


@given(st.lists(st.text(alphabet="AB\r\n\x00ÿ", max_size=12), max_size=20))
def test_how_it_is_cut_into_pieces_does_not_matter(pieces: list[str]) -> None:
    """Any pieces give what the whole gives, and every character that is no break is in exactly one line."""
    pieced, whole = LineAssembler("\r\n", GAP_S), LineAssembler("\r\n", GAP_S)
    one = [text for piece in pieces for text in texts(pieced.feed(piece, 1.0))] + texts(pieced.quiet(2.0))
    other = texts(whole.feed("".join(pieces), 1.0)) + texts(whole.quiet(2.0))
    assert one == other
    assert "".join(one) == "".join(pieces).replace("\r", "").replace("\n", "")
    assert all(one)


def test_a_code_that_is_held_there_is_told_often_enough_for_its_presentation() -> None:
    """Thirty times a second for five seconds: told, never more than 3 s apart, and far fewer."""
    thinning = Thinning()
    told = [at / 30 for at in range(150) if thinning.wants(ScannerLine("CODE", at / 30))]
    assert told[0] == 0.0
    assert max(later - earlier for earlier, later in pairwise(told)) < 3.0
    assert len(told) <= 5 / REPEAT_S + 1


def test_another_code_is_told_at_once() -> None:
    """Two guests one after the other, within the time in which a repetition is left out."""
    thinning = Thinning()
    assert thinning.wants(ScannerLine("ONE", 1.0))
    assert thinning.wants(ScannerLine("TWO", 1.01))
    assert thinning.wants(ScannerLine("ONE", 1.02))


def test_a_scanner_gone_mad_cannot_flood_the_gate() -> None:
    """Thousands of different lines a second: LINES_MAX of them are told, and codes count again afterwards."""
    thinning = Thinning()
    told = [thinning.wants(ScannerLine(str(number), number / 5000)) for number in range(5000)]
    assert sum(told) == LINES_MAX
    assert thinning.flooded
    assert thinning.wants(ScannerLine("CODE", 2.1))
    assert not thinning.flooded


def test_texts_of_lines_stay_out_of_logs() -> None:
    """Codes are tickets and ID numbers are personal: neither is shown by repr."""
    assert "SECRET" not in repr(ScannerLine("SECRET", 1.0))
