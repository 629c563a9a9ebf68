# SPDX-License-Identifier: Apache-2.0
"""Bad input at every lane kind, with the real counter: noise, chatter, sensors that are stuck."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lane_play import ArmRig, LeafRig
from lane_profiles import PROFILES, profile

from pistegate_edge.lane.core import words as w
from pistegate_edge.lane.core.lanes import open_lane

REST = w.ARM_HOME | w.LIMIT_SHUT
UNLOCKS = w.UNLOCK_A | w.UNLOCK_B
QUIET_MS = 120000
WORDS = st.integers(0, (1 << 29) - 1)
BITS = st.sampled_from([1 << bit for bit in range(29)])
COMMANDS = st.sampled_from(["open", "open", "stop", "drain", "renew", "reset", "group", "free", "normal", "out"])
NOISE = st.lists(
    st.tuples(
        st.integers(0, 400), st.one_of(BITS.map(lambda bit: ("flip", bit)), COMMANDS.map(lambda name: (name, 0)))
    ),
    max_size=60,
)


class Watch:
    """A lane in any noise: what must hold at every step."""

    def __init__(self, name: str) -> None:
        self.profile = profile(name)
        self.lane = open_lane(self.profile)
        self.sweep = sum(w.BEAM[beam] for beam in self.profile.get("sweep", []))  # type: ignore[attr-defined]
        self.now = 0
        self.word = REST
        self.owed = 0
        self.fire_since: int | None = None
        self.step(REST)

    def until(self, then: int) -> None:
        """A step at every deadline on the way."""
        while self.lane.deadline is not None and self.lane.deadline < then:
            self.now = max(self.now, self.lane.deadline)
            self.told(self.lane.step(self.now, self.word))
            assert self.lane.deadline is None or self.lane.deadline > self.now
        self.now = then

    def step(self, word: int) -> None:
        """An input changed."""
        self.word = word
        freeing = word & (w.FIRE | w.POWER_LOST)
        if not freeing or self.fire_since is None:
            self.fire_since = self.now if freeing else None
        self.told(self.lane.step(self.now, word))

    def told(self, events: list[tuple[str, Any]]) -> None:
        """Properties after a call."""
        self.owed -= sum(1 for name, _ in events if name == w.CLOSED)
        if (w.MODE, w.GROUP) in events:
            self.owed += 1
        assert self.owed in (0, 1)
        outputs = self.lane.outputs
        assert not (outputs & w.MOTOR_SHUT and self.word & self.sweep)
        if self.fire_since is not None and self.now - self.fire_since >= 100:
            assert not outputs & w.MOTOR_SHUT
            if self.profile["drive"] != "own":
                assert outputs == UNLOCKS
            elif self.profile["kind"] == "tripod":
                assert not outputs & w.HOLD

    def do(self, what: str, bit: int) -> None:
        """A flip of an input, or a command that is taken now."""
        lane = self.lane
        if what == "flip":
            self.step(self.word ^ bit)
        elif what == "open":
            if lane.can_open(w.ENTRY):
                events = lane.open(self.now, w.ENTRY, 2, 3000)
                self.owed += 1
                self.told(events)
        elif what == "drain":
            events = lane.drain(self.now)
            closed = sum(1 for name, _ in events if name == w.CLOSED)
            self.owed = 1 + closed
            self.told(events)
        elif what == "renew":
            lane.renew(self.now, 3000)
        elif what == "group":
            try:
                events = lane.mode(self.now, w.GROUP, w.EXIT, 2)
            except ValueError:
                return
            self.owed += 1
            self.told(events)
        elif what in ("free", "normal", "out"):
            self.told(lane.mode(self.now, what, "both", 1))
        else:
            self.told(getattr(lane, what)(self.now))


@pytest.mark.parametrize("name", list(PROFILES))
@given(story=NOISE)
@settings(deadline=None, max_examples=200)
def test_noise_on_every_input_and_any_command_is_safe(name: str, story: list[tuple[int, tuple[str, int]]]) -> None:
    """Never shut on a person, fire and power loss free the way, one end for each opening, and every one ends."""
    watch = Watch(name)
    for wait, (what, bit) in story:
        watch.until(watch.now + wait)
        watch.do(what, bit)
    watch.until(watch.now + QUIET_MS)
    assert watch.owed == 0


@pytest.mark.parametrize("name", list(PROFILES))
@given(
    story=st.lists(st.tuples(st.integers(0, 700), BITS), max_size=12),
    openings=st.lists(st.integers(0, 3000), max_size=3),
)
@settings(deadline=None, max_examples=15)
def test_a_lane_called_at_its_deadlines_only_misses_nothing(
    name: str, story: list[tuple[int, int]], openings: list[int]
) -> None:
    """The same events at the same moments as one that looks at everything every millisecond."""
    lazy, eager = open_lane(profile(name)), open_lane(profile(name))
    changes: dict[int, int] = {}
    at = 0
    for wait, bit in story:
        at += wait
        changes[at] = changes.get(at, 0) ^ bit
    word = REST
    seen: tuple[list[Any], list[Any]] = ([], [])
    for now in range(at + 9000):
        change = changes.get(now, 0)
        word ^= change
        eager.deadline = now
        seen[1].extend((now, event) for event in eager.step(now, word))
        if change or now == 0 or (lazy.deadline is not None and lazy.deadline <= now):
            seen[0].extend((now, event) for event in lazy.step(now, word))
        assert lazy.outputs == eager.outputs, now
        if now in openings and lazy.can_open(w.ENTRY):
            lazy.open(now, w.ENTRY, 2, 4000)
            eager.open(now, w.ENTRY, 2, 4000)
    assert seen[0] == seen[1]
    assert lazy.counts == eager.counts


@given(st.lists(st.tuples(st.sampled_from([w.ARM_A, w.ARM_B, w.ARM_HOME]), st.integers(0, 9)), max_size=80))
@settings(deadline=None)
def test_chatter_of_arm_sensors_is_nobody(chatter: list[tuple[int, int]]) -> None:
    """Shorter than a sensor needs to be believed: no person, no fault, and the next one is counted."""
    rig = ArmRig()
    rig.open()
    for bit, wait in chatter:
        rig.now += 1
        assert rig.core.step(rig.now, w.ARM_HOME ^ bit) == []
        rig.now += min(wait, 8)
        assert rig.core.step(rig.now, w.ARM_HOME) == []
    assert rig.core.counts == [0, 0]
    assert rig.turn() == [("passed", 1), ("closed", 1)]


@given(st.lists(st.tuples(st.sampled_from([w.LIMIT_SHUT, w.LIMIT_OPEN_A, w.STALL]), st.integers(1, 9)), max_size=80))
@settings(deadline=None)
def test_chatter_of_a_leafs_contacts_is_nothing(chatter: list[tuple[int, int]]) -> None:
    """A shut leaf stays shut and without a fault."""
    rig = LeafRig()
    for bit, wait in chatter:
        rig.now += 1
        assert rig.core.step(rig.now, w.LIMIT_SHUT ^ bit) == []
        rig.now += min(wait, 8)
        assert rig.core.step(rig.now, w.LIMIT_SHUT) == []
    assert (rig.core.state, rig.core.outputs) == ("shut", 0)


STUCK: dict[str, tuple[str, int, int, str]] = {
    "flap, shut limit dead": ("flap", w.LIMIT_SHUT, 0, w.LIMIT_FAULT),
    "flap, shut limit stuck": ("flap", 0, w.LIMIT_SHUT, w.LIMIT_FAULT),
    "flap, open limit dead": ("flap", w.LIMIT_OPEN_A, 0, w.LIMIT_FAULT),
    "flap, open limit stuck": ("flap", 0, w.LIMIT_OPEN_A, w.LIMIT_FAULT),
    "swing, other open limit stuck": ("swing", 0, w.LIMIT_OPEN_B, w.LIMIT_FAULT),
    "swing, stall stuck": ("swing", 0, w.STALL, w.STALLED),
}


@pytest.mark.parametrize("case", list(STUCK))
def test_stuck_contact_of_a_leaf_is_told_and_safe(case: str) -> None:
    """One opening, nobody comes: a latched fault says what it is, and no motor is left on."""
    kind, dead, stuck, code = STUCK[case]
    rig = LeafRig(kind)
    real = rig._limits
    rig._limits = lambda: real() & ~dead | stuck  # type: ignore[method-assign]
    if rig.core.can_open(w.ENTRY):
        rig.open()
    events = rig.wait(12000)
    assert ("fault", code) in events
    assert rig.core.outputs == 0
    assert not rig.core.can_open(w.ENTRY)


@pytest.mark.parametrize(
    ("dead", "stuck"), [(w.ARM_A, 0), (w.ARM_B, 0), (0, w.ARM_A), (0, w.ARM_B), (w.ARM_HOME, 0), (w.ARM_A | w.ARM_B, 0)]
)
def test_stuck_sensor_of_an_arm_is_told(dead: int, stuck: int) -> None:
    """Nobody goes through for nothing for long: a latched fault after a few persons."""
    rig = ArmRig()
    step = rig.core.step
    rig.core.step = lambda now, word: step(now, word & ~dead | stuck)  # type: ignore[method-assign]
    faults = []
    for _ in range(4):
        if rig.core.can_open(w.ENTRY):
            rig.open()
        events = rig.turn()
        rig.quarters = 0
        events += rig.wait(9000)
        faults += [value for name, value in events if name == "fault"]
    assert faults in ([w.MOTION_FAULT], [w.BROKEN_ARM])
    assert not rig.core.can_open(w.ENTRY)


def test_fire_drives_a_leaf_whose_limit_switches_lie() -> None:
    """It is not believed to be open: the motor tries, rests, tries again."""
    rig = LeafRig()
    real = rig._limits
    rig._limits = lambda: real() | w.LIMIT_OPEN_A  # type: ignore[method-assign]
    assert rig.wait(100) == [("fault", w.LIMIT_FAULT)]
    rig.word |= w.FIRE
    rig.wait(95)
    assert rig.core.outputs == w.MOTOR_OPEN_A
    rig.wait(1000)
    assert rig.place == 1000


def test_beam_stuck_in_the_sweep_keeps_the_leaf_open_and_is_told() -> None:
    """With the real counter: weather, until it is clear again."""
    lane = open_lane(profile("flap_own"))
    beam = w.BEAM[5]
    events = []
    word = w.LIMIT_OPEN_A | beam
    for now in range(0, 40000, 5):
        events += lane.step(now, word)
        assert not lane.outputs & w.MOTOR_SHUT
    assert ("fault", w.BEAM_WEATHER) in events
    for now in range(40000, 46000, 5):
        events += lane.step(now, w.LIMIT_OPEN_A if now < 40800 else w.LIMIT_SHUT)
    assert events[-1] == ("clear", w.BEAM_WEATHER)
    assert lane.state == "shut"
