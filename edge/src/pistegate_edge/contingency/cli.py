# SPDX-License-Identifier: Apache-2.0
"""pistegate-gate contingency status: what a window's box has and has sold, from a terminal, also while it runs."""

import argparse
import contextlib
import json
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pistegate_edge.commands import OK, command
from pistegate_edge.errors import ConfigError

if TYPE_CHECKING:
    from pistegate_edge.config import Config

_EXAMPLE = "contingency status --config encoder.toml"


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `contingency status`."""
    noun = commands.add_parser("contingency", help="look at a window's contingency tickets")
    inner = noun.add_subparsers(required=True, metavar="COMMAND")
    status = command(inner, "status", "tickets and sales of this box; changes nothing", _EXAMPLE)
    status.add_argument("--json", action="store_true", help="one JSON object")
    status.set_defaults(do=_status)


def _status(arguments: argparse.Namespace, config: "Config") -> int:
    if config.contingency is None:
        raise ConfigError(["there is no section [contingency]: add one with its directory, for a window's box"])
    found = summary(Path(config.contingency.directory))
    if arguments.json:
        print(json.dumps(found))
        return OK
    for batch in found["batches"]:
        place = f"window {batch['window']}, {batch['day']}, batch {batch['number']}: {batch['state']}"
        sold = f"{batch['sold']} sold in {batch['receipts']} receipts"
        print(f"{place}; {batch['left']} left, {sold}, {batch['untold']} of them not told to the cloud")
    if not found["batches"]:
        print("no contingency tickets have come yet: is the window set up in the cloud, and this device its box?")
    return OK


def summary(directory: Path) -> dict[str, Any]:
    """Batches with what is left, sold and not yet told; ConfigError where no box has run yet."""
    from pistegate_edge.contingency.store import FILE_NAME
    from pistegate_edge.journal.files import Files

    files = Files(directory)
    missing = ConfigError([f"there is no box in {directory}: start it, or correct [contingency] directory"])
    if not files.exists(FILE_NAME):
        raise missing
    with contextlib.closing(files.connect(FILE_NAME, read_only=True)) as db:
        if db.execute("PRAGMA user_version").fetchone()[0] == 0:  # it is just being made
            raise missing
        db.row_factory = sqlite3.Row
        rows = db.execute(
            "SELECT window, day, number, state,"
            " (SELECT COUNT(*) FROM ticket t WHERE t.batch = b.id AND t.receipt IS NULL) AS left,"
            " (SELECT COUNT(*) FROM ticket t JOIN sale s ON s.batch = t.batch AND s.receipt = t.receipt"
            "  WHERE t.batch = b.id AND s.state != 'void') AS sold,"
            " (SELECT COUNT(*) FROM sale s WHERE s.batch = b.id) AS receipts,"
            " (SELECT COUNT(*) FROM sale s WHERE s.batch = b.id AND s.told IS NULL) AS untold"
            " FROM batch b ORDER BY day, window, number"
        ).fetchall()
    return {"batches": [dict(row) for row in rows]}
