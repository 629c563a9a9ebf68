# SPDX-License-Identifier: Apache-2.0
"""pistegate-gate enrol and identity: become known to the cloud; see and try what this device is known by."""

import argparse
import json
from typing import TYPE_CHECKING, Any

from pistegate_edge.commands import FAILED, OK, command

if TYPE_CHECKING:
    from pistegate_edge.config import Config
    from pistegate_edge.enrolment.identity import Identity


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `enrol` and `identity`."""
    words = "make this device's key, and have the cloud certify it against a code of `pistegate-cloud gate enrol`"
    example = "enrol --config gate.toml --cloud https://cloud.example --code XXXX-XXXX-XXXX-XXXX-XXXX-XXXX-XXXX"
    enrol = command(commands, "enrol", words, example)
    enrol.add_argument("--cloud", required=True, metavar="URL", help="address of the cloud's HTTP API")
    enrol.add_argument("--code", required=True, help="seven groups of four; small letters and spaces do no harm")
    enrol.add_argument(
        "--public-certificate",
        action="store_true",
        help="the cloud shows a certificate of a public authority, not of its own",
    )
    enrol.add_argument("--json", action="store_true", help="one JSON object")
    enrol.set_defaults(do=_enrol)
    words = "who this device is to the cloud; shows no key"
    identity = command(commands, "identity", words, "identity --config gate.toml --test")
    identity.add_argument("--test", action="store_true", help="try the broker and the cloud with it")
    identity.add_argument("--renew", action="store_true", help="ask for a new certificate now")
    identity.add_argument("--json", action="store_true", help="one JSON object")
    identity.set_defaults(do=_identity)


def _enrol(arguments: argparse.Namespace, config: "Config") -> int:
    from pistegate_edge.enrolment.enrolling import enrol
    from pistegate_edge.enrolment.opening import identity_directory, own_device
    from pistegate_edge.errors import ConfigError, IdentityError
    from pistegate_protocol.enrolment import device_name, parse_code
    from pistegate_protocol.errors import CodecError

    directory = identity_directory(config)
    if directory is None:
        raise ConfigError(["identity.directory is missing: name a directory for this device's key under [identity]"])
    try:
        code = parse_code(arguments.code)
    except CodecError as error:
        raise IdentityError(f"{error}; type it as `pistegate-cloud gate enrol` showed it") from error
    device = own_device(config)
    trust: Any = "system" if arguments.public_certificate else "authority"
    told = enrol(directory, device, arguments.cloud.rstrip("/"), code, trust)
    advice = _advice(config, told)
    if arguments.json:
        print(json.dumps({"device": device_name(device), "directory": str(directory), "change": advice}))
        return OK
    print(f"enrolled: this is {device_name(device)}; its key and certificate are in {directory}")
    for line in advice:
        print(f"gate.toml: {line}")
    print("restart this device: its certificate is renewed by itself from now on")
    return OK


def _advice(config: "Config", told: dict[str, Any]) -> list[str]:
    """What in gate.toml is not as the cloud says."""
    lines = []
    if told.get("broker"):
        scheme, _, address = str(told["broker"]).partition("://")
        host, _, port = address.partition(":")
        tls = scheme == "mqtts"
        wanted = (host, int(port or (8883 if tls else 1883)), tls)
        if (config.broker.host, config.broker.port, config.broker.tls) != wanted:
            lines.append(f'[broker] host = "{host}", port = {wanted[1]}, tls = {str(tls).lower()}')
    if told.get("group") not in (None, config.device.group):
        lines.append(f"[device] group = {told['group']}")
    for section, held in (("issuer_keys", config.issuer_keys), ("document_keys", config.document_keys)):
        for number, key in dict(told.get(section) or {}).items():
            if held.get(int(number), b"").hex() != key and config.key_store is not None:
                lines.append(f'[{section}] {number} = "{key}"')
    place = told.get("place")
    if place and config.place is not None:
        here = {
            "area": config.place.area,
            "post_gates": sorted(config.place.post_gates),
            "zone": config.place.zone,
        }
        for name, value in place.items():
            if here.get(name) != (sorted(value) if isinstance(value, list) else value):
                lines.append(
                    f"[place] {name} = {json.dumps(value)} says the cloud; here it is {json.dumps(here[name])}"
                )
    return lines


def _identity(arguments: argparse.Namespace, config: "Config") -> int:
    from pistegate_edge.clock import open_clock
    from pistegate_edge.enrolment.opening import open_identity
    from pistegate_edge.enrolment.renewing import renew_once
    from pistegate_edge.errors import IdentityError

    identity = open_identity(config)
    if identity is None:
        raise IdentityError("this device is not enrolled: `pistegate-cloud gate enrol` makes a code for it")
    clock = open_clock(config.clock.source)
    if arguments.renew:
        renew_once(identity, clock.wall_ms())
        identity = open_identity(config) or identity
    told = identity.told(clock.wall())
    if arguments.test:
        told |= _tried(config, identity, clock.wall_ms())
    if arguments.json:
        print(json.dumps(told))
    else:
        for name, value in told.items():
            print(f"{name.replace('_', ' '):16} {value}")
    return FAILED if any(str(told.get(name, "ok")) != "ok" for name in ("broker", "api")) else OK


def _tried(config: "Config", identity: "Identity", now_ms: int) -> dict[str, str]:
    """Whether broker and API take this device: "ok", or why not."""
    import socket

    from pistegate_edge.enrolment.http import API, ask
    from pistegate_edge.enrolment.tls import device_context
    from pistegate_edge.errors import EdgeError

    found = {"api": "ok", "broker": "ok"}
    try:
        answer = ask(identity, "GET", f"{API}/tables?site={identity.device.site}", now_ms, identity.since)
        answer.json()
    except EdgeError as error:
        found["api"] = str(error)
    broker = config.broker
    try:
        with socket.create_connection((broker.host, broker.port), 10) as plain:
            if broker.tls:
                context = device_context(identity, identity.since)
                with context.wrap_socket(plain, server_hostname=broker.host) as line:
                    line.settimeout(2)
                    _refused(line)
    except OSError as error:
        found["broker"] = f"{broker.host}:{broker.port}: {error}"
    return found


def _refused(line: Any) -> None:
    """OSError when the other side refuses our certificate, which TLS 1.3 tells only after the handshake."""
    try:
        if line.recv(1) == b"":
            raise ConnectionRefusedError("the broker hung up: it does not take this certificate (revoked, or run out?)")
    except TimeoutError:
        return  # it waits for our first message, as it should
