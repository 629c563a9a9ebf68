# SPDX-License-Identifier: Apache-2.0
"""`pistegate-sim day` and `pistegate-sim demo`."""

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from pistegate_simulators.day.settings import DaySettings

_DAY_EXAMPLE = "example: pistegate-sim day --skiers 300 --gates 4 --seed 7 --json --keep /tmp/day"
_DEMO_S = 25.0  # long enough to see the network cut and a gate come back
_DEMO_EXAMPLE = "example: pistegate-sim demo --port 8000"


def add_parsers(commands: Any) -> None:
    """Add both commands to the subparsers of pistegate-sim."""
    day = commands.add_parser("day", help="run a whole ski day and reconcile it", epilog=_DAY_EXAMPLE)
    _common(day, skiers=300)
    day.add_argument("--json", action="store_true", help="the last line on stdout is the result as JSON")
    day.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep databases, logs and configuration in this new folder"
    )
    day.set_defaults(run=_day)
    demo = commands.add_parser("demo", help="a day to watch, then a cloud to look around in", epilog=_DEMO_EXAMPLE)
    _common(demo, skiers=120)
    demo.add_argument("--port", type=int, default=0, help="HTTP port of the cloud (default: a free one)")
    demo.add_argument("--once", action="store_true", help="stop after the day instead of leaving the cloud serving")
    demo.set_defaults(run=_demo)


def _common(parser: argparse.ArgumentParser, *, skiers: int) -> None:
    add = parser.add_argument
    add("--skiers", type=_positive, default=skiers, help=f"guests of the day, one ride each (default {skiers})")
    add("--gates", type=_positive, default=4, help="lanes (default 4)")
    add("--seed", type=int, default=7, help="same seed, same guests (default 7)")
    add("--lane-timeout", type=float, default=2.0, metavar="S", help="turnstile time-out in seconds (default 2)")
    add("--cut", type=float, metavar="S", help="seconds the gates are without network (default: a fifth of the day)")
    add("--no-kill", action="store_true", help="do not kill a gate")
    add("--broker", choices=["auto", "mosquitto", "embedded"], default="auto", help="default: mosquitto if installed")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _settings(args: argparse.Namespace, **more: Any) -> DaySettings:
    return DaySettings(
        skiers=args.skiers,
        gates=args.gates,
        seed=args.seed,
        lane_timeout_ms=round(args.lane_timeout * 1000),
        cut_s=args.cut,
        kill=not args.no_kill,
        broker=args.broker,
        **more,
    )


def _day(args: argparse.Namespace) -> int:
    from pistegate_simulators.day.run import Progress, run_day
    from pistegate_simulators.day.view import result_table, watching

    settings = _settings(args, keep=args.keep)
    console = Console(stderr=True)
    progress = Progress(settings.skiers)

    async def run() -> int:
        async with watching(progress, console, []):
            reckoning = await run_day(settings, progress)
        if not args.json:
            console.print(result_table(reckoning))
        for sentence in reckoning.wrong:
            console.print(f"WRONG: {sentence}", style="red", highlight=False)
        print(json.dumps(reckoning.line(), ensure_ascii=False), flush=True)
        return 1 if reckoning.wrong else 0

    return _told(run)


def _demo(args: argparse.Namespace) -> int:
    from pistegate_simulators.day.demo import run_demo

    settings = _settings(args, http_port=args.port, least_s=_DEMO_S)
    return _told(lambda: run_demo(settings, Console(), serve=not args.once))


def _told(run: Any) -> int:
    """Run to the end; what goes wrong is told in a sentence, not a traceback."""
    from pistegate_simulators.day.broker import MosquittoMissing
    from pistegate_simulators.day.processes import ProcessDied

    try:
        code: int = asyncio.run(run())
    except KeyboardInterrupt:
        return 130
    except (ProcessDied, MosquittoMissing, FileExistsError, RuntimeError, TimeoutError) as error:
        print(
            f"pistegate-sim: {error or 'something did not answer in time; run with --keep DIR and read the logs'}",
            file=sys.stderr,
        )
        return 1
    except ExceptionGroup as group:
        for cause in group.exceptions:
            print(f"pistegate-sim: {type(cause).__name__}: {cause}", file=sys.stderr)
        return 1
    return code
