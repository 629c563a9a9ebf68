# SPDX-License-Identifier: Apache-2.0
"""pistegate-gate finger: check or wipe a sensor, enrol a finger at a desk, make the site's keys for templates."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pistegate_edge.commands import FAILED, OK, command

if TYPE_CHECKING:
    from pistegate_edge.fingers.desk import Touch
    from pistegate_edge.fingers.store import TemplateStore

_WORDS = {
    "put": "put the finger on the sensor / 请按手指",
    "lift": "lift it / 请抬起",
    "again": "not readable: dry it, press a little longer / 读不清,请擦干再按",
}


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `finger check`, `wipe`, `away`, `enrol` and `keys`."""
    finger = commands.add_parser("finger", help="fingerprint sensors: check, wipe, enrol; keys for templates")
    inner = finger.add_subparsers(required=True, metavar="COMMAND")
    check = _sensor(inner, "check", "what a sensor is, and which of its slots are used; stop the gate first", "")
    check.set_defaults(do=_check)
    words = "erase every slot and look that all are empty: before a sensor is sent anywhere"
    wipe = _sensor(inner, "wipe", words, " --yes")
    wipe.add_argument("--yes", action="store_true", help="really")
    wipe.add_argument(
        "--store", type=Path, metavar="FILE", help="fingers.db of the gate that it was in: receipts follow"
    )
    wipe.set_defaults(do=_wipe)
    words = "sensors that were taken out with fingers in them; receipts of deletions wait for these"
    away = command(inner, "away", words, "finger away --store /var/lib/pistegate/fingers.db", config=False)
    away.add_argument("--store", required=True, type=Path, metavar="FILE", help="fingers.db of the gate")
    away.add_argument(
        "--destroyed", type=bytes.fromhex, metavar="NAME", help="this one was destroyed, before witnesses"
    )
    away.add_argument("--json", action="store_true", help="one JSON object")
    away.set_defaults(do=_away)
    words = "take a guest's finger, with consent; prints the sealed template and the consent as one JSON object"
    example = (
        " --keys keys --holder 0A1B --staff li --text-version finger-1 --text consent.txt --locale en --card 04A1B2C3"
    )
    enrol = _sensor(inner, "enrol", words, example)
    enrol.add_argument("--keys", required=True, metavar="FILE", help="the site's keys for templates")
    enrol.add_argument("--unlock", metavar="SECRET", help="what opens them: a file, or credential:NAME")
    enrol.add_argument("--holder", required=True, type=bytes.fromhex, metavar="HEX", help="what names the ticket")
    enrol.add_argument("--staff", required=True, help="who asked the guest")
    enrol.add_argument("--text-version", required=True, help="of the words that the guest was shown")
    enrol.add_argument("--text", required=True, type=Path, metavar="FILE", help="those words")
    enrol.add_argument("--locale", required=True, choices=("en", "zh-CN"), help="of those words")
    enrol.add_argument("--guardian", action="store_true", help="a parent or guardian agreed for a child")
    enrol.add_argument(
        "--card", type=bytes.fromhex, metavar="UID", help="the guest's card: the way in without a finger"
    )
    enrol.add_argument("--code", action="store_true", help="the guest has a code instead of a card")
    enrol.set_defaults(do=_enrol)
    words = "a new file of keys for templates; seal it with `pistegate-gate finger keys --unlock`"
    keys = command(inner, "keys", words, "finger keys --out finger-keys --unlock unlock", config=False)
    keys.add_argument("--out", required=True, type=Path, metavar="FILE", help="where to write; must not exist")
    keys.add_argument("--unlock", metavar="SECRET", help="seal it with this: a file, or credential:NAME")
    keys.set_defaults(do=_keys)


def _sensor(
    inner: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, words: str, example: str
) -> argparse.ArgumentParser:
    parser = command(inner, name, words, f"finger {name} --path /dev/ttyAMA2{example}", config=False)
    parser.add_argument("--path", required=True, metavar="DEVICE", help="the sensor's serial line")
    parser.add_argument("--baud", type=int, default=57600, help="its rate (57600)")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    return parser


def _check(arguments: argparse.Namespace) -> int:
    from pistegate_edge.clock import open_clock
    from pistegate_edge.fingers import flows
    from pistegate_edge.fingers.sensor import Sensor

    with Sensor(arguments.path, open_clock("system").monotonic, arguments.baud) as sensor:
        system, used = sensor.system, sorted(sensor.run(flows.used_slots(sensor.system.capacity)))
    found = {"capacity": system.capacity, "security": system.security, "baud": system.baud, "used": used}
    slots = f"{len(used)} of {system.capacity} slots used"
    print(json.dumps(found) if arguments.json else f"{arguments.path}: {slots}, security level {system.security}")
    return OK


def _wipe(arguments: argparse.Namespace) -> int:
    from pistegate_edge.clock import open_clock
    from pistegate_edge.fingers import flows
    from pistegate_edge.fingers.sensor import Sensor

    if not arguments.yes:
        print("nothing was erased: say --yes to erase every finger in this sensor", file=sys.stderr)
        return FAILED
    with Sensor(arguments.path, open_clock("system").monotonic, arguments.baud) as sensor:
        capacity = sensor.system.capacity
        used = sensor.run(flows.used_slots(capacity))
        for slot in sorted(used):
            sensor.run(flows.erase(slot, capacity))
        name = sensor.run(flows.read_note())
    if arguments.store is not None and name is not None:
        _emptied(arguments.store, name)
    print(json.dumps({"erased": len(used)}) if arguments.json else f"{len(used)} slots erased, all are empty now")
    return OK


def _emptied(path: Path, name: bytes) -> None:
    from pistegate_edge.clock import open_clock

    store = _store(path)
    try:
        store.emptied(name, open_clock("system").wall_ms())
    finally:
        store.close()


def _store(path: Path) -> "TemplateStore":
    from pistegate_edge.fingers.store import TemplateStore

    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; it is fingers.db in [storage] directory")
    return TemplateStore(path)


def _away(arguments: argparse.Namespace) -> int:
    if arguments.destroyed is not None:
        _emptied(arguments.store, arguments.destroyed)
    store = _store(arguments.store)
    found = {name.hex(): count for name, count in store.away().items()}
    store.close()
    if arguments.json:
        print(json.dumps(found))
        return OK
    for name, count in found.items():
        print(f"{name}: {count} fingers; plug it in again, wipe it with --store, or say --destroyed {name}")
    if not found:
        print("none: no receipt waits for a sensor that is not there")
    return OK


def _enrol(arguments: argparse.Namespace) -> int:
    from pistegate_edge.clock import open_clock
    from pistegate_edge.config import KeyStoreFile
    from pistegate_edge.fingers.consent import consent
    from pistegate_edge.fingers.desk import EnrolmentDesk
    from pistegate_edge.fingers.sealing import open_template_keys
    from pistegate_edge.fingers.sensor import Sensor
    from pistegate_protocol.signing import Medium, MediumKind

    keys = open_template_keys(KeyStoreFile(arguments.keys, arguments.unlock))
    if keys.warning is not None:
        print(keys.warning, file=sys.stderr)
    clock = open_clock("system")
    text = (arguments.text_version, arguments.text.read_text(), arguments.locale)
    given = consent(arguments.holder, clock.wall_ms(), arguments.staff, text, guardian=arguments.guardian)
    other = Medium(MediumKind.CARD, arguments.card) if arguments.card else None
    other = Medium(MediumKind.BEARER) if arguments.code and other is None else other
    with Sensor(arguments.path, clock.monotonic, arguments.baud) as sensor:
        done = EnrolmentDesk(sensor, keys, _tell, clock.monotonic).enrol(given, other)
    found = {"sealed": done.sealed.hex(), "consent": given.record(), "other_way": done.other_way.kind.name.lower()}
    print(json.dumps(found | {"alike": done.alike}))
    return OK


def _tell(touch: "Touch") -> None:
    print(_WORDS[touch.value], file=sys.stderr, flush=True)


def _keys(arguments: argparse.Namespace) -> int:
    from pistegate_edge.keystore.opening import unlock_secret
    from pistegate_edge.keystore.sealed import seal

    text = f'prefer = 1\n\n[keys]\n1 = "{os.urandom(32).hex()}"\n'
    if arguments.unlock is not None:
        text = seal(text, unlock_secret(arguments.unlock))
    with os.fdopen(os.open(arguments.out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    print(
        f"{arguments.out}: {'sealed' if arguments.unlock else 'bare, for the lab only'}; every gate and desk needs it"
    )
    return OK
