# SPDX-License-Identifier: Apache-2.0
"""pistegate-cloud staff: the first administrator, a forgotten password, who there is. Heavy imports wait."""

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pistegate_cloud.errors import CloudError, Problem

if TYPE_CHECKING:
    from pistegate_cloud.settings import Settings

_EXAMPLE = """example:
  pistegate-cloud staff add --config cloud.toml --login li.na --name "Li Na" --group admin
  pistegate-cloud staff add --config cloud.toml --login wang.wei --name "Wang Wei" --group seller --site 1 --window 2
  pistegate-cloud staff reset --config cloud.toml li.na
  pistegate-cloud staff list --config cloud.toml
"""
Told = dict[str, Any]
Work = Callable[["Settings", argparse.Namespace, int], Awaitable[list[Told]]]


def add_parser(commands: Any, shape: dict[str, Any]) -> None:
    """Add `staff add|reset|list`."""
    told = shape | {"epilog": _EXAMPLE}
    staff = commands.add_parser("staff", help="People who sign in.", **told)
    verbs = staff.add_subparsers(required=True, metavar="COMMAND")
    words = "Make a user and print their first password, which they must change; groups to begin with are made too."
    add = verbs.add_parser("add", help=words, description=words, **told)
    add.add_argument("--login", required=True, help="what they sign in with: small letters, digits, . _ -")
    add.add_argument("--name", required=True, help="as the audit record names them")
    add.add_argument("--group", required=True, help="admin, manager, seller, accountant, technician, or one of yours")
    add.add_argument("--site", type=int, metavar="N", help="only at this site (default: at all)")
    add.add_argument("--window", type=int, metavar="N", help="only at this window of the site")
    words = "Print a new password for a user, who must change it; their sessions end, and they are let in again."
    reset = verbs.add_parser("reset", help=words, description=words, **told)
    reset.add_argument("login", metavar="LOGIN")
    words = "Print users, whether they are active, and what they belong to."
    listing = verbs.add_parser("list", help=words, description=words, **told)
    for verb, work in ((add, _add), (reset, _reset), (listing, _list)):
        verb.add_argument("--config", type=Path, required=True, metavar="FILE", help="cloud.toml")
        verb.add_argument("--json", action="store_true", help="print JSON")
        verb.set_defaults(run=_running(work))


def _running(work: Work) -> Callable[[argparse.Namespace], int]:
    def run(arguments: argparse.Namespace) -> int:
        from pistegate_cloud.settings import load_settings
        from pistegate_protocol.texts import text

        try:
            told = asyncio.run(_with_database(load_settings(arguments.config), arguments, work))
        except Problem as problem:
            detail = text(f"error_detail.{problem.code}", **problem.values)
            raise CloudError(f"{text(f'error.{problem.code}')} {detail}") from problem
        if arguments.json:
            print(json.dumps(told, ensure_ascii=False))
        for line in [] if arguments.json else map(_line, told):
            print(line)
        return 0

    return run


async def _with_database(settings: "Settings", arguments: argparse.Namespace, work: Work) -> list[Told]:
    from pistegate_cloud.clock import open_clock
    from pistegate_cloud.database import open_database
    from pistegate_cloud.migrate import check_schema

    await check_schema(settings.database, arguments.config)
    now_ms = open_clock(settings.clock.source).wall_ms()
    async with open_database(settings.database):
        return await work(settings, arguments, now_ms)


async def _add(settings: "Settings", arguments: argparse.Namespace, now_ms: int) -> list[Told]:
    from pydantic import ValidationError

    from pistegate_cloud.staff import service
    from pistegate_cloud.staff.caller import operator
    from pistegate_cloud.staff.passwords import Passwords
    from pistegate_cloud.staff.schemas import MembershipBody, UserBody

    try:
        place = MembershipBody(group=arguments.group, site=arguments.site, window=arguments.window)
        body = UserBody(login=arguments.login, name=arguments.name, memberships=[place])
    except ValidationError as error:
        first = error.errors()[0]
        raise CloudError(f"--{first['loc'][-1]}: {first['msg']}; see `pistegate-cloud staff add --help`") from error
    user, password = await service.add_user(
        operator(), body.login, body.name, [place.place()], Passwords(settings.staff), now_ms
    )
    return await _told([user.id], password)


async def _reset(settings: "Settings", arguments: argparse.Namespace, now_ms: int) -> list[Told]:
    from pistegate_cloud.staff import queries, service
    from pistegate_cloud.staff.caller import operator
    from pistegate_cloud.staff.passwords import Passwords

    user = await queries.by_login(arguments.login)
    if user is None:
        raise CloudError(f"there is no user {arguments.login}: `pistegate-cloud staff list` shows who there is")
    _, password = await service.reset_password(operator(), user.id, Passwords(settings.staff), now_ms)
    if not user.active:
        await service.set_active(operator(), user.id, True, now_ms)
    return await _told([user.id], password)


async def _list(_: "Settings", __: argparse.Namespace, ___: int) -> list[Told]:
    from pistegate_cloud.staff import queries

    return await _told([user.id for user in await queries.users(0, 10_000)])


async def _told(numbers: list[int], password: str | None = None) -> list[Told]:
    from pistegate_cloud.staff import queries
    from pistegate_cloud.staff.schemas import user_answer

    rows = await queries.memberships(numbers)
    found = [user_answer(await queries.user(number), rows).model_dump() for number in numbers]
    return [user | ({"password": password} if password else {}) for user in found]


def _line(user: Told) -> str:
    if "password" in user:
        return f"{user['login']}: {user['password']}\nIt is shown this once, and must be changed at the first sign-in."
    places = ", ".join(_place(place) for place in user["memberships"]) or "no group"
    return (
        f"{user['number']:5} {user['login']:20} {user['name']:20} {places}{'' if user['active'] else ' (not active)'}"
    )


def _place(place: Told) -> str:
    where = "" if place["site"] is None else f" at site {place['site']}"
    return f"{place['group']}{where}" + ("" if place["window"] is None else f" window {place['window']}")
