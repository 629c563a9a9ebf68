# SPDX-License-Identifier: Apache-2.0
"""A short run of the counting benchmark: some 300 crossings, the promised limits. All of it: make bench."""

from pistegate_simulators.lane.running import record
from pistegate_simulators.lane.survey import LEAVES, counting, throughput, total

SHORT = 300
EVERY = 4  # of the scenarios: enough kinds of people in a few seconds
TEST_SEED = 90_000


def test_a_few_hundred_crossings_are_counted_right() -> None:
    """At least 99.9 % right, 99 % of tailgaters flagged, at most 0.5 % false alarms, nobody pinched."""
    table = counting(LEAVES, SHORT, first_seed=TEST_SEED, every=EVERY)
    whole = total(table, LEAVES)
    assert whole.authorised >= SHORT
    assert whole.right_percent >= 99.9
    assert whole.flagged_percent >= 99
    assert whole.false_percent <= 0.5
    assert whole.pinched + total(table, LEAVES, bench=False).pinched == 0


def test_a_short_rush_is_near_the_mechanical_limit() -> None:
    """At least nine tenths of what an ideal controller lets through."""
    lane, ideal = throughput("flap", range(TEST_SEED, TEST_SEED + 2))
    assert lane >= 0.9 * ideal


def test_a_trace_holds_all_that_another_interpreter_needs() -> None:
    """Calls in order of time, their arguments plain data, with events and outputs."""
    trace = record("tailgater_60cm", 1, "flap").document()
    times = [call[0] for call in trace["calls"]]
    assert times == sorted(times)
    assert {call[1] for call in trace["calls"]} == {"step", "open", "renew"}
    assert sum(1 for call in trace["calls"] for event in call[3] if event[0] == "closed") == 8
    assert all(isinstance(argument, int | str) for call in trace["calls"] for argument in call[2])
