# SPDX-License-Identifier: Apache-2.0
"""The gate's own time: followed while it runs on, kept when it jumps, never trusted after running back."""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pistegate_edge.timekeeping import doubt
from pistegate_edge.timekeeping.doubt import BACK_MS, STEP_MS, TRUST_MS, ClockDoubt
from pistegate_edge.timekeeping.told import Anchor, Before, Kernel, Reading, Sources, Standing, Why

NOON = 1_768_622_400_000
SECOND, MINUTE, DAY = 1000, 60_000, 86_400_000
NTP = Sources(Kernel(True, 5))
NOBODY = Sources()


@dataclass
class Computer:
    """A computer whose true time is known; `off`: by how much its wall clock is wrong."""

    off: int = 0
    up: int = 5 * MINUTE
    sources: Sources = NTP
    before: Before = field(default_factory=Before)
    true: int = NOON
    clock: ClockDoubt = field(init=False)

    def __post_init__(self) -> None:
        self.clock = ClockDoubt(self.reading, self.sources, self.before)

    @property
    def reading(self) -> Reading:
        return Reading(self.true + self.off, self.up)

    def wait(self, ms: int, *, slew: int = 0) -> None:
        """Time goes on; the wall clock gains `slew` on the steady one."""
        self.true += ms
        self.up += ms
        self.off += slew
        self.clock.now_ms(self.reading)

    def jump(self, ms: int) -> None:
        self.off += ms

    def look(self, sources: Sources | None = None) -> None:
        self.sources = sources or self.sources
        self.clock.look(self.reading, self.sources)

    def answer(self, error: int = 20) -> None:
        """The cloud tells the true time."""
        self.clock.signed(self.true, error, self.reading)

    @property
    def now(self) -> int:
        return self.clock.now_ms(self.reading)

    @property
    def standing(self) -> Standing:
        return self.clock.standing(self.reading)

    @property
    def why(self) -> tuple[bool, Why]:
        return self.standing.trusted, self.standing.why


# Who vouches


def test_clock_that_the_time_service_disciplines_is_trusted() -> None:
    """As long as it does, and for some time after."""
    computer = Computer()
    assert computer.why == (True, Why.SYNCHRONISED)
    computer.look(NOBODY)
    computer.wait(DAY)
    assert computer.standing.trusted


def test_nobody_told_the_time_since_the_start() -> None:
    """No time service, no battery-backed clock: in doubt."""
    assert Computer(sources=NOBODY).why == (False, Why.NEVER)


def test_source_of_the_site_is_trusted() -> None:
    """A time page."""
    assert Computer(sources=Sources(outside=True)).why == (True, Why.OUTSIDE)


def test_too_long_alone_is_in_doubt_until_somebody_tells_the_time() -> None:
    """A crystal's drift: some days."""
    computer = Computer()
    computer.look(NOBODY)
    computer.wait((TRUST_MS - 10) * 1_000_000 // doubt.DRIFT_PPM)
    assert computer.standing.trusted
    computer.wait(MINUTE * 10)
    assert computer.why == (False, Why.TOO_LONG)
    computer.answer()
    assert computer.why == (True, Why.SIGNED)


def test_battery_backed_clock_carries_over_a_boot_for_days_but_not_for_a_summer() -> None:
    """What it may have drifted since it was last known to be right is reckoned."""
    rtc = Sources(rtc_ms=NOON)
    assert Computer(sources=rtc, before=Before(NOON - 14 * DAY)).why == (True, Why.RTC)
    assert not Computer(sources=rtc, before=Before(NOON - 180 * DAY)).standing.trusted
    assert Computer(sources=rtc).why == (False, Why.NEVER), "no journal: nobody knows whether it was ever set"


def test_empty_battery_is_seen() -> None:
    """A battery-backed clock of 2000 vouches for nothing, and the time is not earlier than the mark."""
    computer = Computer(off=-9000 * DAY, sources=Sources(rtc_ms=NOON - 9000 * DAY), before=Before(NOON - DAY))
    assert computer.why == (False, Why.RAN_BACK)
    assert computer.now == NOON - DAY


# Jumps


@pytest.mark.parametrize("jump", [DAY, -DAY, 5 * MINUTE, -5 * MINUTE, 3 * SECOND, -3 * SECOND])
def test_jump_of_the_wall_clock_does_not_move_the_gates_time(jump: int) -> None:
    """It goes on by the steady clock, in doubt, until the wall clock is set back."""
    computer = Computer()
    computer.look(NOBODY)
    computer.jump(jump)
    computer.wait(MINUTE)
    assert computer.now == computer.true
    assert computer.why in ((False, Why.JUMPED), (False, Why.RAN_BACK))
    computer.jump(-jump)
    computer.wait(MINUTE)
    assert computer.now == computer.true
    assert computer.standing.trusted


def test_time_service_that_steps_the_clock_forward_is_followed() -> None:
    """A computer without a battery-backed clock comes up days behind, then hears the time."""
    computer = Computer(off=-3 * DAY, sources=NOBODY)
    assert not computer.standing.trusted
    computer.wait(MINUTE)
    computer.jump(3 * DAY)
    assert not computer.standing.trusted
    computer.look(NTP)
    assert computer.why == (True, Why.SYNCHRONISED)
    assert (computer.now, computer.clock.take_moved()) == (computer.true, 3 * DAY)


def test_time_service_that_steps_behind_the_mark_is_not_followed() -> None:
    """A wrong server, or a mark that a wrong clock left: only the cloud or a person decides."""
    computer = Computer()
    computer.wait(MINUTE)
    computer.jump(-DAY)
    computer.look(NTP)
    assert computer.why == (False, Why.RAN_BACK)
    assert (computer.now, computer.clock.take_moved()) == (computer.true, 0)


def test_clock_in_doubt_leaves_no_mark() -> None:
    """A day ahead at the start, nobody vouching: a time service that corrects it later is no running back."""
    computer = Computer(off=DAY, sources=NOBODY)
    computer.wait(MINUTE)
    assert computer.clock.mark_ms is None
    computer.jump(-DAY)
    computer.look(NTP)
    assert computer.why == (True, Why.SYNCHRONISED)
    assert computer.now == computer.true


def test_cloud_decides_between_a_mark_and_a_clock() -> None:
    """A mark a year ahead, left by a wrong clock: the cloud's answer is believed, and the mark goes with it."""
    computer = Computer(before=Before(NOON + 365 * DAY))
    assert computer.why == (False, Why.RAN_BACK)
    computer.answer()
    computer.look(NTP)
    assert computer.standing.trusted
    assert computer.now == computer.true
    assert computer.clock.mark_ms == computer.true


def test_cloud_against_a_jump_of_the_system_clock() -> None:
    """Its answer holds: the time is trusted, and told to be another than the system's."""
    computer = Computer()
    computer.look(NOBODY)
    computer.answer()
    computer.jump(-DAY)
    computer.wait(MINUTE)
    assert computer.why == (True, Why.SYSTEM_OFF)
    assert computer.now == computer.true


def test_time_service_that_contradicts_the_cloud_is_in_doubt_once_the_answer_is_old() -> None:
    """Somebody lies; the gate goes on with what was signed."""
    computer = Computer()
    computer.answer(error=2)
    computer.jump(DAY)
    computer.look(NTP)
    assert computer.why == (True, Why.SYSTEM_OFF)
    for _ in range(4):
        computer.wait(DAY)
        computer.look(NTP)
    assert computer.why == (False, Why.CONTRADICTED)
    assert computer.now == computer.true


def test_wrong_clock_that_the_cloud_corrects_a_day_back() -> None:
    """By how much the time was set is told, once."""
    computer = Computer(off=DAY, sources=NOBODY)
    computer.answer()
    assert (computer.now, computer.clock.take_moved(), computer.clock.take_moved()) == (computer.true, -DAY, 0)


def test_technicians_word_is_taken() -> None:
    """Where no cloud can be asked."""
    computer = Computer(sources=NOBODY, before=Before(NOON + 365 * DAY))
    assert computer.why == (False, Why.RAN_BACK)
    computer.clock.accept(computer.reading)
    assert computer.why == (True, Why.ACCEPTED)
    assert computer.now == computer.true


def test_older_signed_time_tells_that_it_is_at_least_so_late() -> None:
    """Replayed, it moves nothing back; ahead of the gate it does move it, in doubt."""
    computer = Computer()
    computer.clock.known(NOON - DAY, computer.reading)
    assert computer.now == computer.true
    assert computer.standing.trusted
    behind = Computer(off=-3 * DAY, sources=NOBODY)
    behind.clock.known(NOON - DAY, behind.reading)
    assert behind.now == NOON - DAY
    assert behind.why == (False, Why.RAN_BACK)


def test_document_that_a_wrong_cloud_dated_ahead_moves_nothing_while_its_answer_holds() -> None:
    """The cloud's clock was a day ahead when it signed a document, and is right now."""
    computer = Computer()
    computer.answer()
    computer.clock.known(NOON + DAY, computer.reading)
    assert computer.now == computer.true
    assert computer.standing.trusted


# Restarts


def test_jump_while_the_process_was_down_is_seen_in_the_same_boot() -> None:
    """The steady clock went on."""
    anchor = Anchor(MINUTE, NOON - 4 * MINUTE, 5)
    before = Before(NOON - 4 * MINUTE, anchor)
    assert Computer(sources=NOBODY, before=before).why == (True, Why.KEPT)
    jumped = Computer(off=DAY, sources=NOBODY, before=before)
    assert jumped.why == (False, Why.JUMPED)
    assert jumped.now == jumped.true


def test_time_behind_the_mark_after_a_boot_is_the_mark() -> None:
    """Nothing that happens now is dated before what is known to have been."""
    computer = Computer(off=-2 * DAY, sources=NOBODY, before=Before(NOON - DAY))
    assert computer.now == NOON - DAY
    computer.wait(MINUTE)
    assert computer.now == NOON - DAY + MINUTE
    assert computer.why == (False, Why.RAN_BACK)


# Properties

JUMPS = st.lists(
    st.tuples(
        st.integers(1, 2 * DAY),
        st.integers(-3 * DAY, 3 * DAY) | st.integers(-20 * SECOND, 20 * SECOND) | st.just(0),
        st.sampled_from([NTP, NOBODY, Sources(outside=True)]),
        st.booleans(),
    ),
    max_size=12,
)


@given(JUMPS)
def test_never_trusted_after_running_back(story: list[tuple[int, int, Sources, bool]]) -> None:
    """Whatever jumps: a wall clock earlier than any trusted time, by more than clocks differ, is not trusted."""
    computer = Computer()
    latest = 0
    for ms, jump, sources, looks in story:
        computer.wait(ms)
        if computer.standing.trusted:
            latest = max(latest, computer.now)
        computer.jump(jump)
        if looks:
            computer.look(sources)
        now, standing = computer.now, computer.standing
        if computer.reading.wall_ms < latest - BACK_MS:
            assert not standing.trusted
        if standing.trusted:
            assert abs(now - computer.reading.wall_ms) <= STEP_MS
        assert now >= latest - BACK_MS


@given(JUMPS, st.integers(0, 2000))
def test_cloud_is_believed_whatever_was_before(story: list[tuple[int, int, Sources, bool]], error: int) -> None:
    """After its answer the time is right and trusted, whether or not the system's clock is."""
    computer = Computer()
    for ms, jump, sources, looks in story:
        computer.wait(ms)
        computer.jump(jump)
        if looks:
            computer.look(sources)
    computer.answer(error)
    assert computer.standing.trusted or abs(computer.now - computer.true) <= STEP_MS
    own = 0 if computer.standing.error_ms is None else computer.standing.error_ms
    assert abs(computer.now - computer.true) <= max(error, own) + STEP_MS


@given(
    st.lists(st.tuples(st.integers(1, 8 * 3600 * SECOND), st.integers(-500, 500)), max_size=30),
    st.integers(0, 1500),
)
def test_never_in_doubt_under_an_honest_time_service(slews: list[tuple[int, int]], step: int) -> None:
    """It slews by up to 500 ppm and may begin with a small step; looked at every few hours."""
    computer = Computer()
    computer.jump(step)
    for ms, ppm in slews:
        computer.wait(ms, slew=ms * ppm // 1_000_000)
        assert computer.standing.trusted
        computer.look(replace(NTP, kernel=Kernel(True, 900)))
        assert computer.standing.trusted
        assert computer.now == computer.reading.wall_ms
        assert computer.clock.take_moved() == 0


@given(st.lists(st.integers(-STEP_MS, STEP_MS), min_size=20, max_size=60))
def test_creeping_in_small_steps_ends_in_doubt(steps: list[int]) -> None:
    """Without a time service, small steps add up until they are too much to be trusted."""
    computer = Computer()
    computer.look(NOBODY)
    crept = 0
    for step in steps:
        computer.wait(SECOND)
        computer.jump(step)
        computer.clock.now_ms(computer.reading)
        crept += abs(step)
        if crept > TRUST_MS + len(steps):
            assert not computer.standing.trusted
