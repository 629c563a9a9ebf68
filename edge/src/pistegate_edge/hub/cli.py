# SPDX-License-Identifier: Apache-2.0
"""pistegate-gate hub: what a hub knows, from a terminal, also while it runs."""

import argparse
import contextlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pistegate_edge.commands import OK, command
from pistegate_edge.errors import ConfigError

if TYPE_CHECKING:
    from pistegate_edge.config import Config


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `hub show`."""
    inner = commands.add_parser("hub", help="look at a site's hub").add_subparsers(required=True, metavar="COMMAND")
    show = command(inner, "show", "what the hub knows; changes nothing", "hub show --config hub.toml")
    show.add_argument("--json", action="store_true", help="one JSON object")
    show.set_defaults(do=_show)


def _show(arguments: argparse.Namespace, config: "Config") -> int:
    from pistegate_protocol.topics import Role

    if config.role is not Role.HUB or config.storage is None:
        raise ConfigError([f'role is "{config.role}": use this command with the configuration of a hub'])
    found = summary(Path(config.storage.directory))
    if arguments.json:
        print(json.dumps(found))
        return OK
    for gate in found["gates"]:
        joined = datetime.fromtimestamp(gate["joined_ms"] / 1000, UTC)
        print(
            f"gate {gate['number']}: joined {joined:%Y-%m-%d %H:%M} UTC, {gate['heard']} events heard of its last run"
        )
    print(f"{found['tickets']} tickets used, {found['reserved']} reserved, {found['owed']} owed their way")
    return OK


def summary(directory: Path) -> dict[str, Any]:
    """Gates, and how much is known; ConfigError where no hub has run yet."""
    from pistegate_edge.hub.store import FILE_NAME
    from pistegate_edge.journal.files import Files

    files = Files(directory)
    if not files.exists(FILE_NAME):
        raise ConfigError([f"there is no hub's journal in {directory}: start the hub, or correct [storage] directory"])
    with contextlib.closing(files.connect(FILE_NAME, read_only=True)) as db:
        gates = db.execute(
            "SELECT number, g.epoch, joined, COALESCE(seq, 0) FROM gate g"
            " LEFT JOIN heard h ON h.gate = g.number AND h.epoch = g.epoch ORDER BY number"
        ).fetchall()
        counted = {
            "tickets": "SELECT COUNT(DISTINCT ticket) FROM used",
            "reserved": "SELECT COUNT(*) FROM reservation",
            "owed": "SELECT COUNT(*) FROM owed",
        }
        counts = {name: db.execute(query).fetchone()[0] for name, query in counted.items()}
    told = [
        {"number": number, "epoch": epoch, "joined_ms": joined, "heard": seq} for number, epoch, joined, seq in gates
    ]
    return {"gates": told} | counts
