# SPDX-License-Identifier: Apache-2.0
"""Beams to persons: what a person looks like to the beams, and what does not make a person."""

from collections import Counter as Tally
from typing import Any

import pytest
from beam_bodies import CLOCK_MS, LAYOUT, PROFILE, Thing, walk
from hypothesis import given, settings
from hypothesis import strategies as st

from pistegate_edge.lane.core.counter import Counter
from pistegate_edge.lane.core.words import ENTRY, EXIT

ADULT = 300
CHILD = 150
POLE = 20
HAND = 90


def told(*things: Thing, counter: Counter | None = None, covered: int = 0, blind: int = 0) -> list[tuple[str, str]]:
    """What a counter says of these things."""
    return [event for _at, event in walk(counter or Counter(PROFILE), things, covered=covered, blind=blind)]


@pytest.mark.parametrize("length", [CHILD, 200, ADULT, 500])
@pytest.mark.parametrize("speed", [0.3, 0.8, 1.8])
@pytest.mark.parametrize("direction", [ENTRY, EXIT])
def test_one_person_is_one(length: int, speed: float, direction: str) -> None:
    """Child or adult with a backpack, shuffling or running, in or out: once through."""
    assert told(Thing(length, speed, direction)) == [("through", direction)]


def test_through_is_told_while_the_person_is_still_in_the_lane() -> None:
    """The next guest need not wait until the lane is empty: the back has left the beam beyond the leaf."""
    [(at, event)] = walk(Counter(PROFILE), [Thing(ADULT, 1.0)])
    assert event == ("through", ENTRY)
    back_at_the_leaf = 600 + ADULT
    back_out_of_the_row = back_at_the_leaf + 420
    assert back_at_the_leaf < at <= back_at_the_leaf + 60 + 30 < back_out_of_the_row


@pytest.mark.parametrize("gap", [130, 200, 300, 600])
def test_a_follower_is_another_person(gap: int) -> None:
    """Two bodies with a gap of more than a beam's pitch are two."""
    assert told(Thing(ADULT), Thing(ADULT, behind=ADULT + gap)) == [("through", ENTRY)] * 2


def test_a_coach_and_eight_children() -> None:
    """A party of nine, 35 cm apart."""
    party = [Thing(ADULT)] + [Thing(CHILD, behind=ADULT + 350 + index * (CHILD + 350)) for index in range(8)]
    assert told(*party) == [("through", ENTRY)] * 9


@pytest.mark.parametrize("before", [400, 150, -400])
@pytest.mark.parametrize("thing", [POLE, HAND])
def test_what_one_carries_is_nobody(thing: int, before: int) -> None:
    """A pole or a hand, ahead of the body or behind it."""
    assert told(Thing(ADULT), Thing(thing, behind=-before)) == [("through", ENTRY)]


@pytest.mark.parametrize("begins", range(100, 1000, 50))
@pytest.mark.parametrize("swing", [-150, -90, 90, 150])
def test_a_pole_that_comes_off_a_child_is_not_the_child(begins: int, swing: int) -> None:
    """Child and pole are one beam each for a moment: it shows later which of them goes on."""
    pole = Thing(POLE, behind=60, opens=(begins, begins + 70, swing))
    assert told(Thing(CHILD), pole) == [("through", ENTRY)]


def test_a_pole_alone_is_nobody() -> None:
    """Nothing thin counts, wherever it comes from."""
    assert told(Thing(POLE), Thing(POLE, behind=200), Thing(HAND, behind=500)) == []


def test_skis_on_the_shoulder_do_not_make_two() -> None:
    """A tip that dips into the hip row 60 cm ahead, thinner than the pitch."""
    assert told(Thing(ADULT), Thing(110, behind=-600), Thing(110, behind=900)) == [("through", ENTRY)]


@pytest.mark.parametrize("gap", [60, 100])
@pytest.mark.parametrize("begins", range(0, 1000, 110))
def test_thighs_of_a_long_stride_are_one_person(begins: int, gap: int) -> None:
    """The gap between two thighs opens for a third of a metre of way, anywhere in the lane, and shuts again."""
    front = Thing(170, behind=-170, opens=(begins, begins + 330, gap))
    assert told(Thing(170), front) == [("through", ENTRY)]


def test_who_only_looks_in_is_nobody() -> None:
    """Two beams deep: a hand with a bag does as much; nothing is told."""
    assert told(Thing(ADULT, turn_at=-300)) == []


@pytest.mark.parametrize("turn", [-150, -100, 0, 150])
def test_who_turns_back_before_having_passed_is_back(turn: int) -> None:
    """The front got as far as `turn`; nobody went through."""
    assert told(Thing(ADULT, turn_at=turn)) == [("back", ENTRY)]


def test_who_goes_back_after_having_passed_went_out() -> None:
    """Two passages: one each way."""
    assert told(Thing(ADULT, turn_at=460)) == [("through", ENTRY), ("through", EXIT)]


def test_somebody_stands_still_for_a_minute() -> None:
    """No weather, no second person; the lane is occupied all the while."""
    counter = Counter(PROFILE)
    stops = [Thing(ADULT, stop_at=100, stop_ms=60_000), Thing(200, row="low", behind=50, stop_at=50, stop_ms=60_000)]
    seen = []
    events = walk(counter, stops, watch=lambda now: seen.append((now, counter.occupied, counter.weather)))
    assert [event for _at, event in events] == [("through", ENTRY)]
    assert all(occupied and not weather for now, occupied, weather in seen if 1000 < now < 60_000)


def test_two_meet_in_the_lane_and_both_go_back() -> None:
    """One from each side: each leaves where it came in."""
    assert Tally(told(Thing(ADULT, turn_at=-100), Thing(ADULT, direction=EXIT, turn_at=-100))) == Tally(
        [("back", ENTRY), ("back", EXIT)]
    )


@pytest.mark.parametrize("direction", [ENTRY, EXIT])
def test_a_crawler_is_seen_by_the_low_row_alone(direction: str) -> None:
    """A metre of body under the hip row."""
    assert told(Thing(1000, 0.4, direction, row="low")) == [("crawl", direction)]


def test_a_crawler_behind_a_walker() -> None:
    """The walker's legs are in the low row as well."""
    walker = [Thing(ADULT, 0.5), Thing(120, 0.5, row="low", behind=40), Thing(120, 0.5, row="low", behind=200)]
    assert told(*walker, Thing(1000, 0.5, row="low", behind=650)) == [("through", ENTRY), ("crawl", ENTRY)]


def test_legs_are_no_crawlers() -> None:
    """Legs reach ahead of the hips and behind them."""
    legs = [Thing(120, row="low", behind=-130), Thing(120, row="low", behind=300)]
    assert told(Thing(ADULT), *legs, Thing(20, row="low", behind=700)) == [("through", ENTRY)]


def test_a_crawler_who_goes_back_is_nobody() -> None:
    """Nobody went under the leaf."""
    assert told(Thing(1000, 0.4, row="low", turn_at=-50)) == []


@pytest.mark.parametrize("beam", range(12))
def test_a_beam_that_stays_blocked_becomes_weather_and_counting_goes_on(beam: int) -> None:
    """Rime or a glove: reported after weather_ms, left out, and one person is still one."""
    counter = Counter(PROFILE)
    for now in range(0, 21_000, 10):
        assert counter.step(now, 1 << beam) == []
        assert counter.weather in (0, 1 << beam)
        assert counter.occupied or now < 20 or counter.weather
    assert counter.weather == 1 << beam
    assert told(Thing(ADULT), counter=counter, covered=1 << beam) == [("through", ENTRY)]
    assert told(Thing(CHILD), counter=counter, covered=1 << beam) == [("through", ENTRY)]
    assert counter.weather == 1 << beam


def test_two_covered_beams_and_counting_goes_on() -> None:
    """One on either side of the leaf."""
    counter = Counter(PROFILE)
    covered = 1 << 2 | 1 << 5
    for now in range(0, 21_000, 10):
        counter.step(now, covered)
    two = [Thing(ADULT), Thing(ADULT, behind=ADULT + 600)]
    assert told(*two, counter=counter, covered=covered) == [("through", ENTRY)] * 2


def test_a_beam_that_clears_is_believed_again() -> None:
    """After clear_ms without anything in it, rounded up to the counter's periods."""
    counter = Counter(PROFILE)
    for now in range(0, 21_000, 10):
        counter.step(now, 4)
    cleared = next(now for now in range(21_000, 30_000, 10) if not counter.step(now, 0) and not counter.weather)
    assert 2000 <= cleared - 21_000 <= 4000
    assert not counter.occupied
    assert counter.deadline is None


def test_a_beam_covered_a_moment_ago_does_not_hold_the_person_who_passes() -> None:
    """Long before it is reported, a lone thin thing is left out; the body does not stay with it."""
    counter = Counter(PROFILE)
    for now in range(0, 3_000, 10):
        counter.step(now, 1 << 6)
    assert told(Thing(ADULT), Thing(ADULT, behind=900), counter=counter, covered=1 << 6) == [("through", ENTRY)] * 2


@pytest.mark.parametrize("beam", range(8))
@pytest.mark.parametrize("length", [CHILD, 200, ADULT])
def test_a_beam_that_ices_over_while_somebody_is_in_it_keeps_nobody(beam: int, length: int) -> None:
    """The person goes on and is counted once; the beam is set aside; the next one is counted as well."""
    counter = Counter(PROFILE)
    frozen = Ice(counter, 1 << beam)
    two = [Thing(length), Thing(length, behind=9000)]
    assert [event for _at, event in walk(frozen, two)] == [("through", ENTRY)] * 2
    assert counter.bodies == 0


class Ice:
    """Passes beams on to a counter; one of them stays blocked from the first time that it is."""

    def __init__(self, counter: Counter, bit: int) -> None:
        self.counter = counter
        self.bit = bit
        self.ice = 0

    def step(self, now: int, word: int) -> list[tuple[str, str]]:
        """As the counter's."""
        self.ice |= word & self.bit
        return self.counter.step(now, word | self.ice)


def test_the_beams_of_known_persons_are_told() -> None:
    """Of a person, not of a pole, nor of what is only in a beam."""
    counter = Counter(PROFILE)
    seen = set()
    walk(counter, [Thing(ADULT), Thing(POLE, behind=1500)], watch=lambda _now: seen.add(counter.bodies))
    assert seen >= {0, 0b111, 0b110, 0b11000000, 1 << 7}
    assert not seen & {1 << beam for beam in range(7)}


@pytest.mark.parametrize("beam", range(8))
@pytest.mark.parametrize("length", [CHILD + 50, ADULT])
def test_a_beam_that_sees_nothing_splits_nobody(beam: int, length: int) -> None:
    """A receiver that always sees light: one person is still one."""
    assert told(Thing(length), blind=1 << beam) == [("through", ENTRY)]


def test_flicker_shorter_than_the_debounce_is_nothing() -> None:
    """Flakes and drops."""
    counter = Counter(PROFILE)
    for now in range(0, 10_000, 5):
        assert counter.step(now, LAYOUT_MASK if now % 15 == 0 else 0) == []
        assert not counter.occupied


LAYOUT_MASK = (1 << len(LAYOUT)) - 1


def test_a_lane_with_few_beams_counts_too() -> None:
    """Three beams at hip height and one below: what a cramped lane, or an exhaustive search, may have."""
    layout = [[-120, 750], [0, 750], [120, 750], [0, 300]]
    small = PROFILE | {"beams": layout}
    assert [event for _at, event in walk(Counter(small), [Thing(ADULT)], layout=layout)] == [("through", ENTRY)]
    assert walk(Counter(small), [Thing(POLE)], layout=layout) == []


def test_one_hip_beam_is_refused() -> None:
    """One beam cannot tell a direction."""
    with pytest.raises(ValueError, match="two beams"):
        Counter(PROFILE | {"beams": [[0, 750], [0, 300]]})


# Any crowd.

LENGTHS = st.integers(CHILD, 500)
GAPS = st.integers(300, 900)
SPEEDS = st.sampled_from([0.3, 0.5, 0.9, 1.4, 1.8])


def queue(bodies: list[tuple[int, int]], speed: float, direction: str) -> list[Thing]:
    """(length, gap behind it) of each, one after another."""
    things = []
    behind = 0
    for length, gap in bodies:
        things.append(Thing(length, speed, direction, behind=behind))
        behind += length + gap
    return things


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(LENGTHS, GAPS), min_size=1, max_size=6), SPEEDS, st.sampled_from([ENTRY, EXIT]))
def test_bodies_30_cm_apart_are_counted_exactly(bodies: list[tuple[int, int]], speed: float, direction: str) -> None:
    """Any lengths, any gaps from 30 cm, any speed, either way."""
    assert told(*queue(bodies, speed, direction)) == [("through", direction)] * len(bodies)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(LENGTHS, GAPS), min_size=1, max_size=4),
    SPEEDS,
    st.lists(st.tuples(st.integers(10, 110), st.integers(-500, 1500)), max_size=3),
)
def test_thin_things_never_make_more_persons(
    bodies: list[tuple[int, int]], speed: float, thin: list[tuple[int, int]]
) -> None:
    """Poles and hands may hide a gap; they add nobody as long as they are not side by side."""
    places = sorted(behind for _length, behind in thin)
    apart = [thing for thing in thin if all(abs(thing[1] - place) > 250 for place in places if place != thing[1])]
    things = queue(bodies, speed, ENTRY)
    clear = [
        Thing(length, speed, behind=behind)
        for length, behind in apart
        if all(behind > t.behind + t.length + 130 or behind + length < t.behind - 130 for t in things)
    ]
    throughs = [event for event in told(*things, *clear) if event[0] == "through"]
    assert len(throughs) <= len(bodies)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 400), st.integers(0, 400)), max_size=40))
def test_one_beam_at_a_time_is_never_a_person(blinks: list[tuple[int, int, int]]) -> None:
    """However long each is blocked: a person is in two neighbours at once."""
    counter = Counter(PROFILE)
    now = 0
    for beam, blocked, clear in blinks:
        for until, word in ((now + blocked, 1 << beam), (now + blocked + clear + 20, 0)):
            while now < until:
                assert counter.step(now, word) == []
                now += 5


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, LAYOUT_MASK), st.integers(1, 3000)), max_size=60), st.integers(0, 59))
def test_a_snapshot_brings_the_counter_back(steps: list[tuple[int, int]], at: int) -> None:
    """Restored under another clock, it says the same from then on; and snapshots are hashable."""
    counter, other = Counter(PROFILE), Counter(PROFILE)
    now, shift = 1000, 50_000
    for index, (word, ms) in enumerate(steps):
        said = counter.step(now, word)
        if index > at:
            assert other.step(now + shift, word) == said
            assert other.snapshot(now + shift) == counter.snapshot(now)
            assert _relative(other.deadline, now + shift) == _relative(counter.deadline, now)
        if index == at:
            kept = counter.snapshot(now)
            assert hash(kept) == hash(counter.snapshot(now))
            other.restore(now + shift, kept)
        now += ms


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 0xFF), st.integers(1, 400)), max_size=80))
def test_more_throughs_than_the_beams_allow_are_never_told(steps: list[tuple[int, int]]) -> None:
    """Whatever the beams do: a person through needs the row's beam before the leaf blocked and clear again."""
    counter = Counter(PROFILE)
    now = falls = throughs = last = 0
    for word, ms in steps:
        throughs += sum(event[0] == "through" for event in counter.step(now, word))
        now += ms
        throughs += sum(event[0] == "through" for event in counter.step(now, word))
        falls += ((last & ~word) & 0xFF).bit_count()
        last = word
        assert throughs <= falls


def _relative(deadline: int | None, now: int) -> int | None:
    return None if deadline is None else deadline - now


def test_a_deadline_wakes_what_time_alone_brings() -> None:
    """Stepped only when a beam changes or the deadline is due, a counter says what one stepped always says."""
    lazy: list[Any] = []
    counter = Counter(PROFILE)
    things = [Thing(ADULT), Thing(CHILD, behind=800), Thing(1000, 0.4, row="low", behind=1800)]
    eager = walk(Counter(PROFILE), things)
    last = -1
    for now, word in frames(things):
        if word != last or (counter.deadline is not None and now >= counter.deadline):
            lazy += [(now - CLOCK_MS, event) for event in counter.step(now, word)]
            last = word
    assert lazy == eager


def frames(things: list[Thing]) -> list[tuple[int, int]]:
    """(ms, beams) of these things."""
    seen: list[tuple[int, int]] = []

    class Recorder:
        def step(self, now: int, word: int) -> list[tuple[str, str]]:
            seen.append((now, word))
            return []

    walk(Recorder(), things)
    return seen
