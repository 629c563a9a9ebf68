# SPDX-License-Identifier: Apache-2.0
"""pistegate-cloud fingers: withdraw a consent, and look what became of it. Heavy imports wait."""

import argparse
import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pistegate_cloud.errors import CloudError, Problem

if TYPE_CHECKING:
    from pistegate_cloud.fingers.schemas import WithdrawalAnswer
    from pistegate_cloud.settings import Settings

_EXAMPLE = """example:
  pistegate-cloud fingers withdraw 7 --config cloud.toml --reason "the guest asked for it"
  pistegate-cloud fingers show 7 --config cloud.toml
"""
_ACTOR = "command line"


def add_parser(commands: Any, shape: dict[str, Any]) -> None:
    """Add `fingers withdraw` and `fingers show`."""
    fingers = commands.add_parser("fingers", help="Consents to fingerprints.", **shape)
    verbs = fingers.add_subparsers(required=True, metavar="COMMAND")
    shape = shape | {"epilog": _EXAMPLE}
    words = (
        "Take a consent back: every gate erases the finger. They hear of it with their next Hello, in half a minute."
    )
    withdraw = verbs.add_parser("withdraw", help=words, description=words, **shape)
    withdraw.add_argument("--reason", required=True, help="why; it is kept")
    words = "What became of a deletion at each gate; exit status 1 while a receipt is waited for."
    show = verbs.add_parser("show", help=words, description=words, **shape)
    for command in (withdraw, show):
        command.add_argument("finger", type=int, metavar="FINGER", help="number of the consent")
        command.add_argument("--config", type=Path, required=True, metavar="FILE", help="cloud.toml")
        command.add_argument("--json", action="store_true", help="print JSON")
        command.set_defaults(run=_run)
    show.set_defaults(reason=None)


def _run(arguments: argparse.Namespace) -> int:
    from pistegate_cloud.settings import load_settings
    from pistegate_protocol.texts import text

    try:
        found = asyncio.run(_deletion(load_settings(arguments.config), arguments))
    except Problem as problem:
        detail = text(f"error_detail.{problem.code}", **problem.values)
        raise CloudError(f"{text(f'error.{problem.code}')} {detail}") from problem
    if arguments.json:
        print(found.model_dump_json())
    else:
        print("\n".join(gate.sentence for gate in found.gates) or found.sentence)
    return 0 if found.complete or arguments.reason is not None else 1


async def _deletion(settings: "Settings", arguments: argparse.Namespace) -> "WithdrawalAnswer":
    from pistegate_cloud.clock import open_clock
    from pistegate_cloud.database import open_database
    from pistegate_cloud.fingers import queries, service
    from pistegate_cloud.fingers.deletions import deletion
    from pistegate_cloud.fingers.schemas import withdrawal_answer
    from pistegate_cloud.migrate import check_schema

    await check_schema(settings.database, arguments.config)
    now_ms = open_clock(settings.clock.source).wall_ms()
    async with open_database(settings.database):
        row = await queries.one(arguments.finger)
        if arguments.reason is not None:
            row, _ = await service.end(
                row.id, service.Ended.WITHDRAWN, _ACTOR, arguments.reason[:200], settings, now_ms
            )
        if row.ended_ms is None:
            raise Problem("not_found", what=f"withdrawal of finger {row.id}")
        return withdrawal_answer(row, await deletion(row, now_ms), "en")
