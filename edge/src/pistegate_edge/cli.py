# SPDX-License-Identifier: Apache-2.0
"""pistegate-gate: run a gate, hub, encoder, till or handheld, check its configuration, its journal, cards."""

import argparse
import logging
import sqlite3
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pistegate_edge import keys_cli
from pistegate_edge.card import cli as card_cli
from pistegate_edge.commands import FAILED, OK, command
from pistegate_edge.contingency import cli as contingency_cli
from pistegate_edge.enrolment import cli as enrolment_cli
from pistegate_edge.enrolment import takeover_cli, uploading
from pistegate_edge.fingers import cli as finger_cli
from pistegate_edge.hub import cli as hub_cli
from pistegate_edge.journal import cli as journal_cli
from pistegate_edge.lane.board import cli as board_cli
from pistegate_edge.scanners import cli as scanner_cli
from pistegate_edge.till import cli as till_cli
from pistegate_edge.timekeeping import cli as clock_cli
from pistegate_edge.verify import cli as verify_cli

if TYPE_CHECKING:
    from pistegate_edge.config import Config

BAD_CONFIG = 2
JOURNAL_DAMAGED = 3

_EXAMPLES = """examples:
  pistegate-gate check --config /etc/pistegate/gate.toml
  pistegate-gate run --config /etc/pistegate/gate.toml
  pistegate-gate journal show --config /etc/pistegate/gate.toml --json

exit status: 0 done, 1 failed, 2 wrong configuration or usage, 3 the journal cannot be used (nothing was changed),
4 the battery was low (the computer is being shut down)"""


def main(argv: Sequence[str] | None = None) -> int:
    """The exit status."""
    arguments = _parser().parse_args(argv)
    # Heavy imports and hardware come after --help and usage errors.
    from pistegate_edge.config import load_config
    from pistegate_edge.errors import ConfigError, EdgeError, JournalDamaged, KeyStoreError

    try:
        if "config" in arguments:
            result: int = arguments.do(arguments, load_config(arguments.config))
        else:
            result = arguments.do(arguments)
    except ConfigError as error:
        for problem in error.problems:
            print(f"configuration: {problem}", file=sys.stderr)
        return BAD_CONFIG
    except KeyStoreError as error:
        print(f"configuration: {error}", file=sys.stderr)
        return BAD_CONFIG
    except JournalDamaged as error:
        print(f"journal: {error}", file=sys.stderr)
        return JOURNAL_DAMAGED
    except (EdgeError, OSError) as error:
        print(f"pistegate-gate: {error}", file=sys.stderr)
        return FAILED
    except sqlite3.Error as error:
        print(f"pistegate-gate: the journal's disk fails: {error}; check or replace the disk", file=sys.stderr)
        return FAILED
    return result


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pistegate-gate",
        description="A Pistegate gate: reads cards, decides, opens the lane, journals and reports.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = command(
        commands, "run", "run the gate, hub, encoder, till or handheld until SIGTERM", "run --config gate.toml"
    )
    run.set_defaults(do=_run)
    check = command(commands, "check", "say what is wrong in gate.toml", "check --config gate.toml")
    check.set_defaults(do=_check)
    journal_cli.add_parser(commands)
    enrolment_cli.add_parser(commands)
    takeover_cli.add_parser(commands)
    uploading.add_parser(commands)
    clock_cli.add_parser(commands)
    keys_cli.add_parser(commands)
    card_cli.add_parser(commands)
    till_cli.add_parser(commands)
    hub_cli.add_parser(commands)
    contingency_cli.add_parser(commands)
    scanner_cli.add_parser(commands)
    finger_cli.add_parser(commands)
    board_cli.add_parser(commands)
    verify_cli.add_parser(commands)
    return parser


def _run(arguments: argparse.Namespace, config: "Config") -> int:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # nfcpy tells every torn card as an error of its own; the gate tells it once, in its words.
    logging.getLogger("nfc").setLevel(logging.CRITICAL)
    from pistegate_protocol.topics import Role

    if config.role is Role.GATE:
        from pistegate_edge.gate import run_gate

        return run_gate(config)
    if config.role is Role.ENCODER:
        from pistegate_edge.encoder import run_encoder as run
    elif config.role is Role.HUB:
        from pistegate_edge.hub.process import run_hub as run
    elif config.role is Role.TILL:
        from pistegate_edge.till.process import run_till as run
    else:
        from pistegate_edge.inspect.process import run_inspect as run

    run(config)
    return OK


def _check(arguments: argparse.Namespace, config: "Config") -> int:
    print(f"{arguments.config}: no problem found; {config.role} {config.device.number} of site {config.device.site}")
    for line in config.lane.told() if config.lane is not None else ():
        print(line)
    return OK
