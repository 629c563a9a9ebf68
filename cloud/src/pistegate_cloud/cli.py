# SPDX-License-Identifier: Apache-2.0
"""pistegate-cloud: serve, migrate, backup, restore, token create, keys, ticket code, openapi.

Heavy imports wait for their command.
"""

import argparse
import asyncio
import json
import logging
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

from pistegate_cloud.authority import cli as authority_cli
from pistegate_cloud.backups import cli as backups_cli
from pistegate_cloud.bindings import cli as bindings_cli
from pistegate_cloud.codes import cli as codes_cli
from pistegate_cloud.contingency import cli as contingency_cli
from pistegate_cloud.errors import CloudError
from pistegate_cloud.fingers import cli as fingers_cli
from pistegate_cloud.ledger import cli as ledger_cli
from pistegate_cloud.members import cli as members_cli
from pistegate_cloud.staff import cli as staff_cli

_EXAMPLE = """example:
  pistegate-cloud migrate --config cloud.toml
  pistegate-cloud token create --config cloud.toml --name "window 1" --scope orders:write --scope tickets:issue
  pistegate-cloud keys export --config cloud.toml --for gate > gate-keys.toml
  pistegate-cloud serve --config cloud.toml
"""
_KEYS_WARNING = """pistegate-cloud: this file opens every card of the system as a gate does: it can use and debit them.
Bring it to the gate by hand, seal it there (`pistegate-gate keys seal`), and delete it. Do not mail it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; exit status 0, or 1 with a sentence on standard error."""
    arguments = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    try:
        return int(arguments.run(arguments))
    except CloudError as error:
        print(f"pistegate-cloud: {error}", file=sys.stderr)
    except OSError as error:
        print(f"pistegate-cloud: {error.strerror or error}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    return 1


def _parser() -> argparse.ArgumentParser:
    shape: dict[str, Any] = {"formatter_class": argparse.RawDescriptionHelpFormatter, "epilog": _EXAMPLE}
    parser = argparse.ArgumentParser("pistegate-cloud", description="The cloud of Pistegate.", **shape)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run, words in (
        ("serve", _serve, "Serve the HTTP API and the gates."),
        ("migrate", _migrate, "Bring the database's schema to this release."),
    ):
        command = commands.add_parser(name, help=words, description=words, **shape)
        _add_config(command)
        command.set_defaults(run=run)
    token = commands.add_parser("token", help="Tokens for callers of the API.", **shape)
    _add_token_create(token.add_subparsers(required=True, metavar="COMMAND"), shape)
    keys = commands.add_parser("keys", help="Master keys of the cards.", **shape)
    _add_keys(keys.add_subparsers(required=True, metavar="COMMAND"), shape)
    codes_cli.add_parser(commands, shape)
    bindings_cli.add_parser(commands, shape)
    members_cli.add_parser(commands, shape)
    fingers_cli.add_parser(commands, shape)
    authority_cli.add_parser(commands, shape)
    backups_cli.add_parser(commands, shape)
    staff_cli.add_parser(commands, shape)
    ledger_cli.add_parser(commands, shape)
    contingency_cli.add_parser(commands, shape)
    openapi = commands.add_parser("openapi", help="Print the OpenAPI document.", **shape)
    openapi.set_defaults(run=_openapi)
    return parser


def _add_config(command: argparse.ArgumentParser) -> None:
    command.add_argument("--config", type=Path, required=True, metavar="FILE", help="cloud.toml")


def _add_token_create(commands: Any, shape: dict[str, Any]) -> None:
    create = commands.add_parser("create", help="Make a token; it is shown once.", **shape)
    _add_config(create)
    create.add_argument("--name", required=True, help="who will use it")
    create.add_argument(
        "--scope", action="append", metavar="S", help="what it may do, such as orders:write; again for more; none: all"
    )
    create.add_argument(
        "--site", type=int, action="append", metavar="N", help="where; again for more; none: everywhere"
    )
    create.add_argument("--days", type=int, metavar="N", help="valid for N days (default: until it is removed)")
    create.add_argument("--json", action="store_true", help="print JSON")
    create.set_defaults(run=_token_create)


def _add_keys(commands: Any, shape: dict[str, Any]) -> None:
    new = commands.add_parser("new", help="Print a fresh [card_keys] section for cloud.toml.", **shape)
    new.set_defaults(run=_keys_new)
    words = "Print the keys that gates and tills need, as a file that `pistegate-gate keys seal` takes."
    export = commands.add_parser("export", help=words, description=words, **shape)
    _add_config(export)
    export.add_argument("--for", dest="role", choices=["gate"], required=True, help="who will hold them")
    export.add_argument("--sets", default="0", metavar="N,N", help="key sets to export (default: 0)")
    export.add_argument("--prefer", type=int, metavar="N", help="the set tried first (default: the lowest)")
    export.add_argument(
        "--with-roll", action="store_true", help="with the key that rolls cards to set 1: after a theft"
    )
    export.set_defaults(run=_keys_export)


def _keys_new(_: argparse.Namespace) -> int:
    from pistegate_cloud.cards.keys import new_section

    print(new_section(), end="")
    return 0


def _keys_export(arguments: argparse.Namespace) -> int:
    from pistegate_cloud.cards.keys import export_for_gates, key_sets
    from pistegate_cloud.settings import load_settings

    settings = load_settings(arguments.config)
    sets = key_sets(arguments.sets.split(","))
    prefer = None if arguments.prefer is None else key_sets([str(arguments.prefer)])[0]
    text = export_for_gates(settings.card_keys, sets, prefer, roll=arguments.with_roll)
    print(_KEYS_WARNING, file=sys.stderr)
    print(text, end="")
    return 0


def _serve(arguments: argparse.Namespace) -> int:
    from pistegate_cloud.serve import serve
    from pistegate_cloud.settings import load_settings

    _run(serve(load_settings(arguments.config), arguments.config))
    return 0


def _migrate(arguments: argparse.Namespace) -> int:
    from pistegate_cloud.migrate import migrate
    from pistegate_cloud.settings import load_settings

    applied = _run(migrate(load_settings(arguments.config).database))
    print("\n".join(f"applied {name}" for name in applied) or "the schema is up to date")
    return 0


def _token_create(arguments: argparse.Namespace) -> int:
    from pistegate_cloud.settings import load_settings

    token = _run(_create_token(load_settings(arguments.config), arguments))
    if arguments.json:
        print(json.dumps(token))
    else:
        print(f"{token['token']}\nIt is shown this once. It may: {', '.join(token['scopes'])}.")
    return 0


async def _create_token(settings: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    from pistegate_cloud.clock import open_clock
    from pistegate_cloud.database import open_database
    from pistegate_cloud.migrate import check_schema
    from pistegate_cloud.tokens.service import Scope, create

    names = arguments.scope or [scope.value for scope in Scope]
    unknown = sorted(set(names) - {scope.value for scope in Scope})
    if unknown:
        raise CloudError(f"no such scope: {', '.join(unknown)}; there are {', '.join(Scope)}")
    await check_schema(settings.database, arguments.config)
    now_ms = open_clock(settings.clock.source).wall_ms()
    async with open_database(settings.database):
        token = await create(arguments.name, [Scope(name) for name in names], now_ms, arguments.days, arguments.site)
    return {"token": token.text, "name": token.name, "scopes": token.scopes, "expires_ms": token.expires_ms}


def _openapi(_: argparse.Namespace) -> int:
    from pistegate_cloud.app import create_app

    print(json.dumps(create_app().openapi(), ensure_ascii=False, indent=1))
    return 0


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)
