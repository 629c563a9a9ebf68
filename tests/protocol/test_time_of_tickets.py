# SPDX-License-Identifier: Apache-2.0
"""Clocks, banks of hours, windows: the corners that no area's story meets."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_cases import NOW, TODAY, a_claim, a_gate, a_usage, an_amendment, today_number
from ticket_walk import Card

from pistegate_protocol.claims import Bank, Claim, ClockStart, ClockTerm, Window
from pistegate_protocol.clocks import Drawn, draw_first, draw_since
from pistegate_protocol.decide import Admit, Knowledge, Refuse, decide, worth
from pistegate_protocol.reasons import Reason
from pistegate_protocol.suspensions import Suspension
from pistegate_protocol.usage import BANK_MAX

DAY = timedelta(days=1)
SEASON = {"valid_from": date(2026, 12, 1), "valid_until": date(2027, 3, 31)}


def minutes(number: float) -> timedelta:
    """So many minutes."""
    return timedelta(minutes=number)


def left(decision: object) -> int | None:
    """Minutes that the guest is shown."""
    assert isinstance(decision, Admit), decision
    return decision.prompt.left_minutes


# Clocks.


@pytest.mark.parametrize("seconds", [0, 1, 59])
def test_a_clock_starts_with_the_next_whole_minute(seconds: int) -> None:
    """Never less than was sold, and less than a minute more."""
    card = Card(a_claim(clock=ClockTerm(60)))
    at = NOW + timedelta(seconds=seconds)
    assert card.present(at) == 1
    assert card.usage.started == (NOW if seconds == 0 else NOW + minutes(1))
    assert card.present(at + minutes(60) - timedelta(seconds=1)) == 1
    assert card.present(at + minutes(61)) is Reason.TIME_USED_UP


def test_gates_whose_clocks_differ_keep_the_start_that_the_first_one_told() -> None:
    """The end that the guest was shown does not move."""
    card = Card(a_claim(clock=ClockTerm(60)))
    shown = set()
    for after in (0, -3, 2, 30, -2):
        decision = card.tap(NOW + minutes(after))
        assert isinstance(decision, Admit)
        shown.add(decision.prompt.ends)
    assert shown == {NOW + minutes(60)}


def test_a_fixed_clock_says_when_it_starts() -> None:
    """Ten minutes early at a session's gate: the refusal holds the time to come back."""
    claim = a_claim(clock=ClockTerm(180, ClockStart.FIXED, 10 * 60 + 10))
    assert decide(claim, a_usage(), a_gate(), NOW, Knowledge()) == Refuse(Reason.NOT_YET_VALID, NOW + minutes(10))
    tomorrow = a_claim(valid_from=TODAY + DAY, valid_until=TODAY + DAY)
    assert decide(tomorrow, a_usage(), a_gate(), NOW, Knowledge()) == Refuse(Reason.NOT_YET_VALID)


@pytest.mark.parametrize(
    ("kept", "start"),
    [(ClockTerm(60, ClockStart.FIXED, 600), None), (ClockTerm(60, ClockStart.SALE, 600), None), (ClockTerm(60), NOW)],
    ids=["fixed", "sale", "first passage"],
)
def test_the_card_keeps_a_start_only_where_the_claim_does_not_tell_it(kept: ClockTerm, start: datetime | None) -> None:
    """A start written to the card could be rewritten there; the signed one cannot."""
    card = Card(a_claim(clock=kept))
    assert card.present(NOW) == 1
    assert card.usage.started == start
    card.usage = a_usage(started=NOW + minutes(600))
    assert card.present(NOW + minutes(61)) == (1 if start else Reason.TIME_USED_UP)


def test_a_passage_that_is_a_reoffer_starts_no_clock() -> None:
    """The clock of the party started with those who came first."""
    card = Card(a_claim(party=2, clock=ClockTerm(60)))
    assert card.present(NOW) == 2
    card.owes(1)
    decision = card.tap(NOW + minutes(50))
    assert isinstance(decision, Admit)
    assert (decision.charged, decision.prompt.ends, card.usage.started) == (0, NOW + minutes(60), NOW)
    card.owes(1)
    assert card.present(NOW + minutes(60)) is Reason.TIME_USED_UP


@pytest.mark.parametrize(("after", "overtime"), [(59, False), (60, True), (74, True), (75, None)])
def test_overtime_is_admitted_and_marked(after: int, overtime: bool | None) -> None:
    """So that a till can charge for it; beyond it nobody enters."""
    card = Card(a_claim(clock=ClockTerm(60), overtime=15))
    assert card.present(NOW) == 1
    decision = card.tap(NOW + minutes(after))
    assert (decision.overtime if isinstance(decision, Admit) else None) is overtime


def test_the_hour_for_the_first_passage_stands_still_with_the_lift() -> None:
    """Redeemed at 9:30, the lift stood from 9:45 to 10:15: at 10:50 fifty minutes have run: the clock starts."""
    told = ClockTerm(120, ClockStart.SALE, 9 * 60 + 30, 60)
    closed = Suspension(1, NOW - minutes(15), NOW + minutes(15), clocks_paused=True)
    for suspensions, ends in (((closed,), NOW + minutes(170)), ((), NOW + minutes(90))):
        card = Card(a_claim(clock=told))
        card.knows(suspensions=suspensions)
        decision = card.tap(NOW + minutes(50))
        assert isinstance(decision, Admit)
        assert decision.prompt.ends == ends


@pytest.mark.parametrize(
    ("suspension", "ends"),
    [
        (Suspension(1, NOW + minutes(10), NOW + minutes(40), True), 90),
        (Suspension(4, NOW + minutes(10), NOW + minutes(40), True), 90),
        (Suspension(2, NOW + minutes(10), NOW + minutes(40), True), 60),
        (Suspension(1, NOW + minutes(10), NOW + minutes(40), False), 60),
        (Suspension(1, NOW - minutes(50), NOW, True), 60),
        (Suspension(1, NOW + minutes(50), NOW + minutes(80), True), 90),
        (Suspension(1, NOW + minutes(60), NOW + minutes(90), True), 60),
        (Suspension(1, NOW + timedelta(seconds=10), NOW + timedelta(seconds=20), True), 61),
    ],
)
def test_a_clock_is_paused_by_the_areas_of_its_ticket(suspension: Suspension, ends: int) -> None:
    """Whichever of them closes, and whichever gate is asked; a pause before the start or after the end is none."""
    card = Card(a_claim(clock=ClockTerm(60)))
    assert card.present(NOW) == 1
    card.knows(suspensions=(suspension,))
    assert card.present(NOW + minutes(ends) - timedelta(seconds=1), area=4) == 1
    assert card.present(NOW + minutes(ends), area=4) is Reason.TIME_USED_UP
    shown = worth(card.claim, card.usage, card.gate, NOW, card.knowledge).ends
    assert shown == NOW + minutes(ends)


# The bank.


def banked(**changes: object) -> Card:
    """A card with ten hours for the season, an hour a day at least."""
    return Card(a_claim(**SEASON | {"bank": Bank(600, 60)} | changes))


@given(st.lists(st.integers(0, 2400), min_size=1, max_size=30), st.integers(0, 59), st.integers(0, 120))
def test_however_often_a_guest_passes_the_bank_draws_the_same(gaps: list[int], second: int, minimum: int) -> None:
    """Whole minutes telescope: thirty passages draw what first and last alone would, rounding never adds up."""
    start = NOW.replace(hour=1, second=second)
    times = [start]
    for gap in gaps:
        times.append(min(times[-1] + timedelta(seconds=gap), start + timedelta(hours=12)))
    often = Card(a_claim(**SEASON, bank=Bank(50_000, minimum)))
    seldom = Card(a_claim(**SEASON, bank=Bank(50_000, minimum)))
    for at in times:
        assert often.present(at) == 1
    assert seldom.present(times[0]) == 1
    assert seldom.present(times[-1]) == 1
    assert (often.usage.bank_used, often.usage.bank_ahead) == (seldom.usage.bank_used, seldom.usage.bank_ahead)
    ran = (times[-1].replace(second=0) - times[0].replace(second=0)) // minutes(1)
    assert often.usage.bank_used == max(minimum, ran)


@given(
    st.lists(st.tuples(st.integers(0, 3600), st.integers(-120, 120)), min_size=2, max_size=20),
    st.integers(0, 60),
)
def test_gates_whose_clocks_differ_draw_no_minute_twice(steps: list[tuple[int, int]], minimum: int) -> None:
    """Back and forth between gates minutes apart: what ran is what the first and the last one say."""
    card = Card(a_claim(**SEASON, bank=Bank(50_000, minimum)))
    start = at = NOW.replace(hour=1)
    told = []
    for after, skew in steps:
        at = min(at + timedelta(seconds=after), start + timedelta(hours=11))
        told.append(at + timedelta(seconds=skew))
        assert card.present(told[-1]) == 1
    furthest = max((each.replace(second=0) - told[0].replace(second=0)) // minutes(1) for each in told)
    assert card.usage.bank_used == max(minimum, furthest)
    last = (told[-1].replace(second=0) - told[0].replace(second=0)) // minutes(1)
    assert card.usage.bank_used - card.usage.bank_ahead == last


def test_the_days_minimum_is_spent_with_its_day() -> None:
    """Ten minutes skied of an hour drawn: the other fifty are gone tomorrow."""
    card = banked()
    assert left(card.tap(NOW)) == 600
    assert left(card.tap(NOW + minutes(10))) == 590
    assert left(card.tap(NOW + DAY)) == 540
    assert (card.usage.bank_used, card.usage.bank_ahead) == (120, 60)


def test_the_last_day_draws_what_is_left() -> None:
    """A bank is never overdrawn by who enters: nobody owes minutes when hours are added later."""
    card = banked(bank=Bank(70, 60))
    assert [card.present(NOW), card.present(NOW + DAY)] == [1, 1]
    assert (card.usage.bank_used, card.usage.bank_ahead) == (70, 10)
    assert left(card.tap(NOW + DAY + minutes(9))) == 1
    assert card.present(NOW + DAY + minutes(10)) is Reason.TIME_USED_UP
    card.knows(amendment=an_amendment(extra_minutes=100))
    assert left(card.tap(NOW + DAY + minutes(10))) == 100


def test_what_is_owed_draws_minutes_only_while_others_are_in() -> None:
    """Nobody passed: the minutes until the second try were nobody's. Two of three passed: theirs run on."""
    card = banked(party=3, bank=Bank(600, 0))
    assert card.present(NOW) == 3
    card.owes(3)
    assert left(card.tap(NOW + minutes(2))) == 600
    card.owes(1)
    assert left(card.tap(NOW + minutes(12))) == 590


def test_what_is_owed_is_let_in_although_the_bank_is_empty() -> None:
    """The minutes ran out between the first try and the second."""
    card = banked(bank=Bank(2, 0), party=2)
    assert card.present(NOW) == 2
    card.owes(1)
    assert card.present(NOW + minutes(5)) == 1
    assert card.present(NOW + minutes(6)) is Reason.TIME_USED_UP


def test_a_second_try_after_midnight_draws_no_further_minimum() -> None:
    """The minimum was paid before midnight; the first charged passage of the new day draws its own."""
    card = banked()
    midnight = datetime(2026, 12, 24, 16, 0, tzinfo=UTC)
    assert card.present(midnight - minutes(1)) == 1
    card.owes(1)
    assert left(card.tap(midnight + minutes(1))) == 540
    assert (card.usage.bank_used, card.usage.bank_ahead) == (60, 0)
    assert left(card.tap(midnight + minutes(300))) == 540
    assert card.usage.bank_used == 120


def test_a_day_given_back_gives_its_minutes_back() -> None:
    """The arm jammed at the first passage of the day, and the guest went home."""
    card = banked()
    assert [card.present(NOW), card.present(NOW + DAY)] == [1, 1]
    assert card.usage.bank_used == 120
    card.knows(amendment=an_amendment(returns=1, return_day=TODAY + DAY))
    assert left(card.tap(NOW + 2 * DAY)) == 540
    assert (card.usage.bank_used, card.usage.used_total) == (120, 2)


@pytest.mark.parametrize(
    ("used", "total", "drawn"),
    [
        (0, 600, Drawn(60, 60)),
        (540, 600, Drawn(600, 60)),
        (541, 600, Drawn(600, 59)),
        (600, 600, Drawn(600, 0)),
        (700, 600, Drawn(700, 0)),
        (BANK_MAX - 1, 99_999, Drawn(BANK_MAX, 1)),
        (BANK_MAX, 99_999, Drawn(BANK_MAX, 0)),
    ],
)
def test_the_first_passage_draws_its_minimum_as_far_as_there_is_any(used: int, total: int, drawn: Drawn) -> None:
    """To the end of the bank and of its counter."""
    assert draw_first(60, used, total) == drawn


@pytest.mark.parametrize(
    ("drawn", "after", "expected"),
    [
        (Drawn(60, 60), 10, Drawn(60, 50)),
        (Drawn(60, 60), 60, Drawn(60, 0)),
        (Drawn(60, 60), 61, Drawn(61, 0)),
        (Drawn(60, 0), -5, Drawn(60, 5)),
        (Drawn(60, 250), -60, Drawn(60, 255)),
        (Drawn(BANK_MAX, 0), 5, Drawn(BANK_MAX, 0)),
    ],
)
def test_a_later_passage_draws_what_ran_beyond_what_was_ahead(drawn: Drawn, after: int, expected: Drawn) -> None:
    """And puts what a slower clock goes back ahead again, as far as the card can count."""
    assert draw_since(drawn, NOW, NOW + minutes(after), ()) == expected


def test_a_bank_with_more_hours_than_its_counter_ends_with_the_counter() -> None:
    """Extended beyond 65,535 minutes: told as used up, not for ever."""
    card = banked(bank=Bank(65_535, 0))
    card.knows(amendment=an_amendment(extra_minutes=65_535))
    card.usage = a_usage(bank=True, bank_used=BANK_MAX)
    assert card.present(NOW) is Reason.TIME_USED_UP


# Windows and days.


@pytest.mark.parametrize(
    ("windows", "until"),
    [
        ((Window(540, 570),), None),
        ((Window(540, 570), Window(720, 780)), NOW + minutes(120)),
        ((Window(615, 660),), NOW + minutes(15)),
    ],
)
def test_a_refusal_outside_the_windows_says_when_the_next_begins(
    windows: tuple[Window, ...], until: datetime | None
) -> None:
    """Of today; where there is none any more, nothing."""
    decision = decide(a_claim(windows=windows), a_usage(), a_gate(), NOW, Knowledge())
    assert decision == Refuse(Reason.OUTSIDE_WINDOW, until)


def test_a_window_is_read_on_the_sites_clock() -> None:
    """On the day when clocks change too, and whatever zone the gate's own clock speaks."""
    zone = ZoneInfo("Europe/Vienna")
    claim = a_claim(windows=(Window(180, 240),), valid_from=date(2027, 3, 28), valid_until=date(2027, 3, 28))
    for told, reason in (("00:59:59", Reason.OUTSIDE_WINDOW), ("01:00:00", None), ("02:00:00", Reason.OUTSIDE_WINDOW)):
        at = datetime.fromisoformat(f"2027-03-28T{told}+00:00").astimezone(ZoneInfo("America/St_Johns"))
        decision = decide(claim, a_usage(), a_gate(zone=zone), at, Knowledge())
        assert (decision.reason if isinstance(decision, Refuse) else None) is reason


def test_a_calendar_that_did_not_arrive_admits_nobody() -> None:
    """An empty one that did is an answer."""
    claim = a_claim(blackout=0)
    assert decide(claim, a_usage(), a_gate(), NOW, Knowledge(calendars={1: frozenset()})) == Refuse(
        Reason.RULES_MISSING
    )
    assert isinstance(decide(claim, a_usage(), a_gate(), NOW, Knowledge(calendars={0: frozenset()})), Admit)


def test_a_day_counts_once_although_gates_disagree_about_midnight() -> None:
    """Ahead, behind and ahead again: two days of three are used, not four."""
    card = Card(a_claim(days=3, valid_until=TODAY + 5 * DAY))
    midnight = datetime(2026, 12, 24, 16, 0, tzinfo=UTC)
    for seconds in (-60, 5, -5, 5, -1, 60):
        assert card.present(midnight + timedelta(seconds=seconds)) == 1
    assert (card.usage.days_used, card.usage.day) == (2, today_number() + 1)


def test_a_suspension_says_until_when() -> None:
    """The longest of those that close this area; until further notice, nothing."""
    until = NOW + minutes(30)
    shorter, longer = Suspension(1, NOW, NOW + minutes(5)), Suspension(1, NOW, until)
    for suspensions, told in (((longer, shorter), until), ((longer, Suspension(1, NOW)), None)):
        knowledge = Knowledge(suspensions=(*suspensions, Suspension(2, NOW)))
        assert decide(a_claim(), a_usage(), a_gate(), NOW, knowledge) == Refuse(Reason.SUSPENDED, told)


# What a ticket is worth to whoever reads it.


@pytest.mark.parametrize(
    ("claim", "before", "after"),
    [
        (a_claim(entries_per_day=3, entries_total=9), (3, 9, None, None, None), (2, 8, None, None, None)),
        (a_claim(days=3, **SEASON), (None, None, None, None, 3), (None, None, None, None, 2)),
        (a_claim(bank=Bank(600, 60)), (None, None, None, 600, None), (None, None, None, 595, None)),
        (a_claim(clock=ClockTerm(60)), (None,) * 5, (None, None, NOW + minutes(60), None, None)),
        (
            a_claim(clock=ClockTerm(60, ClockStart.FIXED, 590)),
            (None, None, NOW + minutes(50), None, None),
            (None, None, NOW + minutes(50), None, None),
        ),
    ],
    ids=["entries", "days", "bank", "clock", "session"],
)
def test_what_a_ticket_is_worth_is_told_without_charging(claim: Claim, before: object, after: object) -> None:
    """Before its first passage and five minutes after it."""
    card = Card(claim)
    told = []
    for at in (NOW, NOW + minutes(5)):
        usage = card.usage
        prompt = worth(card.claim, card.usage, card.gate, at, card.knowledge)
        told.append((prompt.left_today, prompt.left_total, prompt.ends, prompt.left_minutes, prompt.left_days))
        assert card.usage == usage
        assert card.present(NOW) == 1
    assert told == [before, after]
