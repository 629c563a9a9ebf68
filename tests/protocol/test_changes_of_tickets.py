# SPDX-License-Identifier: Apache-2.0
"""Amendments in a decision: hold, new end, areas, extension, persons given back; and attacks with them."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_cases import NOW, TICKET, TODAY, a_claim, a_gate, a_usage, an_amendment, today_number
from ticket_walk import Card

from pistegate_protocol.claims import Bank, ClockTerm
from pistegate_protocol.decide import Admit, Knowledge, Refuse, decide
from pistegate_protocol.reasons import Reason
from pistegate_protocol.returns import given_back
from pistegate_protocol.usage import Usage

DAY = timedelta(days=1)


def known(**changes: Any) -> Knowledge:
    """Gates know an amendment of the plain ticket."""
    return Knowledge(amendment=an_amendment(**changes))


# What an amendment changes.


@pytest.mark.parametrize(
    ("changes", "after", "area", "reason"),
    [
        ({}, 0 * DAY, 1, None),
        ({"hold": True}, 0 * DAY, 1, Reason.ON_HOLD),
        ({"valid_until": TODAY + DAY}, DAY, 1, None),
        ({"valid_until": TODAY + DAY}, 2 * DAY, 1, Reason.EXPIRED),
        ({"valid_until": TODAY - DAY}, 0 * DAY, 1, Reason.EXPIRED),
        ({"areas": frozenset({2})}, 0 * DAY, 1, Reason.WRONG_AREA),
        ({"areas": frozenset({2})}, 0 * DAY, 2, None),
        ({"areas": frozenset()}, 0 * DAY, 1, Reason.WRONG_AREA),
    ],
    ids=str,
)
def test_an_amendment_replaces_what_it_names(
    changes: dict[str, Any], after: timedelta, area: int, reason: Reason | None
) -> None:
    """And nothing else of the claim; its effect is on the prompt and noted in the usage."""
    decision = decide(a_claim(), a_usage(), a_gate(area=area), NOW + after, known(**changes))
    assert (decision.reason if isinstance(decision, Refuse) else None) is reason
    if isinstance(decision, Admit):
        assert decision.usage.amended
        assert decision.prompt.valid_until == changes.get("valid_until", TODAY)


def test_an_amendment_of_another_ticket_changes_nothing() -> None:
    """Copied from another card, genuine as it is: it frees nobody and locks nobody out."""
    other = Knowledge(amendment=an_amendment(ticket=TICKET + 1, hold=True, areas=frozenset({2})))
    decision = decide(a_claim(), a_usage(), a_gate(), NOW, other)
    assert isinstance(decision, Admit)
    assert not decision.usage.amended


@pytest.mark.parametrize("swapped", [None, an_amendment(ticket=TICKET + 1)], ids=["missing", "another ticket's"])
def test_a_card_whose_amendment_is_not_there_is_refused(swapped: Any) -> None:
    """The usage says that one is on the card: taken away or swapped, it may have been a hold."""
    decision = decide(a_claim(), a_usage(amended=True), a_gate(), NOW, Knowledge(amendment=swapped))
    assert decision == Refuse(Reason.RULES_MISSING)


def test_once_amended_the_card_says_so_at_every_gate() -> None:
    """A gate that has not heard of it reads it from the card."""
    card = Card(a_claim())
    card.knows(amendment=an_amendment())
    assert card.present(NOW) == 1
    assert card.usage.amended
    card.knows(amendment=None)
    assert card.present(NOW) is Reason.RULES_MISSING


# Persons given back.


def test_persons_given_back_are_given_once() -> None:
    """At whatever gate they are met, and at whatever later ones."""
    card = Card(a_claim(party=4, entries_per_day=1, entries_total=1))
    assert card.present(NOW) == 4
    card.knows(amendment=an_amendment(returns=3, return_day=TODAY))
    assert [card.present(NOW), card.present(NOW), card.present(NOW)] == [3, Reason.USED_UP, Reason.USED_UP]
    assert (card.usage.used_total, card.usage.used_on_day, card.usage.returns) == (4, 4, 3)
    card.knows(amendment=an_amendment(number=2, returns=4, return_day=TODAY))
    assert [card.present(NOW), card.present(NOW)] == [1, Reason.USED_UP]
    assert card.usage.returns == 4


def test_an_older_amendment_gives_nothing_back_a_second_time() -> None:
    """A gate that was away knows the first return only; the card has met the second."""
    card = Card(a_claim(entries_total=1))
    assert card.present(NOW) == 1
    card.knows(amendment=an_amendment(number=2, returns=2, return_day=TODAY))
    assert card.present(NOW) == 1
    for returns in (0, 1, 2):
        card.knows(amendment=an_amendment(returns=returns))
        assert card.present(NOW) is Reason.USED_UP


@given(st.integers(0, 65535), st.integers(0, 600), st.integers(0, 127))
def test_what_was_used_and_returned_together_never_goes_down(used: int, before: int, persons: int) -> None:
    """The cloud checks a card against that sum, modulo 256 where the card counts so."""
    usage = a_usage(used_total=used, returns=before % 256)
    after = given_back(a_claim(), usage, an_amendment(returns=before + persons))
    assert after.returns == (before + persons) % 256
    assert after.used_total == max(0, used - persons)
    assert given_back(a_claim(), after, an_amendment(returns=before + persons)) == after


@pytest.mark.parametrize(
    ("return_day", "on_day"), [(TODAY, 3), (TODAY - DAY, 5), (None, 5)], ids=["that day", "another day", "several days"]
)
def test_the_days_entries_are_given_back_on_their_day_only(return_day: Any, on_day: int) -> None:
    """Yesterday's return does not give a further entry today."""
    usage = a_usage(used_total=9, used_on_day=5, day=today_number(), last_entry=NOW, in_round=5)
    after = given_back(a_claim(), usage, an_amendment(returns=2, return_day=return_day))
    assert (after.used_total, after.used_on_day, after.in_round) == (7, on_day, on_day)


USED = {
    "used_total": 5,
    "used_on_day": 2,
    "day": today_number(),
    "last_entry": NOW,
    "in_round": 2,
    "started": NOW,
}


@pytest.mark.parametrize(
    ("returns", "expected"),
    [
        (1, {"used_total": 4, "used_on_day": 1, "in_round": 1, "days_used": 3, "started": NOW}),
        (2, {"used_total": 3, "used_on_day": 0, "in_round": 0, "days_used": 2, "started": NOW}),
        (3, {"used_total": 2, "used_on_day": 0, "in_round": 0, "days_used": 2, "started": NOW}),
        (5, {"used_total": 0, "used_on_day": 0, "in_round": 0, "days_used": 0, "started": None}),
        (6, {"used_total": 0, "used_on_day": 0, "in_round": 0, "days_used": 0, "started": None}),
    ],
)
def test_a_day_or_a_ticket_given_back_whole_is_as_new(returns: int, expected: dict[str, Any]) -> None:
    """The day does not count; and when nothing is left that was used, the clock has not started."""
    usage = a_usage(**USED, days_used=3, counts_days=True)
    after = given_back(a_claim(days=5), usage, an_amendment(returns=returns, return_day=TODAY))
    assert {name: getattr(after, name) for name in expected} == expected


def test_a_ticket_given_back_starts_its_clock_at_the_next_passage() -> None:
    """The first try never got through: the two hours are whole."""
    card = Card(a_claim(clock=ClockTerm(120)))
    assert card.present(NOW) == 1
    card.knows(amendment=an_amendment(returns=1, return_day=TODAY))
    decision = card.tap(NOW + timedelta(hours=3))
    assert isinstance(decision, Admit)
    assert decision.prompt.ends == NOW + timedelta(hours=5)


def test_an_innocent_guest_who_was_given_back_is_not_passed_back() -> None:
    """The interval was long, the return came sooner."""
    card = Card(a_claim(reentry_s=3600))
    assert [card.present(NOW), card.present(NOW + timedelta(minutes=10))] == [1, Reason.PASSBACK]
    card.knows(amendment=an_amendment(returns=1, return_day=TODAY))
    assert card.present(NOW + timedelta(minutes=10)) == 1


@pytest.mark.parametrize(
    "usage",
    [
        a_usage(**USED | {"started": None}, bank=True, bank_used=200, bank_ahead=30),
        a_usage(**USED | {"started": None}, bank=True, bank_used=10, bank_ahead=30),
    ],
)
def test_minutes_drawn_ahead_go_back_with_their_day(usage: Usage) -> None:
    """Never below nothing."""
    after = given_back(a_claim(bank=Bank(600, 60)), usage, an_amendment(returns=2, return_day=TODAY))
    assert (after.bank_used, after.bank_ahead) == (max(0, usage.bank_used - 30), 0)
