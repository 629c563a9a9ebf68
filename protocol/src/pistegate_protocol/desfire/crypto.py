# SPDX-License-Identifier: Apache-2.0
"""AES primitives of EV2 secure messaging (NXP AN12343 and AN12196; vectors in the tests)."""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

BLOCK = 16
ZERO_IV = bytes(BLOCK)
_SV_TAIL = bytes.fromhex("00010080")


def encrypt(key: bytes, data: bytes, iv: bytes = ZERO_IV) -> bytes:
    """AES-CBC without padding; whole blocks."""
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return encryptor.update(data) + encryptor.finalize()


def decrypt(key: bytes, data: bytes, iv: bytes = ZERO_IV) -> bytes:
    """AES-CBC without padding; whole blocks."""
    decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    return decryptor.update(data) + decryptor.finalize()


def cmac(key: bytes, message: bytes) -> bytes:
    """AES-CMAC, 16 bytes."""
    mac = CMAC(algorithms.AES(key))
    mac.update(message)
    return mac.finalize()


def truncated_cmac(key: bytes, message: bytes) -> bytes:
    """The 8 odd bytes of the CMAC, as EV2 messages carry it."""
    return cmac(key, message)[1::2]


def session_keys(key: bytes, rnd_a: bytes, rnd_b: bytes) -> tuple[bytes, bytes]:
    """EV2 session keys (ENC, MAC) from the authentication key and both random numbers (16 bytes each)."""
    mixed = bytes(a ^ b for a, b in zip(rnd_a[2:8], rnd_b[:6], strict=True))
    context = rnd_a[:2] + mixed + rnd_b[6:16] + rnd_a[8:16]
    return cmac(key, b"\xa5\x5a" + _SV_TAIL + context), cmac(key, b"\x5a\xa5" + _SV_TAIL + context)


def rotate_left(data: bytes) -> bytes:
    """First byte moved to the end."""
    return data[1:] + data[:1]
