# SPDX-License-Identifier: Apache-2.0
"""`pistegate-sim`: a simulated ski day, and single simulated devices for anybody to try."""

import argparse

from pistegate_protocol.version import __version__


def parser() -> argparse.ArgumentParser:
    """All commands."""
    top = argparse.ArgumentParser(prog="pistegate-sim", description=__doc__, epilog="example: pistegate-sim demo")
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")
    from pistegate_simulators.day.cli import add_parsers as add_day
    from pistegate_simulators.finger.cli import add_parser as add_finger
    from pistegate_simulators.lane.cli import add_parser as add_lane
    from pistegate_simulators.messages.cli import add_parser as add_messages
    from pistegate_simulators.payment.cli import add_parser as add_payment
    from pistegate_simulators.reader.cli import add_parser as add_reader
    from pistegate_simulators.scanner.cli import add_parser as add_scanner
    from pistegate_simulators.storm.cli import add_parser as add_storm
    from pistegate_simulators.ups import add_parser as add_ups

    add_day(commands)
    add_reader(commands)
    add_scanner(commands)
    add_finger(commands)
    add_lane(commands)
    add_ups(commands)
    add_storm(commands)
    add_payment(commands)
    add_messages(commands)
    return top


def main(argv: list[str] | None = None) -> int:
    """Exit status of the command."""
    args = parser().parse_args(argv)
    code: int = args.run(args)
    return code
