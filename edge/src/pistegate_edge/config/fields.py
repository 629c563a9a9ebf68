# SPDX-License-Identifier: Apache-2.0
"""Sections read field by field: every problem is told, with what to write instead."""

import difflib
import types
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

S = TypeVar("S", bound=Struct)
OLD_KEYS = "card_keys"  # of release 0.1


def section(tree: Mapping[str, Any], name: str, kind: type[Struct], problems: list[str]) -> Struct | None:
    """The section [name] as its record; None when something is wrong with it, which `problems` then tells."""
    table = tree.get(name)
    if not isinstance(table, Mapping):
        problems.append(f"[{name}] is missing: add the section with {', '.join(kind.__struct_fields__)}")
        return None
    before = len(problems)
    problems += unknown(table, kind.__struct_fields__, f"{name}.")
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


def sections(tree: Mapping[str, Any], name: str, kind: type[S], problems: list[str]) -> tuple[S, ...]:
    """All [[name]] there are; a single [name] is one of them, as in older files."""
    tables = tree.get(name, [])
    found = [
        section({name: table}, name, kind, problems) for table in (tables if isinstance(tables, list) else [tables])
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


def unknown(table: Mapping[str, Any], known: Iterable[str], prefix: str) -> list[str]:
    problems = []
    for name in table:
        if name == OLD_KEYS and not prefix:
            remedy = "put the keys that the cloud exports into a file and name it by [key_store] path"
            problems.append(f"{name} is of an older release: {remedy} (docs/technician.md)")
        elif name not in known:
            near = difflib.get_close_matches(name, list(known), 1)
            remedy = f"did you mean {prefix}{near[0]}?" if near else "remove it"
            problems.append(f"{prefix}{name} is unknown: {remedy}")
    return problems


def hex_key(path: str, value: object, length: int, problems: list[str]) -> bytes:
    try:
        key = bytes.fromhex(value) if isinstance(value, str) else b""
    except ValueError:
        key = b""
    if len(key) != length:
        problems.append(f"{path} is not a key of {length} bytes: write {2 * length} hex digits in quotes")
    return key
