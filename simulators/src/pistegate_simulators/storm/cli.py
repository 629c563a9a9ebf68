# SPDX-License-Identifier: Apache-2.0
"""`pistegate-sim storm`: real gates and the cloud's core through everything that can go wrong, seed by seed.

Exit status 0: no promise was broken; with --plant: the planted bug was found. 1: otherwise.
"""

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pistegate_simulators.storm.run import Summary

EXAMPLE = """examples:
  pistegate-sim storm --seeds 1000                  a thousand storms on all processors
  pistegate-sim storm --seed 57 --trace             one of them, line by line
  pistegate-sim storm --plant list                  bugs that can be planted
  pistegate-sim storm --plant owed_twice            plants one, stops when it is found"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`pistegate-sim storm`."""
    parser = commands.add_parser(
        "storm",
        help="gates and cloud through power cuts, bad networks and worse",
        description=__doc__,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=_count, default=100, metavar="N", help="how many storms (default: 100)")
    parser.add_argument("--from", type=_count, default=0, dest="first", metavar="S", help="the first seed (default: 0)")
    parser.add_argument("--seed", type=_count, metavar="S", help="this storm only")
    parser.add_argument("--trace", action="store_true", help="print what happens, one line each; with --seed")
    parser.add_argument("--plant", metavar="NAME", help="plant this bug and stop at the first red; list: name them all")
    parser.add_argument("--jobs", type=_count, default=os.cpu_count() or 1, metavar="N", help="processes at once")
    parser.add_argument("--json", action="store_true", help="the result as one JSON object")
    parser.set_defaults(run=_run)


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("a number from 0 on is expected")
    return number


def _run(args: argparse.Namespace) -> int:
    from pistegate_simulators.storm.plants import PLANTS

    if args.plant == "list":
        return _list(args)
    if args.plant is not None and args.plant not in PLANTS:
        print(f"no bug is named {args.plant!r}; pistegate-sim storm --plant list names them", file=sys.stderr)
        return 2
    if args.trace and args.seed is None:
        print("--trace is of one storm: name it with --seed", file=sys.stderr)
        return 2
    return _one(args) if args.seed is not None else _many(args)


def _list(args: argparse.Namespace) -> int:
    from pistegate_simulators.storm.plants import PLANTS

    if args.json:
        print(json.dumps({name: plant.what for name, plant in PLANTS.items()}))
    else:
        for name, plant in PLANTS.items():
            print(f"{name:<24} {plant.what}")
    return 0


def _one(args: argparse.Namespace) -> int:
    from pistegate_simulators.storm.run import Summary, storm

    summary = Summary()
    tell = (lambda line: print(line, file=sys.stderr if args.json else sys.stdout)) if args.trace else None
    summary.add(storm(args.seed, args.plant, tell))
    return _told(args, summary)


def _many(args: argparse.Namespace) -> int:
    from pistegate_simulators.storm.run import Summary, storms

    summary = Summary()
    for result in storms(range(args.first, args.first + args.seeds), args.jobs, args.plant):
        summary.add(result)
        if result.red and args.plant is not None:
            break
    return _told(args, summary)


def _told(args: argparse.Namespace, summary: "Summary") -> int:
    if args.json:
        print(json.dumps(summary.told() | {"plant": args.plant}))
    else:
        for result in sorted(summary.reds, key=lambda each: each.seed):
            planted = f" --plant {args.plant}" if args.plant else ""
            print(f"seed {result.seed}: {result.red}: {result.what}")
            print(f"  replay: pistegate-sim storm --seed {result.seed} --trace{planted}")
        print(
            f"{summary.seeds} storms, {len(summary.reds)} red; {summary.hours:.1f} simulated hours, "
            f"{summary.hours_per_second:.2f} per second; {summary.presented} presentations, {summary.faults} faults"
        )
    return int(bool(summary.reds) is (args.plant is None))
