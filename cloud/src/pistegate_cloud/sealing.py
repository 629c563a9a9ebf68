# SPDX-License-Identifier: Apache-2.0
"""What is personal, encrypted for the database with a key of cloud.toml and tied to its place (AES-256-GCM)."""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE: Final = 12  # bytes


def seal(key: str, plain: str, tied: str) -> bytes:
    """`plain` under a key of 64 hex digits; it can be read only with the same `tied`, such as "member 7 name"."""
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(bytes.fromhex(key)).encrypt(nonce, plain.encode(), tied.encode())


def unseal(key: str, sealed: bytes, tied: str) -> str | None:
    """The text again; None when it was sealed with another key, or for another place."""
    try:
        plain = AESGCM(bytes.fromhex(key)).decrypt(bytes(sealed[:_NONCE]), bytes(sealed[_NONCE:]), tied.encode())
    except InvalidTag:
        return None
    return plain.decode()
