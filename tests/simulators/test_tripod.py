# SPDX-License-Identifier: Apache-2.0
"""The simulated tripod does what a maker's controller does, and counts arms by itself."""

from hypothesis import given
from hypothesis import strategies as st

from pistegate_simulators.turnstile.tripod import PASS_CONTACT_MS, PULSE_MIN_MS, Arm, Tripod


def pulse(tripod: Tripod, at: int, length: int = PULSE_MIN_MS) -> int:
    """Send one unlock pulse; the time when it ended."""
    tripod.unlock_line(True, at)
    tripod.step(at + length)
    tripod.unlock_line(False, at + length)
    return at + length


def test_locked_arm_does_not_give_way() -> None:
    """Nobody passes without an unlock pulse."""
    tripod = Tripod()
    assert not tripod.push(200, 0)
    tripod.step(1000)
    assert tripod.turned == 0


def test_one_pulse_is_one_turn() -> None:
    """After one turn the arm is locked again, and the PASS contact closed once for its time."""
    tripod = Tripod()
    now = pulse(tripod, 0)
    assert tripod.push(200, now)
    tripod.step(now + 199)
    assert (tripod.turned, tripod.pass_contact) == (0, False)
    tripod.step(now + 200)
    assert (tripod.turned, tripod.pass_contact, tripod.arm) == (1, True, Arm.LOCKED)
    tripod.step(now + 200 + PASS_CONTACT_MS)
    assert not tripod.pass_contact
    assert not tripod.push(200, now + 300)


def test_too_short_a_pulse_is_ignored() -> None:
    """Makers ask for 100 ms: a glitch on the line frees nothing."""
    tripod = Tripod()
    now = pulse(tripod, 0, PULSE_MIN_MS - 1)
    assert not tripod.push(200, now)


def test_arm_locks_after_its_time_out_but_never_on_a_person() -> None:
    """The time-out ends an unused opening; a person already in the arm gets through."""
    tripod = Tripod(timeout_ms=2000)
    pulse(tripod, 0)
    tripod.step(PULSE_MIN_MS + 2000)
    assert tripod.arm is Arm.LOCKED
    now = pulse(tripod, 5000)
    assert tripod.push(300, now + 1900)
    tripod.step(now + 2100)
    assert tripod.arm is Arm.TURNING
    tripod.step(now + 2200)
    assert tripod.turned == 1


@given(st.lists(st.tuples(st.sampled_from(["pulse", "push", "wait"]), st.integers(1, 3000)), max_size=60))
def test_never_more_turns_than_pulses(script: list[tuple[str, int]]) -> None:
    """Whatever people and lines do, one pulse turns the arm at most once."""
    tripod, now, pulses = Tripod(), 0, 0
    for what, length in script:
        if what == "pulse":
            now = pulse(tripod, now, length)
            pulses += 1
        elif what == "push":
            tripod.push(150 + length % 150, now)
        now += length
        tripod.step(now)
        assert tripod.turned <= pulses
