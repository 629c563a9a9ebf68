# SPDX-License-Identifier: Apache-2.0
"""Storms by the seed, on all processors, and what came of them."""

import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import islice
from multiprocessing import get_context
from time import perf_counter
from typing import Any

from pistegate_simulators.storm.plants import planted
from pistegate_simulators.storm.violation import Red
from pistegate_simulators.storm.world import World

CHUNK = 8  # seeds that a process takes at a time


@dataclass(frozen=True, slots=True)
class Result:
    """One seed. `red`: the promise that was broken, empty for none; `what`: how. `hours`: simulated."""

    seed: int
    red: str
    what: str
    hours: float
    presented: int
    faults: int
    digest: str


def storm(seed: int, plant: str | None = None, tell: Callable[[str], None] | None = None) -> Result:
    """One of them, in this process."""
    red = what = ""
    logging.disable(logging.CRITICAL)
    try:
        with planted(plant):
            world = World(seed, tell)
            try:
                world.run()
            except Red as found:
                red, what = found.promise, found.what
                world.trace("RED", str(found))
            finally:
                world.close()
    finally:
        logging.disable(logging.NOTSET)
    hours = world.timeline.now / 3600
    return Result(seed, red, what, hours, world.guests.presented, world.struck, world.trace.digest)


def storms(seeds: Iterable[int], workers: int = 1, plant: str | None = None) -> Iterator[Result]:
    """All of them; in order where one process does it."""
    if workers < 2:
        yield from map(partial(storm, plant=plant), seeds)
        return
    # Spawned, not forked: whoever calls may have threads.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        try:
            yield from _spread(pool, workers, seeds, plant)
        finally:
            pool.shutdown(cancel_futures=True)


def _spread(pool: ProcessPoolExecutor, workers: int, seeds: Iterable[int], plant: str | None) -> Iterator[Result]:
    """A chunk ahead for each process, so that whoever stops at the first red does not wait for all the others."""
    left = iter(seeds)
    chunks = iter(lambda: tuple(islice(left, CHUNK)), ())
    running: set[Future[list[Result]]] = {pool.submit(_chunk, chunk, plant) for chunk in islice(chunks, 2 * workers)}
    while running:
        done, running = wait(running, return_when=FIRST_COMPLETED)
        running |= {pool.submit(_chunk, chunk, plant) for chunk in islice(chunks, len(done))}
        for future in done:
            yield from future.result()


def _chunk(seeds: tuple[int, ...], plant: str | None) -> list[Result]:
    return [storm(seed, plant) for seed in seeds]


@dataclass(slots=True)
class Summary:
    """Of many storms."""

    seeds: int = 0
    hours: float = 0.0
    presented: int = 0
    faults: int = 0
    fewest_presented: int | None = None
    fewest_faults: int | None = None
    reds: list[Result] = field(default_factory=list)
    seconds: float = 0.0
    began: float = field(default_factory=perf_counter)

    def add(self, result: Result) -> None:
        """One more. What a red one had not come to is no dose."""
        self.seeds += 1
        self.hours += result.hours
        self.presented += result.presented
        self.faults += result.faults
        if result.red:
            self.reds.append(result)
        else:
            self.fewest_presented = min(result.presented, self.fewest_presented or result.presented)
            self.fewest_faults = min(result.faults, self.fewest_faults or result.faults)
        self.seconds = perf_counter() - self.began

    @property
    def hours_per_second(self) -> float:
        """Simulated hours by second of this computer."""
        return self.hours / self.seconds if self.seconds else 0.0

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "seeds": self.seeds,
            "red": len(self.reds),
            "simulated_hours": round(self.hours, 2),
            "hours_per_second": round(self.hours_per_second, 3),
            "seconds": round(self.seconds, 1),
            "presented": self.presented,
            "faults": self.faults,
            "fewest_presented": self.fewest_presented,
            "fewest_faults": self.fewest_faults,
            "reds": [asdict(result) for result in sorted(self.reds, key=lambda each: each.seed)],
        }
