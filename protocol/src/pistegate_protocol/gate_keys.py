# SPDX-License-Identifier: Apache-2.0
"""The card keys that a gate or till holds, as the file that the cloud exports.

They are masters: each card's own key is diversified from them (desfire/diversify.py). One GATE master per key set;
`prefer` is the set tried first. The ROLL master, which switches a card from its first to its second set, is exported
only after a theft: a stolen gate never had it.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pistegate_protocol.card_layout import AID, KEY_BYTES, UID_BYTES, KeySet
from pistegate_protocol.errors import CodecError, UnknownVersion

GATE_KEYS_VERSION = 1
SYSTEM_BYTES_MAX = 31 - UID_BYTES - len(AID)  # AN10922: UID, AID and system identifier are at most 31 bytes


@dataclass(frozen=True, slots=True)
class GateKeys:
    """`system`: the system identifier of key diversification. `gate`: GATE masters by set; `roll`: of the first set."""

    system: bytes
    prefer: KeySet
    gate: Mapping[KeySet, bytes] = field(repr=False)
    roll: bytes | None = field(default=None, repr=False)


def format_gate_keys(keys: GateKeys) -> str:
    """The file's text; CodecError for keys that `parse_gate_keys` would refuse."""
    _check(keys)
    lines = [
        f"version = {GATE_KEYS_VERSION}",
        f'system = "{keys.system.hex()}"',
        f"prefer = {int(keys.prefer)}",
        "[gate]",
        *(f'{int(number)} = "{key.hex()}"' for number, key in sorted(keys.gate.items())),
    ]
    if keys.roll is not None:
        lines += ["[roll]", f'{int(KeySet.FIRST)} = "{keys.roll.hex()}"']
    return "\n".join(lines) + "\n"


def parse_gate_keys(text: str) -> GateKeys:
    """The keys in `text`; UnknownVersion for a newer file, CodecError for anything else. No key is in an error."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CodecError(f"gate keys: not TOML: {error}") from error
    version = tree.get("version")
    if version != GATE_KEYS_VERSION:
        if isinstance(version, int) and version > GATE_KEYS_VERSION:
            raise UnknownVersion(f"gate keys of version {version}, this release reads {GATE_KEYS_VERSION}")
        raise CodecError(f"gate keys: version is {version!r}, {GATE_KEYS_VERSION} expected")
    unknown = sorted(set(tree) - {"version", "system", "prefer", "gate", "roll"})
    if unknown:
        raise CodecError(f"gate keys: {', '.join(unknown)} unknown")
    roll = _keys(tree, "roll")
    if set(roll) - {KeySet.FIRST}:
        raise CodecError("gate keys: [roll] holds the key of set 0 only")
    keys = GateKeys(
        system=_hex("system", tree.get("system")),
        prefer=_key_set("prefer", tree.get("prefer")),
        gate=_keys(tree, "gate"),
        roll=roll.get(KeySet.FIRST),
    )
    _check(keys)
    return keys


def _check(keys: GateKeys) -> None:
    if not 1 <= len(keys.system) <= SYSTEM_BYTES_MAX:
        raise CodecError(f"gate keys: a system identifier of 1 to {SYSTEM_BYTES_MAX} bytes is needed")
    if keys.prefer not in keys.gate:
        raise CodecError(f"gate keys: set {int(keys.prefer)} is preferred, and [gate] has no key for it")
    if keys.roll is not None and KeySet.SECOND not in keys.gate:
        raise CodecError("gate keys: a roll key is of no use without the second set's gate key")
    for key in (*keys.gate.values(), *([keys.roll] if keys.roll is not None else ())):
        if len(key) != KEY_BYTES:
            raise CodecError(f"gate keys: a key of {len(key)} bytes, {KEY_BYTES} expected")


def _keys(tree: Mapping[str, Any], section: str) -> dict[KeySet, bytes]:
    table = tree.get(section, {})
    if not isinstance(table, Mapping):
        raise CodecError(f"gate keys: [{section}] is no section")
    return {_key_set(f"{section}.{name}", name): _hex(f"{section}.{name}", value) for name, value in table.items()}


def _key_set(where: str, value: object) -> KeySet:
    for number in KeySet:
        if value in (int(number), str(int(number))) and not isinstance(value, bool):
            return number
    raise CodecError(f"gate keys: {where} names no key set: 0 and 1 are possible")


def _hex(where: str, value: object) -> bytes:
    try:
        if isinstance(value, str):
            return bytes.fromhex(value)
    except ValueError:
        pass
    raise CodecError(f"gate keys: {where} is no text of hex digits")
