# SPDX-License-Identifier: Apache-2.0
"""When revenue is earned: pure. No passage earns twice, no order of arrival changes the sum."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pistegate_cloud.days.earning import Terms, due, earned, shared, way_of

FIRST = date(2026, 1, 17)
DAYS = [FIRST + timedelta(days=n) for n in range(10)]


@pytest.mark.parametrize(
    ("given", "way"),
    [
        ({"last": DAYS[0], "days": None, "entries": None}, "once"),
        ({"last": DAYS[0], "days": None, "entries": 10}, "once"),
        ({"last": DAYS[9], "days": 3, "entries": None}, "days"),
        ({"last": DAYS[9], "days": None, "entries": 10}, "entries"),
        ({"last": DAYS[9], "days": None, "entries": None}, "linear"),
        ({"last": DAYS[9], "days": None, "entries": None, "session": True}, "once"),
    ],
)
def test_a_ticket_is_earned_by_what_it_is(given: dict[str, Any], way: str) -> None:
    """A day, N of M days, entries, days in a row; four hours within ten days are one session."""
    assert way_of(first=FIRST, **given).way == way


@pytest.mark.parametrize(
    ("terms", "uses", "expected"),
    [
        (Terms("once", FIRST, FIRST), [(0, 1), (0, 1)], {0: 1000}),
        (Terms("days", FIRST, DAYS[9], 3), [(0, 1), (0, 1), (4, 1)], {0: 333, 4: 333}),
        (Terms("days", FIRST, DAYS[9], 3), [(0, 1), (4, 1), (5, 1), (6, 1)], {0: 333, 4: 333, 5: 334, 6: 0}),
        (Terms("entries", FIRST, DAYS[9], 10), [(0, 2), (3, 1)], {0: 200, 3: 100}),
        (Terms("linear", FIRST, DAYS[9]), [(1, 1), (9, 0)], {1: 200, 9: 800}),
        (Terms("once", FIRST, FIRST), [], {}),
    ],
)
def test_what_a_day_of_use_earns(terms: Terms, uses: list[tuple[int, int]], expected: dict[int, int]) -> None:
    """Of 10.00: nothing without a passage, all of it with the last one."""
    found = earned(1000, terms, [(DAYS[day], charged) for day, charged in uses])
    assert found == {DAYS[day]: amount for day, amount in expected.items()}


def test_a_late_gates_earlier_day_moves_no_closed_day() -> None:
    """N of M: the day that a late gate adds is posted; in a row: it only moves shares, and nothing is posted."""
    days = Terms("days", FIRST, DAYS[9], 4)
    assert due(earned(1000, days, [(DAYS[3], 1), (DAYS[1], 1)]), {DAYS[3]: 250}, 750) == {DAYS[1]: 250}
    assert due(earned(1000, days, [(DAYS[3], 1), (DAYS[1], 1)]), {DAYS[1]: 250}, 750) == {DAYS[3]: 250}
    row = Terms("linear", FIRST, DAYS[9])
    assert due(earned(1000, row, [(DAYS[3], 1), (DAYS[1], 1)]), {DAYS[3]: 400}, 600) == {}


_ways = st.sampled_from(["once", "days", "entries", "linear"])
_uses = st.lists(st.tuples(st.sampled_from(DAYS), st.integers(0, 3)), max_size=12)


@given(
    net=st.integers(1, 10**7), way=_ways, of=st.integers(1, 12), uses=_uses, back=st.integers(0, 10**7), data=st.data()
)
def test_any_order_of_arrival_earns_the_same_and_never_too_much(
    net: int, way: Any, of: int, uses: list[tuple[date, int]], back: int, data: st.DataObject
) -> None:
    """Passages told one by one in any order: the sum is what all of them earn together, less what went back."""
    terms, room = Terms(way, FIRST, DAYS[9], of), net - min(back, net)
    posted: dict[date, int] = {}
    seen: list[tuple[date, int]] = []
    for use in data.draw(st.permutations(uses)):
        seen.append(use)
        steps = due(earned(net, terms, seen), posted, room - sum(posted.values()))
        assert all(amount > 0 for amount in steps.values())
        for day, amount in steps.items():
            posted[day] = posted.get(day, 0) + amount
        assert due(earned(net, terms, seen), posted, room - sum(posted.values())) == {}  # again: nothing
    assert sum(posted.values()) == min(room, sum(earned(net, terms, uses).values()))


@given(
    weights=st.lists(st.integers(1, 5000), min_size=1, max_size=5),
    steps=st.lists(st.integers(1, 99_999), min_size=1, max_size=8),
)
def test_shares_of_parts_are_shares_of_the_whole(weights: list[int], steps: list[int]) -> None:
    """However a ticket is earned, each site's share is the same as of the whole at once."""
    shares = [{"site": number, "bp": weight} for number, weight in enumerate(weights)]
    sums, before = dict.fromkeys(range(len(weights)), 0), 0
    for step in steps:
        for site, _, amount in shared(shares, before, before + step):
            assert site is not None
            sums[site] += amount
        before += step
    whole = dict.fromkeys(range(len(weights)), 0) | {site: amount for site, _, amount in shared(shares, 0, before)}
    assert sums == whole
    assert sum(sums.values()) == before
