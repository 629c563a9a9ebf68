# SPDX-License-Identifier: Apache-2.0
"""pistegate-gate board: flash, log and check of a lane board, for technicians."""

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from pistegate_edge.commands import FAILED, OK, command

if TYPE_CHECKING:
    from pistegate_edge.config import Config
    from pistegate_edge.lane.settings import LaneSettings

_EPILOG = "stop the gate first; exit status: 0 done and well, 1 failed or something to do, 2 configuration or usage"


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `board flash`, `board log` and `board check`."""
    board = commands.add_parser("board", help="the lane board: flash, log, check")
    inner = board.add_subparsers(required=True, metavar="COMMAND")
    words = "copy firmware and lane profile to the board, check every file, start it"
    _add(inner, "flash", words, _flash)
    _add(inner, "log", "the lines that the board keeps, its faults, and what it is latched with", _log)
    check = _add(inner, "check", "whether board and gate fit, the level of every pin, and what to do", _check)
    check.add_argument("--watch", type=float, metavar="S", help="then show each pin that changes, for S seconds")


def _add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, words: str, do: Any
) -> argparse.ArgumentParser:
    parser = command(commands, name, words, f"board {name} --config gate.toml")
    parser.epilog = f"{parser.epilog}; {_EPILOG}"
    parser.add_argument("--port", metavar="DEVICE", help="the board's device; else [lane] port")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(do=do)
    return parser


def _flash(arguments: argparse.Namespace, config: "Config") -> int:
    from dataclasses import asdict

    from pistegate_edge.clock import open_clock
    from pistegate_edge.lane.board.document import document_of, profile_hash
    from pistegate_edge.lane.board.flash import await_start, flash
    from pistegate_edge.lane.board.image import image_of

    settings, port = _lane(arguments, config)
    image, profile = image_of(document_of(settings)), profile_hash(settings)
    monotonic = open_clock("system").monotonic
    done = flash(port, image, profile, monotonic, lambda line: print(line, file=sys.stderr, flush=True))
    hello = await_start(port, image, profile, monotonic)
    if arguments.json:
        print(json.dumps({"port": port, "hello": hello} | asdict(done)))
        return OK
    files = f"{len(done.written)} files written, {len(done.unchanged)} unchanged"
    print(f"{port}: {files}; firmware {hello['version']}, build {hello['build']} runs: {settings.profile['title']}")
    print(f"next: pistegate-gate board check --config {arguments.config}")
    return OK


def _log(arguments: argparse.Namespace, config: "Config") -> int:
    from pistegate_edge.lane.core.messages import fault_codes

    looked = _look(arguments, config, logs=True)
    report = looked["report"]
    found = {
        "port": looked["port"],
        "latched": looked["hello"]["crash"] or None,
        "faults": fault_codes(report["faults"]) if report else [],
        "lines": looked["lines"],
    }
    if arguments.json:
        print(json.dumps(found))
        return OK
    for line in found["lines"]:
        print(line)
    print(f"latched: {found['latched'] or 'no'}; faults: {', '.join(found['faults']) or 'none'}")
    for problem in looked["problems"]:
        print(f"board: {problem}", file=sys.stderr)
    return OK


def _check(arguments: argparse.Namespace, config: "Config") -> int:
    from pistegate_edge.lane.board.levels import levels

    looked = _look(arguments, config, logs=False)
    settings: LaneSettings = looked.pop("settings")
    hello, report = looked["hello"], looked["report"]
    looked["pins"] = levels(settings, report) if report else {}
    if arguments.json:
        print(json.dumps({name: looked[name] for name in ("port", "hello", "report", "pins", "problems")}))
        return FAILED if looked["problems"] else OK
    print(f"{looked['port']}: firmware {hello['version']}, build {hello['build']}, protocol {hello['protocol']}")
    print(f"profile {hello['profile']}: {settings.profile['title']}")
    if report:
        counts = f"{report['entries']} in, {report['exits']} out since its start"
        print(f"lane {report['state']}; {counts}")
    for name, level in looked["pins"].items():
        print(_pin(name, level))
    status = _say(looked["problems"])
    if arguments.watch and report:
        _watch(arguments, config, settings, looked["pins"])
    return status


def _watch(
    arguments: argparse.Namespace, config: "Config", settings: "LaneSettings", shown: dict[str, dict[str, Any]]
) -> None:
    """Each pin as it changes; a hand in a beam for a fifth of a second shows."""
    from pistegate_edge.clock import open_clock
    from pistegate_edge.lane.board.document import profile_hash
    from pistegate_edge.lane.board.levels import levels
    from pistegate_edge.lane.board.talk import talk_to

    print(f"watching for {arguments.watch:g} s", flush=True)
    with talk_to(_lane(arguments, config)[1], profile_hash(settings), open_clock("system").monotonic) as talk:
        for report in talk.reports(arguments.watch):
            now = levels(settings, report)
            for name in [name for name in now if now[name]["active"] != shown[name]["active"]]:
                print(_pin(name, now[name]), flush=True)
            shown = now


def _pin(name: str, level: dict[str, Any]) -> str:
    return f"  {name:13} GP{level['pin']:<3} {'ACTIVE' if level['active'] else '-':7} {level['to']}"


def _say(problems: list[str]) -> int:
    for problem in problems:
        print(f"board: {problem}", file=sys.stderr)
    if not problems:
        print("no problem found")
    return FAILED if problems else OK


def _look(arguments: argparse.Namespace, config: "Config", *, logs: bool) -> dict[str, Any]:
    """Hello, report and lines of the board, and what is wrong with them."""
    from pistegate_edge.clock import open_clock
    from pistegate_edge.lane.board.document import profile_hash
    from pistegate_edge.lane.board.levels import problems
    from pistegate_edge.lane.board.talk import talk_to

    settings, port = _lane(arguments, config)
    profile = profile_hash(settings)
    with talk_to(port, profile, open_clock("system").monotonic) as talk:
        hello = talk.hello()
        fits = hello["run"] != "00000000" or _fits(hello, profile)
        report = talk.report() if fits else None
        lines = talk.logs() if logs and report else []
    wrong = problems(hello, report, profile, str(arguments.config))
    return {"port": port, "settings": settings, "hello": hello, "report": report, "lines": lines, "problems": wrong}


def _fits(hello: dict[str, Any], profile: str) -> bool:
    from pistegate_edge.lane.core.messages import PROTOCOL

    return bool(hello["protocol"] == PROTOCOL and hello["profile"] == profile)


def _lane(arguments: argparse.Namespace, config: "Config") -> "tuple[LaneSettings, str]":
    from pistegate_edge.errors import ConfigError

    settings = config.lane
    if settings is None or settings.port is None:
        raise ConfigError(["this gate has no lane board: it needs [lane] profile (such as flap_own) and port"])
    return settings, arguments.port or settings.port
