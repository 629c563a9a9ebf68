# SPDX-License-Identifier: Apache-2.0
"""Who comes in a scenario, drawn from its seed before anything moves."""

from dataclasses import dataclass
from random import Random
from typing import Any

from pistegate_edge.lane.core import words
from pistegate_simulators.lane.bodies import watch
from pistegate_simulators.lane.gatehouse import Party
from pistegate_simulators.lane.kinds import KINDS, draw
from pistegate_simulators.lane.people import Does, Person
from pistegate_simulators.lane.scenario import Scenario, pair

WALK_UP_MM = 1600  # so far before the reader a person comes into sight
READER_BEFORE_BEAMS_MM = 300
REACTION_MS = (200.0, 600.0)
PRESENT_MS = (150.0, 500.0)  # medium to the reader, and the gate's decision
GAP_MM = (350.0, 800.0)
SKI_GAP_MM = (500.0, 900.0)  # tips over the tails of the one ahead
BOARD_READER_MM = -600.0  # reader of a lane without beams
CLEAR_OF_LANE_MM = 1300.0  # tails of skis must be out of the beams before a person is gone


@dataclass(frozen=True)
class Site:
    """Where things are along the lane, mm."""

    reader: float
    first_beam: float
    beams: list[list[int]]
    leaf_heights: tuple[float, float]

    @property
    def start(self) -> float:
        """Where people come into sight, in their u."""
        return self.reader - WALK_UP_MM

    @property
    def end(self) -> float:
        """Where they are gone, in their u."""
        return -self.first_beam + CLEAR_OF_LANE_MM


def site_of(profile: dict[str, Any]) -> Site:
    """The site of a lane of this profile."""
    mechanics, beams = profile.get("mechanics", {}), profile.get("beams", [])
    outermost = max((abs(x) for x, _ in beams), default=0.0)
    reader = -outermost - READER_BEFORE_BEAMS_MM if beams else BOARD_READER_MM
    heights = (float(mechanics.get("leaf_bottom_mm", 250)), float(mechanics.get("leaf_top_mm", 1000)))
    return Site(float(mechanics.get("reader_x_mm", reader)), -outermost, beams, heights)


class Drawer:
    """Draws the parties of one scenario, in the order they come."""

    def __init__(self, scenario: Scenario, site: Site, rng: Random) -> None:
        self._scenario = scenario
        self._site = site
        self._rng = rng
        self._persons = 0

    def arrivals(self) -> list[tuple[int, Person]]:
        """(ms, person) of everybody, in order."""
        rng, scenario = self._rng, self._scenario
        weights = [float(party.get("weight", 1)) for party in scenario.party]
        now = 0.0
        found: list[tuple[int, Person]] = []
        for number in range(1, scenario.parties + 1):
            made = rng.choices(scenario.party, weights)[0]
            found += [(int(now), person) for person in self._party(number, made)]
            now += rng.uniform(*scenario.every_s) * 1000
        return found

    def _party(self, number: int, made: dict[str, Any]) -> list[Person]:
        direction = -1 if made.get("direction", words.ENTRY) == words.EXIT else 1
        kinds = made.get("persons", ["adult"])
        members = [self._person(kind, direction, made, {}) for kind in kinds]
        for role, index in (("first", 0), ("last", -1)):
            if role in made:
                self._behave(members[index], made[role])
        tickets = [members] if made.get("together", True) else [[member] for member in members]
        for persons in tickets:
            party = Party(
                number,
                direction,
                persons,
                len(persons),
                int(made.get("batch", len(persons))),
                int(self._rng.uniform(*PRESENT_MS)),
            )
            for person in persons:
                person.party = party
        everybody = list(members)
        for role, way in (("follower", direction), ("sneaker", -direction)):
            if role in made:
                everybody.append(self._stranger(made[role], way, made))
        return everybody

    def _stranger(self, who: dict[str, Any], direction: int, made: dict[str, Any]) -> Person:
        shared = {key: made[key] for key in ("speed_mm_s",) if key in made}
        person = self._person(who.get("kind", "adult"), direction, shared, who)
        person.ticket = False
        self._behave(person, who)
        return person

    def _person(self, kind: str, direction: int, made: dict[str, Any], own: dict[str, Any]) -> Person:
        rng = self._rng
        values = {**made, **own}
        height = pair(values["height_mm"]) if "height_mm" in values else None
        body = draw(kind, rng, height)
        speed = rng.uniform(*(pair(values["speed_mm_s"]) if "speed_mm_s" in values else KINDS[kind][2]))
        self._persons += 1
        person = Person(self._persons, body, direction, self._site.start, speed)
        on_skis = body.kind == "skis_on"
        gap = pair(values["gap_mm"]) if "gap_mm" in values else SKI_GAP_MM if on_skis else GAP_MM
        person.gap = rng.uniform(*gap)
        person.queue_gap = max(person.gap, rng.uniform(400, 800))
        person.reaction = int(rng.uniform(*(pair(values.get("reaction_ms", REACTION_MS)))))
        person.rows = watch(body, self._site.beams)
        person.flesh = body.flesh(*self._site.leaf_heights)
        return person

    def _behave(self, person: Person, who: dict[str, Any]) -> None:
        rng = self._rng
        person.does = Does(who.get("does", Does.PASSES))
        person.at = rng.uniform(*pair(who.get("at_mm", 0)))
        person.linger_ms = int(rng.uniform(*pair(who.get("for_s", 0))) * 1000)
        if "gap_mm" in who:
            person.gap = rng.uniform(*pair(who["gap_mm"]))
        if "reaction_ms" in who:
            person.reaction = int(rng.uniform(*pair(who["reaction_ms"])))
        if "speed_mm_s" in who:
            person.speed = rng.uniform(*pair(who["speed_mm_s"]))
        if "kind" in who and who["kind"] != person.body.kind and person.ticket:
            person.body = draw(who["kind"], rng, pair(who["height_mm"]) if "height_mm" in who else None)
            person.name = f"{person.number} {person.body.kind}"
            person.rows = watch(person.body, self._site.beams)
            person.flesh = person.body.flesh(*self._site.leaf_heights)
        if person.does is Does.FOLLOWS:
            person.queue_gap = person.gap
