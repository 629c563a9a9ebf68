# SPDX-License-Identifier: Apache-2.0
"""pistegate-cloud ticket code: the code of a ticket, as text or as a picture. Heavy imports wait."""

import argparse
import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pistegate_cloud.errors import CloudError, Problem

if TYPE_CHECKING:
    from pistegate_cloud.settings import Settings

_EXAMPLE = "example: pistegate-cloud ticket code 4000000001 --config cloud.toml --pdf ticket.pdf"
_ACTOR = "command line"


def add_parser(commands: Any, shape: dict[str, Any]) -> None:
    """Add `ticket code`."""
    ticket = commands.add_parser("ticket", help="Tickets.", **shape)
    words = "Give a ticket out as a code (again: the same one) and print its text, or write its picture."
    code = ticket.add_subparsers(required=True, metavar="COMMAND").add_parser(
        "code", help=words, description=words, **shape | {"epilog": _EXAMPLE}
    )
    code.add_argument("ticket", type=int, metavar="TICKET", help="its number")
    code.add_argument("--config", type=Path, required=True, metavar="FILE", help="cloud.toml")
    for kind in ("png", "svg", "pdf"):
        code.add_argument(f"--{kind}", type=Path, metavar="FILE", help=f"write it there as {kind.upper()}")
    code.add_argument("--json", action="store_true", help="print JSON")
    code.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print and write; CloudError says what is wrong."""
    from pistegate_cloud.settings import load_settings
    from pistegate_protocol.texts import text

    try:
        told, pictures = asyncio.run(_code(load_settings(arguments.config), arguments))
    except Problem as problem:
        detail = text(f"error_detail.{problem.code}", **problem.values)
        raise CloudError(f"{text(f'error.{problem.code}')} {detail}") from problem
    for path, picture in pictures.items():
        path.write_bytes(picture)
    if arguments.json:
        print(json.dumps(told))
    else:
        print(told["text"])
        for path in pictures:
            print(f"written to {path}")
    return 0


async def _code(settings: "Settings", arguments: argparse.Namespace) -> tuple[dict[str, Any], dict[Path, bytes]]:
    from pistegate_cloud.clock import open_clock
    from pistegate_cloud.codes import service
    from pistegate_cloud.database import open_database
    from pistegate_cloud.migrate import check_schema

    await check_schema(settings.database, arguments.config)
    now_ms = open_clock(settings.clock.source).wall_ms()
    async with open_database(settings.database):
        found = await service.issue(arguments.ticket, _ACTOR, settings.issuer, now_ms)
        code = found.text
        if code is None:  # of this moment: it opens a lane for half a minute
            sheets = await service.sheets(arguments.ticket, None, 1, settings.issuer, now_ms)
            code = service.shown_at(sheets, now_ms)
        pictures = await _pictures(settings, arguments)
    kind = "rotating" if found.rotating else "static"
    told = {"ticket": arguments.ticket, "kind": kind, "revision": found.issue.revision, "text": code}
    return told | {"files": [str(path) for path in pictures]}, pictures


async def _pictures(settings: "Settings", arguments: argparse.Namespace) -> dict[Path, bytes]:
    """The pictures asked for, by their file; Problem code_rotates where there is none."""
    from pistegate_cloud.codes import images, service
    from pistegate_cloud.codes.printing import print_pdf

    painters: dict[str, Callable[[str], bytes]] = {"png": images.png, "svg": images.svg}
    found: dict[Path, bytes] = {}
    for kind in ("png", "svg", "pdf"):
        path: Path | None = getattr(arguments, kind)
        if path is None:
            continue
        ticket, code = await service.printable(arguments.ticket, settings.issuer)
        found[path] = painters[kind](code) if kind in painters else await print_pdf(ticket, code, settings.print)
    return found
