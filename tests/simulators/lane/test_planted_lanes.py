# SPDX-License-Identifier: Apache-2.0
"""Lanes with a fault planted: the simulated world must see each of them, or its good figures mean nothing."""

from typing import Any

import pytest

from pistegate_edge.lane.core import words
from pistegate_edge.lane.core.lanes import open_lane
from pistegate_simulators.lane.gatehouse import Event
from pistegate_simulators.lane.running import run


class Faulty:
    """The real lane, but for what a subclass spoils."""

    def __init__(self, profile: dict[str, Any]) -> None:
        self._lane: Any = open_lane(profile)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lane, name)


class ShutsAtOnce(Faulty):
    """Drives the leaf shut a second after each opening, whoever is there."""

    opened = -1

    def open(self, now: int, direction: str, persons: int, lease_ms: int) -> list[Event]:
        """As the real one."""
        self.opened = now
        events: list[Event] = self._lane.open(now, direction, persons, lease_ms)
        return events

    def step(self, now: int, inputs: int) -> list[Event]:
        """As the real one."""
        self.now = now
        events: list[Event] = self._lane.step(now, inputs)
        return events

    now = 0

    @property
    def deadline(self) -> int:
        """Each step."""
        return self.now

    @property
    def outputs(self) -> int:
        """As the real one, until a second is over."""
        own: int = self._lane.outputs
        return words.MOTOR_SHUT if self.opened >= 0 and 1000 <= self.now - self.opened < 4000 else own


class Merges(Faulty):
    """Beams that stay dark for 0.7 s: two persons become one."""

    def __init__(self, profile: dict[str, Any]) -> None:
        super().__init__(profile)
        self._last = [-10_000] * words.BEAMS_MAX
        self.now = 0

    @property
    def deadline(self) -> int:
        """Each step."""
        return self.now

    def step(self, now: int, inputs: int) -> list[Event]:
        """With stretched beams."""
        self.now = now
        for index, bit in enumerate(words.BEAM):
            if inputs & bit:
                self._last[index] = now
            elif now - self._last[index] < 700:
                inputs |= bit
        events: list[Event] = self._lane.step(now, inputs)
        return events


class Deaf(Faulty):
    """Says nothing of incidents."""

    def step(self, now: int, inputs: int) -> list[Event]:
        """Without them."""
        return [event for event in self._lane.step(now, inputs) if event[0] != words.INCIDENT]


class Crying(Faulty):
    """Says tailgating at each person."""

    def step(self, now: int, inputs: int) -> list[Event]:
        """With false alarms."""
        events: list[Event] = self._lane.step(now, inputs)
        return events + [(words.INCIDENT, words.TAILGATING) for event in events if event[0] == words.CLOSED]


@pytest.mark.parametrize("kind", ["flap", "swing"])
def test_a_lane_that_closes_on_a_body_is_seen(kind: str) -> None:
    """People are pinched by a leaf that is driven shut; the real lane pinches none of them."""
    touches = run("stands_still", kind, 1, ShutsAtOnce).pinched
    assert [touch for touch in touches if touch.closing and touch.driven_ms > 50]
    assert run("stands_still", kind, 1).pinched == []


def test_a_lane_whose_counter_merges_is_seen() -> None:
    """Children of a coach are lost in the count; the real lane loses none."""
    report = run("coach_and_eight", "flap", 1, Merges)
    assert report.right < report.authorised
    real = run("coach_and_eight", "flap", 1)
    assert real.right == real.authorised


def test_a_lane_that_misses_tailgaters_is_seen() -> None:
    """They went through, nobody said so."""
    report = run("tailgater_60cm", "flap", 1, Deaf)
    assert (report.flagged_wide, report.tailgated_wide > 0) == (0, True)


def test_false_alarms_are_seen() -> None:
    """One per guest, none of them true."""
    report = run("ordinary", "flap", 1, Crying)
    assert report.false_alarms == {words.TAILGATING: report.authorised}
