# SPDX-License-Identifier: Apache-2.0
"""Several media of one ticket share one usage, as far as a gate knows of it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from protocol_cases import NOW, TODAY, a_claim, a_gate, a_usage, an_amendment, claims, usages
from shared_season import SharedSeason, some_shared_season
from ticket_season import SEASONS

from pistegate_protocol import decide as decide_module
from pistegate_protocol import views
from pistegate_protocol.claims import Bank, Claim, day_number
from pistegate_protocol.decide import Admit, GateProfile, Knowledge, Owed, Refuse, decide
from pistegate_protocol.elsewhere import CARD_SOURCE, NOTHING, Elsewhere, gate_source, merged, of_usage
from pistegate_protocol.errors import CodecError
from pistegate_protocol.instants import TIME_ZERO
from pistegate_protocol.others import Others, inside
from pistegate_protocol.reasons import Reason
from pistegate_protocol.shared_returns import shared_back
from pistegate_protocol.usage import Usage

GATE = gate_source(1)


def used(n: int, **changes: object) -> Usage:
    """So many persons, ten minutes ago, at gate 2 of the post."""
    plain = a_usage(used_total=n, used_on_day=n, day=day_number(TODAY), last_gate=2, in_round=n)
    return replace(plain, last_entry=NOW - timedelta(minutes=10), **changes)


def asked(
    claim: Claim, usage: Usage, elsewhere: Elsewhere = NOTHING, gate: GateProfile | None = None
) -> Admit | Refuse:
    """At gate 1."""
    return decide(claim, usage, gate or a_gate(), NOW, Knowledge(elsewhere=elsewhere))


def test_on_several_media_a_ticket_gives_what_it_gives_on_one() -> None:
    """Entries, days, hours, clocks, rounds, persons inside: the model of one usage agrees with every presentation."""
    seasons = [some_shared_season(seed) for seed in SEASONS]
    assert sum(season.number for season in seasons) > 8 * len(seasons)


def forgets(**values: object) -> Callable[..., Others]:
    """The sums of other media without some of them."""
    return lambda parts, today, *, each_day: replace(real_others(parts, today, each_day=each_day), **values)


real_others = views.others
PLANTED: dict[str, tuple[object, str, object]] = {
    "other media ignored": (SharedSeason, "shares", False),
    "their persons ignored": (views, "others", forgets(total=0)),
    "their persons of the day ignored": (views, "others", forgets(on_day=0)),
    "a day counted by each": (views, "others", forgets(days=0)),
    "their minutes ignored": (views, "others", forgets(bank_used=0)),
    "their clock ignored": (views, "others", forgets(started=None)),
    "rounds apart": (views, "latest_of", lambda usages: next(iter(usages))),
    "inside by the first": (views, "inside", lambda usages: inside(tuple(usages)[:1])),
    "only one's own leave": (decide_module, "inside", lambda usages: inside(tuple(usages)[:1])),
    "leaving leaves no trace": (decide_module, "TIME_END", TIME_ZERO),
}


@pytest.mark.parametrize("name", PLANTED)
def test_model_finds_a_planted_bug(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the seasons that the test above walks anyway."""
    monkeypatch.setattr(*PLANTED[name])  # type: ignore[call-overload]
    with pytest.raises((AssertionError, CodecError)):
        [some_shared_season(seed) for seed in SEASONS]


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"entries_total": 1}, Reason.USED_UP),
        ({"entries_per_day": 1}, Reason.USED_UP_TODAY),
        ({"reentry_s": 3600}, Reason.PASSBACK),
        ({"tracked": True}, Reason.ALREADY_INSIDE),
    ],
    ids=lambda each: str(each),
)
def test_what_the_card_used_the_code_cannot_use_again(terms: dict[str, object], reason: Reason) -> None:
    """And the other way round; alone, each would be admitted. A passback names the lane and the time."""
    claim, usage = a_claim(**terms), used(1)
    for source in (CARD_SOURCE, GATE):
        assert isinstance(asked(claim, a_usage()), Admit)
        decision = asked(claim, a_usage(), of_usage(source, usage))
        assert isinstance(decision, Refuse)
        assert decision.reason is reason
    if reason is Reason.PASSBACK and usage.last_entry is not None:
        assert (decision.until, decision.gate) == (usage.last_entry + timedelta(hours=1), 2)


def test_party_comes_on_any_mix_of_media_and_what_remains_is_shown() -> None:
    """Four persons in batches of two: the card's two, the code's two, nobody more; each medium keeps its own count."""
    claim = a_claim(party=4, batch=2, entries_total=1, reentry_s=3600)
    first = asked(claim, a_usage())
    assert isinstance(first, Admit)
    second = asked(claim, a_usage(), of_usage(CARD_SOURCE, first.usage))
    assert isinstance(second, Admit)
    assert [(one.n, one.usage.used_total, one.prompt.left_total) for one in (first, second)] == [(2, 2, 2), (2, 2, 0)]
    known = of_usage(GATE, second.usage)
    assert asked(claim, first.usage, known).reason is Reason.USED_UP  # type: ignore[union-attr]


def test_party_that_comes_at_once_may_leave_one_for_another_medium() -> None:
    """Three of four on the code (its batch), the last one on the card."""
    claim = a_claim(party=4, batch=3, entries_per_day=1)
    decision = asked(claim, a_usage(), of_usage(GATE, used(3)))
    assert isinstance(decision, Admit)
    assert (decision.n, decision.prompt.left_today) == (1, 0)


def test_whom_is_owed_is_let_in_whatever_other_media_used() -> None:
    """Uncharged: they were counted when they were admitted."""
    claim, owed = a_claim(entries_total=1, reentry_s=3600), Owed(b"\x01" * 8, 1)
    usage = used(1, admission=owed.admission)
    knowledge = Knowledge(owed=owed, elsewhere=of_usage(CARD_SOURCE, used(1)))
    decision = decide(claim, usage, a_gate(), NOW, knowledge)
    assert isinstance(decision, Admit)
    assert (decision.n, decision.charged, decision.usage.used_total) == (1, 0, 1)


def test_a_day_of_a_ticket_of_days_is_counted_by_one_medium() -> None:
    """Two days: card and code on the first are one of them."""
    claim = a_claim(days=2, valid_until=TODAY + timedelta(days=9))
    first = asked(claim, a_usage())
    assert isinstance(first, Admit)
    second = asked(claim, a_usage(), of_usage(CARD_SOURCE, first.usage))
    assert isinstance(second, Admit)
    assert (first.usage.days_used, second.usage.days_used, second.prompt.left_days) == (1, 0, 1)


LIKELY = st.builds(
    lambda minutes, **counters: replace(used(0), last_entry=NOW - timedelta(minutes=minutes), bank=True, **counters),
    st.integers(-1, 90),
    used_total=st.integers(3, 8),
    used_on_day=st.integers(0, 3),
    in_round=st.integers(0, 3),
    last_gate=st.integers(1, 3),
    days_used=st.integers(0, 2),
    bank_used=st.integers(30, 90),
    bank_ahead=st.integers(0, 30),
)
SHOWN = usages() | LIKELY


@st.composite
def knowns(draw: st.DrawFn) -> Elsewhere:
    """Up to three other media of any content; of what was given back another test tells."""
    parts = draw(st.lists(st.tuples(st.sampled_from([CARD_SOURCE, GATE, gate_source(9)]), SHOWN), max_size=3))
    return merged(*(of_usage(source, replace(usage, returns=0)) for source, usage in parts))


TERMS = st.builds(
    a_claim,
    party=st.integers(1, 3),
    entries_total=st.none() | st.integers(1, 8),
    entries_per_day=st.none() | st.integers(1, 3),
    reentry_s=st.none() | st.integers(60, 7200),
    bank=st.none() | st.builds(Bank, st.integers(60, 200), st.integers(0, 60)),
    days=st.none() | st.integers(1, 4),
)
MOMENTS = st.integers(-100_000, 100_000).map(lambda seconds: NOW + timedelta(seconds=seconds))


def admitted(decision: Admit | Refuse) -> int:
    """Persons."""
    return decision.n if isinstance(decision, Admit) else 0


def possible(usage: Usage) -> bool:
    """Whether a medium could show this."""
    return usage.bank_ahead <= usage.bank_used and usage.used_on_day <= usage.used_total


@settings(max_examples=500)
@given(claims() | TERMS, SHOWN, knowns(), MOMENTS, st.booleans())
def test_knowing_more_never_admits_more_persons(
    claim: Claim, usage: Usage, known: Elsewhere, now: datetime, day_ticket: bool
) -> None:
    """Of everything but time and persons inside, other media only tell that it was used.

    They tell of persons tracked in and out that they left, and of a bank of hours that it did not run since the entry
    before their own; so of a bank this holds where the medium presented entered last.
    """
    claim = replace(a_like(claim, day_ticket), tracked=False)
    assume(all(possible(each) for each in (usage, *(part.usage for part in known.parts))))
    if claim.bank is not None:
        assume(usage.last_entry is not None and usage.used_on_day)
        assume(all(no_later(part.usage, usage) for part in known.parts))
    alone = decide(claim, usage, a_gate(), now, Knowledge())
    shared = decide(claim, usage, a_gate(), now, Knowledge(elsewhere=known))
    assert admitted(shared) <= admitted(alone)
    unused = merged(of_usage(GATE, a_usage()), of_usage(CARD_SOURCE, a_usage()))
    for nothing in (NOTHING, unused):
        assert decide(claim, usage, a_gate(), now, Knowledge(elsewhere=nothing)) == alone


def no_later(one: Usage, other: Usage) -> bool:
    """Whether `one` entered before `other`, and what it drew ahead had run by then."""
    if one.last_entry is None or other.last_entry is None:
        return one.last_entry is None
    return one.last_entry + timedelta(minutes=one.bank_ahead + 1) <= other.last_entry


@settings(max_examples=200)
@given(claims(), usages(), knowns(), MOMENTS)
def test_nobody_is_locked_in_by_what_another_medium_used(
    claim: Claim, usage: Usage, known: Elsewhere, now: datetime
) -> None:
    """A lane that leads out admits, and charges nothing."""
    decision = decide(claim, usage, a_gate(exit=True), now, Knowledge(elsewhere=known))
    assert isinstance(decision, Admit)
    assert (decision.charged, decision.usage.used_total) == (0, usage.used_total)


def a_like(claim: Claim, day_ticket: bool) -> Claim:
    """The terms of `claim` where and when it is good here, half of the time."""
    good = {"scope": a_claim().scope, "areas": a_claim().areas, "blackout": None, "windows": ()}
    days = {"valid_from": TODAY - timedelta(days=2), "valid_until": TODAY + timedelta(days=2)}
    return replace(claim, **good, **days) if day_ticket else claim


# Persons given back


MEDIA = st.lists(
    st.builds(
        lambda total, on_day, day, returns: a_usage(
            used_total=total, used_on_day=min(on_day, total), day=day, last_entry=NOW, returns=returns
        ),
        st.integers(0, 5),
        st.integers(0, 5),
        st.sampled_from([day_number(TODAY), day_number(TODAY) - 1]),
        st.integers(0, 2),
    ),
    min_size=2,
    max_size=4,
)


@given(MEDIA, st.integers(0, 12), st.sampled_from([None, TODAY]))
def test_persons_are_given_back_once_whichever_media_they_came_on(
    media: list[Usage], returns: int, day: object
) -> None:
    """Together the media lose as many as none of them has met; once met by the one presented, it loses no more."""
    amendment = an_amendment(returns=returns, return_day=day if returns else None)
    usage, parts = shared_back(a_claim(), media[0], tuple(media[1:]), amendment)
    unmet = max(0, returns - sum(each.returns for each in media))
    before, after = (sum(each.used_total for each in some) for some in (media, (usage, *parts)))
    assert before - after == min(unmet, before)
    again, _ = shared_back(a_claim(), usage, parts, amendment)
    assert again.used_total == usage.used_total or sum(each.used_total for each in media) < unmet
    kept, rest = shared_back(a_claim(), usage, tuple(media[1:]), amendment)  # what the gate holds after this admission
    assert (kept, sum(each.used_total for each in rest)) == (usage, sum(each.used_total for each in parts))


def test_what_is_given_back_comes_off_the_day_on_which_it_was_charged() -> None:
    """The code's person of today, although the card was presented."""
    yesterday = used(2, day=day_number(TODAY) - 1, used_on_day=2)
    amendment = an_amendment(returns=1, return_day=TODAY)
    usage, parts = shared_back(a_claim(), yesterday, (used(1),), amendment)
    assert usage == yesterday
    assert [(each.used_total, each.used_on_day, each.returns) for each in parts] == [(0, 0, 1)]
