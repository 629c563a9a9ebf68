# SPDX-License-Identifier: Apache-2.0
"""pistegate-gate takeover: put a spare at a dead gate's place, without the cloud, and back."""

import argparse
import json
from typing import TYPE_CHECKING

from pistegate_edge.commands import OK, command

if TYPE_CHECKING:
    from pistegate_edge.config import Config


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `takeover`."""
    words = (
        "stand at a dead gate's place from the next start on, as the cloud allowed ahead of time; alone: what it allows"
    )
    takeover = command(commands, "takeover", words, "takeover --config gate.toml --gate 3")
    which = takeover.add_mutually_exclusive_group()
    which.add_argument("--gate", type=int, metavar="N", help="number of the dead gate")
    which.add_argument("--end", action="store_true", help="back to the own place")
    takeover.add_argument("--json", action="store_true", help="one JSON object")
    takeover.set_defaults(do=_takeover)


def _takeover(arguments: argparse.Namespace, config: "Config") -> int:
    from pistegate_edge.clock import open_clock
    from pistegate_edge.enrolment.identity import utc
    from pistegate_edge.enrolment.standing import allowed, choose, chosen, keep_choice, permissions

    if arguments.end:
        keep_choice(config, None)
        print(json.dumps({"stands_for": None}) if arguments.json else "at its own place from the next start on")
        return OK
    document = allowed(config)
    if arguments.gate is None:
        held = permissions(document, config.device.number)
        now = chosen(config)
        if arguments.json:
            items = [{"gate": each.gate, "until_ms": each.until_ms, "area": each.area} for each in held]
            print(json.dumps({"stands_for": now, "allowed": items}))
            return OK
        print(f"stands for gate {now}" if now else "stands at its own place")
        for each in held:
            print(f"may stand for gate {each.gate} until {utc(each.until_ms):%Y-%m-%d} (area {each.area})")
        return OK
    found = choose(document, config.device.number, arguments.gate, open_clock(config.clock.source).wall_ms())
    keep_choice(config, found.gate)
    if arguments.json:
        print(json.dumps({"stands_for": found.gate, "until_ms": found.until_ms, "area": found.area}))
        return OK
    print(
        f"stands for gate {found.gate} from the next start on: area {found.area}, until {utc(found.until_ms):%Y-%m-%d}"
    )
    print("check [lane] in gate.toml: this gate must drive the lane that stands there; then restart it")
    return OK
