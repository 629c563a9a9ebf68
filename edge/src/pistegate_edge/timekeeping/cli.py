# SPDX-License-Identifier: Apache-2.0
"""pistegate-gate clock: how the gate's time stands and what to do; accept the system's clock where no cloud can."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pistegate_edge.commands import FAILED, OK, command

if TYPE_CHECKING:
    from pistegate_edge.config import Config

_HELP = (
    "say whether the gate's time is sure, why, and what to do (exit status 1: it is not); changes nothing. "
    "`clock accept`: the system's clock is right now, take it; a running gate does within seconds, else the next start"
)


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `clock`."""
    clock = command(commands, "clock", _HELP, "clock accept --config gate.toml")
    clock.add_argument("action", nargs="?", choices=("show", "accept"), default="show", help="show unless told")
    clock.add_argument("--locale", choices=("en", "zh-CN"), help="language of the words; else [display] locale")
    clock.add_argument("--json", action="store_true", help="one JSON object")
    clock.set_defaults(do=_clock)


def _clock(arguments: argparse.Namespace, config: "Config") -> int:
    from pistegate_edge.clock import open_clock
    from pistegate_edge.timekeeping.words import accept
    from pistegate_protocol.texts import text

    if config.storage is None:
        print("an encoder keeps no time: it records nothing")
        return FAILED
    locale = arguments.locale or config.display.locale
    if arguments.action == "accept":
        at = accept(Path(config.storage.directory), open_clock(config.clock.source))
        print(json.dumps({"accepted": at}) if arguments.json else text("clock.accept_told", locale, at=at))
        return OK
    told = _told(config)
    if arguments.json:
        print(json.dumps(told))
    else:
        print(text("clock.trusted" if told["trusted"] else "clock.suspect", locale, now=told["now"]))
        print(text(f"clock.{told['reason']}", locale))
    return OK if told["trusted"] else FAILED


def _told(config: "Config") -> dict[str, Any]:
    """As a gate that starts now would judge, from its journal and this computer."""
    from zoneinfo import ZoneInfo

    from pistegate_edge.clock import open_clock
    from pistegate_edge.timekeeping.opening import guarded_clock

    system = open_clock(config.clock.source)
    clock, sources = guarded_clock(config, system), system.sources()
    standing = clock.standing()
    zone = ZoneInfo(config.place.zone) if config.place is not None else None
    now, wall = clock.wall().astimezone(zone), system.wall().astimezone(zone)
    return {
        "trusted": standing.trusted,
        "reason": standing.why.value,
        "error_ms": standing.error_ms,
        "now": now.isoformat(timespec="seconds"),
        "system": wall.isoformat(timespec="seconds"),
        "time_service": sources.kernel.synchronised,
        "battery_backed": sources.rtc_ms is not None,
        "outside": sources.outside,
        "mark_ms": clock.mark_ms,
    }
