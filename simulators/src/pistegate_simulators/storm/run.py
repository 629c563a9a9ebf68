# SPDX-License-Identifier: Apache-2.0
"""Storms by the seed, on all processors, and what came of them."""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from pistegate_simulators.storm.violation import Red
from pistegate_simulators.storm.world import World


@dataclass(frozen=True, slots=True)
class Result:
    """One seed. `red`: the promise that was broken; empty: none."""

    seed: int
    red: str
    what: str
    hours: float
    presented: int
    faults: int
    digest: str


def storm(seed: int, tell: Callable[[str], None] | None = None) -> Result:
    """One of them, in this process."""
    if tell is None:
        logging.disable(logging.CRITICAL)
    world = World(seed, tell)
    red = what = ""
    try:
        world.run()
    except Red as found:
        red, what = found.promise, found.what
        world.trace("RED", str(found))
    finally:
        if tell is None:
            logging.disable(logging.NOTSET)
    hours = world.timeline.now / 3600
    return Result(seed, red, what, hours, world.guests.presented, world.struck, world.trace.digest)


def storms(seeds: Sequence[int], workers: int = 1) -> Iterator[Result]:
    """All of them, in any order."""
    if workers < 2:
        yield from map(storm, seeds)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(storm, seeds, chunksize=8)
