# SPDX-License-Identifier: Apache-2.0
"""Keys of handles by site, and numbers of documents sealed for the database. Keys come from cloud.toml alone."""

import asyncio
import hmac
import os
import secrets
from hashlib import sha256
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pistegate_cloud.errors import Problem
from pistegate_cloud.settings import BindingSettings, Settings
from pistegate_protocol.bindings import HandleKeys, stretch
from pistegate_protocol.handle_keys import format_handle_keys
from pistegate_protocol.identity import DocumentKind, Identity

_NONCE: Final = 12  # bytes
_SITE_LABEL: Final = b"pistegate site handles\x00"


def of(settings: Settings) -> BindingSettings:
    """The section [bindings]; Problem bindings_off without one."""
    if settings.bindings is None:
        raise Problem("bindings_off")
    return settings.bindings


def handle_keys(settings: BindingSettings, site: int) -> HandleKeys:
    """Keys of a site's handles: its own, so that the tables of two sites cannot be joined."""
    message = _SITE_LABEL + site.to_bytes(4, "big") + settings.number.to_bytes(4, "big")
    key = hmac.digest(bytes.fromhex(settings.master), message, sha256)
    return HandleKeys(settings.number, bytes.fromhex(settings.salt), key)


def salt_name(settings: BindingSettings) -> str:
    """What tells in the database which salt was used, without telling the salt."""
    return sha256(b"pistegate salt\x00" + bytes.fromhex(settings.salt)).hexdigest()[:8]


async def stretched(identity: Identity, settings: BindingSettings) -> bytes:
    """As protocol bindings.stretch, which takes 10 to 50 ms, in a thread."""
    return await asyncio.to_thread(stretch, identity, bytes.fromhex(settings.salt))


def seal(identity: Identity, ticket: int, settings: BindingSettings) -> bytes | None:
    """The number, encrypted and tied to its ticket; None where the operator keeps none."""
    if settings.numbers is None:
        return None
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(bytes.fromhex(settings.numbers)).encrypt(nonce, identity.to_bytes(), _tied(ticket))


def unseal(sealed: bytes, ticket: int, settings: BindingSettings) -> Identity:
    """The number again; Problem number_unreadable when it was sealed with another key or for another ticket."""
    if settings.numbers is None:
        raise Problem("number_unreadable")
    try:
        plain = AESGCM(bytes.fromhex(settings.numbers)).decrypt(sealed[:_NONCE], sealed[_NONCE:], _tied(ticket))
    except InvalidTag:
        raise Problem("number_unreadable") from None
    return Identity(DocumentKind(plain[0]), plain[1:].decode())


def new_section(*, keep_numbers: bool = False) -> str:
    """A fresh [bindings] section for cloud.toml; without `numbers` in it, no number is kept."""
    keys = {"salt": 16, "master": 32} | ({"numbers": 32} if keep_numbers else {})
    return "\n".join(["[bindings]", *(f'{name} = "{secrets.token_hex(size)}"' for name, size in keys.items())]) + "\n"


def export_for_gates(settings: BindingSettings, site: int, number: int | None = None) -> str:
    """What gates of a site seal with their other keys (protocol handle_keys): it makes handles, and no tickets.

    `number`: of other keys than those in force, so that gates have the next ones before tables are made with them.
    """
    chosen = settings if number is None else msgspec.structs.replace(settings, number=number)
    return format_handle_keys(site, [handle_keys(chosen, site)])


def _tied(ticket: int) -> bytes:
    return b"pistegate number\x00" + ticket.to_bytes(6, "big")
