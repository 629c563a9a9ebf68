# SPDX-License-Identifier: Apache-2.0
"""The counter before the simulator's people on a straight walk, nothing but beams in between.

PAIRS and LONE are seeds that an earlier counter got wrong: swinging poles between two bodies, mostly.
"""

from collections import Counter as Tally
from math import pi, sin
from random import Random

import pytest
from beam_bodies import LAYOUT, PROFILE, STEP_MS

from pistegate_edge.lane.core.counter import Counter
from pistegate_simulators.lane.bodies import blocked, watch
from pistegate_simulators.lane.kinds import KINDS, draw

WALKERS = [kind for kind in KINDS if kind != "crawler"]
LONE = [469, *range(20)]
PAIRS = [111, 129, 347, 382, 457, 502, 527, 558, 599, 873, 1418, 1621, *range(20)]


class Walker:
    """One person at a steady speed; `d` is 1 or -1, `u` the middle of the hips in the walking direction."""

    def __init__(self, rng: Random, kind: str, u: float, v: float, d: int) -> None:
        self.body = draw(kind, rng)
        self.rows = watch(self.body, LAYOUT)
        self.u, self.v, self.d = u, v, d
        self.walked = rng.uniform(0, 2000)

    def step(self) -> int:
        """Walk on for a step of time; the beams it is in."""
        self.u += self.v * STEP_MS / 1000
        self.walked += self.v * STEP_MS / 1000
        sway = sin(2 * pi * self.walked / self.body.stride_mm) * min(1, self.v / 700)
        return blocked(self.rows, self.u * self.d, self.d, sway)


def counted(people: list[Walker]) -> Tally[str]:
    """What a counter says, by event."""
    counter = Counter(PROFILE)
    told: Tally[str] = Tally()
    now = 0
    while any(person.u < 1500 for person in people):
        word = 0
        for person in people:
            word |= person.step()
        told.update(event for event, _direction in counter.step(now, word))
        now += STEP_MS
    for _ in range(300):
        now += STEP_MS
        told.update(event for event, _direction in counter.step(now, 0))
    assert not counter.occupied
    return told


@pytest.mark.parametrize("seed", LONE)
def test_anybody_alone_is_one(seed: int) -> None:
    """Whatever is carried, at 0.3 to 1.8 m/s."""
    rng = Random(seed)
    kind, d = rng.choice(WALKERS), rng.choice([1, -1])
    assert counted([Walker(rng, kind, -900, rng.uniform(300, 1800), d)]) == {"through": 1}


@pytest.mark.parametrize("seed", PAIRS)
def test_two_at_30_to_50_cm_are_two(seed: int) -> None:
    """Any two kinds, one behind the other."""
    rng = Random(seed)
    kinds = rng.choice(WALKERS), rng.choice(WALKERS)
    d, v = rng.choice([1, -1]), rng.uniform(300, 1600)
    first, second = Walker(rng, kinds[0], -900, v, d), Walker(rng, kinds[1], 0, v, d)
    second.u = first.u + first.body.back - rng.uniform(300, 500) - second.body.front
    assert counted([first, second]) == {"through": 2}


@pytest.mark.parametrize("seed", range(8))
def test_a_crawler_is_a_crawler(seed: int) -> None:
    """On hands and knees under the hip row."""
    rng = Random(seed)
    d = rng.choice([1, -1])
    assert counted([Walker(rng, "crawler", -1300, rng.uniform(250, 500), d)]) == {"crawl": 1}
