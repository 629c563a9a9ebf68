# SPDX-License-Identifier: Apache-2.0
"""Prices, fees, refunds, shares and taxes as pure rules: one price or a named hole, and every unit accounted for."""

from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pistegate_cloud.pricing.bundles import amounts, divides
from pistegate_cloud.pricing.choice import Prices, Sale, day_type, fits, rank
from pistegate_cloud.pricing.holders import age_on, proves
from pistegate_cloud.pricing.lists import Content, Deposit, HolderClass, PartOf, Policy, Tiers
from pistegate_cloud.pricing.rules import (
    BP,
    Facts,
    deposit_of,
    overtime_fee,
    refund_fee,
    split,
    tax_of,
    with_list_price,
)

NAME = {"en": "X", "zh-CN": "某"}
SATURDAY, SUNDAY, MONDAY = date(2026, 1, 17), date(2026, 1, 18), date(2026, 1, 19)
money = st.integers(0, 10**12)


def content(**parts: Any) -> Content:
    return Content.model_validate(parts)


# Day types: Tue 17 Feb 2026 is a holiday (calendar 1), Sat 14 Feb a working day that makes up for it (calendar 2).
TYPES = [
    {"code": "holiday", "name": NAME, "sets": [1]},
    {"code": "weekend", "name": NAME, "weekdays": ["sat", "sun"], "except": [2]},
    {"code": "discount", "name": NAME, "weekdays": ["mon", "wed"]},
    {"code": "weekday", "name": NAME},
]


@pytest.mark.parametrize(
    ("day", "sets", "expected"),
    [
        (SATURDAY, (), "weekend"),
        (MONDAY, (), "discount"),
        (MONDAY, (1,), "holiday"),
        (date(2026, 2, 17), (1,), "holiday"),
        (date(2026, 2, 14), (2,), "weekday"),
        (date(2026, 1, 20), (), "weekday"),
        (SATURDAY, (7,), "weekend"),
    ],
)
def test_day_types(day: date, sets: tuple[int, ...], expected: str) -> None:
    """The first type that fits: a holiday on a Monday is no discount day, a Saturday that is worked no weekend."""
    assert day_type(day, content(day_types=TYPES).day_types, sets) == expected


def test_a_day_that_no_type_fits_has_none() -> None:
    """Without a type for every other day."""
    assert day_type(MONDAY, content(day_types=TYPES[:2]).day_types, ()) is None


SEASONS = [
    {"code": "winter", "name": NAME, "from": "2025-12-01", "to": "2026-03-31"},
    {"code": "festival", "name": NAME, "from": "2026-01-17", "to": "2026-01-23"},
]


@pytest.mark.parametrize(
    ("sale", "price"),
    [
        (Sale(date(2025, 11, 1), "weekday", 600, "window"), 10),
        (Sale(date(2025, 12, 9), "weekday", 600, "window"), 20),
        (Sale(SUNDAY, "weekend", 600, "window"), 40),  # the shorter season
        (Sale(date(2025, 12, 9), "weekday", 750, "window"), 25),  # in the afternoon
        (Sale(date(2025, 12, 9), "weekday", None, "window"), 20),  # sold ahead: there is no time yet
        (Sale(SUNDAY, "weekend", 600, "online"), 30),  # a channel beats any season
        (Sale(SUNDAY, "weekend", 600, "online", "gold"), 5),  # and a level any channel
        (Sale(SUNDAY, "weekend", 600, "online", "silver"), 30),
    ],
)
def test_the_most_specific_price_wins(sale: Sale, price: int) -> None:
    """Level, channel, season, weekdays, time, day type: in this order."""
    rows: list[dict[str, Any]] = [
        {"price": 5, "level": "gold"},
        {"price": 10},
        {"price": 20, "season": "winter"},
        {"price": 25, "season": "winter", "times": {"from": "12:30", "to": "16:30"}},
        {"price": 30, "channel": "online"},
        {"price": 40, "season": "festival"},
        {"price": 45, "season": "winter", "day_types": ["weekend"]},
    ]
    found = Prices(content(seasons=SEASONS, rows=[{"product": 1} | row for row in rows])).choose(1, sale)
    assert found is not None
    assert found.row.price == price


codes = st.sampled_from(["a", "b"])
some_codes = st.lists(codes, unique=True, max_size=2)
spans = st.sampled_from(
    [None, {"from": "08:00", "to": "12:00"}, {"from": "11:00", "to": "16:00"}, {"from": "12:00", "to": "24:00"}]
)
rows = st.fixed_dictionaries(
    {
        "product": st.just(1),
        "price": st.integers(0, 1000),
        "day_types": some_codes,
        "weekdays": st.lists(st.sampled_from(["mon", "sat"]), unique=True, max_size=2),
        "season": st.sampled_from([None, "s1", "s2", "s3"]),
        "times": spans,
        "channel": st.sampled_from([None, "window", "online"]),
        "level": st.sampled_from([None, "gold"]),
    }
)
ONE_SEASON = [
    {"code": "s1", "name": NAME, "from": "2026-01-01", "to": "2026-01-31"},
    {"code": "s2", "name": NAME, "from": "2026-01-17", "to": "2026-02-16"},  # as long as s1
    {"code": "s3", "name": NAME, "from": "2026-01-18", "to": "2026-01-19"},
]
sales = st.builds(
    Sale,
    st.sampled_from([SATURDAY, MONDAY, date(2026, 2, 14), date(2026, 5, 4)]),
    codes,
    st.one_of(st.none(), st.integers(0, 1439)),
    st.sampled_from(["window", "online", "kiosk"]),
    st.sampled_from([None, "gold"]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(rows, min_size=1, max_size=8), sales)
def test_exactly_one_price_or_a_hole(listed: list[dict[str, Any]], sale: Sale) -> None:
    """Of the rows that fit, all have another rank unless `overlaps` names the two; the chosen one is the highest."""
    prices = Prices(content(seasons=ONE_SEASON, rows=listed))
    seasons = {season.code: season for season in content(seasons=ONE_SEASON).seasons}
    fitting = [found for found in prices.of(1) if fits(found.row, sale, seasons)]
    named = {(one.index, other.index) for one, other in prices.overlaps()}
    for one in fitting:
        for other in fitting:
            if one.index < other.index and rank(one.row, seasons) == rank(other.row, seasons):
                assert (one.index, other.index) in named
    chosen = prices.choose(1, sale)
    assert (chosen is None) == (not fitting)
    if chosen is not None:
        assert rank(chosen.row, seasons) == max(rank(found.row, seasons) for found in fitting)
        if not named:
            turned = Prices(content(seasons=ONE_SEASON, rows=listed[::-1])).choose(1, sale)
            assert turned is not None  # the order in which rows are written means nothing
            assert turned.row == chosen.row


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ({"times": {"from": "08:00", "to": "12:00"}}, {"times": {"from": "11:59", "to": "16:00"}}, True),
        ({"times": {"from": "08:00", "to": "12:00"}}, {"times": {"from": "12:00", "to": "16:00"}}, False),
        ({"weekdays": ["sat", "sun"]}, {"weekdays": ["sun"]}, True),
        ({"weekdays": ["sat"]}, {"weekdays": ["sun"]}, False),
        ({"day_types": ["a", "b"]}, {"day_types": ["b"]}, True),
        ({"day_types": ["a"]}, {"day_types": ["b"]}, False),
        ({"season": "s1"}, {"season": "s2"}, True),  # equally long, and they share days
        ({"season": "s1"}, {"season": "s3"}, False),  # the shorter wins
        ({"season": "s3"}, {"season": "s4"}, False),  # equally long, apart
        ({"channel": "a"}, {"channel": "b"}, False),
        ({"level": "a"}, {"level": "b"}, False),
        ({"level": "a"}, {"channel": "a"}, False),  # the level wins
        ({}, {}, True),
    ],
)
def test_rows_that_contradict(one: dict[str, Any], other: dict[str, Any], meet: bool) -> None:
    """Equal rank and a sale that both fit."""
    apart = {"code": "s4", "name": NAME, "from": "2026-01-20", "to": "2026-01-21"}
    listed = [{"product": 1, "price": 1} | one, {"product": 1, "price": 2} | other]
    assert bool(list(Prices(content(seasons=[*ONE_SEASON, apart], rows=listed)).overlaps())) is meet


@given(money, st.integers(0, 5000))
def test_tax_inside_a_price(amount: int, tax_bp: int) -> None:
    """Net and tax sum to the amount; the net is the nearest integer, halves to even."""
    net = amount - tax_of(amount, tax_bp)
    assert net == round(Fraction(amount * BP, BP + tax_bp))
    assert tax_of(-amount, tax_bp) == -tax_of(amount, tax_bp)


def test_tax_of_known_amounts() -> None:
    """6 % in 298.00 yuan are 16.87; a half goes to the even net."""
    assert [tax_of(29800, 600), tax_of(0, 600), tax_of(100, 0), tax_of(3, 10000), tax_of(1, 10000)] == [
        1687,
        0,
        0,
        1,  # 1.5 -> 2
        1,  # 0.5 -> 0
    ]


@given(st.integers(-(10**12), 10**12), st.lists(st.integers(0, BP), min_size=1, max_size=8).filter(any))
def test_parts_sum_to_the_amount(amount: int, weights: list[int]) -> None:
    """Exact; none is off its share by a whole unit; equal weights differ by one at most, the earlier never less."""
    parts = split(amount, weights)
    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(amount * weight, sum(weights))) < 1
        assert weight or not part
    assert split(-amount, weights) == [-part for part in parts]


def test_what_is_left_over_goes_to_who_lost_most() -> None:
    """Of equals to the first."""
    assert split(100, [1, 1, 1]) == [34, 33, 33]
    assert split(1, [3333, 3333, 3334]) == [0, 0, 1]
    with pytest.raises(ValueError, match="weights"):
        split(1, [0, 0])


@given(money, st.lists(st.integers(0, 10**9), max_size=3), st.lists(st.integers(1, 9999), max_size=3))
def test_a_bundle_is_its_parts(price: int, fixed: list[int], cuts: list[int]) -> None:
    """Whatever divides sums exactly, fixed amounts as they are."""
    bounds = [0, *sorted(cuts), BP]
    shares = [b - a for a, b in pairwise(bounds)]
    parts = [PartOf(product=1, amount=each) for each in fixed] + [PartOf(product=2, bp=each) for each in shares]
    if divides(price, parts):
        found = amounts(price, parts)
        assert sum(found) == price
        assert found[: len(fixed)] == fixed
        assert min(found) >= 0
    else:
        assert sum(fixed) > price


def tiers(*of: dict[str, Any], **more: Any) -> Tiers:
    return Tiers.model_validate({"code": "t", "name": NAME, "tiers": of} | more)


# Rule B: up to 15 minutes 50 yuan; beyond, a whole session (4 h, 198 yuan) for every begun one.
RULE_B = with_list_price(tiers({"up_to": 15, "fee": 5000}, {"fee": "list_price", "each": 240}), 19800)


@pytest.mark.parametrize(
    ("minutes", "fee", "keys"),
    [
        (-5, 0, ["within_grace"]),
        (0, 0, ["within_grace"]),
        (1, 5000, ["overtime"]),
        (15, 5000, ["overtime"]),
        (16, 19800, ["overtime_blocks"]),
        (240, 19800, ["overtime_blocks"]),
        (241, 39600, ["overtime_blocks"]),
    ],
)
def test_overtime_of_rule_b(minutes: int, fee: int, keys: list[str]) -> None:
    """To the fen at each border, with the reason."""
    found = overtime_fee(minutes, RULE_B)
    assert (found.amount, [why.key for why in found.why]) == (fee, keys)


def test_a_clock_with_free_minutes_and_a_cap() -> None:
    """Rule C: 15 minutes are free; taken off where the list says so; never more than the cap."""
    clock = tiers({"fee": 2000, "each": 60}, free=15, cap=9000)
    assert [overtime_fee(m, clock).amount for m in (15, 16, 60, 61, 300)] == [0, 2000, 2000, 4000, 9000]
    off = clock.model_copy(update={"deduct": True})
    assert [overtime_fee(m, off).amount for m in (15, 16, 75, 76)] == [0, 2000, 2000, 4000]
    assert [why.key for why in overtime_fee(300, clock).why] == ["overtime_blocks", "cap"]


@given(st.integers(-100, 5000), st.integers(0, 60), st.integers(0, 10**9), st.integers(0, 10**9), st.integers(1, 600))
def test_more_minutes_never_cost_less(minutes: int, free: int, small: int, more: int, each: int) -> None:
    """Where later tiers are not cheaper, which the check of a list warns of."""
    of = tiers({"up_to": 15, "fee": small}, {"fee": small + more, "each": each}, free=free)
    assert 0 <= overtime_fee(minutes, of).amount <= overtime_fee(minutes + 1, of).amount


FIRST = date(2026, 2, 2)
# Rule E: only after an accident with a doctor's note, at the price of the days used; day tickets none.
RULE_E = Policy.model_validate(
    {
        "code": "e",
        "name": NAME,
        "count": "elapsed",
        "day_counts_from": "10:00",
        "rules": [{"reasons": ["accident"], "documents": ["doctor"], "back": "days_at_price"}],
        "ladder": [{"days": 1, "product": 1}],
        "prices": {"1": 7000, "2": 13000, "3": 18000, "4": 22000, "6": 28000},
    }
)


def facts(hand_in: str, **more: Any) -> Facts:
    plain: dict[str, Any] = {"kind": "ticket", "paid": 28000, "days": 6, "first_day": FIRST}
    plain |= {"reason": "accident", "documents": frozenset({"doctor"})}
    return Facts(**(plain | {"handed_in": datetime.fromisoformat(hand_in)} | more))


@pytest.mark.parametrize(
    ("hand_in", "more", "back"),
    [
        ("2026-02-01T09:00", {}, 28000),
        ("2026-02-02T09:59", {}, 28000),
        ("2026-02-02T10:00", {}, 21000),  # the day counts
        ("2026-02-04T09:59", {}, 15000),
        ("2026-02-04T10:00", {}, 10000),
        ("2026-02-04T09:00", {"used": frozenset({FIRST + timedelta(days=2)})}, 10000),  # already skied that day
        ("2026-02-06T10:00", {"paid": 30000}, 2000),  # of five days there is no pass: the next longer one's price
        ("2026-02-09T08:00", {}, 0),
        ("2026-02-04T09:59", {"reason": "weather"}, 0),
        ("2026-02-04T09:59", {"documents": frozenset()}, 0),
        ("2026-02-02T10:00", {"days": 1, "paid": 7000}, 0),
    ],
)
def test_refunds_of_rule_e(hand_in: str, more: dict[str, Any], back: int) -> None:
    """From the hand-in, computed at the price of the days used; after 10:00 the day counts."""
    fee = refund_fee(RULE_E, facts(hand_in, **more))
    assert (fee.back, fee.amount + fee.back) == (back, more.get("paid", 28000))


# Rule A: unused tickets go back up to the day before for nothing, on the day for 10 %; insurance never.
RULE_A = Policy.model_validate(
    {
        "code": "a",
        "name": NAME,
        "rules": [
            {"kinds": ["insurance"], "back": "nothing"},
            {"used": False, "hours_before": 0, "back": "all"},
            {"used": False, "back": "all", "fee_bp": 1000},
        ],
    }
)


@pytest.mark.parametrize(
    ("hand_in", "more", "back", "keys"),
    [
        ("2026-02-01T23:59", {}, 29800, ["refund_all"]),
        ("2026-02-02T08:00", {}, 26820, ["refund_all", "refund_fee"]),
        ("2026-02-02T12:00", {"used": frozenset({FIRST})}, 0, ["refund_none"]),
        ("2026-02-01T12:00", {"kind": "insurance", "paid": 2000}, 0, ["refund_nothing"]),
    ],
)
def test_refunds_of_rule_a(hand_in: str, more: dict[str, Any], back: int, keys: list[str]) -> None:
    """With the reasons, line by line."""
    fee = refund_fee(RULE_A, facts(hand_in, **({"paid": 29800, "days": 1} | more)))
    assert (fee.back, [why.key for why in fee.why]) == (back, keys)


rules_of = st.fixed_dictionaries(
    {
        "kinds": st.lists(st.sampled_from(["ticket", "insurance"]), max_size=2),
        "used": st.sampled_from([None, True, False]),
        "back": st.sampled_from(["all", "nothing", "unused_days", "days_at_price"]),
        "back_bp": st.integers(0, BP),
        "fee": st.integers(0, 10**6),
        "fee_bp": st.integers(0, BP),
    }
)


@settings(max_examples=150, deadline=None)
@given(st.data(), st.lists(rules_of, max_size=4), st.integers(0, 10**9), st.integers(1, 10), st.integers(1, 5))
def test_a_refund_is_neither_more_than_was_paid_nor_less_than_nothing(
    data: st.DataObject, listed: list[dict[str, Any]], paid: int, days: int, quantity: int
) -> None:
    """What stays and what goes back are what was paid, whatever the policy and the days."""
    policy = {"code": "p", "name": NAME, "rules": listed, "prices": {"1": 500, "3": 1200}}
    policy |= {"count": data.draw(st.sampled_from(["used", "elapsed"])), "day_counts_from": "10:00"}
    used = frozenset(FIRST + timedelta(days=d) for d in data.draw(st.sets(st.integers(0, days - 1))))
    hand_in = datetime.fromisoformat("2026-02-01") + timedelta(hours=data.draw(st.integers(-50, 24 * 15)))
    fee = refund_fee(
        Policy.model_validate(policy),
        Facts(kind="ticket", paid=paid, quantity=quantity, days=days, first_day=FIRST, used=used, handed_in=hand_in),
    )
    assert fee.amount >= 0
    assert fee.back >= 0
    assert fee.amount + fee.back == paid


def test_a_deposit_by_day_type() -> None:
    """Rule B: 500 yuan on weekdays, 700 on weekends and holidays; a type that is not named has none."""
    deposit = Deposit.model_validate({"code": "d", "name": NAME, "by": {"weekday": 50000, "holiday": 70000}})
    assert [deposit_of(deposit, each) for each in ("weekday", "holiday", "other")] == [50000, 70000, None]


def holder(**of: Any) -> HolderClass:
    return HolderClass.model_validate({"code": "c", "name": NAME} | of)


@pytest.mark.parametrize(
    ("of", "proof", "fits_it"),
    [
        ({"age": {"from": 65}}, "born:1961-01-17", True),  # 65 on the day of the visit
        ({"age": {"from": 65}}, "born:1961-01-18", False),
        ({"age": {"from": 65}}, "born:1960", True),
        ({"age": {"from": 65}}, "born:1961", False),  # perhaps not yet
        ({"age": {"from": 65}}, "age:65", True),
        ({"age": {"from": 65}}, "height:180", False),
        ({"height_cm": {"to": 120}}, "height:120", True),
        ({"height_cm": {"to": 120}}, "height:121", False),
        ({"height_cm": {"from": 121, "to": 150}, "age": {"to": 6}}, "age:6", True),
        ({"born": {"from": 2010, "to": 2019}}, "born:2010-12-31", True),
        ({"born": {"from": 2010, "to": 2019}}, "born:2009", False),
        ({"document": "disability"}, "document:disability", True),
        ({"document": "disability"}, "document:student", False),
        ({"age": {"from": 65}}, "born:1961-13-45", False),
        ({"age": {"to": 6}}, "born:2027", False),  # not born yet
        ({"age": {"to": 6}}, "nonsense", False),
    ],
)
def test_who_is_of_a_class(of: dict[str, Any], proof: str, fits_it: bool) -> None:
    """One condition is enough; what could be otherwise is not proof."""
    assert proves(holder(**of), proof, SATURDAY) is fits_it


@given(st.dates(date(1900, 1, 1), SATURDAY), st.integers(0, 400))
def test_ages_only_grow(born: date, days: int) -> None:
    """By one at most in a year, on a birthday."""
    assert 0 <= age_on(born, SATURDAY + timedelta(days=days)) - age_on(born, SATURDAY) <= 2
