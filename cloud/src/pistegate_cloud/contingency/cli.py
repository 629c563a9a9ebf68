# SPDX-License-Identifier: Apache-2.0
"""pistegate-cloud contingency make and status. Heavy imports wait."""

import argparse
import asyncio
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pistegate_cloud.errors import CloudError, Problem

if TYPE_CHECKING:
    from pistegate_cloud.contingency.schemas import BatchAnswer, StatusAnswer

_MAKE = "Make a batch of contingency tickets 应急票 for a window now, beside those that each night makes."
_STATUS = "How the windows of a site stand: what there is, what was sold, which numbers are missing."
_EXAMPLE = """example:
  pistegate-cloud contingency make --config cloud.toml --site 1 --window 3
  pistegate-cloud contingency status --config cloud.toml --site 1
"""


def add_parser(commands: Any, shape: dict[str, Any]) -> None:
    """Both commands."""
    shape = shape | {"epilog": _EXAMPLE}
    noun = commands.add_parser("contingency", help="Contingency tickets of windows.", **shape)
    verbs = noun.add_subparsers(required=True, metavar="COMMAND")
    make = verbs.add_parser("make", help=_MAKE, description=_MAKE, **shape)
    status = verbs.add_parser("status", help=_STATUS, description=_STATUS, **shape)
    for verb, run in ((make, _make), (status, _status)):
        verb.add_argument("--config", type=Path, required=True, metavar="FILE", help="cloud.toml")
        verb.add_argument("--site", type=int, required=True, metavar="N", help="number of the site")
        verb.add_argument("--day", type=date.fromisoformat, metavar="YYYY-MM-DD", help="that day (default: today)")
        verb.add_argument("--json", action="store_true", help="print JSON")
        verb.set_defaults(run=run)
    make.add_argument("--window", type=int, required=True, metavar="N", help="number of the window")


def _make(arguments: argparse.Namespace) -> int:
    batch = _run(_made(arguments))
    print(batch.model_dump_json() if arguments.json else _told(batch))
    return 0


def _status(arguments: argparse.Namespace) -> int:
    found = _run(_found(arguments))
    if arguments.json:
        print(found.model_dump_json())
        return 0
    for batch in found.batches:
        print(_told(batch))
    for window in found.without:
        print(f"window {window}: NO tickets for today: `pistegate-cloud contingency make` says what is wrong")
    for window in found.windows:
        heard = "never" if window.heard is None else f"{window.heard:%Y-%m-%d %H:%M} UTC"
        print(f"window {window.window}: its box, {window.role} {window.device}, asked last: {heard}")
    if found.troubles:
        print(f"{found.troubles} receipts must be looked at: GET /api/v1/contingency/troubles?site={arguments.site}")
    return 0


def _told(batch: "BatchAnswer") -> str:
    parts = [f"window {batch.window}, {batch.day}, batch {batch.number}: {batch.state}"]
    parts.append(f"numbers {batch.first_serial} to {batch.last_serial}")
    parts += [f"{count} {state.replace('_', ' ')}" for state, count in sorted(batch.tickets.items())]
    parts += [f"{method} {amount} {batch.currency}" for method, amount in sorted(batch.booked.items())]
    parts += [f"receipts {', '.join(map(str, batch.missing))} MISSING"] if batch.missing else []
    return "; ".join(parts)


def _run(work: Any) -> Any:
    from pistegate_protocol.texts import text

    try:
        return asyncio.run(work)
    except Problem as problem:
        detail = text(f"error_detail.{problem.code}", **problem.values)
        raise CloudError(f"{text(f'error.{problem.code}')} {detail}") from problem


async def _made(arguments: argparse.Namespace) -> "BatchAnswer":
    from pistegate_cloud.clock import local_day, open_clock
    from pistegate_cloud.contingency import making
    from pistegate_cloud.contingency.status import batch_answer
    from pistegate_cloud.database import open_database
    from pistegate_cloud.migrate import check_schema
    from pistegate_cloud.settings import load_settings
    from pistegate_cloud.sites import queries as sites
    from pistegate_cloud.staff.caller import operator

    settings = load_settings(arguments.config)
    await check_schema(settings.database, arguments.config)
    now_ms = open_clock(settings.clock.source).wall_ms()
    async with open_database(settings.database):
        day = arguments.day or local_day(now_ms, await sites.zone(arguments.site))
        made = await making.make(arguments.site, arguments.window, day, settings.issuer, operator(), now_ms)
        return await batch_answer(made)


async def _found(arguments: argparse.Namespace) -> "StatusAnswer":
    from pistegate_cloud.clock import open_clock
    from pistegate_cloud.contingency.status import status
    from pistegate_cloud.database import open_database
    from pistegate_cloud.migrate import check_schema
    from pistegate_cloud.settings import load_settings

    settings = load_settings(arguments.config)
    await check_schema(settings.database, arguments.config)
    now_ms = open_clock(settings.clock.source).wall_ms()
    async with open_database(settings.database):
        return await status(arguments.site, arguments.day, now_ms)
