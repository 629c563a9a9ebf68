# SPDX-License-Identifier: Apache-2.0
"""Machine-readable zones among a scanner's lines: whole ones only, and codes go on being codes."""

import pytest

from pistegate_edge.scanners.told import ScannerLine
from pistegate_edge.scanners.zones import NEXT_S, Zones

# The specimen of ICAO 9303-4.
FIRST = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<"
SECOND = "L898902C36UTO7408122F1204159ZE184226B<<<<<10"
CODE = "https://example.org/menu"


def taken(*lines: tuple[str, float]) -> list[str | None]:
    zones = Zones()
    return [zones.taken(ScannerLine(text, at)) for text, at in lines]


def test_both_lines_make_a_zone() -> None:
    """One after the other, or at once; blanks around them aside."""
    assert taken((FIRST, 0.0), (f" {SECOND}\t", 0.1)) == ["", FIRST + SECOND]
    assert taken((FIRST + SECOND, 0.0)) == [FIRST + SECOND]


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([(SECOND, 0.0), (FIRST, 0.1)], id="in the wrong order"),
        pytest.param([(FIRST, 0.0), (SECOND, NEXT_S + 0.1)], id="much later: another guest's"),
        pytest.param([(FIRST, 0.0), (CODE, 0.1), (SECOND, 0.2)], id="something between them"),
        pytest.param([(FIRST, 0.0), (SECOND[:-1], 0.1)], id="a character short"),
        pytest.param([(FIRST + SECOND + "<", 0.0)], id="a character long"),
    ],
)
def test_halves_make_none(lines: list[tuple[str, float]]) -> None:
    """A first line goes nowhere in any case: it names somebody."""
    found = taken(*lines)
    assert not any(found)
    assert [each == "" for each in found] == [text == FIRST for text, _ in lines]


def test_codes_are_left_alone() -> None:
    """Also one that comes right after a zone."""
    assert taken((CODE, 0.0), (FIRST, 0.1), (SECOND, 0.2), (CODE, 0.3)) == [None, "", FIRST + SECOND, None]
