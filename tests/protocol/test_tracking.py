# SPDX-License-Identifier: Apache-2.0
"""In and out, and tickets of a group at gates of several sites."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_cases import NOW, TICKET, TODAY, ZONE, a_claim, a_gate, a_usage, an_amendment, today_number
from ticket_walk import Card

from pistegate_protocol.claims import Bank, Claim, ClockTerm, HolderClass, Scope
from pistegate_protocol.decide import Admit, GateProfile, Knowledge, Refuse, decide
from pistegate_protocol.reasons import Reason
from pistegate_protocol.usage import decode_usage, encode_usage

DAY = timedelta(days=1)
FAMILY = a_claim(party=4, tracked=True, valid_until=TODAY + 2 * DAY)


def minutes(number: float) -> timedelta:
    """So many minutes."""
    return timedelta(minutes=number)


# In.


def test_nobody_enters_on_a_ticket_whose_persons_are_all_inside() -> None:
    """Nor hours later; and the refusal says at which lane of the post it went in."""
    card = Card(FAMILY)
    assert card.present(NOW, 2) == 4
    for after in (0, 60, 600):
        assert card.tap(NOW + minutes(after)) == Refuse(Reason.ALREADY_INSIDE, None, 2)
    assert card.tap(NOW + minutes(1), 9, post_gates=frozenset({9})) == Refuse(Reason.ALREADY_INSIDE, None, None)


def test_who_left_may_come_in_again_and_no_more() -> None:
    """Two by two: two leave, two come back, a third does not."""
    card = Card(replace(FAMILY, batch=2))
    taps = [False, False, False, True, False, False, True, True, True]
    told = [card.present(NOW + minutes(number), exit=leaves) for number, leaves in enumerate(taps)]
    assert told[:6] == [2, 2, Reason.ALREADY_INSIDE, 2, 2, Reason.ALREADY_INSIDE]
    assert told[6:] == [2, 2, 2]  # the last two by a ticket that has nobody inside: nobody is locked in
    assert card.usage.in_round == 0


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=40), st.integers(1, 3), st.integers(1, 5))
def test_never_more_persons_are_inside_than_the_party_has(
    steps: list[tuple[bool, int]], batch: int, party: int
) -> None:
    """In any order of entries and exits of one day, whoever turns back at the arm (and is given his way again)."""
    card = Card(a_claim(tracked=True, party=party, batch=batch))
    inside = 0
    for number, (leaves, turned_back) in enumerate(steps):
        at = NOW + minutes(number)
        decision = card.tap(at, exit=leaves)
        if isinstance(decision, Refuse):
            assert inside == party, f"step {number}"
            continue
        passed = max(0, decision.n - turned_back)
        if passed < decision.n:  # the others go at their second try
            card.owes(decision.n - passed)
            again = card.tap(at, exit=leaves)
            assert isinstance(again, Admit)
            assert (again.charged, again.n) == (0, decision.n - passed)
        inside = max(0, inside - decision.n) if leaves else inside + decision.n
        assert inside <= party
        assert card.usage.in_round == inside


def test_persons_inside_are_forgotten_with_their_day() -> None:
    """After a fire alarm nobody left through a lane; a gate whose clock is ahead of midnight does not forget sooner."""
    card = Card(FAMILY)
    assert card.present(NOW) == 4
    midnight = datetime(2026, 12, 24, 16, 0, tzinfo=UTC)
    assert card.present(midnight - minutes(1)) is Reason.ALREADY_INSIDE
    assert card.present(midnight) == 4
    assert card.present(midnight - minutes(1)) is Reason.ALREADY_INSIDE


def test_a_person_given_back_is_not_inside() -> None:
    """Two of four did not pass, and the desk gave them back."""
    card = Card(FAMILY)
    assert card.present(NOW) == 4
    card.knows(amendment=an_amendment(returns=2, return_day=TODAY))
    assert [card.present(NOW + minutes(5)), card.present(NOW + minutes(5))] == [2, Reason.ALREADY_INSIDE]


# Out.

LOCKED = {
    "another site's": (a_claim(scope=Scope(4)), Knowledge()),
    "revoked": (a_claim(), Knowledge(deny={TICKET: 1})),
    "on hold": (a_claim(), Knowledge(amendment=an_amendment(hold=True))),
    "expired": (a_claim(valid_from=TODAY - DAY, valid_until=TODAY - DAY), Knowledge()),
    "not yet valid": (a_claim(valid_from=TODAY + DAY, valid_until=TODAY + DAY), Knowledge()),
    "without calendar": (a_claim(blackout=1), Knowledge()),
    "of another area": (a_claim(areas=frozenset()), Knowledge()),
    "used up": (a_claim(entries_total=1), Knowledge()),
    "out of time": (a_claim(clock=ClockTerm(1)), Knowledge()),
    "out of hours": (a_claim(bank=Bank(1), tracked=True), Knowledge()),
    "passed back": (a_claim(reentry_s=60_000), Knowledge()),
    "all inside": (a_claim(tracked=True), Knowledge()),
}
BEFORE = {"used_total": 1, "used_on_day": 1, "day": today_number(), "last_entry": NOW, "last_gate": 1}
BEFORE |= {"in_round": 1, "started": NOW}


@pytest.mark.parametrize("name", LOCKED)
def test_nobody_is_locked_in(name: str) -> None:
    """Whatever the ticket is worth at an entry: out it goes, and costs no entry."""
    claim, knowledge = LOCKED[name]
    at = NOW + minutes(30)
    usage = a_usage(**BEFORE)
    assert isinstance(decide(claim, usage, a_gate(), at, knowledge), Refuse)
    only_children = frozenset({HolderClass.CHILD})
    decision = decide(claim, usage, a_gate(exit=True, holders=only_children), at, knowledge)
    assert isinstance(decision, Admit)
    assert (decision.n, decision.charged, decision.exit) == (1, 0, True)
    assert (decision.usage.used_total, decision.usage.used_on_day) == (1, 1)
    assert decode_usage(encode_usage(decision.usage)) == decision.usage


def test_leaving_leaves_an_untracked_ticket_as_it_is() -> None:
    """No passback by the way out, no clock started, no day counted."""
    for claim in (a_claim(reentry_s=600), a_claim(clock=ClockTerm(60)), a_claim(days=3), a_claim(bank=Bank(600, 60))):
        card = Card(claim)
        assert card.present(NOW, exit=True) == 1
        assert replace(card.usage, admission=bytes(8), counts_days=False, bank=False) == a_usage()
        assert [card.present(NOW), card.present(NOW + minutes(20), exit=True)] == [1, 1]
        before = card.usage
        assert card.present(NOW + minutes(21), exit=True) == 1
        assert replace(card.usage, admission=before.admission) == before


def test_a_clock_that_never_started_has_no_overtime_at_the_way_out() -> None:
    """And shows no end; one that ran out is marked, however late."""
    card = Card(a_claim(clock=ClockTerm(60), valid_until=TODAY + DAY))
    for after, overtime in ((0, False), (10, False), (69, False), (70, True), (900, True)):
        decision = card.tap(NOW + minutes(after), exit=True)
        assert isinstance(decision, Admit)
        assert decision.overtime is overtime
        assert decision.prompt.ends == (NOW + minutes(70) if after > 10 else None)
        if after == 10:
            assert card.present(NOW + minutes(10)) == 1


@pytest.mark.parametrize(
    ("after_h", "inside", "used"),
    [(1, 1, 60), (3, 1, 180), (3, 0, 60), (20, 1, 60)],
    ids=["within the minimum", "three hours", "nobody inside", "after midnight"],
)
def test_who_leaves_settles_the_minutes_inside(after_h: int, inside: int, used: int) -> None:
    """Of a bank of hours, on the day on which they entered: a forgotten exit does not draw the night."""
    card = Card(a_claim(bank=Bank(600, 60), tracked=True, valid_until=TODAY + DAY))
    assert card.present(NOW) == 1
    card.usage = replace(card.usage, in_round=inside)
    assert card.present(NOW + timedelta(hours=after_h), exit=True) == 1
    assert card.usage.bank_used == used


def test_who_cannot_pass_the_way_out_tries_again() -> None:
    """The arm jammed: the second try changes nothing any more."""
    card = Card(FAMILY)
    assert [card.present(NOW), card.present(NOW, exit=True)] == [4, 4]
    card.owes(1)
    again = card.tap(NOW + minutes(1), exit=True)
    assert isinstance(again, Admit)
    assert (again.n, again.reoffer_of is not None, card.usage.in_round) == (1, True, 0)


def test_a_card_that_a_wrong_clock_wrote_may_leave() -> None:
    """Its last entry is beyond what the usage can hold today: forgotten, not fatal."""
    usage = a_usage(last_entry=datetime(2100, 1, 1, tzinfo=UTC), day=7, used_on_day=3, used_total=3)
    decision = decide(a_claim(), usage, a_gate(exit=True), NOW, Knowledge())
    assert isinstance(decision, Admit)
    assert decode_usage(encode_usage(decision.usage)) == decision.usage
    assert decision.usage.used_total == 3


# A group of sites.

GROUP = a_claim(scope=Scope(30, True), reentry_s=600, areas=frozenset(range(32)))


def gates(site: int) -> GateProfile:
    """Lane 1 of a post of two at a site of the group."""
    return a_gate(site=site)


def test_another_sites_lane_of_the_same_number_is_no_passback() -> None:
    """Both sites have a lane 1; the ticket knows which one it was."""
    card = Card(GROUP, gates(3))
    assert [card.present(NOW), card.present(NOW, 2)] == [1, Reason.PASSBACK]
    for site in (2, 4, 5):
        elsewhere = Card(GROUP, gates(site), card.usage)
        assert elsewhere.present(NOW) == 1


def test_a_passback_of_a_group_ticket_names_the_lane_by_its_number() -> None:
    """As it is written above the lane, not as the card keeps it."""
    card = Card(GROUP, gates(3))
    assert card.present(NOW, 2) == 1
    assert card.usage.last_gate == (2 + 3 * 40503) % 65536
    assert card.tap(NOW) == Refuse(Reason.PASSBACK, NOW + timedelta(seconds=600), 2)


def test_gate_codes_of_eighty_sites_with_hundreds_of_gates_are_apart() -> None:
    """Sites numbered one after another, gates 1 to 400 each."""
    codes = {a_gate(site=site, gate=gate).code(group=True) for site in range(1, 81) for gate in range(1, 401)}
    assert len(codes) == 80 * 400
    assert a_gate(site=3, gate=65535).code(group=False) == 65535


@pytest.mark.parametrize("claim", [GROUP, a_claim(reentry_s=600)], ids=["group", "site"])
def test_the_post_knows_its_lanes_by_their_codes(claim: Claim) -> None:
    """Code and number of every lane, whichever lane is asked."""
    group = claim.scope.group
    assert a_gate().post_codes(group=group) == {a_gate(gate=gate).code(group=group): gate for gate in (1, 2)}


def test_a_group_tickets_day_is_that_of_the_site_it_is_at() -> None:
    """Across a border of time zones in the evening: the later site's tomorrow has begun."""
    claim = replace(GROUP, entries_per_day=1, valid_from=date(2026, 12, 1), valid_until=date(2027, 3, 1))
    east, west = Card(claim, a_gate(site=3, zone=ZONE)), a_gate(site=4, zone=UTC)
    evening = datetime(2026, 12, 24, 20, 0, tzinfo=UTC)  # four in the morning of the 25th at site 3
    assert east.present(evening) == 1
    assert Card(claim, west, east.usage).present(evening) is Reason.USED_UP_TODAY
