# SPDX-License-Identifier: Apache-2.0
"""Which of the cloud's answers tells the time, and which only that it is at least so late."""

from pistegate_edge.timekeeping.asking import ROUND_TRIP_MS, Fresh, TimeAsking
from pistegate_edge.timekeeping.marks import before
from pistegate_edge.timekeeping.told import Anchor, Before
from pistegate_protocol.events import ClockState, EpochOpened, Event, Incident
from pistegate_protocol.time_marks import TimeMark

AT = 1_768_622_400_000
FIRST, SECOND = b"question", b"another!"
BOOT = b"thisboot"


def mark(nonce: bytes = FIRST, device: int = 3) -> TimeMark:
    """The cloud's."""
    return TimeMark(1, device, nonce, AT)


def test_answer_within_the_round_trip_tells_the_time() -> None:
    """Half of the round trip is what it may be off."""
    asking = TimeAsking(3)
    asking.ask(FIRST, 1000)
    assert asking.answered(mark(), 1400) == Fresh(AT + 200, 201)


def test_replayed_answer_is_not_fresh() -> None:
    """Twice to one question, to an earlier question, to another gate, without a question."""
    asking = TimeAsking(3)
    assert asking.answered(mark(), 0) is None
    asking.ask(FIRST, 0)
    asking.ask(SECOND, 10)
    assert asking.answered(mark(FIRST), 20) is None
    assert asking.answered(mark(SECOND, device=4), 20) is None
    assert asking.answered(mark(SECOND), 20) is not None
    assert asking.answered(mark(SECOND), 30) is None


def test_delayed_answer_is_not_fresh() -> None:
    """Whoever holds it back cannot shift the time by more than half of what is allowed."""
    asking = TimeAsking(3)
    asking.ask(FIRST, 0)
    assert asking.answered(mark(), ROUND_TRIP_MS + 1) is None
    asking.ask(FIRST, 0)
    fresh = asking.answered(mark(), ROUND_TRIP_MS)
    assert fresh is not None
    assert fresh.error_ms <= ROUND_TRIP_MS // 2 + 1


# What the journal tells of the time


def opened(at: int) -> EpochOpened:
    return EpochOpened(at, 0, b"", "test")


def state(at: int, *, trusted: bool, moved: int = 0, boot: bytes = b"", up: int = 0) -> ClockState:
    return ClockState(at, trusted, "signed", moved, boot, up, 5)


def note(at: int) -> Incident:
    return Incident(at, "reader_lost", "")


def mark_of(*events: Event) -> int | None:
    return before([events], BOOT).mark_ms


def test_latest_trusted_time_is_the_mark() -> None:
    """Times in doubt leave none, nor does the start of a run in doubt."""
    assert mark_of() is None
    assert mark_of(opened(1), state(2, trusted=True), note(7), note(5)) == 7
    assert mark_of(opened(1), state(2, trusted=True), note(3), state(4, trusted=False), note(9)) == 3
    assert mark_of(opened(9), state(9, trusted=False), note(9)) is None
    assert mark_of(opened(1), state(1, trusted=True), opened(9), state(9, trusted=False)) == 1


def test_release_that_told_nothing_of_its_clock_is_believed() -> None:
    """Its journals have no such event."""
    assert mark_of(opened(1), note(5)) == 5


def test_time_that_the_cloud_set_back_takes_the_mark_with_it() -> None:
    """What a wrong clock wrote before counts no more."""
    assert mark_of(opened(90), state(90, trusted=True), note(99), state(10, trusted=True, moved=-89), note(12)) == 12


def test_newest_anchor_of_this_boot_is_kept() -> None:
    """From whichever stream; another boot's steady clock says nothing."""
    first = [opened(1), state(1, trusted=True, boot=BOOT, up=10)]
    second = [opened(1), state(5, trusted=True, boot=BOOT, up=50), state(6, trusted=True, boot=b"", up=60)]
    assert before([first, second], BOOT) == Before(6, Anchor(50, 5, 5))
    assert before([first, second], b"another.").anchor is None
    assert before([[], []], BOOT, stored_ms=77) == Before(77, None)
