# SPDX-License-Identifier: Apache-2.0
"""A turnstile that counts: the arms are the world's and outlive the gate's process, the host is one run's view."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pistegate_edge.lane.core import words
from pistegate_edge.lane.host import Event, Mark
from pistegate_simulators.storm.timeline import Timeline

OPEN_S = 10.0  # seconds that an opening waits for each next person
LONGEST_S = 12.0  # seconds that a drain waits
QUIET_S = 1.0  # seconds after which a board stops without its host


@dataclass(slots=True)
class Arms:
    """`left` persons may still go through until `shut_at`; `counted` since `board` began to count, which may lose it.

    `board`: the lane counts by itself, so that a later run can ask who passed meanwhile.
    """

    timeline: Timeline
    board: str | None
    left: int = 0
    shut_at: float = 0.0
    counted: int = 0
    told: Callable[[], None] | None = None
    """Who listens to PASSes."""
    turned: Callable[[], None] = field(default=lambda: None)
    """The world's own count."""

    def open(self, persons: int) -> None:
        """Free for so many."""
        self.left = persons
        self.shut_at = self.timeline.now + OPEN_S

    def shut(self) -> None:
        """Not free."""
        self.left = 0

    def orphaned(self) -> None:
        """The gate's process is gone: a board stops when its host goes quiet, a pulse is good for one person."""
        self.told = None
        if self.board is None:
            self.left = min(self.left, 1)
        else:
            self.shut_at = min(self.shut_at, self.timeline.now + QUIET_S)

    def push(self) -> bool:
        """Somebody pushes the arm; whether it turned."""
        if self.left < 1 or self.timeline.now >= self.shut_at:
            return False
        self.left -= 1
        self.shut_at = self.timeline.now + OPEN_S
        self.counted += 1
        self.turned()
        if self.told is not None:
            self.told()
        return True


class StormLane:
    """One run's lane host; see LaneHost."""

    def __init__(self, arms: Arms, mono: Callable[[float], float]) -> None:
        """`mono`: of virtual time, the machine's monotonic reading."""
        self._arms = arms
        self._mono = mono
        self._persons = 0
        self._passed = 0
        self._drain_until: float | None = None
        self._since: Mark | None = None
        self._exact = False

    @property
    def state(self) -> str:
        """See LaneHost."""
        return "open" if self._persons else "shut"

    @property
    def deadline(self) -> float | None:
        """See LaneHost."""
        if self._drain_until is not None:
            return self._drain_until
        return self._mono(self._arms.shut_at) if self._persons else None

    @property
    def ready(self) -> bool:
        """See LaneHost."""
        return True

    @property
    def mark(self) -> Mark | None:
        """See LaneHost."""
        return None if self._arms.board is None else (self._arms.board, self._arms.counted)

    @property
    def exact(self) -> bool:
        """See LaneHost."""
        return self._exact

    def remember(self, since: Mark | None) -> None:
        """See LaneHost."""
        self._since = since

    def open(self, now: float, persons: int, direction: str) -> list[Event]:
        """See LaneHost."""
        self._persons, self._passed = persons, 0
        self._arms.open(persons)
        return []

    def take(self, told: object, now: float) -> list[Event]:
        """A person went through."""
        self._passed += 1
        events: list[Event] = [(words.PASSED, self._passed)]
        if self._persons and self._passed >= self._persons:
            events += self._close()
        return events

    def tick(self, now: float) -> list[Event]:
        """See LaneHost."""
        if self._drain_until is not None and now >= self._drain_until:
            self._drain_until = None
            self._exact = self._since is not None and self._arms.board == self._since[0]
            passed = self._arms.counted - self._since[1] if self._exact and self._since else self._passed
            self._passed = 0
            return [(words.CLOSED, passed)]
        if self._persons and now >= self._mono(self._arms.shut_at):
            return self._close()
        return []

    def drain(self, now: float) -> list[Event]:
        """See LaneHost; the arms of a pulse lane cannot be shut before their time."""
        if self._arms.board is not None:
            self._arms.shut()
        self._passed = 0
        self._drain_until = now + LONGEST_S
        return []

    def stop(self, now: float) -> list[Event]:
        """See LaneHost."""
        return self._close() if self._persons else []

    def mode(self, now: float, mode: str, direction: str, persons: int) -> list[Event]:
        """No overrides here: what they do is tested with the lane."""
        return [(words.MODE, words.NORMAL)]

    def reset(self, now: float) -> list[Event]:
        """See LaneHost."""
        return []

    def close(self) -> None:
        """See LaneHost."""

    def _close(self) -> list[Event]:
        passed, self._persons, self._passed = self._passed, 0, 0
        self._arms.shut()
        return [(words.CLOSED, passed)]
