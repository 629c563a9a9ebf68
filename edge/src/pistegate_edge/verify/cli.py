# SPDX-License-Identifier: Apache-2.0
"""pistegate-gate verify: what a gate would decide about a code, from its text, at any time."""

import argparse
import json
import sys
import tomllib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pistegate_edge.commands import OK, command

if TYPE_CHECKING:
    from pistegate_protocol.decide import GateProfile
    from pistegate_protocol.signing import KeyRing

REFUSED = 4
_EXAMPLE = "verify --text 1234... --keys gate.toml --at 2026-12-24T10:00 --json"
_EPILOG = "exit status: 0 a gate would admit, 1 failed, 2 usage or wrong file, 4 it would refuse"
_KEY_SECTION = "issuer_keys"
_TEXT_READ_MAX = 10_000  # characters of standard input: more than any code


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `verify`."""
    words = "what a gate would decide about a code, and why; needs no gate"
    parser = command(commands, "verify", words, _EXAMPLE, config=False)
    parser.epilog = f"{parser.epilog}; {_EPILOG}"
    parser.add_argument("--text", required=True, metavar="CODE", help="what the QR code says; - reads standard input")
    parser.add_argument(
        "--keys", type=Path, required=True, metavar="FILE", help="a gate.toml, or any TOML file with [issuer_keys]"
    )
    parser.add_argument("--at", metavar="TIME", help="such as 2026-12-24T10:00, site time unless told; default now")
    for name, words in (("site", "its site"), ("group", "its group"), ("area", "its area"), ("gate", "its number")):
        parser.add_argument(f"--{name}", type=int, metavar="N", help=f"{words}; default: as in FILE")
    parser.add_argument("--zone", metavar="ZONE", help="such as Asia/Shanghai; default: as in FILE")
    parser.add_argument("--clock-doubted", action="store_true", help="as a gate that is not sure of its time")
    parser.add_argument("--locale", choices=("en", "zh-CN"), default="en", help="language of the words")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(do=run)


def run(arguments: argparse.Namespace) -> int:
    """Judge, tell, and give the exit status; ConfigError names what the file lacks."""
    from pistegate_edge.verify.verdict import lines, verdict
    from pistegate_protocol.rotating import ReadAt

    tree = _read(arguments.keys)
    gate = _profile(arguments, tree)
    read = ReadAt(_at(arguments.at, gate), trusted=not arguments.clock_doubted)
    code = sys.stdin.read(_TEXT_READ_MAX).removesuffix("\n") if arguments.text == "-" else arguments.text
    told = verdict(code, _keys(tree, arguments.keys), gate, read)
    if arguments.json:
        print(json.dumps(told, ensure_ascii=False))
    else:
        print("\n".join(lines(told, arguments.locale)))
    return OK if told["admit"] else REFUSED


def _read(path: Path) -> dict[str, Any]:
    from pistegate_edge.errors import ConfigError

    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: cannot be read ({error}); name a gate.toml with --keys"]) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{path}: not TOML: {error}; correct the line named"]) from error


def _keys(tree: Mapping[str, Any], path: Path) -> "KeyRing":
    from pistegate_edge.errors import ConfigError
    from pistegate_protocol.signing import KeyRing

    try:
        raw = {int(number): bytes.fromhex(key) for number, key in tree[_KEY_SECTION].items()}
        if not raw:
            raise ValueError("no key")
        return KeyRing(raw)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        remedy = f'add [{_KEY_SECTION}] with lines such as 1 = "64 hex digits"'
        raise ConfigError([f"{path}: no usable [{_KEY_SECTION}] ({error}): {remedy}"]) from error


def _profile(arguments: argparse.Namespace, tree: Mapping[str, Any]) -> "GateProfile":
    """The gate asked about: what the command says, else what the file says; ConfigError when neither does."""
    from zoneinfo import ZoneInfo

    from pistegate_edge.errors import ConfigError
    from pistegate_protocol.decide import GateProfile

    device, place = _section(tree, "device"), _section(tree, "place")
    told = {"site": device.get("site"), "group": device.get("group"), "gate": device.get("number", 1)}
    told |= {"area": place.get("area"), "zone": place.get("zone")}
    told |= {name: value for name in told if (value := getattr(arguments, name)) is not None}
    told["group"] = told["site"] if told["group"] is None else told["group"]
    missing = [name for name, value in told.items() if value is None]
    if missing:
        raise ConfigError([f"which gate? say --{name}, or name a gate.toml with --keys" for name in missing])
    try:
        zone = ZoneInfo(told["zone"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError([f"zone {told['zone']!r} is unknown: write one such as Asia/Shanghai"]) from error
    number = told["gate"]
    return GateProfile(
        site=told["site"],
        group=told["group"],
        gate=number,
        post_gates=frozenset({number}),
        area=told["area"],
        zone=zone,
        exit=bool(place.get("exit", False)),
    )


def _section(tree: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = tree.get(name)
    return found if isinstance(found, Mapping) else {}


def _at(text: str | None, gate: "GateProfile") -> datetime:
    from pistegate_edge.clock import open_clock
    from pistegate_edge.errors import ConfigError

    if text is None:
        return open_clock("system").wall().astimezone(gate.zone)
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError([f"--at {text}: write a time such as 2026-12-24T10:00 or 2026-12-24T02:00Z"]) from error
    return at.replace(tzinfo=gate.zone) if at.tzinfo is None else at
