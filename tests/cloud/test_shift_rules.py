# SPDX-License-Identifier: Apache-2.0
"""What should be in a drawer: pure."""

from hypothesis import given
from hypothesis import strategies as st

from pistegate_cloud.shifts.rules import Totals, differences

ways = st.dictionaries(st.sampled_from(["cash", "terminal", "wechat_code"]), st.integers(0, 10**9))


def test_a_drawer_holds_its_float_and_what_was_sold_less_what_went_back() -> None:
    """By hand: 500 float, 1,200 taken, 200 given back, 1,000 to the safe."""
    totals = Totals({"cash": 120000, "terminal": 5000}, {"cash": 20000}, {"float": 50000, "to_safe": -100000})
    assert totals.expected() == {"cash": 50000, "terminal": 5000}
    assert differences(totals.expected(), {"cash": 49900, "terminal": 5000}) == {"cash": -100, "terminal": 0}


def test_what_the_guest_had_with_us_already_is_not_looked_for() -> None:
    """A wallet, a deposit, a voucher, a signed bill, nothing: the report shows them, no count is asked for them."""
    totals = Totals(
        {"cash": 100, "wallet": 5000, "deposit": 70, "voucher": 1, "account": 2, "free": 0}, {"wallet": 9}, {}
    )
    assert totals.expected() == {"cash": 100}


def test_a_terminal_that_was_not_counted_is_not_called_short() -> None:
    """A window without a terminal counts cash only."""
    assert differences({"cash": 0, "terminal": 100}, {"cash": 0}) == {"cash": 0}


@given(ways, ways, st.dictionaries(st.sampled_from(["float", "to_safe"]), st.integers(-(10**9), 10**9)))
def test_counting_what_is_expected_is_off_by_nothing(taken: dict, back: dict, drawer: dict) -> None:  # type: ignore[type-arg]
    """And counting one fen more is one fen too much."""
    expected = Totals(taken, back, drawer).expected()
    assert not any(differences(expected, expected).values())
    assert differences(expected, expected | {"cash": expected["cash"] + 1})["cash"] == 1
