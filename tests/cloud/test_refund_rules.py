# SPDX-License-Identifier: Apache-2.0
"""What comes back of a ticket, whatever was used of it: never more than was paid, never more for more use."""

from datetime import date, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pistegate_cloud.aftersales.rules import Asked, Piece, part_of, shares, whole

FIRST = date(2026, 1, 17)
RULES = st.fixed_dictionaries(
    {
        "back": st.sampled_from(["all", "nothing", "unused_days", "days_at_price"]),
        "back_bp": st.integers(0, 10_000),
        "fee": st.integers(0, 5000),
        "fee_bp": st.integers(0, 3000),
    }
)


def policy(
    rule: dict[str, Any], prices: dict[int, int], count: str = "used", late: str | None = None
) -> dict[str, Any]:
    name = {"en": "P", "zh-CN": "P"}
    return {"code": "p", "name": name, "rules": [rule], "count": count, "day_counts_from": late, "prices": prices}


def piece(paid: int, tax: int, days: int, used: set[date], rule: dict[str, Any] | None) -> Piece:
    return Piece(
        line=1,
        ticket=1,
        kind="ticket",
        quantity=1,
        paid=paid,
        tax=tax,
        first_day=FIRST,
        days=days,
        used=frozenset(used),
        policy=rule,
    )


@settings(max_examples=300)
@given(
    rule=RULES,
    paid=st.integers(0, 10**7),
    days=st.integers(1, 10),
    steps=st.lists(st.integers(0, 9), max_size=8),
    ladder=st.lists(st.integers(0, 10**6), min_size=1, max_size=10),
    late=st.sampled_from([None, "10:00"]),
)
def test_no_sequence_of_uses_brings_more_back(
    rule: dict[str, Any], paid: int, days: int, steps: list[int], ladder: list[int], late: str | None
) -> None:
    """Each further use brings the same or less back; `back`, fee and taxes are parts of what was paid."""
    prices = dict(enumerate(sorted(ladder), 1))
    told, used = policy(rule, prices, late=late), set[date]()
    asked = Asked(handed_in=datetime(2026, 1, 27, 9))  # noqa: DTZ001 - site time
    before = part_of(piece(paid, paid // 17, days, used, told), asked).back
    for step in steps:
        used.add(FIRST + timedelta(days=min(step, days - 1)))
        part = part_of(piece(paid, paid // 17, days, used, told), asked)
        assert 0 <= part.back <= before
        assert part.fee >= 0
        assert part.back + part.fee <= paid
        assert 0 <= part.fee_tax <= part.tax <= paid // 17
        assert 0 <= part.net <= paid - paid // 17
        before = part.back


@given(amount=st.integers(0, 10**9), bp=st.integers(0, 2000), quantity=st.integers(1, 300))
def test_pieces_are_the_line_to_the_fen(amount: int, bp: int, quantity: int) -> None:
    """All pieces of a line back are all that was paid, with all of its tax."""
    tax = amount - amount * 10_000 // (10_000 + bp)
    parts = [whole(piece(gross, of_it, 1, set(), None)) for gross, of_it in shares(amount, tax, quantity)]
    assert sum(part.back for part in parts) == amount
    assert sum(part.tax for part in parts) == tax


def test_a_ticket_without_a_policy_comes_back_unused_only() -> None:
    """All of it, or nothing once somebody passed."""
    asked = Asked(handed_in=datetime(2026, 1, 17, 9))  # noqa: DTZ001 - site time
    assert part_of(piece(100, 6, 1, set(), None), asked).back == 100
    assert part_of(piece(100, 6, 1, {FIRST}, None), asked).back == 0
