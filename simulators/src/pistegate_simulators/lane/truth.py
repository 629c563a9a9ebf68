# SPDX-License-Identifier: Apache-2.0
"""What really happened, by the bodies themselves, and how it compares with what the lane said."""

from collections import Counter
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any

from pistegate_edge.lane.core import words
from pistegate_simulators.lane.leaf import Leaf, Touch
from pistegate_simulators.lane.people import Does, Person, Stage

if TYPE_CHECKING:
    from pistegate_simulators.lane.crowd import Site
    from pistegate_simulators.lane.world import World

BEYOND_MM = 150.0  # a person has crossed when the whole trunk is so far beyond leaf or arm
GAP_MM = 300.0  # a tailgater with at least this gap has to be flagged
LONG_MS = 3000  # who stood so long among the beams may be called loitering
WITHOUT_TICKET = (Does.FOLLOWS, Does.FORCES, Does.SNEAKS)


@dataclass(frozen=True)
class Crossing:
    """One person through, in a direction (1 or -1); `gap` is the least room to the one ahead, for who followed."""

    at_ms: int
    person: int
    kind: str
    direction: int
    does: str
    authorised: bool
    gap: float


@dataclass
class Report:
    """A run in figures. `right` of `authorised` crossings were counted right."""

    scenario: str
    lane: str
    seed: int
    openings: int
    authorised: int
    """Persons with a ticket who went through."""
    passed: int
    """Persons that the lane said went through by an opening, or in a free flow."""
    right: int
    crossings: int
    counted: int
    tailgated: int
    tailgated_wide: int
    """With a gap of 30 cm or more."""
    flagged: int
    flagged_wide: int
    reversed: int
    turned_back: int
    pinched: list[Touch]
    false_alarms: dict[str, int]
    incidents: dict[str, int]
    faults: list[str]
    persons_per_minute: float
    last_ms: int


@dataclass
class Truth:
    """Watches people pass."""

    site: "Site"
    crossings: list[Crossing] = field(default_factory=list)
    turned_back: list[Person] = field(default_factory=list)
    attempts: list[Person] = field(default_factory=list)
    """Who had no ticket and came among the beams."""
    loitered: set[int] = field(default_factory=set)
    obstructions: int = 0
    """How often something of a person came into a safety beam while the leaf was driven shut."""
    _obstructed: bool = False

    def closing(self, met: int) -> None:
        """The leaf is being driven shut; `met` are the safety beams that persons are in."""
        if met and not self._obstructed:
            self.obstructions += 1
        self._obstructed = bool(met)

    def watch(self, world: "World") -> None:
        """One step's look at everybody."""
        edge = -self.site.first_beam if self.site.beams else 200.0
        for person in world.people:
            if person.front < -edge - 300:
                if person.entered and person.stage is Stage.BACK:
                    self._left(person)
                continue
            self._inside(world, person, edge)
            if not person.crossed and person.rear > BEYOND_MM:
                person.crossed = 1
                self._cross(world.now, person, person.direction)
            elif person.crossed and person.front < -BEYOND_MM:
                person.crossed = 0
                self._cross(world.now, person, -person.direction)

    def _inside(self, world: "World", person: Person, edge: float) -> None:
        inside = person.front > -edge and person.rear < edge
        if inside:
            person.inside_ms += world.step_ms
            if not person.entered:
                person.entered = True
                if not person.ticket:
                    self.attempts.append(person)
            if person.inside_ms > LONG_MS:
                self.loitered.add(person.number)
            ahead = person.ahead
            if ahead is not None and ahead.rear < edge:
                person.gap_seen = min(person.gap_seen, ahead.rear - person.front)
        elif person.entered and person.front < -edge:
            self._left(person)

    def _left(self, person: Person) -> None:
        person.entered = False
        person.inside_ms = 0
        if not person.crossed:
            self.turned_back.append(person)

    def _cross(self, now: int, person: Person, direction: int) -> None:
        authorised = person.ticket and direction == person.direction
        gap = person.gap_seen if person.does is Does.FOLLOWS else inf
        self.crossings.append(
            Crossing(now, person.number, person.body.kind, direction, str(person.does), authorised, gap)
        )

    def finish(self, world: "World") -> None:
        """The run is over."""
        for person in world.everybody:
            if person.entered and not person.crossed:
                self._left(person)


def judge(world: "World", seed: int) -> Report:
    """Compare what happened with what was said."""
    truth = world.truth
    authorised = [c for c in truth.crossings if c.authorised]
    strangers = [c for c in truth.crossings if not c.authorised]
    wide = sum(1 for c in strangers if c.does == Does.FOLLOWS and c.gap >= GAP_MM)
    narrow = sum(1 for c in strangers if c.does == Does.FOLLOWS) - wide
    said = Counter(value for _, event, value in world.log if event == words.INCIDENT)
    flags = said[words.TAILGATING] + said[words.CRAWLING]
    against = sum(1 for c in strangers if c.does == Does.SNEAKS)
    touches = world.mechanism.touches if isinstance(world.mechanism, Leaf) else []
    first = truth.crossings[0].at_ms if truth.crossings else 0
    last = truth.crossings[-1].at_ms if truth.crossings else 0
    return Report(
        scenario=world.scenario.name,
        lane=world.profile["kind"],
        seed=seed,
        openings=len(world.gatehouse.openings),
        authorised=len(authorised),
        passed=_said(world),
        right=len(authorised) - _miscounted(world),
        crossings=len(truth.crossings),
        counted=sum(world.lane.counts),
        tailgated=wide + narrow,
        tailgated_wide=wide,
        flagged=min(flags, wide + narrow),
        flagged_wide=min(flags, wide),
        reversed=against,
        turned_back=len(truth.turned_back),
        pinched=list(touches),
        false_alarms=_false_alarms(world, said),
        incidents=dict(said),
        faults=[f"{event} {value}" for _, event, value in world.log if event in (words.FAULT, words.CLEAR)],
        persons_per_minute=60_000 * (len(truth.crossings) - 1) / (last - first) if last > first else 0.0,
        last_ms=last,
    )


def _said(world: "World") -> int:
    if world.free_flow:
        return sum(world.lane.counts)
    return sum(opening.closed or 0 for opening in world.gatehouse.openings)


def _miscounted(world: "World") -> int:
    """Persons by which the lane's word on each opening differs from the truth; without openings, its counters."""
    crossed = {c.person: c for c in world.truth.crossings if c.authorised}
    if world.free_flow:
        return abs(sum(world.lane.counts) - len(world.truth.crossings))
    wrong = 0
    for opening in world.gatehouse.openings:
        really = sum(1 for person in opening.assigned if person.opening is opening and person.number in crossed)
        wrong += abs(really - (opening.closed or 0))
    return wrong


def _false_alarms(world: "World", said: Counter[str]) -> dict[str, int]:
    """Incidents and faults that had no cause, by code."""
    truth, disturbed = world.truth, {d.effect for d in world.disturbances}
    strangers = len(truth.attempts)
    against = sum(1 for person in truth.attempts if person.does is Does.SNEAKS)
    leaf_met = isinstance(world.mechanism, Leaf) and bool(world.mechanism.touches)
    causes: dict[str, float] = {
        words.TAILGATING: strangers - against,
        words.CRAWLING: sum(1 for p in world.everybody if p.body.kind == "crawler"),
        words.REVERSE: against,
        words.FORCED: strangers,
        words.LOITERING: len(truth.loitered),
        words.TURNED_BACK: len(truth.turned_back),
        words.PINCH: inf if leaf_met else truth.obstructions,
        words.STALLED_ONCE: inf if leaf_met else 0,
        words.CHATTER: inf if disturbed & {"bounce", "glare", "flakes"} else 0,
        words.LEASE_OVER: 0,
    }
    false = {code: int(count - causes.get(code, 0)) for code, count in said.items() if count > causes.get(code, 0)}
    weather = disturbed & {"covered", "glare", "flakes", "blind"}
    for _, event, value in world.log:
        expected = weather or value != words.BEAM_WEATHER
        known = value in (words.BEAM_WEATHER, words.ON_FIRE, words.NO_POWER, words.CONTROLLER_NOT_READY)
        if event == words.FAULT and not (known and expected) and not (value in words.LATCHED and disturbed):
            false[value] = false.get(value, 0) + 1
    return false


def summary(report: Report) -> dict[str, Any]:
    """For --json."""
    return {
        **{key: getattr(report, key) for key in report.__dataclass_fields__ if key != "pinched"},
        "pinched": [
            {"at_ms": t.at_ms, "person": t.person, "closing": t.closing, "for_ms": t.for_ms, "driven_ms": t.driven_ms}
            for t in report.pinched
        ],
    }
