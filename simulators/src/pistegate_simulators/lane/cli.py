# SPDX-License-Identifier: Apache-2.0
"""`pistegate-sim lane`: one scenario at one simulated lane, with what happened and what the lane made of it."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pistegate_edge.errors import ConfigError
from pistegate_simulators.lane.running import PROFILES, build, profile_of
from pistegate_simulators.lane.scenario import (
    FORMAT_HELP,
    LANE_KINDS,
    USUAL,
    Scenario,
    ScenarioError,
    built_in,
    load,
)
from pistegate_simulators.lane.truth import Report, judge, summary
from pistegate_simulators.lane.world import World

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

_EXAMPLE = """\
examples:
  pistegate-sim lane --kind flap --scenario tailgater_30cm --seed 7 --picture lane.svg
  pistegate-sim lane --kind swing --scenario my_lane.toml --json
  pistegate-sim lane --list

a scenario file (TOML; a number or a range [least, most] drawn from the seed):
{form}
pistegate-sim lane --list names the built-in scenarios.
"""


def add_parser(subparsers: "Subparsers") -> None:
    """Add the `lane` command."""
    parser = subparsers.add_parser(
        "lane",
        help="run people through one simulated lane: tripod, flap or swing",
        epilog=_EXAMPLE.format(form=FORMAT_HELP),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--kind", choices=LANE_KINDS, help="kind of lane on a lane board (flap)")
    parser.add_argument(
        "--profile", metavar="NAME", help="lane profile instead of a kind, such as tripod_pulse, or a file"
    )
    parser.add_argument("--scenario", metavar="FILE", help="a scenario file, or the name of a built-in one (ordinary)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of everything that is drawn (1)")
    parser.add_argument("--json", action="store_true", help="the report as one JSON document on standard output")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="write the lane's timeline there, as SVG")
    parser.add_argument("--list", action="store_true", help="name the built-in scenarios and end")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0; 1 when the lane pinched somebody, 2 when scenario, profile or picture cannot be used."""
    if args.list:
        print(_listing())
        return 0
    try:
        world, report = _run(args)
    except (ScenarioError, ConfigError, OSError) as error:
        print(f"pistegate-sim lane: {error}\nsee pistegate-sim lane --help", file=sys.stderr)
        return 2
    if args.json:
        print(json.dumps(summary(report)))
    else:
        print("\n".join(_told(world, report)))
        if args.picture is not None:
            print(f"\npicture: {args.picture}")
    return 1 if any(touch.closing for touch in report.pinched) else 0


def _run(args: argparse.Namespace) -> tuple[World, Report]:
    if args.kind and args.profile:
        raise ScenarioError("give --kind or --profile, not both")
    profile = profile_of(args.profile or args.kind or "flap")
    scenario = load(args.scenario or USUAL[profile["kind"]])
    _fits(scenario, profile["kind"])
    world = build(scenario, profile, args.seed)
    if args.picture is not None:
        _writable(args.picture)
        world.frames = []
    report = judge(world.run(), args.seed)
    if args.picture is not None:
        from pistegate_simulators.lane import picture  # the drawing library is for pictures alone

        picture.save(world, report, args.picture)
    return world, report


def _fits(scenario: Scenario, kind: str) -> None:
    if kind not in scenario.lanes:
        raise ScenarioError(
            f"{scenario.name} is meant for {' and '.join(scenario.lanes)} lanes, not for a {kind}: "
            f"choose --kind {scenario.lanes[0]}, or add {kind!r} to its lanes"
        )


def _writable(path: Path) -> None:
    """Fail before a long run, not after it."""
    if path.suffix != ".svg":
        raise ScenarioError(f"{path}: pictures are SVG; choose a name that ends in .svg")
    if not path.parent.is_dir():
        raise ScenarioError(f"{path}: no folder {path.parent}; create it first")


def _told(world: World, report: Report) -> list[str]:
    lines = [
        f"{world.profile['title']}: {world.scenario.title}",
        f"{report.scenario}, seed {report.seed}, {report.last_ms / 1000:.0f} s, {report.openings} openings",
        "",
        f"authorised   {report.authorised:>4}  persons with a ticket went through",
        f"passed       {report.passed:>4}  the lane said so; {report.right} of {report.authorised} counted right",
        f"tailgated    {report.tailgated:>4}  without a ticket close behind; {report.flagged} flagged"
        f" ({report.flagged_wide} of {report.tailgated_wide} with a gap of 30 cm or more)",
        f"reversed     {report.reversed:>4}  against the direction that was open",
        f"turned back  {report.turned_back:>4}  were among the beams and went back",
        f"pinched      {len(report.pinched):>4}  times a leaf touched somebody",
        f"false alarms {sum(report.false_alarms.values()):>4}"
        + "".join(f"  {code} x {count}" for code, count in sorted(report.false_alarms.items())),
        "",
        "the lane said:",
    ]
    lines += [f"  {at / 1000:8.2f} s  {event} {value}" for at, event, value in world.log]
    for touch in report.pinched:
        driven = f"driven shut for {touch.driven_ms} ms" if touch.closing else "not driven shut"
        lines.append(f"  {touch.at_ms / 1000:8.2f} s  PINCHED person {touch.person} for {touch.for_ms} ms, {driven}")
    return lines


def _listing() -> str:
    rows = []
    for name in built_in():
        scenario = load(name)
        lanes = ", ".join(scenario.lanes) if len(scenario.lanes) < len(PROFILES) else "all"
        rows.append(f"{name:<22}{lanes:<14}{scenario.title}")
    return "\n".join(rows)
