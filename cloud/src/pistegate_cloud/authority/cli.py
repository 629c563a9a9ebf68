# SPDX-License-Identifier: Apache-2.0
"""pistegate-cloud authority and gate: make the authority, enrol devices, end them, see them. Heavy imports wait."""

import argparse
import asyncio
import getpass
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pistegate_cloud.errors import CloudError, Problem, SettingsError

if TYPE_CHECKING:
    from tortoise.backends.base.client import BaseDBAsyncClient

    from pistegate_cloud.settings import Settings
    from pistegate_protocol.topics import Device

_AUTHORITY = """example:
  pistegate-cloud authority init --directory /var/lib/pistegate/authority --name "Snow Valley"
  pistegate-cloud authority broker --config cloud.toml --host broker.example --directory /etc/mosquitto/pistegate
"""
_GATE = """example:
  pistegate-cloud gate enrol --config cloud.toml --site 1 3
  pistegate-cloud gate status --config cloud.toml --site 1
  pistegate-cloud gate revoke --config cloud.toml --site 1 3 --reason stolen
  pistegate-cloud gate approve --config cloud.toml --site 1 3
  pistegate-cloud gate quarantine --config cloud.toml --site 1 3
  pistegate-cloud gate accept --config cloud.toml --site 1 3
  pistegate-cloud gate takeover --config cloud.toml --site 1 90 --of 3 --of 4 --days 180
"""
ROLES = ("gate", "encoder", "till", "inspect")
Work = Callable[["Settings", "BaseDBAsyncClient", int], Awaitable[Any]]


def add_parser(commands: Any, shape: dict[str, Any]) -> None:
    """Add `authority ...` and `gate ...`."""
    authority = commands.add_parser("authority", help="The operator's own certificate authority.", **shape)
    verbs = authority.add_subparsers(required=True, metavar="COMMAND")
    told = shape | {"epilog": _AUTHORITY}
    init = verbs.add_parser("init", help="Make it, once; keep a copy of its directory in a safe.", **told)
    init.add_argument("--directory", type=Path, required=True, metavar="DIR", help="[enrolment] authority")
    init.add_argument("--name", required=True, help="of the operator, as certificates show it")
    init.set_defaults(run=_init)
    words = "Write what Mosquitto and this cloud need to speak TLS with devices: certificates, rules, a configuration."
    broker = verbs.add_parser("broker", help=words, description=words, **told)
    _config(broker)
    broker.add_argument("--host", action="append", required=True, help="name or address of the broker; again for more")
    broker.add_argument("--directory", type=Path, required=True, metavar="DIR", help="a new directory")
    broker.add_argument("--port", type=int, default=8883, metavar="N")
    broker.set_defaults(run=_broker)
    words = "Write a certificate for the HTTP API: [http] certificate and key."
    server = verbs.add_parser("http", help=words, description=words, **told)
    _config(server)
    server.add_argument("--host", action="append", required=True, help="name or address of the API; again for more")
    server.add_argument("--directory", type=Path, required=True, metavar="DIR", help="a new directory")
    server.set_defaults(run=_http)
    gate = commands.add_parser("gate", help="Enrolled devices: gates, tills, handhelds, encoders.", **shape)
    verbs = gate.add_subparsers(required=True, metavar="COMMAND")
    told = shape | {"epilog": _GATE}
    status = verbs.add_parser("status", help="Who is enrolled, until when, and who is not heard.", **told)
    _config(status)
    status.add_argument("--site", type=int, metavar="N", help="only of this site")
    status.add_argument("--json", action="store_true", help="print JSON")
    status.set_defaults(run=_status)
    for name, run, words in (
        ("enrol", _enrol, "Make a code that enrols one device once; print the line to type there."),
        ("revoke", _revoke, "End a device's key for good: nothing of it is taken from its next message on."),
        ("approve", _approve, "Agree to the renewal of a certificate that has run out."),
        ("takeover", _takeover, "Let a spare stand at gates' places if they die, also without the WAN."),
        ("quarantine", _quarantine, "What a device sent while it was doubted: unsigned, wrongly signed, revoked."),
        ("accept", _accept, "Take in what a device sent while it was doubted, after a look at `gate quarantine`."),
    ):
        verb = verbs.add_parser(name, help=words, description=words, **told)
        _config(verb)
        verb.add_argument("--site", type=int, required=True, metavar="N")
        verb.add_argument("--role", choices=ROLES, default="gate")
        verb.add_argument("number", type=int, metavar="NUMBER", help="of the device")
        verb.add_argument("--json", action="store_true", help="print JSON")
        if name == "takeover":
            verb.add_argument("--of", type=int, action="append", default=[], metavar="N", help="a gate; none: no more")
            verb.add_argument("--days", type=int, default=180, metavar="N", help="from now (default: 180)")
        if name == "revoke":
            verb.add_argument("--reason", required=True, help="kept with the key, such as stolen")
        verb.set_defaults(run=run)


def _config(command: argparse.ArgumentParser) -> None:
    command.add_argument("--config", type=Path, required=True, metavar="FILE", help="cloud.toml")


def _init(arguments: argparse.Namespace) -> int:
    from pistegate_cloud.authority import files
    from pistegate_cloud.authority.service import at
    from pistegate_cloud.clock import SystemClock

    files.make(arguments.directory, arguments.name, at(SystemClock().wall_ms()))
    print(
        f"made in {arguments.directory}. Copy the directory to a safe: without root.key no device can be renewed.\n"
        f'Now write into cloud.toml:\n[enrolment]\nauthority = "{arguments.directory}"'
    )
    return 0


def _broker(arguments: argparse.Namespace) -> int:
    from pistegate_cloud.authority.broker import write_broker

    settings, now_ms = _opened(arguments)
    told = write_broker(settings.enrolment, arguments.directory, arguments.host, arguments.port, now_ms)
    print(told)
    return 0


def _http(arguments: argparse.Namespace) -> int:
    from pistegate_cloud.authority.broker import write_http

    settings, now_ms = _opened(arguments)
    print(write_http(settings.enrolment, arguments.directory, arguments.host, now_ms))
    return 0


def _enrol(arguments: argparse.Namespace) -> int:
    async def work(settings: "Settings", _: "BaseDBAsyncClient", now_ms: int) -> Any:
        from pistegate_cloud.authority.api import code_answer

        return await code_answer(_device(arguments), _actor(), settings, now_ms)

    answer = _with_database(arguments, work)
    if arguments.json:
        print(answer.model_dump_json())
    else:
        print(f"Type at the device, before {answer.expires:%Y-%m-%d %H:%M} UTC:\n\n  {answer.command}\n")
    return 0


def _revoke(arguments: argparse.Namespace) -> int:
    async def work(settings: "Settings", _: "BaseDBAsyncClient", now_ms: int) -> Any:
        from pistegate_cloud.authority.service import revoke

        return await revoke(_device(arguments), arguments.reason, _actor(), settings.enrolment, now_ms)

    serials = _with_database(arguments, work)
    if arguments.json:
        print(json.dumps({"revoked": serials}))
    else:
        print(
            f"revoked: certificate {', '.join(serials)}. This cloud takes nothing of it from its next message on.\n"
            "The broker refuses its next connection once it has read revoked.crl: kill -HUP mosquitto; "
            "to throw it out now, restart Mosquitto."
        )
    return 0


def _approve(arguments: argparse.Namespace) -> int:
    async def work(settings: "Settings", _: "BaseDBAsyncClient", now_ms: int) -> Any:
        from pistegate_cloud.authority.service import approve

        await approve(_device(arguments), now_ms)

    _with_database(arguments, work)
    print(json.dumps({"approved": True}) if arguments.json else "approved: the device asks again within the hour")
    return 0


def _quarantine(arguments: argparse.Namespace) -> int:
    async def work(_: "Settings", __: "BaseDBAsyncClient", now_ms: int) -> Any:
        from pistegate_cloud.authority.doubted import of_device

        return await of_device(_device(arguments))

    found = _with_database(arguments, work)
    if arguments.json:
        print(json.dumps([answer.model_dump(mode="json") for answer in found]))
        return 0
    for each in found:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(each.kinds.items()))
        times = f"{each.since:%Y-%m-%d %H:%M} to {each.until:%H:%M} UTC" if each.since and each.until else "no times"
        where = f"epoch {each.epoch}, stream {each.stream}, events {each.first} to {each.last}"
        print(f"{each.received:%Y-%m-%d %H:%M}  {each.reason}: {where}: {kinds}; {times}")
    print(f"{len(found)} batches; `gate accept` takes them in" if found else "nothing of it lies there")
    return 0


def _accept(arguments: argparse.Namespace) -> int:
    async def work(settings: "Settings", connection: "BaseDBAsyncClient", now_ms: int) -> Any:
        from pistegate_cloud.clock import open_clock
        from pistegate_cloud.ingest.service import Ingest

        ingest = Ingest(connection, open_clock(settings.clock.source), lambda _device, _response: None)
        return await ingest.accept(_device(arguments), _actor())

    batches, events, waiting = _with_database(arguments, work)
    if arguments.json:
        print(json.dumps({"batches": batches, "events": events, "waiting": waiting}))
    else:
        print(f"{batches} batches taken in, {events} events stored, {waiting} batches wait for what comes before them")
    return 0


def _takeover(arguments: argparse.Namespace) -> int:
    async def work(settings: "Settings", _: "BaseDBAsyncClient", now_ms: int) -> Any:
        from pistegate_cloud.authority.takeovers import DAYS_MAX, allow

        if not 1 <= arguments.days <= DAYS_MAX:
            raise CloudError(f"--days is from 1 to {DAYS_MAX}")
        spare = (arguments.site, arguments.number)
        await allow(*spare, arguments.of, arguments.days, _actor(), settings.documents, now_ms)

    _with_database(arguments, work)
    if arguments.json:
        print(json.dumps({"spare": arguments.number, "of": arguments.of, "days": arguments.days}))
    else:
        print("the spare knows it half a minute after it is online; it keeps it without the WAN")
    return 0


def _status(arguments: argparse.Namespace) -> int:
    async def work(settings: "Settings", _: "BaseDBAsyncClient", now_ms: int) -> Any:
        from pistegate_cloud.authority.status import devices

        return settings.enrolment.unsigned, await devices(arguments.site, now_ms)

    unsigned, found = _with_database(arguments, work)
    if arguments.json:
        items = [answer.model_dump(mode="json") for answer in found]
        print(json.dumps({"unsigned_heard": unsigned, "devices": items}))
        return 0
    print("site  role     number  state     certificate until  quarantined  last seen")
    for each in found:
        until = f"{each.certificate_until:%Y-%m-%d}" if each.certificate_until else "-"
        seen = f"{each.last_seen:%Y-%m-%d %H:%M}" if each.last_seen else "never"
        why = f"  ({each.reason})" if each.reason else ""
        why += f"  stands for gate {each.stands_for}" if each.stands_for else ""
        line = f"{each.site:>4}  {each.role:7}  {each.number:>6}  {each.state:8}  {until:17}  {each.quarantined:>11}"
        print(f"{line}  {seen}{why}")
    words = "heard: [enrolment] unsigned = true" if unsigned else "not heard"
    print(f"Devices that are not enrolled (unsigned) are {words}.")
    return 0


def _device(arguments: argparse.Namespace) -> "Device":
    from pistegate_protocol.topics import Device, Role

    return Device(arguments.site, Role(arguments.role), arguments.number)


def _actor() -> str:
    try:
        return f"{getpass.getuser()} (command line)"
    except (OSError, KeyError):
        return "command line"


def _opened(arguments: argparse.Namespace) -> tuple["Settings", int]:
    from pistegate_cloud.clock import open_clock
    from pistegate_cloud.settings import load_settings

    settings = load_settings(arguments.config)
    return settings, open_clock(settings.clock.source).wall_ms()


def _with_database(arguments: argparse.Namespace, work: Work) -> Any:
    settings, now_ms = _opened(arguments)

    async def run() -> Any:
        from pistegate_cloud.database import open_database
        from pistegate_cloud.migrate import check_schema

        await check_schema(settings.database, arguments.config)
        async with open_database(settings.database) as connection:
            return await work(settings, connection, now_ms)

    try:
        return asyncio.run(run())
    except Problem as problem:
        raise _told(problem) from problem


def _told(problem: Problem) -> CloudError:
    from pistegate_protocol.texts import text

    words = [text(f"error.{problem.code}", "en"), text(f"error_detail.{problem.code}", "en", **problem.values)]
    kind = SettingsError if problem.code == "enrolment_off" else CloudError
    return kind(" ".join(words))
