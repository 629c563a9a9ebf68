# SPDX-License-Identifier: Apache-2.0
"""`pistegate-sim finger`: one simulated fingerprint sensor for anybody's own tools."""

import argparse
import json
import sys
from pathlib import Path

from pistegate_simulators.finger.chip import Chip
from pistegate_simulators.finger.sensor import SimulatedSensor
from pistegate_simulators.finger.skin import Finger, Skin

_HELP = f"""\
what to type:
  put NAME [SKIN]   a finger, by any name; skins: {", ".join(Skin)}
  lift              take it away
  lose N, garble N, cut N, mishear N    answers that never come, come damaged, come half; commands that arrive damaged
  delay N SECONDS   answers that come late
  dead, alive       it says nothing any more; it does again
  worn              its flash takes nothing and lets go of nothing
  unplug, plug      pull it, plug it in again      state             where it is and what is in it
  quit              end (so does Ctrl-C)
"""
_EXAMPLE = """
hosts open it at 57600 baud
example: pistegate-sim finger --capacity 200 --link /tmp/finger
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`pistegate-sim finger`."""
    parser = commands.add_parser(
        "finger",
        help="a fingerprint sensor (R307, AS608, R503) on a pseudo terminal",
        description=__doc__,
        epilog=_HELP + _EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--capacity", type=int, default=200, help="slots of its library (200)")
    parser.add_argument("--link", type=Path, metavar="PATH", help="also name the device by this symbolic link")
    parser.add_argument("--json", action="store_true", help="one JSON line about the device first")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    try:
        if not 1 <= args.capacity <= 1000:
            raise ValueError("--capacity: 1 to 1000")
        sensor = SimulatedSensor(Chip(capacity=args.capacity), args.link)
    except (OSError, ValueError) as error:
        print(f"pistegate-sim finger: {error}; check --link and --capacity", file=sys.stderr)
        return 2
    with sensor:
        where = str(args.link or sensor.path)
        if args.json:
            print(json.dumps({"path": where, "device": sensor.path, "capacity": args.capacity}), flush=True)
        else:
            print(f"A fingerprint sensor is at {where}, 57600 baud.\n{_HELP}", flush=True)
        try:
            for line in sys.stdin:
                if line.strip() == "quit":
                    break
                print(obey(sensor, line), flush=True)
        except KeyboardInterrupt:
            pass
    return 0


def obey(sensor: SimulatedSensor, line: str) -> str:
    """One line of what may be typed; the answer to it, also to what cannot be done."""
    word, *rest = line.split() or [""]
    try:
        return _obeyed(sensor, word, rest)
    except (ValueError, IndexError, OSError) as error:
        return f"cannot: {error}"


def _obeyed(sensor: SimulatedSensor, word: str, rest: list[str]) -> str:
    if word == "put":
        finger = Finger(rest[0], Skin(rest[1]) if len(rest) > 1 else Skin.CLEAN)
        sensor.put(finger)
        return f"{finger.skin} finger {finger.name} is on it"
    if word == "lift":
        sensor.lift()
        return "nothing is on it"
    if word in ("lose", "garble", "cut", "mishear", "delay"):
        setattr(sensor.accidents, word, int(rest[0]))
        if word == "delay":
            sensor.accidents.delay_s = float(rest[1])
        return f"will {word} {int(rest[0])}"
    if word in ("dead", "alive", "worn"):
        sensor.dead = word == "dead"
        sensor.chip.worn = word == "worn" or sensor.chip.worn
        return f"it is {word}"
    if word in ("unplug", "plug"):
        (sensor.unplug if word == "unplug" else sensor.plug)()
        return "unplugged" if word == "unplug" else f"plugged in at {sensor.path}"
    if word == "state":
        on_it = sensor.chip.finger
        there = sensor.path if sensor.device.plugged else "unplugged"
        shown = f"{on_it.skin} finger {on_it.name}" if on_it else "nothing"
        return f"{there}, {shown} on it, {len(sensor.chip.library)} of {sensor.chip.capacity} slots used"
    return _HELP if word == "help" else f"{word!r} is unknown; type help"
