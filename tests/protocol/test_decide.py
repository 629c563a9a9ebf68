# SPDX-License-Identifier: Apache-2.0
"""The rules, one by one and together."""

import copy
import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import combinations, product
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_cases import (
    NOW,
    TICKET,
    TODAY,
    ZONE,
    a_claim,
    a_gate,
    a_usage,
    amendments,
    an_amendment,
    claims,
    old_usages,
    today_number,
    usages,
)

from pistegate_protocol.claims import Claim, ClockTerm, HolderClass, Scope, Window
from pistegate_protocol.decide import Admit, Decision, GateProfile, Knowledge, Owed, Prompt, Refuse, decide
from pistegate_protocol.reasons import PRIORITY, Reason
from pistegate_protocol.suspensions import Suspension
from pistegate_protocol.usage import Usage, decode_usage, encode_usage

ADMISSION = b"admitted"
DAY = timedelta(days=1)
Arguments = tuple[Claim, Usage, GateProfile, datetime, Knowledge]


@dataclass(frozen=True)
class Case:
    """Changes of claim, usage, gate and knowledge that make one reason hold at NOW."""

    claim: dict[str, Any] = field(default_factory=dict)
    usage: dict[str, Any] = field(default_factory=dict)
    gate: dict[str, Any] = field(default_factory=dict)
    knowledge: dict[str, Any] = field(default_factory=dict)


HOLDING: dict[Reason, Case] = {
    Reason.WRONG_SITE: Case(claim={"scope": Scope(4)}),
    Reason.REVOKED: Case(knowledge={"deny": {TICKET: 1}}),
    Reason.EXPIRED: Case(claim={"valid_until": TODAY - DAY}),
    Reason.NOT_YET_VALID: Case(claim={"valid_from": TODAY + DAY}),
    Reason.WRONG_AREA: Case(claim={"areas": frozenset({2})}),
    Reason.HOLDER_CLASS: Case(gate={"holders": frozenset({HolderClass.CHILD})}),
    Reason.ON_HOLD: Case(knowledge={"amendment": an_amendment(hold=True)}),
    Reason.RULES_MISSING: Case(claim={"blackout": 9}),
    Reason.BLACKED_OUT: Case(claim={"blackout": 3}, knowledge={"calendars": {3: frozenset({TODAY})}}),
    Reason.OUTSIDE_WINDOW: Case(claim={"windows": (Window(0, 600),)}),
    Reason.SUSPENDED: Case(knowledge={"suspensions": (Suspension(1, NOW),)}),
    Reason.USED_UP: Case(claim={"entries_total": 9}, usage={"used_total": 9}),
    Reason.DAYS_USED_UP: Case(claim={"days": 3}, usage={"days_used": 3, "counts_days": True}),
    Reason.TIME_USED_UP: Case(claim={"clock": ClockTerm(60)}, usage={"started": NOW - timedelta(minutes=60)}),
    Reason.USED_UP_TODAY: Case(claim={"entries_per_day": 2}, usage={"used_on_day": 2, "day": today_number()}),
    Reason.ALREADY_INSIDE: Case(claim={"tracked": True}, usage={"in_round": 1, "day": today_number()}),
    Reason.PASSBACK: Case(
        claim={"reentry_s": 600},
        usage={"last_entry": NOW - timedelta(seconds=599), "last_gate": 2, "in_round": 1},
    ),
}
# Of each of these pairs one excludes the other: a calendar is there or not, a day that is begun costs no further one,
# and a ticket tracked in and out has no passback besides.
APART = [
    (Reason.RULES_MISSING, Reason.BLACKED_OUT),
    (Reason.DAYS_USED_UP, Reason.USED_UP_TODAY),
    (Reason.ALREADY_INSIDE, Reason.PASSBACK),
]
SETS = [
    subset
    for size in (1, 2, 3, 4)
    for subset in combinations(PRIORITY, size)
    if not any(set(pair) <= set(subset) for pair in APART)
]
EXEMPT = {
    Reason.PASSBACK,
    Reason.ALREADY_INSIDE,
    Reason.USED_UP,
    Reason.USED_UP_TODAY,
    Reason.DAYS_USED_UP,
}


def arguments_of(*cases: Case, now: datetime = NOW) -> Arguments:
    """What to give to decide, so that every one of `cases` holds."""
    claim, usage, gate, knowledge = (
        {key: value for case in cases for key, value in getattr(case, part).items()}
        for part in ("claim", "usage", "gate", "knowledge")
    )
    return a_claim(**claim), a_usage(**usage), a_gate(**gate), now, Knowledge(**knowledge)


def decide_with(*cases: Case, **changes: dict[str, Any]) -> Decision:
    """The decision at NOW where every one of `cases`, and `changes` besides, holds."""
    return decide(*arguments_of(*cases, Case(**changes)))


def admitted(decision: Decision) -> Admit:
    """The decision, which must be to admit."""
    assert isinstance(decision, Admit), decision
    return decision


# One reason at a time, and all together.


def test_the_priority_names_every_reason_that_a_decision_has() -> None:
    """Each has a case here; the others are told before a claim is known."""
    assert set(HOLDING) == set(PRIORITY)
    assert len(PRIORITY) == len(set(PRIORITY))


def test_the_priority_is_the_written_policy() -> None:
    """What guests are told, and what reports count, does not change by moving a line."""
    assert [reason.value for reason in PRIORITY] == [
        "wrong_site",
        "revoked",
        "on_hold",
        "expired",
        "not_yet_valid",
        "rules_missing",
        "blacked_out",
        "outside_window",
        "wrong_area",
        "suspended",
        "holder_class",
        "used_up",
        "days_used_up",
        "time_used_up",
        "used_up_today",
        "already_inside",
        "passback",
    ]


def test_a_plain_ticket_is_admitted() -> None:
    """None of the cases below refuses because of its setting."""
    admit = admitted(decide_with())
    assert (admit.n, admit.charged, admit.reoffer_of) == (1, 1, None)
    assert admit.usage == a_usage(
        used_total=1, day=today_number(), used_on_day=1, last_entry=NOW, last_gate=1, in_round=1
    )
    assert admit.prompt == Prompt(HolderClass.ADULT, TODAY, None, None)


@pytest.mark.parametrize("first", PRIORITY)
def test_of_all_reasons_that_hold_the_first_by_priority_is_told(first: Reason) -> None:
    """Every set of up to four reasons at once, single ones and pairs included."""
    sets = [reasons for reasons in SETS if reasons[0] is first]
    for reasons in sets:
        decision = decide_with(*(HOLDING[reason] for reason in reasons))
        assert isinstance(decision, Refuse), reasons
        assert decision.reason is first, reasons
    assert len(SETS) == 2853
    assert sets


@pytest.mark.parametrize("left_out", [set(each) for each in product(*APART)], ids="+".join)
def test_all_reasons_at_once_are_told_one_after_another(left_out: set[Reason]) -> None:
    """Whoever lifts the first hears of the next, down to a ticket that is admitted."""
    holding = [reason for reason in PRIORITY if reason not in left_out]
    for told, reason in enumerate(holding):
        decision = decide_with(*(HOLDING[each] for each in holding[told:]))
        assert isinstance(decision, Refuse)
        assert decision.reason is reason
    admitted(decide_with())


@pytest.mark.parametrize("reason", PRIORITY)
def test_what_is_owed_is_exempt_from_what_was_paid_already(reason: Reason) -> None:
    """A re-offer costs no entry and no day, so used-up tickets are let in again; everything else refuses still."""
    decision = decide_with(HOLDING[reason], usage={"admission": ADMISSION}, knowledge={"owed": Owed(ADMISSION, 1)})
    if reason in EXEMPT:
        admit = admitted(decision)
        assert (admit.n, admit.charged, admit.reoffer_of) == (1, 0, ADMISSION)
    else:
        assert decision == Refuse(reason)


# Boundaries of each rule.


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        ("2026-12-23T15:59:59+00:00", Reason.NOT_YET_VALID),
        ("2026-12-23T16:00:00+00:00", None),
        ("2026-12-24T15:59:59.999999+00:00", None),
        ("2026-12-24T16:00:00+00:00", Reason.EXPIRED),
        ("2026-12-24T23:59:59+08:00", None),
        ("2026-12-24T10:59:59-05:00", None),
        ("2026-12-24T11:00:00-05:00", Reason.EXPIRED),
    ],
)
def test_days_begin_and_end_at_midnight_of_the_site(now: str, reason: Reason | None) -> None:
    """Whatever zone the clock speaks."""
    decision = decide(a_claim(), a_usage(), a_gate(), datetime.fromisoformat(now), Knowledge())
    assert (decision.reason if isinstance(decision, Refuse) else None) is reason


def test_a_time_without_zone_is_no_time() -> None:
    """It would be read in the zone of whatever machine decides."""
    with pytest.raises(ValueError, match="zone"):
        decide(a_claim(), a_usage(), a_gate(), NOW.replace(tzinfo=None), Knowledge())


@pytest.mark.parametrize(
    ("scope", "admits"), [(Scope(3), True), (Scope(30), False), (Scope(30, True), True), (Scope(3, True), False)]
)
def test_a_group_ticket_holds_at_every_site_of_the_group(scope: Scope, admits: bool) -> None:
    """Site 3 and group 3 are different things."""
    assert isinstance(decide_with(claim={"scope": scope}), Admit) is admits


@pytest.mark.parametrize(("below", "admits"), [(0, True), (4, True), (5, True), (6, False), (65535, False)])
def test_revisions_below_the_denied_one_are_refused(below: int, admits: bool) -> None:
    """A replaced card of revision 5 enters, the lost one of revision 4 does not; another ticket is not concerned."""
    decision = decide_with(claim={"revision": 5}, knowledge={"deny": {TICKET: below, TICKET + 1: 65535}})
    assert isinstance(decision, Admit) is admits


def test_a_lane_for_children_lets_children_in() -> None:
    """Holder classes are a set of the lane."""
    only_children = a_gate(holders=frozenset({HolderClass.CHILD}))
    assert isinstance(decide(a_claim(holder=HolderClass.CHILD), a_usage(), only_children, NOW, Knowledge()), Admit)


@pytest.mark.parametrize(
    ("elapsed_s", "admits"), [(0, False), (599, False), (599.999, False), (600, True), (6000, True)]
)
def test_passback_within_the_interval_is_refused_and_says_when_and_where(elapsed_s: float, admits: bool) -> None:
    """The guest who did not pass learns which lane to go back to."""
    entry = NOW - timedelta(seconds=600)
    usage = a_usage(last_entry=entry, last_gate=2, in_round=1)
    now = entry + timedelta(seconds=elapsed_s)
    decision = decide(a_claim(reentry_s=600), usage, a_gate(), now, Knowledge())
    if admits:
        assert admitted(decision).usage.in_round == 1
    else:
        assert decision == Refuse(Reason.PASSBACK, entry + timedelta(seconds=600), 2)


def test_passback_concerns_one_post_only() -> None:
    """Up with one lift, down the piste, up with the next."""
    elsewhere = {"last_entry": NOW, "last_gate": 3, "in_round": 1}
    assert isinstance(decide_with(claim={"reentry_s": 600}, usage=elsewhere), Admit)


def test_a_first_entry_is_no_passback() -> None:
    """Nor is a product without an interval."""
    assert isinstance(decide_with(claim={"reentry_s": 600}), Admit)
    assert isinstance(decide_with(usage={"last_entry": NOW, "last_gate": 1, "in_round": 1}), Admit)


def test_passback_is_reckoned_in_real_seconds_when_the_clock_is_put_back() -> None:
    """02:59:50 and 02:00:10 of the night when summer time ends are 20 seconds apart, not an hour."""
    vienna = ZoneInfo("Europe/Vienna")
    entry = datetime(2026, 10, 25, 2, 59, 50, tzinfo=vienna)
    now = datetime(2026, 10, 25, 2, 0, 10, fold=1, tzinfo=vienna)
    claim = a_claim(reentry_s=60, valid_from=date(2026, 10, 25), valid_until=date(2026, 10, 25))
    usage = a_usage(last_entry=entry, last_gate=1, in_round=1)
    decision = decide(claim, usage, a_gate(zone=vienna), now, Knowledge())
    assert isinstance(decision, Refuse)
    assert decision.reason is Reason.PASSBACK


@pytest.mark.parametrize(("ahead_s", "admits"), [(1, False), (599, False), (600, True), (31_536_000, True)])
def test_an_entry_in_the_future_is_a_passback_only_where_clocks_may_differ(ahead_s: int, admits: bool) -> None:
    """A gate whose clock was a year ahead must not lock its guests out for a year."""
    usage = a_usage(last_entry=NOW + timedelta(seconds=ahead_s), last_gate=1, in_round=1)
    assert isinstance(decide(a_claim(reentry_s=600), usage, a_gate(), NOW, Knowledge()), Admit) is admits


@pytest.mark.parametrize(
    ("ahead", "admits"), [(-1, True), (0, False), (1, False), (2, True), (300, True)], ids=lambda value: f"{value}"
)
def test_entries_counted_on_tomorrow_by_a_fast_clock_are_counted_on(ahead: int, admits: bool) -> None:
    """Around midnight two gates of a post may differ by seconds; beyond a day the clock was wrong."""
    usage = a_usage(used_total=1, used_on_day=1, day=today_number() + ahead)
    decision = decide(a_claim(entries_per_day=1), usage, a_gate(), NOW, Knowledge())
    assert isinstance(decision, Admit) is admits
    if isinstance(decision, Admit):
        assert (decision.usage.day, decision.usage.used_on_day) == (today_number(), 1)


# What is owed.


@pytest.mark.parametrize(
    "owed", [None, Owed(b"another!", 2), Owed(ADMISSION, 0)], ids=["nothing", "another admission", "nobody"]
)
def test_what_is_owed_for_another_admission_is_ignored(owed: Owed | None) -> None:
    """The card has been used elsewhere since: it is decided normally."""
    usage = {"admission": ADMISSION, "used_total": 1, "used_on_day": 1, "day": today_number()}
    decision = decide_with(claim={"entries_per_day": 1}, usage=usage, knowledge={"owed": owed})
    assert decision == Refuse(Reason.USED_UP_TODAY)


def test_a_reoffer_gives_what_is_owed_and_charges_nothing() -> None:
    """Four of a party of six did not pass: four may go again, and the passback interval starts anew for the ticket."""
    claim = a_claim(party=6, entries_per_day=1, entries_total=1, reentry_s=60)
    first = admitted(decide(claim, a_usage(), a_gate(), NOW, Knowledge()))
    card = replace(first.usage, admission=ADMISSION)
    later = NOW + timedelta(seconds=100)
    again = admitted(decide(claim, card, a_gate(), later, Knowledge(owed=Owed(ADMISSION, 4))))
    assert (first.n, again.n, again.charged, again.reoffer_of) == (6, 4, 0, ADMISSION)
    assert again.usage == replace(card, last_entry=later)
    assert again.prompt == Prompt(HolderClass.ADULT, TODAY, 0, 0)


def test_after_a_reoffer_the_passback_interval_holds_again() -> None:
    """The re-offer came after the interval; the card may still not be handed back over the gate."""
    claim = a_claim(reentry_s=60)
    card = a_usage(used_total=1, last_entry=NOW, last_gate=1, in_round=1, admission=ADMISSION)
    later = NOW + timedelta(seconds=100)
    again = admitted(decide(claim, card, a_gate(), later, Knowledge(owed=Owed(ADMISSION, 1))))
    decision = decide(claim, replace(again.usage, admission=b"reoffer!"), a_gate(), later, Knowledge())
    assert decision == Refuse(Reason.PASSBACK, later + timedelta(seconds=60), 1)


# Everything that a claim or a card can say.

IN_RANGE = st.integers(-40_000_000, 4_000_000_000).map(
    lambda s: datetime(2021, 1, 1, tzinfo=UTC) + timedelta(seconds=s)
)
KNOWN = st.builds(
    lambda amendment, suspension, owed: (amendment, suspension, owed),
    st.none() | amendments(),
    st.none() | st.tuples(st.integers(0, 3), st.booleans()),
    st.none() | st.integers(1, 255),
)


@given(
    claims(),
    usages() | old_usages(),
    IN_RANGE,
    KNOWN,
    st.booleans(),
    st.booleans(),
    st.sampled_from([0, 5, -9, 14, 30]),
)
def test_whatever_is_admitted_can_be_written_to_the_card(
    claim: Claim, usage: Usage, now: datetime, known: tuple[Any, ...], fits: bool, leaves: bool, near_h: int
) -> None:
    """For every claim and every usage, senseless ones included: n >= 1, and the new usage is one that comes back."""
    if fits:
        claim = replace(claim, scope=Scope(3), areas=claim.areas | {1}, valid_from=date(2020, 1, 1), windows=())
        claim = replace(claim, valid_until=date(2199, 1, 1))
    if usage.last_entry is not None and near_h:
        now = usage.last_entry + timedelta(hours=near_h)
    amendment, suspension, owed = known
    if amendment is not None and fits:
        amendment = replace(amendment, ticket=claim.ticket, hold=False, areas=None, valid_until=None)
    knowledge = Knowledge(
        owed=Owed(usage.admission, owed) if owed else None,
        amendment=amendment,
        suspensions=(Suspension(suspension[0] + 2, now - timedelta(hours=1), None, True),) if suspension else (),
        calendars={} if claim.blackout is None else {claim.blackout: frozenset()},
    )
    decision = decide(claim, usage, a_gate(gate=usage.last_gate, exit=leaves), now, knowledge)
    if isinstance(decision, Refuse):
        assert decision.reason in PRIORITY
        assert not leaves
        return
    assert 1 <= decision.n <= 255
    assert decision.exit is leaves
    assert decision.charged == (0 if owed or leaves else decision.n)
    assert decision.n == owed if owed else decision.n <= claim.party or leaves
    assert decode_usage(encode_usage(decision.usage)) == decision.usage
    prompt = decision.prompt
    assert (prompt.left_today is None, prompt.left_total is None, prompt.left_days is None) == (
        claim.entries_per_day is None,
        claim.entries_total is None,
        claim.days is None,
    )
    for left in (prompt.left_today, prompt.left_total, prompt.left_days, prompt.left_minutes):
        assert left is None or left >= 0


# Nothing but the arguments.


def _arguments() -> Iterator[Arguments]:
    chance = random.Random(7)
    for _ in range(300):
        cases = [case for case in HOLDING.values() if chance.random() < 0.15]
        yield arguments_of(*cases, now=NOW + timedelta(minutes=chance.randrange(-900, 900)))


def test_a_decision_depends_on_nothing_but_its_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another zone of the machine, a clock that screams when read, chance and environment: the same answers."""
    before = [decide(*arguments) for arguments in _arguments()]
    assert {type(decision) for decision in before} == {Admit, Refuse}

    def screams(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("a decision read a clock or asked chance")

    monkeypatch.setenv("TZ", "America/St_Johns")
    time.tzset()
    try:
        arguments = list(_arguments())
        with monkeypatch.context() as patched:
            for name in ("time", "time_ns", "monotonic", "monotonic_ns", "localtime"):
                patched.setattr(time, name, screams)
            for name in ("random", "randrange", "getrandbits"):
                patched.setattr(random, name, screams)
            patched.setattr(os, "urandom", screams)
            after = [decide(*each) for each in reversed(arguments)]
        assert after[::-1] == before
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_decision_changes_none_of_its_arguments() -> None:
    """The caller may hold on to what it gave, the deny list above all."""
    for arguments in _arguments():
        kept = copy.deepcopy(arguments)
        decide(*arguments)
        assert arguments == kept


def test_the_zone_of_these_tests_is_the_sites() -> None:
    """NOW is an ordinary morning of TODAY."""
    assert NOW.astimezone(ZONE).strftime("%Y-%m-%d %H:%M") == "2026-12-24 10:00"
