# SPDX-License-Identifier: Apache-2.0
"""AES primitives of EV2 secure messaging (NXP AN12343 and AN12196; vectors in the tests)."""

import zlib

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
    context = rnd_a[:2] + xor(rnd_a[2:8], rnd_b[:6]) + rnd_b[6:16] + rnd_a[8:16]
    return cmac(key, b"\xa5\x5a" + _SV_TAIL + context), cmac(key, b"\x5a\xa5" + _SV_TAIL + context)


def rotate_left(data: bytes) -> bytes:
    """First byte moved to the end."""
    return data[1:] + data[:1]


def xor(one: bytes, other: bytes) -> bytes:
    """Byte by byte; ValueError unless equally long."""
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def pad(data: bytes) -> bytes:
    """ISO/IEC 9797-1 method 2: 80, then zeros to whole blocks; always at least one byte."""
    return (data + b"\x80").ljust(-(-(len(data) + 1) // BLOCK) * BLOCK, b"\x00")


def unpad(data: bytes) -> bytes | None:
    """The inverse of `pad`, None when the padding is not there."""
    stripped = data.rstrip(b"\x00")
    whole = len(data) % BLOCK == 0 and len(data) - len(stripped) < BLOCK
    return stripped[:-1] if whole and stripped[-1:] == b"\x80" else None


def zero_pad(data: bytes) -> bytes:
    """Zeros to whole blocks, none when there are whole blocks already."""
    return data + bytes(-len(data) % BLOCK)


def key_checksum(key: bytes) -> bytes:
    """CRC32 without the last inversion, least significant byte first, as ChangeKey carries it of a new key."""
    return (zlib.crc32(key) ^ 0xFFFFFFFF).to_bytes(4, "little")
