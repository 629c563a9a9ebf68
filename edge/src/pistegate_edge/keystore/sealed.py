# SPDX-License-Identifier: Apache-2.0
"""A text sealed with a secret: scrypt makes the key, AES-256-GCM encrypts and authenticates. TOML, so that it prints.

    sealed = 1, n, r, p, salt, check, nonce, text

`check` comes from the other half of scrypt's output: it tells a wrong secret from a damaged file, and tells a guesser
no more than the encryption itself. Everything but `text` is authenticated along with it.
"""

import hmac
import os
import tomllib
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from pistegate_edge.errors import KeyStoreError

SEALED_VERSION = 1
SCRYPT_N, SCRYPT_R, SCRYPT_P = 2**15, 8, 1  # 32 MiB and 0.1 s on a desk; estimate for a Pi 4: 0.4 s, once per start
SECRET_BYTES_MIN = 16  # shorter ones are guessed in spite of scrypt
_N_MAX, _R_MAX, _P_MAX = 2**18, 16, 4  # 512 MiB at most, whatever a file says
_SALT, _NONCE, _KEY, _CHECK = 16, 12, 32, 8  # bytes


@dataclass(frozen=True, slots=True)
class _Header:
    """How the secret becomes the key."""

    n: int
    r: int
    p: int
    salt: bytes

    def authenticated(self, nonce: bytes) -> bytes:
        """What the encryption covers beside the text."""
        return f"pistegate sealed {SEALED_VERSION} {self.n} {self.r} {self.p}\n".encode() + self.salt + nonce

    def derive(self, secret: bytes) -> tuple[bytes, bytes]:
        """(key, check)."""
        both = Scrypt(salt=self.salt, length=2 * _KEY, n=self.n, r=self.r, p=self.p).derive(secret)
        return both[:_KEY], sha256(both[_KEY:]).digest()[:_CHECK]


def is_sealed(text: str) -> bool:
    """Whether this is a sealed file, whole or not."""
    return any(line.partition("=")[0].strip() == "sealed" for line in text.splitlines())


def seal(text: str, secret: bytes) -> str:
    """The sealed file; KeyStoreError for a secret that is too short."""
    _check_secret(secret)
    header = _Header(SCRYPT_N, SCRYPT_R, SCRYPT_P, os.urandom(_SALT))
    key, check = header.derive(secret)
    nonce = os.urandom(_NONCE)
    sealed = AESGCM(key).encrypt(nonce, text.encode(), header.authenticated(nonce))
    numbers = {"sealed": SEALED_VERSION, "n": header.n, "r": header.r, "p": header.p}
    texts = {"salt": header.salt, "check": check, "nonce": nonce, "text": sealed}
    lines = [f"{name} = {value}" for name, value in numbers.items()]
    return "\n".join([*lines, *(f'{name} = "{value.hex()}"' for name, value in texts.items())]) + "\n"


def unseal(content: str, secret: bytes) -> str:
    """The text in a sealed file; KeyStoreError tells a wrong secret from a damaged or newer file."""
    _check_secret(secret)
    header, check, nonce, sealed = _parse(content)
    key, expected = header.derive(secret)
    if not hmac.compare_digest(check, expected):
        raise KeyStoreError("the unlock secret does not open it: name the one that it was sealed with")
    try:
        return AESGCM(key).decrypt(nonce, sealed, header.authenticated(nonce)).decode()
    except (InvalidTag, UnicodeDecodeError) as error:
        raise damaged("its content is not what was sealed") from error


def damaged(what: str) -> KeyStoreError:
    """The error for a sealed file that cannot be whole."""
    return KeyStoreError(f"it is damaged: {what}. Seal it again from the cloud's export")


def _check_secret(secret: bytes) -> None:
    if len(secret) < SECRET_BYTES_MIN:
        raise KeyStoreError(
            f"the unlock secret has {len(secret)} bytes, at least {SECRET_BYTES_MIN} are needed: "
            "make one with `openssl rand -hex 32`"
        )


def _parse(content: str) -> tuple[_Header, bytes, bytes, bytes]:
    try:
        tree = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise damaged(str(error)) from error
    version = tree.get("sealed")
    if version != SEALED_VERSION:
        raise KeyStoreError(f"sealed by another release (version {version!r}): update this gate, or seal it again")
    try:
        n, r, p = (int(tree[name]) for name in ("n", "r", "p"))
        salt, check, nonce, text = (bytes.fromhex(tree[name]) for name in ("salt", "check", "nonce", "text"))
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(f"{type(error).__name__} {error}") from error
    if not (2 <= n <= _N_MAX and n & (n - 1) == 0 and 1 <= r <= _R_MAX and 1 <= p <= _P_MAX):
        raise damaged("scrypt parameters out of range")
    if (len(salt), len(check), len(nonce)) != (_SALT, _CHECK, _NONCE):
        raise damaged("a field has the wrong length")
    return _Header(n, r, p, salt), check, nonce, text
