# SPDX-License-Identifier: Apache-2.0
"""`pistegate-sim scanner`: one simulated scanner for anybody's own tools."""

import argparse
import json
import sys
from pathlib import Path

from pistegate_simulators.scanner.models import MODELS
from pistegate_simulators.scanner.scanner import ENDS, SimulatedScanner

_HELP = """\
what to type:
  show CODE        hold a code to the scanner      repeat N CODE    N times, as one that is held there
  half CODE        only its first half arrives     garbage HEX      these bytes
  baud RATE        another rate: hosts read what their own makes of it
  unplug, plug     pull it, plug it in again       state            where and how it is
  quit             end (so does Ctrl-C); the end of input ends nothing of what was shown
"""
_EXAMPLE = """
hosts must set the rate, as on a real line
example: pistegate-sim scanner --model gm65 --link /tmp/scanner
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`pistegate-sim scanner`."""
    parser = commands.add_parser(
        "scanner",
        help="a serial scanner of codes on a pseudo terminal",
        description=__doc__,
        epilog=_HELP + _EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", choices=sorted(MODELS), default="plain", help="whose commands it hears (plain)")
    parser.add_argument("--baud", type=int, default=9600, help="its own rate (9600)")
    parser.add_argument("--end", choices=sorted(ENDS), default="cr", help="what it sends after a code (cr)")
    parser.add_argument("--link", type=Path, metavar="PATH", help="also name the device by this symbolic link")
    parser.add_argument("--json", action="store_true", help="one JSON line about the device first")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    try:
        scanner = SimulatedScanner(args.model, args.baud, args.end, args.link)
    except OSError as error:
        print(f"pistegate-sim scanner: {error}; check --link", file=sys.stderr)
        return 2
    with scanner:
        where = str(args.link or scanner.path)
        if args.json:
            print(
                json.dumps({"path": where, "device": scanner.path, "model": args.model, "baud": args.baud}), flush=True
            )
        else:
            print(f"A {args.model} scanner is at {where}, {args.baud} baud.\n{_HELP}", flush=True)
        try:
            for line in sys.stdin:
                if line.strip() == "quit":
                    break
                print(obey(scanner, line.rstrip("\n")), flush=True)
        except KeyboardInterrupt:
            pass
    return 0


def obey(scanner: SimulatedScanner, line: str) -> str:
    """One line of what may be typed; the answer to it, also to what cannot be done."""
    word, _, rest = line.strip().partition(" ")
    try:
        return _obeyed(scanner, word, rest)
    except (ValueError, OSError) as error:
        return f"cannot: {error}"


def _obeyed(scanner: SimulatedScanner, word: str, rest: str) -> str:
    if word == "show":
        return "shown" if scanner.show(rest) else "not read: it waits for a trigger, or is unplugged"
    if word == "repeat":
        count, _, code = rest.partition(" ")
        return f"read {sum(scanner.show(code) for _ in range(min(int(count), 1000)))} times"
    if word == "half":
        scanner.show_half(rest)
        return "half of it sent"
    if word == "garbage":
        scanner.send(bytes.fromhex(rest))
        return "sent"
    if word == "baud":
        scanner.baud = int(rest)
        return f"{scanner.baud} baud; the host is at {scanner.device.rate}"
    if word in ("unplug", "plug"):
        (scanner.unplug if word == "unplug" else scanner.plug)()
        return "unplugged" if word == "unplug" else f"plugged in at {scanner.path}"
    if word == "state":
        mode = "waits for a trigger" if scanner.model.waiting else "reads"
        return f"{scanner.path if scanner.device.plugged else 'unplugged'}, {mode}, {len(scanner.shown)} codes read"
    return _HELP if word == "help" else f"{word!r} is unknown; type help"
