# SPDX-License-Identifier: Apache-2.0
"""What the commands of pistegate-gate have in common; imports nothing heavy."""

import argparse
from pathlib import Path

OK = 0
FAILED = 1


def command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    words: str,
    example: str,
    *,
    config: bool = True,
) -> argparse.ArgumentParser:
    """A command with its help and an example; `config`: it works on a gate.toml, which `do` is given checked."""
    parser = commands.add_parser(name, help=words, description=words, epilog=f"example: pistegate-gate {example}")
    if config:
        parser.add_argument("--config", type=Path, required=True, metavar="GATE.TOML", help="the configuration file")
    return parser
