# SPDX-License-Identifier: Apache-2.0
"""The file with the keys of a site's handles, as the cloud exports it and gates seal it: TOML, so that it prints.

    [bindings]
    site = 1
    number = 2
    salt = "..."    16 bytes in hex
    key = "..."     32 bytes in hex

Several may follow each other as [[bindings]]: while a site's tables change to new keys, a gate holds both.
"""

import tomllib
from collections.abc import Iterable
from typing import Any

from pistegate_protocol.bindings import HandleKeys
from pistegate_protocol.errors import CodecError


def format_handle_keys(site: int, keys: Iterable[HandleKeys]) -> str:
    """The file."""
    return "\n".join(
        f'[[bindings]]\nsite = {site}\nnumber = {each.number}\nsalt = "{each.salt.hex()}"\nkey = "{each.key.hex()}"\n'
        for each in keys
    )


def holds_handle_keys(text: str) -> bool:
    """Whether a file is one of these, of whatever site; CodecError: it is, and cannot be used."""
    try:
        sections = tomllib.loads(text).get("bindings")
    except tomllib.TOMLDecodeError:
        return False
    if sections is None:
        return False
    for section in sections if isinstance(sections, list) else [sections]:
        _parsed(section, section.get("site", -1) if isinstance(section, dict) else -1)
    return True


def parse_handle_keys(text: str, site: int) -> dict[int, HandleKeys]:
    """Keys of `site` by their number; CodecError with what is wrong, never with the keys themselves."""
    try:
        sections = tomllib.loads(text).get("bindings", [])
    except tomllib.TOMLDecodeError as error:
        raise CodecError("the keys of handles are no valid TOML") from error
    found = {}
    for section in sections if isinstance(sections, list) else [sections]:
        number, keys = _parsed(section, site)
        found[number] = keys
    return found


def _parsed(section: Any, site: int) -> tuple[int, HandleKeys]:
    try:
        number, told = int(section["number"]), int(section["site"])
        keys = HandleKeys(number, bytes.fromhex(section["salt"]), bytes.fromhex(section["key"]))
    except (KeyError, TypeError, ValueError) as error:
        raise CodecError("a section [bindings] has site, number, salt (16 bytes) and key (32 bytes) in hex") from error
    if told != site:
        raise CodecError(f"keys of handles of site {told}, this is site {site}: export them for this site")
    return number, keys
