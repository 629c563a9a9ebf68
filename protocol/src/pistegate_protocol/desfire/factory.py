# SPDX-License-Identifier: Apache-2.0
"""A card from the factory: its own key is a DES key of zeros, with which EV2 messaging cannot begin.

AuthenticateISO (1A) with that key, then ChangeKey to an AES key. Written after a trace of a real EV3 card (the tests
replay it). All the world knows the key, so that all of this is open to whoever listens: for trusted encoders only.
"""

import hmac
import zlib
from collections.abc import Generator

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from pistegate_protocol.card_layout import KEY_BYTES
from pistegate_protocol.desfire.apdu import CardUntrusted, Ins, Status, response, wrap
from pistegate_protocol.desfire.card_commands import AES_KEYS
from pistegate_protocol.desfire.crypto import rotate_left

FACTORY_KEY = bytes(8)
RND_BYTES = 8
_BLOCK = 8
_PICC_KEY = 0


def replace_factory_key(
    new: bytes, version: int, rnd_a: bytes, factory_key: bytes = FACTORY_KEY
) -> Generator[bytes, bytes, None]:
    """Give the card, which is selected, the AES key `new` instead of its DES key; `rnd_a` is 8 fresh random bytes.

    CardRefused with AUTHENTICATION_ERROR when it has another key; there is no session afterwards.
    """
    if len(new) != KEY_BYTES or len(rnd_a) != RND_BYTES:
        raise ValueError(f"a key of {len(new)} and a random number of {len(rnd_a)} bytes")
    session_key = yield from _authenticate(factory_key, rnd_a)
    number = bytes([_PICC_KEY | AES_KEYS])
    data = new + bytes([version])
    data += _checksum(bytes([Ins.CHANGE_KEY]) + number + data)
    sealed = _encrypt(session_key, bytes(_BLOCK), data.ljust(-(-len(data) // _BLOCK) * _BLOCK, b"\x00"))
    response("change factory key", (yield wrap(Ins.CHANGE_KEY, number + sealed)))


def _authenticate(key: bytes, rnd_a: bytes) -> Generator[bytes, bytes, bytes]:
    """AuthenticateISO with a DES key: one CBC chain through both directions; gives the session key."""
    name = "authenticate with the factory's key"
    challenge = response(name, (yield wrap(Ins.AUTHENTICATE_ISO, bytes([_PICC_KEY]))), Status.ADDITIONAL_FRAME)
    if len(challenge) != _BLOCK:
        raise CardUntrusted(f"{name}: a challenge of {len(challenge)} bytes")
    rnd_b = _decrypt(key, bytes(_BLOCK), challenge)
    token = _encrypt(key, challenge, rnd_a + rotate_left(rnd_b))
    proof = response(name, (yield wrap(Ins.ADDITIONAL_FRAME, token)))
    expected = rotate_left(rnd_a)
    if len(proof) != _BLOCK or not hmac.compare_digest(_decrypt(key, token[-_BLOCK:], proof), expected):
        raise CardUntrusted(f"{name}: the card did not prove that it knows it")
    return rnd_a[:4] + rnd_b[:4]


def _checksum(data: bytes) -> bytes:
    return (zlib.crc32(data) ^ 0xFFFFFFFF).to_bytes(4, "little")


def _encrypt(key: bytes, iv: bytes, data: bytes) -> bytes:
    encryptor = Cipher(TripleDES(3 * key), modes.CBC(iv)).encryptor()
    return encryptor.update(data) + encryptor.finalize()


def _decrypt(key: bytes, iv: bytes, data: bytes) -> bytes:
    decryptor = Cipher(TripleDES(3 * key), modes.CBC(iv)).decryptor()
    return decryptor.update(data) + decryptor.finalize()
