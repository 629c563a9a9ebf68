# SPDX-License-Identifier: Apache-2.0
"""Parties and their rounds, and where counters end."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from protocol_cases import NOW, TODAY, a_claim, a_usage, an_amendment, today_number
from ticket_walk import Card

from pistegate_protocol.claims import ENTRIES_MAX, ClockStart, ClockTerm
from pistegate_protocol.reasons import Reason

DAY = timedelta(days=1)


def _times(start: datetime, *after_s: int) -> list[datetime]:
    return [start + timedelta(seconds=seconds) for seconds in after_s]


@pytest.mark.parametrize(
    ("party", "batch", "batches"),
    [(5, None, [5]), (5, 2, [2, 2, 1]), (3, 1, [1, 1, 1]), (4, 2, [2, 2]), (2, 9, [2]), (255, 255, [255])],
)
def test_batches_of_a_party_sum_to_the_party_and_then_it_is_passed_back(
    party: int, batch: int | None, batches: list[int]
) -> None:
    """One entry per person and round, in as many batches as the product says."""
    card = Card(a_claim(party=party, batch=batch, reentry_s=600, valid_until=TODAY + DAY))
    rounds = [[card.present(at) for _ in batches] for at in _times(NOW, 0, 600)]
    assert rounds == [batches, batches]
    assert card.present(NOW + timedelta(seconds=900)) is Reason.PASSBACK


def test_a_party_with_one_entry_each_is_used_up_when_all_are_in() -> None:
    """Without an interval the allowance alone ends the batches."""
    card = Card(a_claim(party=5, batch=2, entries_per_day=1))
    assert [card.present(NOW) for _ in range(4)] == [2, 2, 1, Reason.USED_UP_TODAY]


def test_who_stays_away_does_not_hold_the_others_up_next_time() -> None:
    """Two of a party of three ski all day: each ride both are let in at once, on this day and the next."""
    card = Card(a_claim(party=3, batch=1, reentry_s=600, valid_until=TODAY + DAY))
    rides = [[card.present(at), card.present(at + timedelta(seconds=5))] for at in _times(NOW, 0, 1800, 3600, 86400)]
    assert rides == [[1, 1]] * 4


def test_who_stays_away_today_does_not_shift_tomorrows_rounds() -> None:
    """Two of three came today. Tomorrow all three come together, and are let in together."""
    card = Card(a_claim(party=3, entries_per_day=1, reentry_s=600, batch=1, valid_until=TODAY + DAY))
    assert [card.present(NOW) for _ in range(2)] == [1, 1]
    card.claim = replace(card.claim, batch=None)
    assert card.present(NOW + DAY) == 3
    assert card.present(NOW + DAY) is Reason.USED_UP_TODAY


def test_midnight_within_a_round_separates_nobody() -> None:
    """The first at 23:59:50, the others at 00:00:10: they belong to one round, on the entries of the new day."""
    card = Card(a_claim(party=3, batch=1, entries_per_day=1, reentry_s=600, valid_until=TODAY + DAY))
    midnight = datetime(2026, 12, 24, 16, 0, tzinfo=UTC)
    assert card.present(midnight - timedelta(seconds=10)) == 1
    assert card.usage.used_on_day == 1
    after = midnight + timedelta(seconds=10)
    assert [card.present(after) for _ in range(3)] == [1, 1, Reason.PASSBACK]
    assert card.usage.used_on_day == 2
    assert card.present(after + timedelta(seconds=600)) == 1
    assert card.present(after + timedelta(seconds=1300)) is Reason.USED_UP_TODAY


def test_the_rest_of_the_allowance_bounds_a_round() -> None:
    """Seven entries were meant for a party of two and three rides and a half: nobody is let in twice for it."""
    card = Card(a_claim(party=2, entries_total=2, reentry_s=60, valid_until=TODAY + DAY))
    card.usage = replace(card.usage, used_total=3)
    assert [card.present(NOW), card.present(NOW)] == [1, Reason.USED_UP]


def test_a_round_continues_at_the_next_lane_of_the_post() -> None:
    """The party spreads over two lanes of one post; another post begins a round of its own."""
    card = Card(a_claim(party=3, batch=1, reentry_s=600))
    assert [card.present(NOW, gate) for gate in (1, 2, 1, 2)] == [1, 1, 1, Reason.PASSBACK]
    assert card.present(NOW, 3, post_gates=frozenset({3})) == 1
    assert card.usage.in_round == 1


# Where counters end.


@pytest.mark.parametrize(
    ("used_total", "used_on_day", "expected"),
    [
        (ENTRIES_MAX - 1, 0, 1),
        (ENTRIES_MAX, 0, Reason.USED_UP),
        (0, ENTRIES_MAX - 2, 2),
        (0, ENTRIES_MAX, Reason.USED_UP_TODAY),
    ],
)
def test_an_unlimited_ticket_ends_where_its_counter_does(
    used_total: int, used_on_day: int, expected: int | Reason
) -> None:
    """65,535 entries are what a card can count: told as used up, never a wrapped counter or a crash at the commit."""
    card = Card(a_claim(party=3))
    card.usage = a_usage(used_total=used_total, used_on_day=used_on_day, day=today_number())
    assert card.present(NOW) == expected


def test_where_days_are_counted_unlimited_entries_stay_at_the_end_of_their_counter() -> None:
    """The day's counter has 8 bits then: it says that the day is used, and lets a party of ten ride all day."""
    card = Card(a_claim(party=10, days=2, valid_until=TODAY + 2 * DAY))
    assert [card.present(NOW) for _ in range(40)] == [10] * 40
    assert (card.usage.used_on_day, card.usage.used_total, card.usage.days_used) == (255, 400, 1)
    card.knows(amendment=an_amendment(returns=100, return_day=TODAY))
    assert card.present(NOW) == 10
    assert (card.usage.used_on_day, card.usage.used_total, card.usage.days_used) == (255, 310, 1)
    assert [card.present(NOW + day) for day in (DAY, 2 * DAY)] == [10, Reason.DAYS_USED_UP]


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        ("2020-01-01T00:00:00+00:00", Reason.NOT_YET_VALID),
        ("2020-01-01T00:00:01+00:00", None),
        ("2050-12-31T23:59:59+00:00", None),
        ("2051-01-01T00:00:00+00:00", Reason.EXPIRED),
        ("1970-01-01T00:00:00+00:00", Reason.NOT_YET_VALID),
    ],
)
def test_a_moment_that_a_card_cannot_count_admits_nobody(now: str, reason: Reason | None) -> None:
    """A device that lost its clock tells so, and does not fail at the commit. Leaving is another matter."""
    card = Card(a_claim(valid_from=date(2020, 1, 1), valid_until=date(2199, 1, 1), clock=ClockTerm(60)))
    at = datetime.fromisoformat(now)
    assert card.present(at, exit=True) == 1
    assert card.present(at) == (1 if reason is None else reason)


def test_the_first_minute_of_the_first_ticket_fits_its_clock() -> None:
    """A sale told before 2020 began in Greenwich: the usage has no place for it, and keeps the first minute."""
    sold = ClockTerm(65535, ClockStart.SALE, 0, 60)
    card = Card(a_claim(valid_from=date(2020, 1, 1), valid_until=date(2020, 3, 1), clock=sold))
    assert card.present(datetime(2020, 1, 2, tzinfo=UTC)) == 1
    assert card.usage.started == datetime(2020, 1, 1, 0, 1, tzinfo=UTC)


def test_where_days_are_counted_a_limit_of_the_day_still_holds() -> None:
    """Two rides on each of two days."""
    card = Card(a_claim(days=2, entries_per_day=2, valid_until=TODAY + 2 * DAY))
    for day in (NOW, NOW + DAY):
        assert [card.present(day) for _ in range(3)] == [1, 1, Reason.USED_UP_TODAY]
    assert card.present(NOW + 2 * DAY) is Reason.DAYS_USED_UP
