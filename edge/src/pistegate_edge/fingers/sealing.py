# SPDX-License-Identifier: Apache-2.0
"""Templates sealed for one holder with a key of the site: AES-256-GCM. Off the sensor no template lies open.

Sealed template: format u8 = 1, key number u8, nonce 12 bytes, ciphertext, tag 16 bytes. The holder's name is
authenticated along with it: a sealed template that was moved to another ticket opens no more.
"""

import os
import tomllib
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pistegate_edge.config import KeyStoreFile
from pistegate_edge.errors import KeyStoreError
from pistegate_edge.fingers.asking import DATA_MAX
from pistegate_edge.fingers.errors import TemplateRefused
from pistegate_edge.keystore.opening import read_private, unlock_secret
from pistegate_edge.keystore.sealed import is_sealed, unseal

HOLDER_MAX = 32  # bytes of what names a holder
_FORMAT, _NONCE, _TAG, _KEY = 1, 12, 16, 32
_LABEL = b"pistegate finger\x00"
LAB_ONLY = "lab only: the finger keys lie in a bare file; seal it before a real finger is taken"


class TemplateKeys(Protocol):
    """The site's keys for templates, wherever they are kept; a secure element can stand here unchanged."""

    @property
    def warning(self) -> str | None:
        """What is wrong with how they are kept; None: nothing."""

    @property
    def prefer(self) -> int:
        """The number of the key that new templates are sealed with."""

    def template_key(self, number: int) -> bytes | None:
        """A key of 32 bytes; None for one that is not here (any more: taking it away ends every template under it)."""


class FileTemplateKeys:
    """TemplateKeys in this process's memory."""

    def __init__(self, keys: dict[int, bytes], prefer: int, warning: str | None = None) -> None:
        self._keys = keys
        self.prefer = prefer
        self.warning = warning

    def template_key(self, number: int) -> bytes | None:
        """See TemplateKeys."""
        return self._keys.get(number)


def open_template_keys(section: KeyStoreFile) -> FileTemplateKeys:
    """From a file, sealed as `pistegate-gate keys seal` seals, or bare; KeyStoreError says what is wrong.

    TOML: `prefer = 1` and under `[keys]` a number 0-255 with 64 hex digits each.
    """
    path = section.path
    content = read_private(Path(path), "the path of the finger keys")
    if not is_sealed(content):
        return _parsed(path, content, LAB_ONLY)
    if section.unlock is None:
        raise KeyStoreError(f"finger keys {path}: sealed: name what opens it by unlock")
    return _parsed(path, unseal(content, unlock_secret(section.unlock)), None)


def _parsed(path: str, text: str, warning: str | None) -> FileTemplateKeys:
    try:
        tree = tomllib.loads(text)
        keys = {int(number): bytes.fromhex(value) for number, value in tree["keys"].items()}
        prefer = int(tree["prefer"])
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise KeyStoreError(f"finger keys {path}: no such file of keys ({type(error).__name__} {error})") from error
    if prefer not in keys or any(not 0 <= number < 256 or len(key) != _KEY for number, key in keys.items()):
        raise KeyStoreError(f"finger keys {path}: prefer must name a key, keys have numbers 0-255 and 64 hex digits")
    return FileTemplateKeys(keys, prefer, warning)


def seal_template(template: bytes, holder: bytes, keys: TemplateKeys) -> bytes:
    """For the holder named by `holder` (of a ticket or a pass) and nobody else."""
    key = keys.template_key(keys.prefer)
    if key is None or not template or len(template) > DATA_MAX:
        raise TemplateRefused(f"nothing to seal: {len(template)} bytes with key {keys.prefer}")
    head, nonce = bytes([_FORMAT, keys.prefer]), os.urandom(_NONCE)
    return head + nonce + AESGCM(key).encrypt(nonce, template, _bound(head, holder))


def open_template(sealed: bytes, holder: bytes, keys: TemplateKeys) -> bytes:
    """The template; TemplateRefused when it is another holder's, another site's, damaged or of a key that is gone."""
    if len(sealed) < 2 + _NONCE + _TAG + 1 or len(sealed) > 2 + _NONCE + _TAG + DATA_MAX:
        raise TemplateRefused(f"sealed template of {len(sealed)} bytes")
    if sealed[0] != _FORMAT:
        raise TemplateRefused(f"sealed template of format {sealed[0]}, this release reads {_FORMAT}")
    key = keys.template_key(sealed[1])
    if key is None:
        raise TemplateRefused(f"finger key {sealed[1]} is not on this device")
    try:
        nonce, rest = sealed[2 : 2 + _NONCE], sealed[2 + _NONCE :]
        return AESGCM(key).decrypt(nonce, rest, _bound(sealed[:2], holder))
    except InvalidTag as error:
        raise TemplateRefused("damaged, of another site, or sealed for somebody else") from error


def _bound(head: bytes, holder: bytes) -> bytes:
    if not 1 <= len(holder) <= HOLDER_MAX:
        raise TemplateRefused(f"holder named by {len(holder)} bytes")
    return _LABEL + head + holder
