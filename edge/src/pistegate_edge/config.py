# SPDX-License-Identifier: Apache-2.0
"""gate.toml: read, checked field by field and across fields; every problem is told at once, each with its remedy."""

import difflib
import tomllib
import types
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct

from pistegate_edge.bindings import settings as binding_settings
from pistegate_edge.bindings.settings import CloudService, Documents
from pistegate_edge.errors import ConfigError
from pistegate_edge.fingers import settings as finger_settings
from pistegate_edge.fingers.settings import Finger
from pistegate_edge.journal.retention import KEEP_DAYS
from pistegate_edge.lane.core import words
from pistegate_edge.lane.settings import LaneSettings, lane_settings
from pistegate_edge.power import settings as power_settings
from pistegate_edge.power.settings import Power
from pistegate_edge.scanners import settings as scanner_settings
from pistegate_edge.scanners.settings import ScannerLine
from pistegate_protocol.claims import AREAS_MAX, HolderClass
from pistegate_protocol.decide import GateProfile
from pistegate_protocol.topics import Role

Site = Annotated[int, Meta(ge=0, lt=2**15)]
DeviceNumber = Annotated[int, Meta(ge=1, lt=2**16)]
Pin = Annotated[int, Meta(ge=0, le=27)]  # BCM numbers of the 40-pin header
Milliseconds = Annotated[int, Meta(ge=1, le=600_000)]
_PUBLIC_KEY_BYTES = 32
S = TypeVar("S", bound=Struct)


class Device(Struct, frozen=True, forbid_unknown_fields=True):
    """Who this device is."""

    site: Site
    group: Site
    number: DeviceNumber


class Place(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a gate stands. `post_gates`: numbers of all gates of this post, this one included. `exit`: it leads out."""

    area: Annotated[int, Meta(ge=0, lt=AREAS_MAX)]
    post_gates: Annotated[list[DeviceNumber], Meta(min_length=1)]
    zone: str
    holders: list[Literal["adult", "child", "youth", "senior", "disabled", "staff", "vip"]] | None = None
    exit: bool = False


class Storage(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the journal lies. `keep_days`: days of running that events are kept after the cloud has them."""

    directory: Annotated[str, Meta(min_length=1)]
    reserve_kib: Annotated[int, Meta(ge=128, le=1_048_576)] = 256
    keep_days: Annotated[int, Meta(ge=2, le=366)] = KEEP_DAYS


class KeyStoreFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The file with the card keys. `unlock`: what opens a sealed one, a file's path or credential:NAME (systemd)."""

    path: Annotated[str, Meta(min_length=1)]
    unlock: Annotated[str, Meta(min_length=1)] | None = None


class Reader(Struct, frozen=True, forbid_unknown_fields=True):
    """The card reader's serial line. `baud`: what the chip wakes at; the driver raises it, to `fastest` at most."""

    path: Annotated[str, Meta(min_length=1)]
    baud: Literal[115200] = 115200
    fastest: Literal[115200, 230400, 460800, 921600] = 921600


class Broker(Struct, frozen=True, forbid_unknown_fields=True):
    """The cloud's MQTT broker. `tls`: with this device's certificate, which `pistegate-gate enrol` gets.

    `keepalive_s`: 30 to 60 on bad links; 5 threw gates out that were there (facts/durability-and-faults.md).
    """

    host: Annotated[str, Meta(min_length=1)]
    port: Annotated[int, Meta(ge=1, lt=2**16)] = 1883
    keepalive_s: Annotated[int, Meta(ge=5, le=3600)] = 30
    username: str | None = None
    password: str | None = None
    tls: bool = False


class IdentityFiles(Struct, frozen=True, forbid_unknown_fields=True):
    """Where this device's key and certificate lie, where that is not beside the journal."""

    directory: Annotated[str, Meta(min_length=1)]


class Stale(Struct, frozen=True, forbid_unknown_fields=True):
    """What a gate does that has not heard of the cloud for `after_hours`: admit and show it, or refuse everybody."""

    after_hours: Annotated[int, Meta(ge=1, le=24 * 60)] = 24
    policy: Literal["admit", "refuse"] = "admit"


class SiteHub(Struct, frozen=True, forbid_unknown_fields=True):
    """The hub of the site: its device number, and the site's own broker, over which it is asked; of gates and hub.

    `username`: as that broker knows this device, a gate by its number. `ca`: a file with whom the broker's certificate
    is signed by; without it the line is not encrypted.
    """

    number: DeviceNumber
    host: Annotated[str, Meta(min_length=1)]
    port: Annotated[int, Meta(ge=1, lt=2**16)] = 1883
    username: str | None = None
    password: str | None = None
    ca: str | None = None


class ClockSource(Struct, frozen=True, forbid_unknown_fields=True):
    """`system`, or the path of a time page. `when_suspect`: what becomes of tickets while the time is in doubt.

    "admit": they are decided at the latest time that is sure. "refuse_dated": those that would not hold at the latest
    time that it may be (35 days later where nobody knows) are refused; a season pass still opens.
    """

    source: Annotated[str, Meta(min_length=1)] = "system"
    when_suspect: Literal["admit", "refuse_dated"] = "admit"


class Signals(Struct, frozen=True, forbid_unknown_fields=True):
    """Lamps and buzzer. `refuse_ms`: how long red shows. `at`: pins of this computer, or those of the lane board.

    `amber_mixed`: one lamp of two colours. `class_on_green`: green blinks by holder class, for the attendant.
    """

    at: Literal["pins", "board"] = "pins"
    green_pin: Pin | None = None
    red_pin: Pin | None = None
    buzzer_pin: Pin | None = None
    amber_pin: Pin | None = None
    attendant_pin: Pin | None = None
    amber_mixed: bool = False
    class_on_green: bool = False
    refuse_ms: Milliseconds = 1500


class Overrides(Struct, frozen=True, forbid_unknown_fields=True):
    """Letting people through without tickets. `staff_cards`: cards of staff may; the reasons go into the records."""

    staff_cards: bool = False
    staff_reason: Annotated[str, Meta(min_length=1, max_length=100)] = "staff card"
    key_reason: Annotated[str, Meta(min_length=1, max_length=100)] = "key switch"


class DisplayText(Struct, frozen=True, forbid_unknown_fields=True):
    r"""Words for the guest; `path`: a device that takes text. `columns`: cells of a small screen; None: whole lines.

    `clear`: what empties the screen before each text, such as "\f".
    """

    locale: Literal["en", "zh-CN"] = "zh-CN"
    path: str | None = None
    columns: Annotated[int, Meta(ge=8, le=40)] | None = None
    rows: Annotated[int, Meta(ge=1, le=4)] = 2
    encoding: Literal["utf-8", "gb18030", "ascii"] = "utf-8"
    clear: Annotated[str, Meta(max_length=8)] = ""


class Till(Struct, frozen=True, forbid_unknown_fields=True):
    """A point of sale, rental or catering. `socket`: where the operator's program asks; `group` may use it too."""

    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")]
    zone: str
    socket: Annotated[str, Meta(min_length=1)] = "/run/pistegate/till.sock"
    group: Annotated[str, Meta(min_length=1)] | None = None


class Config(Struct, frozen=True, kw_only=True):
    """A checked gate.toml; what the role does not need is None or empty. `path`: where it lies, for remedies."""

    role: Role
    device: Device
    reader: Reader = Reader("")
    broker: Broker = Broker("")
    clock: ClockSource
    identity: IdentityFiles | None = None
    place: Place | None = None
    storage: Storage | None = None
    lane: LaneSettings | None = None
    signals: Signals | None = None
    override: Overrides = Overrides()
    power: Power | None = None
    scanners: tuple[ScannerLine, ...] = ()
    documents: Documents | None = None
    cloud: CloudService | None = None
    finger: Finger | None = None
    hub: SiteHub | None = None
    stale: Stale = Stale()
    display: DisplayText = DisplayText()
    till: Till | None = None
    key_store: KeyStoreFile | None = None
    issuer_keys: dict[int, bytes] = msgspec.field(default_factory=dict)
    document_keys: dict[int, bytes] = msgspec.field(default_factory=dict)
    path: str = "gate.toml"


_COMMON: dict[str, type[Struct]] = {"device": Device, "reader": Reader, "broker": Broker}
# What each role needs beside the common sections; a role that is not here does not run yet.
_NEEDED: dict[Role, dict[str, type[Struct]]] = {
    Role.GATE: {"place": Place, "storage": Storage, "key_store": KeyStoreFile, "signals": Signals},
    Role.ENCODER: {},
    Role.TILL: {"storage": Storage, "key_store": KeyStoreFile, "till": Till},
    Role.INSPECT: {"place": Place, "storage": Storage, "key_store": KeyStoreFile},
    Role.HUB: {"storage": Storage, "hub": SiteHub},
}
_OPTIONAL: dict[str, type[Struct]] = {"clock": ClockSource, "display": DisplayText, "identity": IdentityFiles}
_GATE_OPTIONAL: dict[str, type[Struct]] = {
    "override": Overrides,
    "power": Power,
    "documents": Documents,
    "cloud": CloudService,
    "finger": Finger,
    "hub": SiteHub,
    "stale": Stale,
}
_NONE_IF_MISSING = frozenset({"identity", "power", "documents", "cloud", "finger", "hub"})
_SCANNER = "scanner"
_SIGNAL_PINS = ("green_pin", "red_pin", "buzzer_pin", "amber_pin", "attendant_pin")
_PUBLIC_KEYS = ("issuer_keys", "document_keys")
_KEY_SECTIONS = ("key_store", *_PUBLIC_KEYS)
_OLD_KEYS = "card_keys"  # of release 0.1
_KEYLESS = frozenset({Role.ENCODER, Role.HUB})
_WITHOUT = {Role.HUB: frozenset({"reader", "broker"})}  # common sections that a role has no use for


def load_config(path: Path) -> Config:
    """The configuration in `path`; ConfigError with every problem found."""
    try:
        tree = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise ConfigError([f"{path}: there is no such file; name yours with --config"]) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: cannot be read ({error})"]) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{path}: not TOML: {error}; correct the line named"]) from error
    return msgspec.structs.replace(check_config(tree), path=str(path))


def check_config(tree: Mapping[str, Any]) -> Config:
    """The configuration in a parsed gate.toml."""
    problems: list[str] = []
    role = _role(tree, problems)
    keyless = role in _KEYLESS
    wanted = {name: kind for name, kind in _COMMON.items() if name not in _WITHOUT.get(role, ())}
    wanted |= _NEEDED[role]
    optional = _OPTIONAL | (_GATE_OPTIONAL if role is Role.GATE else {})
    own = ["lane", _SCANNER] if role is Role.GATE else []
    known = ["role", *wanted, *own, *optional, *(() if keyless else _PUBLIC_KEYS)]
    problems += _unknown({name: tree[name] for name in tree if name not in _KEY_SECTIONS}, known, "")
    values: dict[str, Any] = {"role": role}
    for name, kind in (wanted | optional).items():
        if name not in tree and name in optional:
            values[name] = None if name in _NONE_IF_MISSING else kind()
        else:
            values[name] = _section(tree, name, kind, problems)
    if not keyless:
        values |= _keys(tree, problems)
    elif any(name in tree for name in (*_KEY_SECTIONS, _OLD_KEYS)):
        problems.append(f'role = "{role}" holds no keys: remove {", ".join(_KEY_SECTIONS)}')
    if role is Role.GATE:
        place = values["place"]
        way = words.EXIT if place is not None and place.exit else words.ENTRY
        values["lane"] = lane_settings(tree.get("lane"), problems, way)
        values["scanners"] = _sections(tree, _SCANNER, ScannerLine, problems)
        _cross(values, problems)
    if role is Role.HUB and values["hub"] and values["device"] and values["hub"].number != values["device"].number:
        problems.append(f"hub.number = {values['hub'].number}: write this hub's own number {values['device'].number}")
    _zones(values, problems)
    if problems:
        raise ConfigError(problems)
    return Config(**values)


def _role(tree: Mapping[str, Any], problems: list[str]) -> Role:
    """The role; a gate's sections are asked for where it is not one."""
    role = tree.get("role")
    for known in _NEEDED:
        if role == known.value:
            return known
    words = " or ".join(f'role = "{known}"' for known in _NEEDED)
    problems.append(f"role is {role!r}: write {words} on the first line")
    return Role.GATE


def _section(tree: Mapping[str, Any], name: str, kind: type[Struct], problems: list[str]) -> Struct | None:
    table = tree.get(name)
    if not isinstance(table, Mapping):
        problems.append(f"[{name}] is missing: add the section with {', '.join(kind.__struct_fields__)}")
        return None
    before = len(problems)
    problems += _unknown(table, kind.__struct_fields__, f"{name}.")
    values: dict[str, Any] = {}
    hints = get_type_hints(kind, include_extras=True)
    for field in msgspec.structs.fields(kind):
        if field.name in table:
            try:
                values[field.name] = msgspec.convert(table[field.name], hints[field.name])
            except msgspec.ValidationError as error:
                wanted = _wanted(hints[field.name])
                problems.append(f"{name}.{field.name} = {table[field.name]!r}: {error}; write {wanted}")
        elif field.required:
            problems.append(f"{name}.{field.name} is missing: add it under [{name}], {_wanted(hints[field.name])}")
    return kind(**values) if len(problems) == before else None


def _sections(tree: Mapping[str, Any], name: str, kind: type[S], problems: list[str]) -> tuple[S, ...]:
    """All [[name]] there are; a single [name] is one of them, as in older files."""
    tables = tree.get(name, [])
    found = [
        _section({name: table}, name, kind, problems) for table in (tables if isinstance(tables, list) else [tables])
    ]
    return tuple(one for one in found if isinstance(one, kind))


def _wanted(hint: Any) -> str:
    """What a field takes, in words."""
    origin = get_origin(hint)
    if origin is Annotated:
        base, meta = get_args(hint)[:2]
        low = meta.ge
        high = meta.le if meta.le is not None else None if meta.lt is None else meta.lt - 1
        return _wanted(base) + (f" from {low} to {high}" if low is not None and high is not None else "")
    if origin is Literal:
        return " or ".join(repr(value) for value in get_args(hint))
    if origin is list:
        return f"a list of {_wanted(get_args(hint)[0])}"
    if origin in (Union, types.UnionType):
        return " or ".join(_wanted(arg) for arg in get_args(hint) if arg is not type(None))
    return {int: "a whole number", str: "a text in quotes"}.get(hint, str(hint))


def _unknown(table: Mapping[str, Any], known: Iterable[str], prefix: str) -> list[str]:
    problems = []
    for name in table:
        if name == _OLD_KEYS and not prefix:
            remedy = "put the keys that the cloud exports into a file and name it by [key_store] path"
            problems.append(f"{name} is of an older release: {remedy} (docs/technician.md)")
        elif name not in known:
            near = difflib.get_close_matches(name, list(known), 1)
            remedy = f"did you mean {prefix}{near[0]}?" if near else "remove it"
            problems.append(f"{prefix}{name} is unknown: {remedy}")
    return problems


def _keys(tree: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for section in _PUBLIC_KEYS:
        table = tree.get(section)
        if not isinstance(table, Mapping) or not table:
            problems.append(f'[{section}] is missing: add it with at least one line, 1 = "64 hex digits"')
            continue
        keys = {}
        for number, key in table.items():
            if not number.isdigit() or not 0 <= int(number) <= 255:
                problems.append(f"{section}.{number}: a key id is a whole number from 0 to 255")
                continue
            keys[int(number)] = _hex(f"{section}.{number}", key, _PUBLIC_KEY_BYTES, problems)
        values[section] = keys
    return values


def _hex(path: str, value: object, length: int, problems: list[str]) -> bytes:
    try:
        key = bytes.fromhex(value) if isinstance(value, str) else b""
    except ValueError:
        key = b""
    if len(key) != length:
        problems.append(f"{path} is not a key of {length} bytes: write {2 * length} hex digits in quotes")
    return key


def _cross(values: Mapping[str, Any], problems: list[str]) -> None:
    """What fields must agree on."""
    lane, place, device = values["lane"], values["place"], values["device"]
    users = dict(lane.users) if lane is not None else {}
    for path, pin in _pins(values["signals"], values["power"]).items():
        if pin in users:
            problems.append(f"{path} = {pin}: {users[pin]} uses this pin already; give each its own")
        users.setdefault(pin, path)
    documents = values["documents"]
    problems += scanner_settings.problems(values["scanners"], [] if documents is None else documents.kinds)
    if values["cloud"] is not None:
        problems += binding_settings.problems(values["cloud"])
    if values["finger"] is not None:
        problems += finger_settings.problems(values["finger"])
    if values["signals"] is not None:
        problems += _signals_wired(values["signals"], lane)
    if values["power"] is not None:
        problems += power_settings.problems(values["power"])
    if place is not None and device is not None and device.number not in place.post_gates:
        problems.append(f"place.post_gates must hold this gate's own number {device.number}: add it")


def _pins(signals: Signals | None, power: Power | None) -> dict[str, int]:
    """Pins of this computer beside the lane's, by their path in gate.toml."""
    named = {f"signals.{name}": getattr(signals, name) for name in _SIGNAL_PINS} if signals is not None else {}
    named |= {f"power.{name}": pin for name, pin in power_settings.pins(power).items()} if power is not None else {}
    return {path: pin for path, pin in named.items() if pin is not None}


def _signals_wired(signals: Signals, lane: LaneSettings | None) -> list[str]:
    """Whether the lamps are where the configuration says."""
    if signals.at == "pins":
        missing = [name for name in _SIGNAL_PINS[:3] if getattr(signals, name) is None]
        return [f"signals.{name} is missing: add it under [signals], a whole number from 0 to 27" for name in missing]
    problems = [
        f'signals.{name} is for pins of this computer: remove it, or write at = "pins"'
        for name in _SIGNAL_PINS
        if getattr(signals, name) is not None
    ]
    if lane is not None and not lane.lamps:
        remedy = 'write at = "pins" and wire the lamps to this computer'
        problems.append(f'signals.at = "board": the board of this lane drives no lamps; {remedy}')
    return problems


def _zones(values: Mapping[str, Any], problems: list[str]) -> None:
    for section in ("place", "till"):
        found = values.get(section)
        if found is not None and not _zone_known(found.zone):
            problems.append(f'{section}.zone = "{found.zone}" is unknown: write a zone such as "Asia/Shanghai"')


def _zone_known(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (OSError, ValueError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        return False
    return True


def placeless(device: Device, zone: str) -> GateProfile:
    """What a device that stands at no lane knows of itself: enough to say what a ticket still holds."""
    return GateProfile(
        site=device.site,
        group=device.group,
        gate=device.number,
        post_gates=frozenset({device.number}),
        area=0,
        zone=ZoneInfo(zone),
    )


def lane_profile(device: Device, place: Place) -> GateProfile:
    """What a gate knows of its place; or a handheld of the post that its attendant stands at."""
    return GateProfile(
        site=device.site,
        group=device.group,
        gate=device.number,
        post_gates=frozenset({device.number, *place.post_gates}),
        area=place.area,
        zone=ZoneInfo(place.zone),
        holders=holder_classes(place),
        exit=place.exit,
    )


def holder_classes(place: Place) -> frozenset[HolderClass] | None:
    """Holder classes a lane serves; None: all."""
    return None if place.holders is None else frozenset(HolderClass[name.upper()] for name in place.holders)
