# SPDX-License-Identifier: Apache-2.0
"""The mechanical limit: a controller that sees every body exactly, on the same mechanics and before the same crowd."""

from typing import TYPE_CHECKING, Any

from pistegate_edge.lane.core import words
from pistegate_simulators.lane.arms import DEAD_POINT_DEG, Arms
from pistegate_simulators.lane.gatehouse import Event, direction_name
from pistegate_simulators.lane.leaf import Leaf

if TYPE_CHECKING:
    from pistegate_simulators.lane.world import World

UNLOCKS = {words.ENTRY: words.UNLOCK_A, words.EXIT: words.UNLOCK_B}
OPENS = {words.ENTRY: words.MOTOR_OPEN_A, words.EXIT: words.MOTOR_OPEN_B}


class IdealLane:
    """Has what a lane core has; `world` is set once there is one. Opens at once, shuts as soon as nobody is near."""

    def __init__(self, timeout_ms: int) -> None:
        self.world: World | None = None
        self.state = "ideal"
        self.outputs = words.HOLD
        self.deadline: int | None = 0
        self.counts = [0, 0]
        self._timeout_ms = timeout_ms
        self._direction = ""
        self._left = 0
        self._passed = 0
        self._over_at = 0
        self._seen: set[int] = set()

    def can_open(self, direction: str) -> bool:
        """Whether nobody is being let through."""
        return not self._left

    def open(self, now: int, direction: str, persons: int, lease_ms: int) -> list[Event]:
        """At once."""
        self._direction, self._left, self._passed = direction, persons, 0
        self._over_at = now + self._timeout_ms
        return []

    def renew(self, now: int, lease_ms: int) -> None:
        """It trusts its host."""

    def mode(self, now: int, mode: str, direction: str, persons: int) -> list[Event]:
        """Open for everybody."""
        return self.open(now, direction, persons, 0)

    def reset(self, now: int) -> list[Event]:
        """Nothing latches."""
        return []

    def step(self, now: int, inputs: int) -> list[Event]:
        """Looks at the world itself."""
        world = self.world
        assert world is not None
        self.deadline = now
        events: list[Event] = []
        for person in world.people:
            if person.number not in self._seen and self._is_through(world, person):
                self._seen.add(person.number)
                self.counts[0 if person.direction == 1 else 1] += 1
                if self._left and direction_name(person.direction) == self._direction:
                    self._left -= 1
                    self._passed += 1
                    self._over_at = now + self._timeout_ms
                    events.append((words.PASSED, self._passed))
                    events += [(words.CLOSED, self._passed)] if not self._left else []
        if self._left and now >= self._over_at and not self._busy(world):
            self._left = 0
            events.append((words.CLOSED, self._passed))
        self.outputs = self._drive(world)
        return events

    def _is_through(self, world: "World", person: Any) -> bool:
        mechanism = world.mechanism
        if isinstance(mechanism, Arms):
            pushed = mechanism.pusher is person and mechanism.angle >= DEAD_POINT_DEG
            return pushed or bool(person.arm_done) or bool(mechanism.down and person.rear > 0)
        return bool(person.rear > 0)

    def _busy(self, world: "World") -> bool:
        if isinstance(world.mechanism, Arms):
            return world.mechanism.turning
        return any(self._near(world, person) for person in world.people)

    def _near(self, world: "World", person: Any) -> bool:
        leaf = world.mechanism
        assert isinstance(leaf, Leaf)
        reach = 60 + (leaf.length * abs(leaf.position) if leaf.swing else 0)
        lo, hi = person.pressed()
        return bool(lo < reach and hi > -reach)

    def _drive(self, world: "World") -> int:
        if isinstance(world.mechanism, Arms):
            return words.HOLD | (UNLOCKS[self._direction] if self._left else 0)
        wanted = self._direction if self._left else ""
        side = 1 if wanted == words.ENTRY else -1
        if wanted and not (world.mechanism.swing and world.mechanism.position * side < 0):
            return OPENS[wanted]
        if self._busy(world):
            return 0
        if wanted:
            return OPENS[wanted]
        return words.MOTOR_SHUT if world.mechanism.position else 0
