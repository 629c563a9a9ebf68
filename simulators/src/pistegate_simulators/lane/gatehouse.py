# SPDX-License-Identifier: Apache-2.0
"""The gate as a lane meets it: parties present a medium, the gate opens, renews the lease, hears the events."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from pistegate_edge.lane.core import words
from pistegate_simulators.lane.people import Person

RENEW_MS = 200  # as the gate's loop does
LEASE_MS = 1000
ATTENDANT_MS = 6000  # so soon an attendant is at the lane
AGAIN_MS = 1000  # a guest who was not let through presents again so much later

Event = tuple[str, Any]


class Lane(Protocol):
    """A lane core, as the simulator drives it."""

    state: str
    outputs: int
    deadline: int | None
    counts: list[int]

    def step(self, now: int, inputs: int) -> list[Event]:
        """An input word."""

    def open(self, now: int, direction: str, persons: int, lease_ms: int) -> list[Event]:
        """An opening."""

    def renew(self, now: int, lease_ms: int) -> None:
        """The host lives."""

    def can_open(self, direction: str) -> bool:
        """Whether `open` would be taken."""

    def mode(self, now: int, mode: str, direction: str, persons: int) -> list[Event]:
        """Override."""

    def reset(self, now: int) -> list[Event]:
        """Of latched faults."""


@dataclass
class Party:
    """Persons on one ticket; `owed` of them have not passed. They enter at most `batch` per opening."""

    number: int
    direction: int
    members: list[Person]
    owed: int
    batch: int
    present_ms: int
    present_at: int | None = None
    tries: int = 0


@dataclass
class Opening:
    """One opening that the lane gave: for whom, and what it said in the end (`closed` is None until then)."""

    at_ms: int
    direction: int
    persons: int
    party: Party
    assigned: list[Person] = field(default_factory=list)
    passed: int = 0
    closed: int | None = None
    closed_ms: int | None = None


def direction_name(direction: int) -> str:
    """The core's word for 1 or -1."""
    return words.ENTRY if direction == 1 else words.EXIT


class Gatehouse:
    """The host of one lane. `call` records what is asked of it and what came of it."""

    def __init__(self, lane: Lane, told: Callable[[int, list[Event]], None]) -> None:
        self.lane = lane
        self.opening: Opening | None = None
        self.openings: list[Opening] = []
        self.calls: list[tuple[int, str, tuple[Any, ...], list[Event], int]] | None = None
        self.due: int | None = None
        """When the next renewal is due."""
        self._told = told
        self._latched: set[str] = set()
        self._attendant_at: int | None = None

    def step(self, now: int, inputs: int) -> None:
        """The lane samples its inputs."""
        self.call(now, "step", inputs)

    def tick(self, now: int) -> None:
        """What the gate's loop and its attendant do by themselves."""
        self.attend(now)
        if self.due is not None and now >= self.due and self.opening is not None:
            self.due = now + RENEW_MS
            self.call(now, "renew", LEASE_MS)

    def attend(self, now: int) -> None:
        """The attendant comes when the lane reports a fault that latches, and resets it; again until it takes."""
        if self._attendant_at is not None and now >= self._attendant_at:
            self._attendant_at = now + ATTENDANT_MS
            self.call(now, "reset")

    @property
    def next_due(self) -> int | None:
        """When something here is due by itself."""
        return min([due for due in (self.due, self._attendant_at) if due is not None], default=None)

    def presented(self, now: int, party: Party) -> bool:
        """A valid medium at the reader; whether the lane was opened."""
        if self.opening is not None or not self.lane.can_open(direction_name(party.direction)):
            return False
        persons = min(party.owed, party.batch)
        self.opening = Opening(now, party.direction, persons, party)
        self.openings.append(self.opening)
        self.due = now + RENEW_MS
        self.call(now, "open", direction_name(party.direction), persons, LEASE_MS)
        return True

    def call(self, now: int, name: str, *arguments: Any) -> None:
        """One call of the lane's, recorded when `calls` is a list."""
        events: list[Event] = getattr(self.lane, name)(now, *arguments) or []
        if self.calls is not None:
            self.calls.append((now, name, arguments, list(events), self.lane.outputs))
        for event, value in events:
            self._hear(now, event, value)
        if events:
            self._told(now, events)

    def _hear(self, now: int, event: str, value: Any) -> None:
        if event == words.FAULT and value in words.LATCHED:
            self._latched.add(value)
            self._attendant_at = self._attendant_at or now + ATTENDANT_MS
        elif event == words.CLEAR and value in self._latched:
            self._latched.discard(value)
            self._attendant_at = self._attendant_at if self._latched else None
        opening = self.opening
        if opening is None:
            return
        if event == words.PASSED:
            opening.passed = value
        elif event == words.CLOSED:
            opening.closed, opening.closed_ms = value, now
            opening.party.owed -= value
            self.opening = self.due = None
