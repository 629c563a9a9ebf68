# SPDX-License-Identifier: Apache-2.0
"""pistegate-gate finger: check or wipe a sensor, enrol a finger at a desk, bring it to gates, make the site's keys."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    """Add `finger check`, `wipe`, `away`, `enrol`, `put`, `export` and `keys`."""
    finger = commands.add_parser(
        "finger", help="fingerprint sensors: check, wipe, enrol, put, export; keys for templates"
    )
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
    _add_enrol(inner)
    _add_moving(inner)
    words = "a new file of keys for templates; seal it with `pistegate-gate finger keys --unlock`"
    keys = command(inner, "keys", words, "finger keys --out finger-keys --unlock unlock", config=False)
    keys.add_argument("--out", required=True, type=Path, metavar="FILE", help="where to write; must not exist")
    keys.add_argument("--unlock", metavar="SECRET", help="seal it with this: a file, or credential:NAME")
    keys.set_defaults(do=_keys)


def _add_enrol(inner: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    words = "take the finger of a guest whose consent the cloud has recorded; prints the sealed template as JSON"
    example = " --keys keys --unlock unlock --record record.json --card 04A1B2C3 > finger.json"
    enrol = _sensor(inner, "enrol", words, example)
    enrol.add_argument("--keys", required=True, metavar="FILE", help="the site's keys for templates")
    enrol.add_argument("--unlock", metavar="SECRET", help="what opens them: a file, or credential:NAME")
    enrol.add_argument(
        "--record",
        required=True,
        type=Path,
        metavar="FILE",
        help="what the cloud answered to the consent (POST /fingers)",
    )
    enrol.add_argument(
        "--card", type=bytes.fromhex, metavar="UID", help="the guest's card: the way in without a finger"
    )
    enrol.add_argument("--code", action="store_true", help="the guest has a code instead of a card")
    enrol.set_defaults(do=_enrol)


def _add_moving(inner: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Templates from the desk to the gates."""
    store = "/var/lib/pistegate/fingers.db"
    words = "hold enrolled fingers at this gate, which goes on meanwhile; each file is of `finger enrol` or `export`"
    put = command(inner, "put", words, f"finger put --store {store} --keys keys finger.json", config=False)
    put.add_argument("files", nargs="+", type=Path, metavar="FILE", help="sealed templates, one in each line")
    put.add_argument("--store", required=True, type=Path, metavar="FILE", help="fingers.db of the gate")
    put.add_argument("--keys", metavar="FILE", help="the site's keys: each template is tried with them")
    put.add_argument("--unlock", metavar="SECRET", help="what opens them: a file, or credential:NAME")
    put.add_argument("--json", action="store_true", help="one JSON object")
    put.set_defaults(do=_put)
    words = "write the fingers that a gate holds into a file for other gates of the site; sealed, as they are held"
    export = command(inner, "export", words, f"finger export --store {store} --out fingers.json", config=False)
    export.add_argument("--store", required=True, type=Path, metavar="FILE", help="fingers.db of the gate")
    export.add_argument("--out", required=True, type=Path, metavar="FILE", help="where to write; must not exist")
    export.set_defaults(do=_export)


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
        raise FileNotFoundError(
            f"{path}: no such file; it is fingers.db in [storage] directory, once the gate has run with [finger]"
        )
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
    record = _record(arguments.record)
    text = (record["text_version"], record["words"], record["locale"])
    holder = bytes.fromhex(record["holder"])
    given = consent(holder, clock.wall_ms(), record["staff"], text, guardian=record["guardian"])
    other = Medium(MediumKind.CARD, arguments.card) if arguments.card else None
    other = Medium(MediumKind.BEARER) if arguments.code and other is None else other
    with Sensor(arguments.path, clock.monotonic, arguments.baud) as sensor:
        done = EnrolmentDesk(sensor, keys, _tell, clock.monotonic).enrol(given, other)
    template = {"holder": holder.hex(), "until_ms": record["until_ms"], "sealed": done.sealed.hex()}
    more = {"consent": given.record(), "other_way": done.other_way.kind.name.lower(), "alike": done.alike}
    print(json.dumps(template | more))
    return OK


def _record(path: Path) -> dict[str, Any]:
    """What the cloud answered to a consent."""
    from pistegate_edge.fingers.errors import ConsentMissing

    wanted = {"holder": str, "until_ms": int, "staff": str, "text_version": str, "words": str, "locale": str}
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        wrong = [name for name, kind in (wanted | {"guardian": bool}).items() if not isinstance(found.get(name), kind)]
        bytes.fromhex(found.get("holder", ""))
    except (ValueError, AttributeError, TypeError) as error:
        raise ConsentMissing(f"{path}: not what the cloud answers to POST /fingers ({type(error).__name__})") from error
    if wrong:
        raise ConsentMissing(f"{path}: not what the cloud answers to POST /fingers: {', '.join(wrong)} missing")
    return found


def _put(arguments: argparse.Namespace) -> int:
    from pistegate_edge.clock import open_clock
    from pistegate_edge.config import KeyStoreFile
    from pistegate_edge.fingers.files import put_all, read_templates
    from pistegate_edge.fingers.sealing import open_template_keys

    keys = open_template_keys(KeyStoreFile(arguments.keys, arguments.unlock)) if arguments.keys else None
    templates = [one for path in arguments.files for one in read_templates(path.read_text("utf-8").splitlines())]
    store = _store(arguments.store)
    try:
        left_out = put_all(store, templates, keys, open_clock("system").wall_ms())
    finally:
        store.close()
    held = len(templates) - len(left_out)
    if arguments.json:
        print(json.dumps({"held": held, "left_out": left_out}))
    else:
        print(f"{held} of {len(templates)} fingers are held here now; the gate knows them within a few seconds")
    for sentence in left_out:
        print(sentence, file=sys.stderr)
    return FAILED if left_out else OK


def _export(arguments: argparse.Namespace) -> int:
    from pistegate_edge.clock import open_clock
    from pistegate_edge.fingers.files import Template

    store = _store(arguments.store)
    try:
        found = store.everything(open_clock("system").wall_ms())
    finally:
        store.close()
    lines = [Template(holder, end, sealed).line() for holder, sealed, end in found]
    with os.fdopen(os.open(arguments.out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write("".join(f"{line}\n" for line in lines))
    print(f"{arguments.out}: {len(lines)} sealed fingers; put it at the other gates, then delete it")
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
