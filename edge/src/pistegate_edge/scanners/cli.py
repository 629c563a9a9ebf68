# SPDX-License-Identifier: Apache-2.0
"""pistegate-gate scanner: which profiles there are, and what a scanner gives, for technicians."""

import argparse
import json
import queue
from typing import TYPE_CHECKING, Any

from pistegate_edge.commands import FAILED, OK, command

if TYPE_CHECKING:
    from pistegate_edge.scanners.told import ScannerTold


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `scanner profiles` and `scanner watch`."""
    scanner = commands.add_parser("scanner", help="scanners of codes: profiles, watch one")
    inner = scanner.add_subparsers(required=True, metavar="COMMAND")
    profiles = command(inner, "profiles", "the built-in profiles", "scanner profiles", config=False)
    profiles.add_argument("--json", action="store_true", help="one JSON object")
    profiles.set_defaults(do=_profiles)
    words = "show what a scanner gives, until Ctrl-C; ID numbers are masked. Stop the gate first"
    watch = command(
        inner, "watch", words, "scanner watch --path /dev/ttyACM0 --profile newland --seconds 30", config=False
    )
    watch.add_argument(
        "--path", required=True, metavar="DEVICE", help="best one of /dev/serial/by-id or /dev/input/by-id"
    )
    watch.add_argument("--profile", default="lines-9600", help="one of `scanner profiles`, keyboard, or a file")
    watch.add_argument("--seconds", type=float, metavar="S", help="end then; exit status 1 if no line came")
    watch.add_argument("--trigger", action="store_true", help="begin a reading, where the profile can")
    watch.add_argument("--json", action="store_true", help="one JSON object for each line")
    watch.set_defaults(do=_watch)


def _profiles(arguments: argparse.Namespace) -> int:
    from pistegate_edge.scanners.opening import KEYBOARD
    from pistegate_edge.scanners.profiles import load_profile, profile_names

    found = {name: load_profile(name) for name in profile_names()}
    if arguments.json:
        shown = ("title", "delivers", "baud", "confirmed", "unconfirmed")
        print(json.dumps({name: {key: getattr(one, key) for key in shown} for name, one in found.items()}))
        return OK
    for name, one in found.items():
        print(f"{name}: {one.title} ({one.baud} baud, {one.delivers.replace('_', ' ')})")
        for what in one.unconfirmed:
            print(f"    not confirmed: {what}")
    print(f"{KEYBOARD}: any scanner that plays a keyboard of the US layout (needs pistegate-edge[keyboard])")
    return OK


def _watch(arguments: argparse.Namespace) -> int:
    from pistegate_edge.clock import open_clock
    from pistegate_edge.scanners.opening import KEYBOARD, open_scanner
    from pistegate_edge.scanners.profiles import load_profile
    from pistegate_edge.scanners.told import ScannerLine, ScannerReady

    masked = arguments.profile != KEYBOARD and load_profile(arguments.profile).delivers == "resident_id"
    told: queue.Queue[ScannerTold] = queue.Queue()
    monotonic = open_clock("system").monotonic
    scanner = open_scanner(arguments.path, arguments.profile, told.put, monotonic)
    until = None if arguments.seconds is None else monotonic() + arguments.seconds
    lines = 0
    scanner.start()
    try:
        while until is None or monotonic() < until:
            one = _next(told, None if until is None else max(0.0, until - monotonic()))
            if isinstance(one, ScannerReady) and arguments.trigger:
                scanner.scan(True)
            lines += isinstance(one, ScannerLine)
            if one is not None:
                _show(one, masked, as_json=arguments.json)
    except KeyboardInterrupt:
        pass
    finally:
        scanner.stop()
    return OK if lines or until is None else FAILED


def _next(told: "queue.Queue[ScannerTold]", seconds: float | None) -> "ScannerTold | None":
    try:
        return told.get(timeout=seconds)
    except queue.Empty:
        return None


def _show(one: "ScannerTold", masked: bool, *, as_json: bool) -> None:
    from pistegate_edge.scanners.told import ScannerLine, ScannerReady

    shown: dict[str, Any]
    if isinstance(one, ScannerLine):
        text = one.text[:2] + "*" * max(0, len(one.text) - 2) if masked else one.text
        shown = {"line": text, "characters": len(one.text), "text": all(" " <= c <= "~" for c in one.text)}
    else:
        shown = {"ready": one.what} if isinstance(one, ScannerReady) else {"lost": one.detail}
    if as_json:
        print(json.dumps(shown), flush=True)
    elif isinstance(one, ScannerLine):
        print(
            f"{len(one.text):4d} characters{'' if shown['text'] else ', not all text'}: {shown['line']!a}", flush=True
        )
    else:
        print(": ".join(*shown.items()), flush=True)
