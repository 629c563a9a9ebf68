# SPDX-License-Identifier: Apache-2.0
"""Many runs on all cores: how well a lane counts, scenario by scenario, and how many per minute it lets through."""

import multiprocessing
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from itertools import count

from pistegate_edge.lane.core.lanes import open_lane
from pistegate_simulators.lane.running import Opener, run, run_ideal
from pistegate_simulators.lane.scenario import built_in, load
from pistegate_simulators.lane.truth import Report

EVALUATION_SEED = 500_000  # seeds from here on are for figures only; development uses seeds below 100,000
LEAVES = ("flap", "swing")
CHUNK = 4

_POOLS = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang

Job = tuple[str, str, int]
"""Scenario, kind of lane, seed."""
Progress = Callable[[int, int], None]


@dataclass
class Row:
    """Sums over runs; percentages are of authorised crossings, or of tailgaters with a gap of 30 cm or more."""

    runs: int = 0
    authorised: int = 0
    right: int = 0
    tailgaters: int = 0
    flagged: int = 0
    closer: int = 0
    closer_flagged: int = 0
    false_alarms: int = 0
    pinched: int = 0
    false_codes: dict[str, int] = field(default_factory=dict)

    def add(self, report: Report) -> None:
        """One more run."""
        self.runs += 1
        self.authorised += report.authorised
        self.right += report.right
        self.tailgaters += report.tailgated_wide
        self.flagged += report.flagged_wide
        self.closer += report.tailgated - report.tailgated_wide
        self.closer_flagged += report.flagged - report.flagged_wide
        self.pinched += sum(1 for touch in report.pinched if touch.closing)
        for code, times in report.false_alarms.items():
            self.false_alarms += times
            self.false_codes[code] = self.false_codes.get(code, 0) + times

    @property
    def right_percent(self) -> float:
        """Authorised crossings that were counted right."""
        return 100 * self.right / self.authorised if self.authorised else 100.0

    @property
    def flagged_percent(self) -> float:
        """Tailgaters with a gap that were flagged."""
        return 100 * self.flagged / self.tailgaters if self.tailgaters else 100.0

    @property
    def false_percent(self) -> float:
        """False alarms per hundred authorised crossings."""
        return 100 * self.false_alarms / self.authorised if self.authorised else 0.0


Table = dict[tuple[str, str], Row]
"""By kind of lane and scenario."""


def total(table: Table, kinds: Iterable[str], *, bench: bool = True) -> Row:
    """The sum over some kinds of lane, of the scenarios that are in the benchmark (or of the others)."""
    whole = Row()
    for (kind, scenario), row in table.items():
        if kind in kinds and load(scenario).bench is bench:
            for name in ("runs", "authorised", "right", "tailgaters", "flagged", "closer", "closer_flagged", "pinched"):
                setattr(whole, name, getattr(whole, name) + getattr(row, name))
            whole.false_alarms += row.false_alarms
    return whole


def counting(
    kinds: Iterable[str],
    crossings: int,
    *,
    first_seed: int = EVALUATION_SEED,
    every: int = 1,
    workers: int | None = None,
    progress: Progress = lambda done, of: None,
    opener: Opener = open_lane,
) -> Table:
    """Rounds over the scenarios (each `every`-th of them) until so many authorised crossings were seen."""
    pairs = [(kind, name) for kind in kinds for name in built_in(kind)][::every]
    table: Table = {pair: Row() for pair in pairs}
    done = 0
    with _POOLS.Pool(workers) as pool:
        for seed in count(first_seed):
            jobs = [(scenario, kind, seed) for kind, scenario in pairs]
            for report in pool.imap_unordered(partial(_one, opener), jobs, CHUNK):
                table[report.lane, report.scenario].add(report)
                done += report.authorised if load(report.scenario).bench else 0
                progress(min(done, crossings), crossings)
            if done >= crossings:
                return table
    raise AssertionError("seeds never end")


def _one(opener: Opener, job: Job) -> Report:
    scenario, kind, seed = job
    return run(scenario, kind, seed, opener)


def throughput(
    kind: str, seeds: Iterable[int], scenario: str = "rush", workers: int | None = None
) -> tuple[float, float]:
    """Persons per minute: by the lane, and by the ideal controller on the same mechanics before the same crowd."""
    jobs = [(scenario, kind, seed) for seed in seeds]
    with _POOLS.Pool(workers) as pool:
        lane = pool.map(partial(_one, open_lane), jobs)
        ideal = pool.map(_ideal, jobs)
    return _pace(lane), _pace(ideal)


def _ideal(job: Job) -> Report:
    return run_ideal(*job)


def _pace(reports: list[Report]) -> float:
    return sum(report.persons_per_minute for report in reports) / len(reports)
