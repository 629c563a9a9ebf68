# SPDX-License-Identifier: Apache-2.0
"""When an area is closed, and what that does to minutes."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_cases import NOW

from pistegate_protocol.instants import TIME_ZERO, at_minute, minute_from, minute_of
from pistegate_protocol.suspensions import Pause, Suspension, minute_after, paused_minutes, pauses

BASE = minute_of(NOW)


def _seconds(after: int) -> timedelta:
    return timedelta(seconds=after)


SPANS = st.tuples(st.integers(0, 5000), st.none() | st.integers(0, 5000))
SUSPENSIONS = st.lists(
    st.builds(
        lambda area, span, paused: Suspension(
            area, NOW + _seconds(span[0]), None if span[1] is None else NOW + _seconds(span[0] + span[1]), paused
        ),
        st.integers(1, 3),
        SPANS,
        st.booleans(),
    ),
    max_size=6,
)
MINUTES = st.integers(-10, 200).map(lambda minute: BASE + minute)


def still(suspensions: list[Suspension], areas: frozenset[int], minute: int) -> bool:
    """Whether no time runs in a minute: some pause overlaps it. One by one, where `pauses` merges."""
    begin, end = at_minute(minute), at_minute(minute + 1)
    return any(
        each.clocks_paused and each.area in areas and each.start < end and (each.end is None or each.end > begin)
        for each in suspensions
        if each.end is None or each.start < each.end
    )


@given(SUSPENSIONS, st.frozensets(st.integers(1, 3)), MINUTES, MINUTES)
def test_paused_minutes_are_those_that_a_pause_touches(
    suspensions: list[Suspension], areas: frozenset[int], one: int, other: int
) -> None:
    """However suspensions overlap, and whichever area they concern; a span told backwards has none."""
    since, until = sorted((one, other))
    paused = pauses(suspensions, areas)
    assert paused_minutes(paused, since, until) == sum(still(suspensions, areas, each) for each in range(since, until))
    if since < until:
        assert paused_minutes(paused, until, since) == 0


@given(SUSPENSIONS, st.tuples(MINUTES, MINUTES, MINUTES))
def test_paused_minutes_of_adjoining_spans_add_up(suspensions: list[Suspension], minutes: tuple[int, int, int]) -> None:
    """So that a bank draws the same however often its guest passes in between."""
    first, second, third = sorted(minutes)
    paused = pauses(suspensions, frozenset({1, 2}))
    parts = paused_minutes(paused, first, second) + paused_minutes(paused, second, third)
    assert parts == paused_minutes(paused, first, third)


@given(SUSPENSIONS, MINUTES, st.integers(1, 200))
def test_a_clock_ends_in_the_first_minute_after_its_running_ones(
    suspensions: list[Suspension], since: int, running: int
) -> None:
    """The end shown to the guest is the minute from which the gate refuses; None while a pause goes on."""
    paused = pauses(suspensions, frozenset({1, 2}))
    end = minute_after(paused, since, running)
    ran = [minute for minute in range(since, since + 2000) if not still(suspensions, frozenset({1, 2}), minute)]
    assert end == (ran[running - 1] + 1 if len(ran) >= running else None)


@given(SUSPENSIONS)
def test_pauses_are_in_order_and_apart(suspensions: list[Suspension]) -> None:
    """Overlapping and adjoining ones are one; only the last may go on."""
    paused: tuple[Pause, ...] = pauses(suspensions, frozenset({1, 2, 3}))
    for (start, end), (later, _) in pairwise(paused):
        assert end is not None
        assert start < end < later


@pytest.mark.parametrize(("after_s", "closed"), [(-1, False), (0, True), (3599, True), (3600, False)])
def test_a_suspension_closes_its_area_from_start_to_end(after_s: int, closed: bool) -> None:
    """The end itself is open again; another area is not concerned."""
    suspension = Suspension(1, NOW, NOW + timedelta(hours=1))
    assert suspension.closes(1, NOW + _seconds(after_s)) is closed
    assert not suspension.closes(2, NOW)
    assert Suspension(1, NOW).closes(1, NOW + timedelta(days=300))


def test_minutes_are_whole_ones_since_2020() -> None:
    """Down for where an instant is, up for the first that does not begin before it."""
    assert (minute_of(TIME_ZERO), minute_from(TIME_ZERO), at_minute(0)) == (0, 0, TIME_ZERO)
    for seconds, inside, following in ((1, 0, 1), (59, 0, 1), (60, 1, 1), (61, 1, 2), (-1, -1, 0), (-60, -1, -1)):
        at = TIME_ZERO + _seconds(seconds)
        assert (minute_of(at), minute_from(at)) == (inside, following)
