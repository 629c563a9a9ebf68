# SPDX-License-Identifier: Apache-2.0
"""Gates that never talk, a ticket on several media, any order: never more than the formula says (P5)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from protocol_cases import NOW, TODAY, a_claim, a_gate, a_usage

from pistegate_protocol import exposure, views
from pistegate_protocol.claims import Claim
from pistegate_protocol.decide import Admit, Knowledge, decide
from pistegate_protocol.elsewhere import CARD_SOURCE, NOTHING, gate_source, newer, of_usage
from pistegate_protocol.exposure import Allowance, Carried, allowance, allowance_of, at_most, groups_of, summed
from pistegate_protocol.usage import Usage

CODE = -1


class Gates:
    """Gates that know of a ticket what was presented to them, and nothing of each other."""

    def __init__(self, claim: Claim, gates: int, cards: int) -> None:
        self.claim = claim
        self.cards = [a_usage() for _ in range(cards)]
        self.codes: list[Usage] = [a_usage() for _ in range(gates)]
        self.shown: list[Usage | None] = [None] * gates
        self.admitted = 0
        self.minutes = 0

    def present(self, gate: int, medium: int) -> None:
        """A card by its place, or CODE."""
        self.minutes += 1
        own = self.codes[gate] if medium == CODE else self.cards[medium]
        if medium == CODE:
            card = self.shown[gate]
            elsewhere = NOTHING if card is None else of_usage(CARD_SOURCE, card)
        else:
            elsewhere = of_usage(gate_source(gate + 1), self.codes[gate])
        profile = a_gate(gate=gate + 1, post_gates=frozenset({gate + 1}))
        now = NOW + timedelta(minutes=self.minutes)
        decision = decide(self.claim, own, profile, now, Knowledge(elsewhere=elsewhere))
        usage = decision.usage if isinstance(decision, Admit) else own
        self.admitted += decision.n if isinstance(decision, Admit) else 0
        if medium == CODE:
            self.codes[gate] = usage
        else:
            self.cards[medium] = usage
            before = self.shown[gate]
            self.shown[gate] = usage if before is None else newer(before, usage)


TERMS = st.builds(
    a_claim,
    party=st.integers(1, 3),
    batch=st.none() | st.integers(1, 2),
    entries_per_day=st.none() | st.integers(1, 3),
    entries_total=st.none() | st.integers(1, 3),
    days=st.none() | st.integers(1, 2),
    reentry_s=st.none() | st.just(90),
)


def check(claim: Claim, gates: int, cards: int, pointers: bool, order: list[tuple[int, int]]) -> None:
    """Whatever was presented where, at most so many persons; at gates that know of the card it adds none to codes."""
    world = Gates(claim, gates, cards)
    media = [*range(cards), *([CODE] if pointers else [])]
    for gate, medium in order:
        for _ in range(3):  # whoever is let in tries again
            world.present(gate % gates, media[medium % len(media)])
    sold, carried = allowance_of(claim), Carried(cards, pointers)
    limit = at_most(sold, carried, groups_of(0, gates, hub=False)).day
    if limit is None or sold.day is None:
        return
    assert world.admitted <= limit, f"{world.admitted} admitted, at most {limit}"
    if pointers and cards:
        assert world.admitted <= limit - sold.day, f"{world.admitted} admitted, each of these gates knows of the card"


POINTERS = st.sampled_from([True, True, False])
ORDERS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=60)


@settings(max_examples=300)
@given(TERMS, st.integers(1, 4), st.integers(0, 2), POINTERS, ORDERS)
def test_isolated_gates_never_admit_more_than_the_formula_says(
    claim: Claim, gates: int, cards: int, pointers: bool, order: list[tuple[int, int]]
) -> None:
    """Up to four gates, two cards (one of them lost) and a code."""
    check(claim, gates, cards, pointers or not cards, order)


def test_every_order_of_six_presentations_at_two_gates_stays_within_the_formula() -> None:
    """One entry, two gates, a card and a code: all 4^6 orders; and the worst of them uses it all."""
    claim, worst = a_claim(entries_per_day=1), 0
    for order in product(list(product(range(2), range(2))), repeat=6):
        check(claim, 2, 1, True, list(order))
        world = Gates(claim, 2, 1)
        for gate, medium in order:
            world.present(gate, (0, CODE)[medium])
        worst = max(worst, world.admitted)
    assert worst == 2


PLANTED: dict[str, tuple[object, str, Callable[..., object]]] = {
    "media left out": (Carried, "times", lambda carried, groups: groups if carried.pointers else 1),
    "groups left out": (Carried, "times", lambda carried, groups: carried.cards + carried.pointers),
    "the party left out": (exposure, "allowance", lambda party, **terms: allowance(party=1, **terms)),
    "elsewhere ignored": (views, "others", lambda *_, **__: views.NOBODY),
}


@pytest.mark.parametrize("name", PLANTED)
def test_bound_that_is_wrong_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the examples that the property runs anyway."""

    @settings(max_examples=300, database=None, phases=[Phase.generate], derandomize=True, report_multiple_bugs=False)
    @given(TERMS, st.integers(1, 4), st.integers(0, 2), POINTERS, ORDERS)
    def presented(claim: Claim, gates: int, cards: int, pointers: bool, order: list[tuple[int, int]]) -> None:
        check(claim, gates, cards, pointers or not cards, order)

    monkeypatch.setattr(*PLANTED[name])  # type: ignore[call-overload]
    with pytest.raises(AssertionError):
        presented()


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({}, Allowance(None, None)),
        ({"entries_per_day": 1}, Allowance(1, None)),
        ({"entries_per_day": 3, "party": 4}, Allowance(12, None)),
        ({"entries_total": 2, "entries_per_day": 5}, Allowance(2, 2)),
        ({"entries_total": 10, "party": 2}, Allowance(20, 20)),
        ({"days": 3, "entries_per_day": 2, "valid_until": TODAY + timedelta(days=9)}, Allowance(2, 6)),
        ({"days": 3, "valid_until": TODAY + timedelta(days=9)}, Allowance(None, None)),
    ],
)
def test_allowance_is_what_was_sold(terms: dict[str, object], expected: Allowance) -> None:
    """Persons of a day and in total."""
    assert allowance_of(replace(a_claim(), **terms)) == expected


@pytest.mark.parametrize(
    ("carried", "groups", "times"),
    [
        (Carried(1, False), 1, 1),
        (Carried(1, False), 9, 1),
        (Carried(0, True), 1, 1),
        (Carried(0, True), 9, 9),
        (Carried(1, True), 1, 2),
        (Carried(2, True), 3, 5),
        (Carried(0, False), 3, 0),
    ],
)
def test_groups_and_separately_carried_media_are_added(carried: Carried, groups: int, times: int) -> None:
    """A card and a code at one group are two; a card alone is one anywhere."""
    assert at_most(Allowance(3, None), carried, groups) == Allowance(3 * times, None)


def test_groups_of_a_site() -> None:
    """With a hub the gates in touch are one group; without, each is its own."""
    assert [groups_of(8, 2, hub=hub) for hub in (True, False)] == [3, 10]
    assert groups_of(0, 0, hub=True) == groups_of(0, 1, hub=False) == 1


def test_sum_of_a_site_is_that_of_its_tickets() -> None:
    """Ticket by ticket or product by product; tickets without a limit are counted apart."""
    kinds = [(Allowance(1, None), 3, 2), (Allowance(4, 8), 1, 1), (Allowance(None, None), 5, 0)]
    each = [Carried(1, False)] * 3 + [Carried(0, True)] * 2
    by_ticket = sum(one.times(7) for one in each) + 4 * Carried(1, True).times(7)
    assert summed(kinds, 7) == (by_ticket, 5)
