# SPDX-License-Identifier: Apache-2.0
"""Guests in motion: they walk up, wait for the lane, go when it is open for them, follow, stop, turn back.

Every person has a way of its own: `u` grows in the direction it came for, from negative to positive, with the leaf or
the arm at 0; `x` of the lane is u * direction. Speeds are mm/s, times ms.
"""

from enum import StrEnum
from math import inf, pi, sin, sqrt
from typing import TYPE_CHECKING

from pistegate_simulators.lane.bodies import Body, Watch, blocked

if TYPE_CHECKING:
    from pistegate_simulators.lane.gatehouse import Opening, Party

FASTER = 2.5  # mm/s per ms = 2.5 m/s^2: how a walker starts; runners do 3-4
SLOWER = 3.5
BEFORE_LEAF_MM = 250  # a guest stops so far before a leaf that is shut
TURN_ROUND_MS = 700  # on the spot; with skis on it takes longer, and nobody turns inside a lane with skis on
FULL_SWAY_SPEED = 700.0  # below it steps get shorter
TOUCH_MM = 15  # nobody walks into the one ahead


class Does(StrEnum):
    """What a person has come for."""

    PASSES = "passes"
    TURNS_BACK = "turns_back"
    """Walks in as far as `at_mm`, stands `for_ms`, goes back."""
    STANDS = "stands"
    """Stops at `at_mm` for `for_ms`, then goes on."""
    NO_SHOW = "no_show"
    """Has the medium read and goes away."""
    FOLLOWS = "follows"
    """Without a ticket, close behind the one ahead, whatever the lane shows."""
    FORCES = "forces"
    """Without a ticket, pushes through what is shut."""
    SNEAKS = "sneaks"
    """Without a ticket, as soon as the way is open for somebody else; from the other side: against the traffic."""
    WANDERS = "wanders"
    """Without a ticket, walks in up to the shut leaf, stands `for_ms`, goes back."""


class Stage(StrEnum):
    """What is true of a person."""

    COMES = "comes"
    """On the way to the reader, or waiting there."""
    GOES = "goes"
    """On the way through."""
    STANDS = "stands"
    """Stopped by own will."""
    BACK = "back"
    """On the way back."""
    GONE = "gone"


class Person:
    """One person. `ahead` is whom it walks behind; `gap` is the room it keeps to that one's trunk."""

    __slots__ = (
        "ahead",
        "arm_done",
        "at",
        "body",
        "crossed",
        "direction",
        "does",
        "entered",
        "face",
        "farthest",
        "flesh",
        "gap",
        "gap_seen",
        "go_at",
        "inside_ms",
        "linger_ms",
        "name",
        "number",
        "opening",
        "party",
        "pause_until",
        "queue_gap",
        "reaction",
        "rows",
        "sneak_seen",
        "speed",
        "stage",
        "start",
        "stopped",
        "sway",
        "ticket",
        "track",
        "turn_until",
        "u",
        "v",
        "walked",
    )

    def __init__(self, number: int, body: Body, direction: int, start: float, speed: float) -> None:
        self.number = number
        self.body = body
        self.name = f"{number} {body.kind}"
        self.direction = direction
        self.u = self.start = start
        self.speed = speed
        self.v = 0.0
        self.walked = 0.0
        self.sway = 0.0
        self.face = 1
        self.stage = Stage.COMES
        self.does = Does.PASSES
        self.at = 0.0
        self.linger_ms = 0
        self.reaction = 300
        self.queue_gap = 500.0
        self.gap = 500.0
        self.ahead: Person | None = None
        self.party: Party | None = None
        self.opening: Opening | None = None
        self.ticket = True
        self.go_at: int | None = None
        self.pause_until: int | None = None
        self.turn_until: int | None = None
        self.stopped = False
        self.sneak_seen: int | None = None
        self.arm_done = False
        self.entered = False
        self.crossed = 0
        self.farthest = -inf
        self.gap_seen = inf
        self.inside_ms = 0
        self.rows: Watch = ()
        self.flesh: tuple[tuple[float, float, float], ...] = ()
        self.track: list[tuple[int, float, float]] = []
        """(ms, rear, front of the trunk in x) where the world keeps tracks."""

    @property
    def x(self) -> float:
        """Middle of the hips along the lane."""
        return self.u * self.direction

    @property
    def front(self) -> float:
        """Foremost point of the trunk, in u."""
        return self.u + (self.body.front if self.face == 1 else -self.body.back)

    @property
    def rear(self) -> float:
        """Hindmost point of the trunk, in u."""
        return self.u + (self.body.back if self.face == 1 else -self.body.front)

    @property
    def gone(self) -> bool:
        """Whether it left."""
        return self.stage is Stage.GONE

    def trunk(self) -> tuple[float, float]:
        """From where to where the trunk is, in x."""
        a, b = self.rear * self.direction, self.front * self.direction
        return (a, b) if a <= b else (b, a)

    def pressed(self) -> tuple[float, float]:
        """From where to where there is flesh at the height of a leaf, in x."""
        facing, sway, x = self.direction * self.face, self.sway, self.u * self.direction
        lo = min(lo + amplitude * sway for lo, _, amplitude in self.flesh)
        hi = max(hi + amplitude * sway for _, hi, amplitude in self.flesh)
        return (x + lo, x + hi) if facing == 1 else (x - hi, x - lo)

    def beams(self) -> int:
        """The beams it is in."""
        return blocked(self.rows, self.u * self.direction, self.direction * self.face, self.sway)

    def walk(self, step_ms: int, wish: float, limit: float, wall: float, pace: float = 0.0) -> None:
        """One step forwards at most at speed `wish`, braking so as not to overtake u = `limit`, which itself moves at
        speed `pace`, and never beyond `wall`.
        """
        room = limit - self.u
        target = min(wish, pace + (sqrt(2 * SLOWER * 1000 * room) if room > 0 else max(-pace, 4 * room)))
        if target >= self.v:
            self.v = min(target, self.v + FASTER * step_ms)
        else:
            self.v = max(target, self.v - SLOWER * step_ms, 0.0)
        moved = self.v * step_ms / 1000
        if moved > wall - self.u:
            moved = max(0.0, wall - self.u)
            self.v = moved * 1000 / step_ms
        self._moved(moved)

    def retreat(self, step_ms: int, wish: float, limit: float, wall: float) -> None:
        """One step back at most at speed `wish`, towards u = `limit`, never beyond `wall`."""
        room = self.u - limit
        self.v = min(wish, self.v + FASTER * step_ms) if room > 0 else 0.0
        moved = min(self.v * step_ms / 1000, max(0.0, self.u - wall), max(0.0, room))
        self._moved(-moved)

    def stand(self, step_ms: int) -> None:
        """Stay, or come to a stop."""
        self.v = max(0.0, self.v - SLOWER * step_ms)
        self._moved(self.v * step_ms / 1000 if self.v else 0.0)

    def _moved(self, way: float) -> None:
        self.u += way
        self.walked += abs(way)
        share = self.v / FULL_SWAY_SPEED
        self.sway = sin(2 * pi * self.walked / self.body.stride_mm) * (share if share < 1.0 else 1.0)
        if self.front > self.farthest:
            self.farthest = self.front
