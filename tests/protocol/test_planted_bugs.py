# SPDX-License-Identifier: Apache-2.0
"""Tests of the tests: with a bug planted, the properties of this folder are seen to fail."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC
from functools import partial
from operator import attrgetter
from typing import Any

import pytest
from allowance_model import CLAIMS, STARTS, STEPS, ZONES, Step, walk
from card_flows import flipped_bits
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from protocol_cases import CARD, ISSUER, KEYS, a_claim
from ticket_season import SEASONS, some_season

from pistegate_protocol import clocks, decide, entries, refusals, returns, signing, suspensions, views
from pistegate_protocol.claims import Claim, ClockStart
from pistegate_protocol.clocks import Drawn
from pistegate_protocol.errors import CodecError
from pistegate_protocol.instants import MINUTE, minute_of
from pistegate_protocol.reasons import Reason
from pistegate_protocol.signing import ClaimRefused, KeyRing, open_claim, sign_claim

MODULES = {
    "clocks": clocks,
    "decide": decide,
    "entries": entries,
    "refusals": refusals,
    "returns": returns,
    "suspensions": suspensions,
    "views": views,
}
Plants = dict[str, Any]  # "module.function" -> what stands there instead


def with_claim(view: Any, **changes: Any) -> Any:
    """A view whose ticket was sold otherwise."""
    return replace(view, claim=replace(view.claim, **changes))


def left_by(change: Callable[..., int]) -> Plants:
    """Another reckoning of what is left, wherever it is asked."""
    return {"entries.left": change}


real_left, real_persons = entries.left, entries.persons

PLANTED: dict[str, Plants] = {
    "passback forgotten": {"views._just_entered": lambda *_: False},
    "passback at every post": {
        "views._just_entered": partial(
            lambda real, claim, usage, gate, now: real(
                claim, usage, replace(gate, post_gates=frozenset({1, 2, 3})), now
            ),
            views._just_entered,
        )
    },
    "one entry too many": left_by(lambda entries, claim, used: real_left(entries, claim, max(0, used - 1))),
    "allowance of one person for a party": left_by(
        lambda entries, claim, used: real_left(entries, replace(claim, party=1), used)
    ),
    "batch ignored": {"decide.persons": lambda view: real_persons(with_claim(view, batch=None))},
    "midnight of Greenwich": {"views._site_day": lambda claim, gate, now: now.date()},
    "owed to whoever comes": {
        "views._count": partial(
            lambda real, claim, usage, amendment, gate, now, owed: replace(
                real(claim, usage, amendment, gate, now, owed), reoffer=owed
            ),
            views._count,
        )
    },
}


def plant(monkeypatch: pytest.MonkeyPatch, plants: Plants) -> None:
    """Put them in place of the real functions."""
    for where, instead in plants.items():
        module, *path, name = where.split(".")
        owner = attrgetter(".".join(path))(MODULES[module]) if path else MODULES[module]
        monkeypatch.setattr(owner, name, instead)


@pytest.mark.parametrize("name", PLANTED)
def test_the_model_of_the_allowance_finds_a_planted_bug(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them within the examples that the property runs anyway."""

    @settings(max_examples=400, database=None, phases=[Phase.generate], derandomize=True, report_multiple_bugs=False)
    @given(CLAIMS, st.sampled_from(ZONES), st.sampled_from(STARTS), STEPS)
    def season(claim: Claim, zone: str, start: Any, steps: list[Step]) -> None:
        walk(claim, zone, start, steps)

    plant(monkeypatch, PLANTED[name])
    with pytest.raises(AssertionError, match="step"):
        season()


# The whole ticket.


def changed(function: Any, change: Callable[..., Any]) -> Callable[..., Any]:
    """A function that does what the real one does, and then something else."""
    return partial(change, function)


def returned_always(claim: Claim, usage: Any, amendment: Any) -> Any:
    """A return applied at every meeting."""
    return returns.given_back(claim, replace(usage, returns=0), amendment)


def locks_in(view: Any) -> Any:
    """A lane out that asks whether the ticket may enter."""
    holding = decide.reasons_holding(view, decide.Knowledge(calendars={3: frozenset()}))
    return decide.Refuse(sorted(holding)[0]) if holding else real_leave(view)


real_leave, real_counted, real_clock = decide._leave, entries.counted, clocks.clock_at

PLANTED_IN_TICKETS: dict[str, Plants] = {
    "windows ignored": {"refusals._in_window": lambda _: True},
    "windows of Greenwich": {
        "refusals._in_window": changed(
            refusals._in_window, lambda real, view: real(replace(view, gate=replace(view.gate, zone=UTC)))
        )
    },
    "hold ignored": {
        "decide.reasons_holding": changed(
            refusals.reasons_holding, lambda real, view, known: real(view, known) - {Reason.ON_HOLD}
        ),
    },
    "suspension ignored": {
        "decide.reasons_holding": changed(
            refusals.reasons_holding, lambda real, view, known: real(view, known) - {Reason.SUSPENDED}
        )
    },
    "blackout ignored": {
        "decide.reasons_holding": changed(
            refusals.reasons_holding, lambda real, view, known: real(view, known) - {Reason.BLACKED_OUT}
        )
    },
    "a suspension closes for ever": {
        "suspensions.Suspension.closes": lambda each, area, now: each.area == area and each.start <= now
    },
    "amended areas are added": {
        "views._amended": changed(
            views._amended,
            lambda real, claim, amendment: replace(
                real(claim, amendment), areas=claim.areas | (amendment.areas or set())
            ),
        )
    },
    "every passage counts a day": {
        "decide.counted": lambda view, charged: real_counted(replace(view, on_day=0), charged)
    },
    "a re-offer counts a day": {
        "decide.counted": lambda view, charged: replace(
            real_counted(view, charged),
            days_used=view.usage.days_used + (view.claim.days is not None and not view.on_day),
        )
    },
    "days never counted": {
        "decide.counted": lambda view, charged: replace(real_counted(view, charged), days_used=view.usage.days_used)
    },
    "the day's minimum is not drawn": {"views.draw_first": lambda minimum, used, total: Drawn(used, 0)},
    "the day's minimum is drawn besides": {
        "views.draw_since": lambda drawn, last, now, paused: replace(
            clocks.draw_since(replace(drawn, ahead=0), last, now, paused), ahead=drawn.ahead
        )
    },
    "the last day overdraws": {"views.draw_first": lambda minimum, used, total: Drawn(used + minimum, minimum)},
    "a minute begun at each passage": {
        "views.draw_since": lambda drawn, last, now, paused: clocks.draw_since(drawn, last, now + MINUTE, paused)
    },
    "an empty bank admits once more": {
        "refusals._time_used_up": changed(
            refusals._time_used_up,
            lambda real, view: real(replace(view, drawn=view.drawn and replace(view.drawn, used=view.drawn.used - 1))),
        )
    },
    "pauses ignored": {"views.pauses": lambda *_: ()},
    "pauses of every area": {
        "views.pauses": changed(suspensions.pauses, lambda real, known, _: real(known, frozenset(range(32))))
    },
    "the clock starts at every passage": {"decide._started": lambda view, charged: view.now.replace(second=0)},
    "the clock starts with the minute begun": {"clocks.minute_from": minute_of},
    "the hour for the first passage ignored": {
        "views.clock_at": lambda term, *rest: real_clock(replace(term, within=None), *rest)
    },
    "the clock of each day runs on": {
        "views.clock_at": lambda term, day, started, now, zone, extra, paused: real_clock(
            replace(term, start=ClockStart.FIRST_PASSAGE) if term.start is ClockStart.EACH_DAY else term,
            day,
            started or now.replace(hour=0, minute=0, second=0),
            now,
            zone,
            extra,
            paused,
        )
    },
    "extension ignored": {
        "views.clock_at": lambda term, day, started, now, zone, extra, paused: real_clock(
            term, day, started, now, zone, 0, paused
        )
    },
    "overtime without end": {
        "refusals._time_used_up": changed(
            refusals._time_used_up, lambda real, view: real(with_claim(view, overtime=view.claim.overtime and 10**6))
        )
    },
    "overtime not marked": {"decide._overtime": lambda _: False},
    "returns ignored": {"views.given_back": lambda claim, usage, amendment: usage},
    "returns given again and again": {"views.given_back": returned_always},
    "a return leaves its day counted": {
        "returns._on_its_day": lambda claim, usage, persons: replace(
            usage, used_on_day=max(0, usage.used_on_day - persons), in_round=max(0, usage.in_round - persons)
        )
    },
    "a return that ends in nothing keeps the clock": {
        "views.given_back": changed(
            returns.given_back,
            lambda real, claim, usage, change: replace(real(claim, usage, change), started=usage.started),
        )
    },
    "who leaves is inside still": {
        "decide._leave": lambda view: replace(
            real_leave(view), usage=replace(real_leave(view).usage, in_round=view.usage.in_round)
        )
    },
    "who leaves pays": {
        "decide._leave": lambda view: replace(
            real_leave(view), usage=replace(real_leave(view).usage, used_total=view.usage.used_total + 1)
        )
    },
    "locked in": {"decide._leave": locks_in},
    "inside for ever": {
        "views._count": changed(
            views._count,
            lambda real, claim, usage, *rest: replace(
                real(claim, usage, *rest), **({"in_round": usage.in_round} if claim.tracked else {})
            ),
        )
    },
}


def walk_seasons() -> None:
    """As the property does."""
    for seed in SEASONS:
        some_season(seed)


@pytest.mark.parametrize("name", PLANTED_IN_TICKETS)
def test_the_model_of_a_ticket_finds_a_planted_bug(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them within the seasons that the property walks anyway."""
    plant(monkeypatch, PLANTED_IN_TICKETS[name])
    with pytest.raises((AssertionError, CodecError)):
        walk_seasons()


def believed_changes() -> int:
    """How many single-bit changes of a signed claim are believed."""
    believed = 0
    for changed in flipped_bits(sign_claim(a_claim(), CARD, ISSUER)):
        try:
            open_claim(changed, CARD, KEYS)
            believed += 1
        except ClaimRefused:
            pass
    return believed


def test_flipping_bits_finds_a_signature_that_is_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not at all, and not over the medium."""
    assert believed_changes() == 0
    with monkeypatch.context() as planted:
        planted.setattr(KeyRing, "verify", lambda *_: True)
        assert believed_changes() > 64 * 8
    real = signing.split_signed_claim

    def original_only(signed: bytes) -> Any:
        body, bound, _, signature = real(signed)
        return body, bound, real(sign_claim(a_claim(), CARD, ISSUER))[2], signature

    monkeypatch.setattr(signing, "split_signed_claim", original_only)
    assert believed_changes() > 0
