# SPDX-License-Identifier: Apache-2.0
"""gate.toml: read, checked field by field and across fields; every problem is told at once, each with its remedy."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from pistegate_edge.bindings.settings import CloudService, Documents
from pistegate_edge.config.crossing import check_zones, cross
from pistegate_edge.config.fields import OLD_KEYS, hex_key, section, sections, unknown
from pistegate_edge.config.sections import (
    Broker,
    ClockSource,
    Config,
    Device,
    DisplayText,
    IdentityFiles,
    KeyStoreFile,
    Overrides,
    Place,
    Reader,
    Signals,
    SiteHub,
    Stale,
    Storage,
    Till,
)
from pistegate_edge.contingency.settings import Contingency
from pistegate_edge.errors import ConfigError
from pistegate_edge.fingers.settings import Finger
from pistegate_edge.lane.core import words
from pistegate_edge.lane.settings import lane_settings
from pistegate_edge.power.settings import Power
from pistegate_edge.scanners.settings import ScannerLine
from pistegate_protocol.topics import Role

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
# A box at a window with contingency tickets: beside what writes its cards.
_BOX_OPTIONAL: dict[str, type[Struct]] = {"contingency": Contingency}
_BOXES = frozenset({Role.ENCODER})
_NONE_IF_MISSING = frozenset({"identity", "power", "documents", "cloud", "finger", "hub", "contingency"})
_SCANNER = "scanner"
_PUBLIC_KEY_BYTES = 32
_PUBLIC_KEYS = ("issuer_keys", "document_keys")
_KEY_SECTIONS = ("key_store", *_PUBLIC_KEYS)
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
    optional = _OPTIONAL | (_GATE_OPTIONAL if role is Role.GATE else {}) | (_BOX_OPTIONAL if role in _BOXES else {})
    own = ["lane", _SCANNER] if role is Role.GATE else []
    known = ["role", *wanted, *own, *optional, *(() if keyless else _PUBLIC_KEYS)]
    problems += unknown({name: tree[name] for name in tree if name not in _KEY_SECTIONS}, known, "")
    values: dict[str, Any] = {"role": role}
    for name, kind in (wanted | optional).items():
        if name not in tree and name in optional:
            values[name] = None if name in _NONE_IF_MISSING else kind()
        else:
            values[name] = section(tree, name, kind, problems)
    if not keyless:
        values |= _keys(tree, problems)
    elif any(name in tree for name in (*_KEY_SECTIONS, OLD_KEYS)):
        problems.append(f'role = "{role}" holds no keys: remove {", ".join(_KEY_SECTIONS)}')
    if role is Role.GATE:
        place = values["place"]
        way = words.EXIT if place is not None and place.exit else words.ENTRY
        values["lane"] = lane_settings(tree.get("lane"), problems, way)
        values["scanners"] = sections(tree, _SCANNER, ScannerLine, problems)
        cross(values, problems)
    if role is Role.HUB and values["hub"] and values["device"] and values["hub"].number != values["device"].number:
        problems.append(f"hub.number = {values['hub'].number}: write this hub's own number {values['device'].number}")
    check_zones(values, problems)
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


def _keys(tree: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name in _PUBLIC_KEYS:
        table = tree.get(name)
        if not isinstance(table, Mapping) or not table:
            problems.append(f'[{name}] is missing: add it with at least one line, 1 = "64 hex digits"')
            continue
        keys = {}
        for number, key in table.items():
            if not number.isdigit() or not 0 <= int(number) <= 255:
                problems.append(f"{name}.{number}: a key id is a whole number from 0 to 255")
                continue
            keys[int(number)] = hex_key(f"{name}.{number}", key, _PUBLIC_KEY_BYTES, problems)
        values[name] = keys
    return values
