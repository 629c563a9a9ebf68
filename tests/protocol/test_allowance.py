# SPDX-License-Identifier: Apache-2.0
"""Sequences of presentations against an independent model that keeps a log instead of counters."""

from datetime import UTC, date, datetime, timedelta

from allowance_model import CLAIMS, STARTS, STEPS, ZONES, Step, walk
from hypothesis import given, settings
from hypothesis import strategies as st
from protocol_cases import a_claim, a_gate, a_usage

from pistegate_protocol.claims import Claim
from pistegate_protocol.decide import Admit, Knowledge, decide
from pistegate_protocol.usage import decode_usage, encode_usage


@settings(max_examples=400)
@given(CLAIMS, st.sampled_from(ZONES), st.sampled_from(STARTS), STEPS)
def test_a_season_of_presentations_never_exceeds_the_allowance(
    claim: Claim, zone: str, start: datetime, steps: list[Step]
) -> None:
    """Entries per day and in total, rounds and batches of a party, passback, re-offers, midnight and summer time."""
    walk(claim, zone, start, steps)


@given(
    st.integers(1, 3),
    st.integers(1, 3),
    st.lists(st.tuples(st.sampled_from([-86_400, -5, -1, 0, 1, 5, 60]), st.sampled_from([1, 3])), max_size=30),
)
def test_gates_whose_clocks_differ_around_midnight_give_no_day_twice(
    party: int, per_day: int, presentations: list[tuple[int, int]]
) -> None:
    """In any order of gates before and after midnight, and a clock a day behind, each day is given at most once."""
    claim = a_claim(party=party, entries_per_day=per_day, valid_from=date(2026, 1, 1), valid_until=date(2027, 12, 31))
    midnight = datetime(2026, 12, 24, 16, 0, tzinfo=UTC)
    usage, admitted, days = a_usage(), 0, set()
    for offset_s, gate in presentations:
        at = midnight + timedelta(seconds=offset_s)
        decision = decide(claim, usage, a_gate(gate=gate), at, Knowledge())
        days.add(at.astimezone(a_gate().zone).date())
        if isinstance(decision, Admit):
            admitted += decision.n
            usage = decode_usage(encode_usage(decision.usage))
    assert admitted <= per_day * party * len(days)
