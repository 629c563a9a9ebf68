# SPDX-License-Identifier: Apache-2.0
"""Counting and throughput of the lane's core, behind simulated pins with simulated people.

Counting: the frozen scenarios, on seeds that nobody developed with, at flap and swing lanes on a lane board (tripods
beside them); a crossing is right when the lane's word on its opening is the truth. Throughput: the same crowd, once
with the lane's core, once with a controller that sees every body exactly, on the same mechanics.

By itself: .venv/bin/python tests/benchmarks/bench_lane.py --crossings 1000    (default 10,000)
"""

import argparse
import sys
from typing import Any

from figures import Figure, progress
from rich.console import Console
from rich.table import Table as Sheet

from pistegate_simulators.lane.running import profile_of
from pistegate_simulators.lane.scenario import LANE_KINDS, load
from pistegate_simulators.lane.survey import EVALUATION_SEED, LEAVES, Row, Table, counting, throughput, total

CROSSINGS = 10_000
TRIPOD_CROSSINGS = CROSSINGS // 10  # an arm counts one person by its nature
RUSH_SEEDS = 12
RIGHT_PERCENT, FLAGGED_PERCENT, FALSE_PERCENT = 99.9, 99.0, 0.5
OF_THE_LIMIT = 0.9


def measure(crossings: int = CROSSINGS, seed: int = EVALUATION_SEED) -> list[Figure]:
    """The figures; the table by scenario goes to standard error."""
    leaves = counting(LEAVES, crossings, first_seed=seed, progress=progress)
    tripod = counting(("tripod",), max(1, crossings * TRIPOD_CROSSINGS // CROSSINGS), first_seed=seed)
    _show({**leaves, **tripod})
    return [*_counted(leaves, seed), *_tripod(tripod), *_throughput(seed)]


def _counted(table: Table, seed: int) -> list[Figure]:
    whole, layout = total(table, LEAVES), _layout(profile_of("flap"))
    how = f"{whole.authorised} authorised crossings, seeds from {seed}; {layout}"
    gap = f"{whole.tailgaters} tailgaters with a gap of 30 cm or more"
    closer = total(table, LEAVES, bench=False)
    return [
        Figure("lane: counted right", whole.right_percent, "%", RIGHT_PERCENT, "at least", how),
        Figure("lane: tailgaters flagged", whole.flagged_percent, "%", FLAGGED_PERCENT, "at least", gap),
        Figure("lane: false alarms", whole.false_percent, "%", FALSE_PERCENT, "at most", "of authorised crossings"),
        Figure("lane: pinched by a driven leaf", whole.pinched + closer.pinched, "", 0, "at most", "all scenarios"),
        Figure(
            "lane: closer tailgaters flagged",
            100 * closer.closer_flagged / closer.closer if closer.closer else 0.0,
            "%",
            note=f"{closer.closer} with a gap of 5 to 29 cm",
        ),
    ]


def _tripod(table: Table) -> list[Figure]:
    whole = total(table, ("tripod",))
    note = f"{whole.authorised} authorised crossings, arm sensors only"
    return [
        Figure("lane: counted right, tripod", whole.right_percent, "%", RIGHT_PERCENT, "at least", note),
        Figure("lane: false alarms, tripod", whole.false_percent, "%", FALSE_PERCENT, "at most"),
    ]


def _throughput(seed: int) -> list[Figure]:
    figures = []
    for kind in LANE_KINDS:
        lane, ideal = throughput(kind, range(seed, seed + RUSH_SEEDS))
        note = f"{lane:.1f} of {ideal:.1f} persons per minute ({_mechanics(profile_of(kind))})"
        figures.append(Figure(f"lane: throughput / limit, {kind}", lane / ideal, "x", OF_THE_LIMIT, "at least", note))
    return figures


def _mechanics(profile: dict[str, Any]) -> str:
    if profile["kind"] == "tripod":
        return f"arm turns in {profile['mechanics']['arm_turn_ms']} ms"
    return f"leaf travels in {profile['travel_ms']} ms"


def _layout(profile: dict[str, Any]) -> str:
    rows: dict[int, list[int]] = {}
    for x, z in profile["beams"]:
        rows.setdefault(z, []).append(x)
    told = (f"{len(xs)} at {z} mm (x {min(xs)}..{max(xs)})" for z, xs in sorted(rows.items(), reverse=True))
    return f"{len(profile['beams'])} beams: {', '.join(told)}"


def _show(table: Table) -> None:
    sheet = Sheet("lane", "scenario", "crossings", "right %", "tailgaters", "flagged %", "false alarms", "pinched")
    for (kind, scenario), row in sorted(table.items()):
        name = scenario if load(scenario).bench else f"{scenario} (not in the sum)"
        sheet.add_row(kind, name, *_cells(row))
    for kinds in (*((kind,) for kind in LANE_KINDS), LEAVES):
        sheet.add_row(" + ".join(kinds), "all in the sum", *_cells(total(table, kinds)), style="bold")
    console = Console(stderr=True, width=None if sys.stderr.isatty() else 140)
    console.print(sheet)
    console.print(f"beam layout of flap and swing: {_layout(profile_of('flap'))}")


def _cells(row: Row) -> list[str]:
    tailgaters, flagged = row.tailgaters + row.closer, row.flagged + row.closer_flagged
    codes = ", ".join(f"{code} {times}" for code, times in sorted(row.false_codes.items()))
    return [
        str(row.authorised),
        f"{row.right_percent:.2f}",
        str(tailgaters or ""),
        f"{100 * flagged / tailgaters:.1f}" if tailgaters else "",
        f"{row.false_alarms or ''} {codes}".strip(),
        str(row.pinched or ""),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--crossings", type=int, default=CROSSINGS, metavar="N", help="authorised crossings at least")
    parser.add_argument(
        "--seed", type=int, default=EVALUATION_SEED, metavar="N", help="the first; develop below 100000"
    )
    chosen = parser.parse_args()
    found = measure(chosen.crossings, chosen.seed)
    for figure in found:
        verdict = "" if figure.limit is None else " MISSED" if figure.missed else " met"
        print(f"{figure.name}: {figure.value:.4g} {figure.unit}{verdict}  {figure.note}")
    sys.exit(any(figure.missed for figure in found))
