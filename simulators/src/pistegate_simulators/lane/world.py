# SPDX-License-Identifier: Apache-2.0
"""One lane with its people, in steps of whole milliseconds; everything random comes from the seed.

The lane under test sees the input word and gives the output word: pins. While nothing moves, time jumps to what is due
next; a lane is then stepped as its own deadline says, as a host may do.
"""

from collections import deque
from math import inf
from random import Random
from typing import Any

from pistegate_edge.lane.core import words
from pistegate_simulators.lane.arms import Arms
from pistegate_simulators.lane.brain import act
from pistegate_simulators.lane.crowd import Drawer, site_of
from pistegate_simulators.lane.disturbances import BEAM_EFFECTS, Disturbance, bits_of
from pistegate_simulators.lane.gatehouse import Event, Gatehouse, Lane, direction_name
from pistegate_simulators.lane.leaf import Leaf
from pistegate_simulators.lane.maker import MakersController
from pistegate_simulators.lane.people import BEFORE_LEAF_MM, Person, Stage
from pistegate_simulators.lane.scenario import Scenario, pair
from pistegate_simulators.lane.truth import Truth

STEP_MS = 5
ROOM_MM = 700.0  # the next person comes into sight when the one before left so much room
LONGEST_MS = 600_000  # a run ends then, whoever still waits
TRACK_MS = 50  # tracks of a picture
SETTLE_MS = 4000  # after the last person is gone
IN_SIGHT = 3  # per side: people farther back in the queue change nothing


class World:
    """Runs one scenario at one lane. `log` gets (ms, event, value) of all that the lane says."""

    def __init__(self, scenario: Scenario, profile: dict[str, Any], lane: Lane, seed: int, *, step_ms: int = STEP_MS):
        self.scenario, self.profile, self.lane = scenario, profile, lane
        self.step_ms = step_ms
        self.now = 0
        self.site = site_of(profile)
        self.log: list[tuple[int, str, Any]] = []
        self.gatehouse = Gatehouse(lane, self._heard)
        self.truth = Truth(self.site)
        self.people: list[Person] = []
        self.everybody: list[Person] = []
        self.free_flow = scenario.mode != words.NORMAL
        rng = Random(f"{scenario.name} {seed}")
        self._coming: dict[int, deque[tuple[int, Person]]] = {1: deque(), -1: deque()}
        for at, person in Drawer(scenario, self.site, rng).arrivals():
            self._coming[person.direction].append((at, person))
        self.disturbances = self._disturbances(rng)
        self.mechanism: Arms | Leaf = Arms(profile) if profile["kind"] == "tripod" else Leaf(profile)
        self.maker = MakersController(profile, self.mechanism) if profile["drive"] != "own" else None
        self.inputs = -1
        self.eager = False
        """When true, the lane is stepped in every step, as a lane board's loop does; the outcome must be the same."""
        self.frames: list[tuple[int, int, int, float]] | None = None
        """When a list: (ms, input word, output word, leaf position or arm angle) at each change."""
        self._idle_since = 0
        self._sweep = sum(1 << index for index in profile.get("sweep", []))

    def run(self) -> "World":
        """Until everybody is gone, and what the scenario still needs has happened."""
        if self.free_flow:
            count = sum(len(coming) for coming in self._coming.values())
            self.gatehouse.call(0, "mode", self.scenario.mode, self._main_direction(), count)
        while not self._over():
            self.step()
        self.truth.finish(self)
        return self

    def step(self) -> None:
        """One step of everything, or a jump to the next thing when nothing moves."""
        self._arrive()
        for person in self.people:
            act(self, person)
        self._move()
        self._sample()
        self.gatehouse.tick(self.now)
        self.truth.watch(self)
        if any(person.stage is Stage.GONE for person in self.people):
            self.people = [person for person in self.people if person.stage is not Stage.GONE]
        self.now += self.step_ms
        if not self.people and not self.eager:
            self._jump()

    # What people see and feel.

    def invites(self, person: Person) -> bool:
        """Whether arm or leaf lets this person through as far as can be seen."""
        return self.mechanism.invites(person)

    def stand_off(self, person: Person) -> float:
        """How far before leaf or arm a guest stops."""
        return self.mechanism.stand_off(person) if isinstance(self.mechanism, Leaf) else BEFORE_LEAF_MM

    def swings_at(self, person: Person) -> bool:
        """Whether a leaf swings where this person stands."""
        return isinstance(self.mechanism, Leaf) and self.mechanism.swings_at(person)

    def room_for(self, person: Person) -> bool:
        """Whether the way stands open for a body like this, whoever it was opened for."""
        if isinstance(self.mechanism, Leaf):
            return self.mechanism.span(person.body.width, self.mechanism.position) is None
        return self.mechanism.is_free(person.direction) or self.mechanism.down

    def wall(self, person: Person) -> tuple[float, float]:
        """The u that this person cannot get beyond, and the speed it cannot exceed there."""
        if isinstance(self.mechanism, Arms):
            return self.mechanism.wall(person), self.mechanism.speed(person)
        return (self.mechanism.wall(person), inf) if abs(person.u) < 1200 else (inf, inf)

    def back_wall(self, person: Person) -> float:
        """The u behind which somebody on the way back cannot get: a leaf that shut behind it."""
        if isinstance(self.mechanism, Arms) or abs(person.u) > 1200:
            return -inf
        return self.mechanism.back_wall(person)

    def push(self, person: Person, way: float) -> None:
        """Somebody pushes a shut leaf by force."""
        if way > 0 and isinstance(self.mechanism, Leaf) and -120 < person.front < 600:
            self.mechanism.forced(way)

    def oncoming(self, person: Person) -> bool:
        """Whether somebody comes through the other way."""
        return any(
            other.direction != person.direction and other.stage in (Stage.GOES, Stage.STANDS) and other.rear < 700
            for other in self.people
        )

    # Steps.

    def _heard(self, now: int, events: list[Event]) -> None:
        self.log += [(now, event, value) for event, value in events]

    def _arrive(self) -> None:
        for direction, coming in self._coming.items():
            if not coming or coming[0][0] > self.now:
                continue
            mine = [person for person in self.people if person.direction == direction]
            waiting = [person for person in mine if person.stage is Stage.COMES]
            _, person = coming[0]
            last = mine[-1] if mine else None
            if len(waiting) >= IN_SIGHT or (last and last.rear - person.queue_gap - person.body.front < person.start):
                continue
            coming.popleft()
            person.ahead = last
            self.people.append(person)
            self.everybody.append(person)

    def _move(self) -> None:
        power = not self._active(words.POWER_LOST)
        outputs = self.lane.outputs
        if self.maker is not None:
            self.maker.move(self.now, self.step_ms, outputs, power, self.people)
        elif isinstance(self.mechanism, Arms):
            self.mechanism.free = [power and bool(outputs & words.UNLOCK_A), power and bool(outputs & words.UNLOCK_B)]
            self.mechanism.move(self.step_ms, power and bool(outputs & words.HOLD), self.people)
        else:
            self.mechanism.move(self.now, self.step_ms, outputs, power, self.people)

    def _sample(self) -> None:
        word = self.mechanism.inputs if self.maker is None else self.maker.inputs
        bodies = 0
        for person in self.people:
            if person.rows:
                bodies |= person.beams()
        word |= bodies
        if self.lane.outputs & words.CLOSING:
            self.truth.closing(bodies & self._sweep)
        for disturbance in self.disturbances:
            word = disturbance.apply(self.now, word)
        deadline = self.lane.deadline
        if self.eager or word != self.inputs or (deadline is not None and self.now >= deadline):
            self.inputs = word
            self.gatehouse.step(self.now, word)
        if self.frames is not None:
            position = self.mechanism.angle if isinstance(self.mechanism, Arms) else self.mechanism.position
            if self.now % TRACK_MS == 0:
                for person in self.people:
                    person.track.append((self.now, *person.trunk()))
            frame = (self.inputs, self.lane.outputs, round(position, 3))
            if not self.frames or self.frames[-1][1:] != frame:
                self.frames.append((self.now, *frame))

    def _active(self, bit: int) -> bool:
        return any(d.effect == "active" and bit in d.bits and d.begin <= self.now < d.end for d in self.disturbances)

    def _jump(self) -> None:
        """Nobody is there: on to what is due next, if the mechanics rest."""
        if self._moves():
            return
        dues = [coming[0][0] for coming in self._coming.values() if coming]
        dues += [due for due in (self.lane.deadline, self.gatehouse.next_due) if due is not None]
        dues += [due for d in self.disturbances if (due := d.next_change(self.now)) is not None]
        if dues:
            self.now = max(self.now, -(-min(dues) // self.step_ms) * self.step_ms)

    def _moves(self) -> bool:
        if self.maker is not None and (self.lane.outputs or self.now < self.maker.busy_until + 2000):
            return True
        if isinstance(self.mechanism, Arms):
            return self.mechanism.turning or self.mechanism.down or not self.lane.outputs & words.HOLD
        return self.mechanism.moving(self.lane.outputs) or self.mechanism.position not in (0.0, 1.0, -1.0)

    def _over(self) -> bool:
        if self.now > LONGEST_MS:
            return True
        if self.people or any(self._coming.values()) or self.gatehouse.opening is not None:
            self._idle_since = self.now
            return False
        return self.now >= max(self._idle_since + SETTLE_MS, self.scenario.end_s * 1000)

    def _main_direction(self) -> str:
        return direction_name(1 if self._coming[1] else -1)

    def _disturbances(self, rng: Random) -> list[Disturbance]:
        beams, sweep = self.profile.get("beams", []), self.profile.get("sweep", [])
        found = []
        for made in self.scenario.disturbances:
            begin = rng.uniform(*pair(made.get("at_s", 0))) * 1000
            lasts = rng.uniform(*pair(made.get("for_s", 3600))) * 1000
            least, most = pair(made.get("each_s", 1))
            drawn, own = rng.random(), Random(rng.random())
            bits = bits_of(made.get("where", "any"), len(beams), sweep, own)
            if drawn < made.get("chance", 1.0) and (bits or made["effect"] not in BEAM_EFFECTS):
                found.append(
                    Disturbance(made["effect"], bits, int(begin), int(begin + lasts), own, (least * 1000, most * 1000))
                )
        return found
