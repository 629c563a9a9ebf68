# SPDX-License-Identifier: Apache-2.0
"""When a box may sell, and what it says of itself to whom: pure."""

import pytest

from pistegate_edge.contingency import rules
from pistegate_edge.contingency.rules import BACK_MS, CUT_MS, VOID_MS, Line, Stock, Why, may_close, why_not
from pistegate_edge.contingency.times import before
from pistegate_protocol.contingency import batch_digest, pin_hash, pin_matches, receipt_name, serial_name


def test_a_line_is_cut_after_a_minute_without_an_answer() -> None:
    """Counted from the last answer, or from the start: a box that just started does not sell at once."""
    line = Line(0)
    assert not line.is_cut(CUT_MS - 1)
    assert line.is_cut(CUT_MS)
    line.answered(CUT_MS // 2)
    assert not line.is_cut(CUT_MS)
    assert line.left_ms(CUT_MS) == CUT_MS // 2
    assert line.is_cut(CUT_MS // 2 + CUT_MS)


def test_a_cut_line_is_back_when_it_has_held() -> None:
    """One answer is not enough, nor are answers with silence between them."""
    line = Line(0)
    at = 2 * CUT_MS
    line.failed(at)
    line.answered(at)
    assert line.is_cut(at + BACK_MS // 2)
    line.failed(at + BACK_MS // 2)
    line.answered(at + BACK_MS)
    assert line.is_cut(at + BACK_MS)
    line.answered(at + 2 * BACK_MS - 1)
    assert line.is_cut(at + 2 * BACK_MS - 1)
    line.answered(at + 2 * BACK_MS)
    assert not line.is_cut(at + 2 * BACK_MS)


def test_a_line_with_a_short_gap_was_never_cut() -> None:
    """Up to a minute the window's program repeats its request; both ways to sell at once would be one too many."""
    line = Line(0)
    for at in range(0, 20 * CUT_MS, CUT_MS - 1):
        assert not line.is_cut(at)
        line.failed(at)
        line.answered(at)


@pytest.mark.parametrize(
    ("cut", "trusted", "stock", "why"),
    [
        (False, True, Stock(True, 5), Why.ONLINE),
        (False, False, Stock(False, 0), Why.ONLINE),
        (True, False, Stock(True, 5), Why.CLOCK),
        (True, True, Stock(False, 0), Why.NO_BATCH),
        (True, True, Stock(True, 0), Why.SOLD_OUT),
        (True, True, Stock(True, 1), None),
    ],
)
def test_every_reason_not_to_sell(cut: bool, trusted: bool, stock: Stock, why: Why | None) -> None:
    """One is told where several hold."""
    assert why_not(cut=cut, trusted=trusted, stock=stock) is why


def test_a_sale_is_voided_only_before_its_codes_are_seen_and_told_only_when_it_is_final() -> None:
    """Never both: what was told is never voided."""
    for state in ("open", "given", "void"):
        for after in (0, VOID_MS - 1, VOID_MS):
            may, final = rules.may_void(state, 0, after), rules.is_final(state, 0, after)
            assert may == (state == "open" and after < VOID_MS)
            assert final != may


def test_a_batch_is_closed_when_all_is_told() -> None:
    """After sales when the line is steady, and without any when its day is over; never before."""
    assert may_close(steady=True, over=False, sold=1, untold=0)
    assert may_close(steady=False, over=True, sold=0, untold=0)
    assert not may_close(steady=True, over=False, sold=0, untold=0)
    assert not may_close(steady=False, over=False, sold=1, untold=0)
    assert not may_close(steady=True, over=True, sold=1, untold=1)


def test_pins_numbers_and_digests() -> None:
    """What cloud and box must write alike."""
    kept = pin_hash("402817", b"s" * 16)
    assert pin_matches("402817", b"s" * 16, kept)
    assert not any(pin_matches(pin, b"s" * 16, kept) for pin in ("402818", "", "４０２８１７", "40281", "402817 "))
    assert receipt_name(3, "2026-01-17", 2, 41) == "Y3-20260117-2-0041"
    assert serial_name(3, 41) == "Y3-000041"
    assert batch_digest([(1, 2, 3, "4")]) != batch_digest([(1, 23, 3, "4")])


def test_a_steady_clock_of_another_boot_tells_nothing() -> None:
    """Only the latest trusted time is kept across it."""
    facts = {"mark_ms": "1000", "anchor": f"{b'boot'.hex()} 5 1000 20"}
    anchor = before(facts, b"boot").anchor
    assert anchor is not None
    assert (anchor.steady_ms, anchor.at_ms, anchor.error_ms) == (5, 1000, 20)
    for other in (b"", b"next"):
        assert (before(facts, other).mark_ms, before(facts, other).anchor) == (1000, None)
    assert before({}, b"boot").mark_ms is None
