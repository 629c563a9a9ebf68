# SPDX-License-Identifier: Apache-2.0
"""pistegate-cloud ledger export and vouchers, pistegate-cloud day close."""

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Any

_EXPORT = "Write a site's books of some days: for Beancount (bean-check accepts them), or every posting as CSV."
_VOUCHERS = "Write accounting vouchers 凭证 of some days as CSV: debits and credits of each are equal."
_CLOSE = "Daily close 日结: reconcile a day that is over and close it for good."


def add_parser(commands: Any, shape: dict[str, Any]) -> None:
    """Both nouns."""
    ledger = commands.add_parser("ledger", help="Books for other software.", **shape)
    verbs = ledger.add_subparsers(required=True, metavar="COMMAND")
    example = (
        "example:\n  pistegate-cloud ledger export --config cloud.toml --site 1 --from 2026-01-01 --to 2026-01-31 "
        "--format beancount --out january.beancount\n  bean-check january.beancount\n"
    )
    export = verbs.add_parser("export", help=_EXPORT, description=_EXPORT, **shape | {"epilog": example})
    _add_span(export)
    export.add_argument("--format", choices=["beancount", "csv"], default="beancount", help="default: beancount")
    export.set_defaults(run=_export)
    example = (
        "example:\n  pistegate-cloud ledger vouchers --config cloud.toml --site 1 --from 2026-01-17 --to 2026-01-17 "
        "--codes chart.csv --out vouchers.csv\n"
    )
    vouchers = verbs.add_parser("vouchers", help=_VOUCHERS, description=_VOUCHERS, **shape | {"epilog": example})
    _add_span(vouchers)
    words = 'CSV of account,code: "revenue:lift,600101"; without it China\'s common chart holds'
    vouchers.add_argument("--codes", type=Path, metavar="FILE", help=words)
    vouchers.set_defaults(run=_vouchers)
    day = commands.add_parser("day", help="Business days.", **shape)
    example = "example:\n  pistegate-cloud day close --config cloud.toml --site 1 --day 2026-01-17 --json\n"
    verbs = day.add_subparsers(required=True, metavar="COMMAND")
    close = verbs.add_parser("close", help=_CLOSE, description=_CLOSE, **shape | {"epilog": example})
    close.add_argument("--config", type=Path, required=True, metavar="FILE", help="cloud.toml")
    close.add_argument("--site", type=int, required=True, metavar="N")
    close.add_argument("--day", type=date.fromisoformat, required=True, metavar="YYYY-MM-DD")
    close.add_argument("--accept-differences", action="store_true", help="what differs stays in the report")
    close.add_argument("--reason", help="why they are accepted")
    close.add_argument("--json", action="store_true", help="print the whole report as JSON")
    close.set_defaults(run=_close)


def _add_span(command: argparse.ArgumentParser) -> None:
    command.add_argument("--config", type=Path, required=True, metavar="FILE", help="cloud.toml")
    command.add_argument("--site", type=int, required=True, metavar="N")
    command.add_argument("--from", dest="first", type=date.fromisoformat, required=True, metavar="YYYY-MM-DD")
    command.add_argument("--to", dest="last", type=date.fromisoformat, required=True, metavar="YYYY-MM-DD")
    command.add_argument("--out", type=Path, metavar="FILE", help="the file to write (default: standard output)")


def _export(arguments: argparse.Namespace) -> int:
    from pistegate_cloud.ledger import exporting

    write = exporting.beancount_book if arguments.format == "beancount" else exporting.csv_book
    return _write(arguments, lambda: write(arguments.site, arguments.first, arguments.last))


def _vouchers(arguments: argparse.Namespace) -> int:
    from pistegate_cloud.ledger import exporting
    from pistegate_cloud.ledger.vouchers import read_codes

    codes = None if arguments.codes is None else read_codes(arguments.codes.read_text("utf-8"))
    return _write(arguments, lambda: exporting.voucher_csv(arguments.site, arguments.first, arguments.last, codes))


def _write(arguments: argparse.Namespace, make: Callable[[], Awaitable[str]]) -> int:
    text = asyncio.run(_with_database(arguments, lambda _: make()))
    if arguments.out is None:
        sys.stdout.write(text)
    else:
        arguments.out.write_text(text, "utf-8")
    return 0


def _close(arguments: argparse.Namespace) -> int:
    from pistegate_cloud.days import checking, closing
    from pistegate_cloud.days.schemas import CloseBody
    from pistegate_cloud.staff.caller import system

    body = CloseBody(
        site=arguments.site,
        day=arguments.day,
        accept_differences=arguments.accept_differences,
        reason=arguments.reason,
    )
    report = asyncio.run(_with_database(arguments, lambda now_ms: closing.close(body, system("cli"), now_ms)))
    if arguments.json:
        print(json.dumps(report.model_dump(mode="json", by_alias=True), ensure_ascii=False))
        return 0
    print(f"site {report.site}, {report.day}: closed, {report.transactions} transactions, digest {report.digest[:16]}")
    for warning in report.warnings:
        print(f"look at: {warning}")
    for difference in checking.differences(report.checks):
        print(f"differs: {difference}")
    return 0


async def _with_database(arguments: argparse.Namespace, work: Callable[[int], Awaitable[Any]]) -> Any:
    """Do something with the database open; a Problem is told in words."""
    from pistegate_cloud.clock import open_clock
    from pistegate_cloud.database import open_database
    from pistegate_cloud.errors import CloudError, Problem
    from pistegate_cloud.migrate import check_schema
    from pistegate_cloud.settings import load_settings
    from pistegate_protocol.texts import text

    settings = load_settings(arguments.config)
    await check_schema(settings.database, arguments.config)
    async with open_database(settings.database):
        try:
            return await work(open_clock(settings.clock.source).wall_ms())
        except Problem as problem:
            words = (text(f"{kind}.{problem.code}", "en", **problem.values) for kind in ("error", "error_detail"))
            raise CloudError(" ".join(words)) from None
