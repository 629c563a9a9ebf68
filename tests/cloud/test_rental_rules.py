# SPDX-License-Identifier: Apache-2.0
"""What equipment costs and how a settlement is paid: pure rules."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pistegate_cloud.rentals.rules import ClockFee, Span, clock_fee, clock_of, damage_of, terms_of
from pistegate_cloud.settlements.rules import Held, Line, Plan, Use, overtime_due, owed, plan
from pistegate_protocol.rental import RentalKind

MINUTE = 60_000
NOON = 1_768_622_400_000
# rules.md C, with fees as a price list at the desk has them.
ONE_CARD: dict[str, Any] = {
    "clock": {
        "starts": ["boots", "skis"],
        "free": 15,
        "tiers": [{"up_to": 120, "fee": 8000}, {"up_to": 240, "fee": 12000}],
        "beyond": {"each": 60, "fee": 3000},
    },
    "flat": {"locker": 1000},
    "damages": [
        {"code": "scratch", "price": 5000, "name": {"en": "Scratch", "zh-CN": "划痕"}},
        {"code": "lost", "price": 20000, "name": {"en": "Lost", "zh-CN": "丢失"}},
        {"code": "lost", "kind": "skis", "price": 180000, "name": {"en": "Skis lost", "zh-CN": "雪板丢失"}},
    ],
    "once": True,
}
TERMS = terms_of("CNY", ONE_CARD)


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        (0, ClockFee(0, 0)),
        (15, ClockFee(15, 0)),
        (16, ClockFee(16, 8000, 120)),
        (120, ClockFee(120, 8000, 120)),
        (121, ClockFee(121, 12000, 240)),
        (240, ClockFee(240, 12000, 240)),
        (241, ClockFee(241, 15000, 240, 1)),
        (300, ClockFee(300, 15000, 240, 1)),
        (301, ClockFee(301, 18000, 240, 2)),
    ],
)
def test_fee_of_each_minute_at_a_border(minutes: int, expected: ClockFee) -> None:
    """The border minute belongs to the lower tier; seconds of a minute that is not over cost nothing."""
    assert clock_fee(NOON, NOON + minutes * MINUTE, TERMS.clock) == expected
    assert clock_fee(NOON, NOON + minutes * MINUTE + 59_999, TERMS.clock) == expected


def test_free_minutes_may_be_taken_off_a_longer_time() -> None:
    """Where the list says so, 135 minutes with 15 free are 120."""
    deducted = terms_of("CNY", {"clock": ONE_CARD["clock"] | {"deduct": True}}).clock
    assert clock_fee(NOON, NOON + 135 * MINUTE, deducted).fee == 8000
    assert clock_fee(NOON, NOON + 136 * MINUTE, deducted).fee == 12000


def test_clock_runs_from_the_first_boots_or_skis_to_the_last_piece_of_any_kind() -> None:
    """A locker taken before starts nothing; gloves that come back last end it."""
    spans = [
        Span(RentalKind.LOCKER, NOON, None),
        Span(RentalKind.SKIS, NOON + 20 * MINUTE, NOON + 100 * MINUTE),
        Span(RentalKind.BOOTS, NOON + 10 * MINUTE, NOON + 90 * MINUTE),
        Span(RentalKind.GLOVES, NOON + 10 * MINUTE, NOON + 130 * MINUTE),
    ]
    assert clock_of(spans, TERMS.clock, None) == (NOON + 10 * MINUTE, NOON + 130 * MINUTE)
    assert clock_of(spans, TERMS.clock, NOON + 131 * MINUTE) == (NOON + 10 * MINUTE, NOON + 131 * MINUTE)
    assert clock_of(spans[:1], TERMS.clock, None) is None


def test_a_damage_of_its_own_kind_comes_before_that_of_any() -> None:
    """Lost skis cost what skis cost; lost gloves what anything costs; what is not on the list has no price."""
    assert [damage_of(TERMS, kind, "lost").price for kind in (RentalKind.SKIS, RentalKind.GLOVES)] == [180000, 20000]  # type: ignore[union-attr]
    assert damage_of(TERMS, RentalKind.SKIS, "burnt") is None


def test_charges_are_paid_from_wallet_before_deposits_and_the_rest_goes_back() -> None:
    """130 yuan of charges, 100 in the wallet, a deposit of 500: 30 from the deposit, 470 back."""
    assert plan(13000, 0, (7, 10000), [Held(3, 50000)]) == Plan(
        (Use("wallet", 7, 10000), Use("deposit", 3, 3000)), {3: 47000}, 0, 0
    )


def test_what_is_handed_over_spares_the_deposit() -> None:
    """50 yuan of overtime in cash: the deposit goes back whole."""
    assert plan(5000, 5000, None, [Held(3, 50000)]) == Plan((), {3: 50000}, 0, 0)


def test_what_is_missing_is_told() -> None:
    """Lost skis cost more than the deposit."""
    assert plan(180000, 0, None, [Held(3, 50000)]).missing == 130000


money = st.integers(0, 10**6)


@given(money, money, st.none() | st.tuples(st.just(7), money), st.lists(money, max_size=4))
def test_nothing_is_made_or_lost(
    charges: int, offered: int, wallet: tuple[int, int] | None, amounts: list[int]
) -> None:
    """What was there = what paid charges + what goes back; charges = handed over + used + missing."""
    deposits = [Held(number, amount) for number, amount in enumerate(amounts)]
    found = plan(charges, offered, wallet, deposits)
    used = sum(use.amount for use in found.uses)
    there = (wallet[1] if wallet else 0) + sum(amounts)
    assert there == used + found.wallet_back + sum(found.deposits_back.values())
    assert max(0, charges - offered) == used + found.missing
    assert not found.missing or not (found.wallet_back or any(found.deposits_back.values()))


def test_only_charges_are_owed() -> None:
    """Consumption was paid at the till; it is told, and owed no second time."""
    lines = [Line("rental", 8000, kind="rental"), Line("consumption", 0), Line("deposit_back", -50000, kind="back")]
    assert owed(lines) == 8000
    assert [overtime_due(5000, paid) for paid in (0, 5000, 9000)] == [5000, 0, 0]
