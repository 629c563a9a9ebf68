# SPDX-License-Identifier: Apache-2.0
"""AES building blocks of a DESFire card, written from the published formulas; shares nothing with the host side."""

import zlib

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

BLOCK = 16  # bytes
ZERO_IV = bytes(BLOCK)
_RB = 0x87  # NIST SP 800-38B, constant for 128-bit blocks


def encrypt(key: bytes, iv: bytes, data: bytes) -> bytes:
    """AES-CBC, no padding; `data` is whole blocks."""
    context = Cipher(AES(key), CBC(iv)).encryptor()
    return context.update(data) + context.finalize()


def decrypt(key: bytes, iv: bytes, data: bytes) -> bytes:
    """AES-CBC, no padding; `data` is whole blocks."""
    context = Cipher(AES(key), CBC(iv)).decryptor()
    return context.update(data) + context.finalize()


def _double(block: bytes) -> bytes:
    number = int.from_bytes(block, "big") << 1
    if number >> 128:
        number = (number & ((1 << 128) - 1)) ^ _RB
    return number.to_bytes(BLOCK, "big")


def xor(left: bytes, right: bytes) -> bytes:
    """Bytewise exclusive or of equally long strings."""
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def cmac(key: bytes, data: bytes, iv: bytes = ZERO_IV) -> bytes:
    """AES-CMAC (SP 800-38B), 16 bytes; EV1 messaging starts the chain from `iv` instead of zeros."""
    subkey = _double(encrypt(key, ZERO_IV, ZERO_IV))
    head_length = max(0, (len(data) - 1) // BLOCK) * BLOCK
    head, tail = data[:head_length], data[head_length:]
    if len(tail) < BLOCK:
        subkey = _double(subkey)
        tail = pad_iso(tail)
    return encrypt(key, iv, head + xor(tail, subkey))[-BLOCK:]


def diversify(master: bytes, message: bytes) -> bytes:
    """AN10922, AES-128: a key of its own for each card from at most 31 bytes that name it.

    Always two blocks: 01 and the message, padded with 80 00.. when shorter than 32 bytes. The mask of the last block
    is the second subkey when there was padding, else the first; that is why a plain CMAC differs below 16 bytes.
    """
    if not 1 <= len(message) < 2 * BLOCK:
        raise ValueError(f"{len(message)} bytes of diversification input, 1 to 31 are possible")
    block = b"\x01" + message
    mask = _double(encrypt(master, ZERO_IV, ZERO_IV))
    if len(block) < 2 * BLOCK:
        mask = _double(mask)
        block = (block + b"\x80").ljust(2 * BLOCK, b"\x00")
    return encrypt(master, ZERO_IV, block[:BLOCK] + xor(block[BLOCK:], mask))[-BLOCK:]


def odd_bytes(mac: bytes) -> bytes:
    """The truncation of EV2 messaging: bytes 1, 3, .. 15 of a CMAC."""
    return mac[1::2]


def crc32(data: bytes) -> bytes:
    """CRC-32 without the final inversion, least significant byte first."""
    return (zlib.crc32(data) ^ 0xFFFFFFFF).to_bytes(4, "little")


def pad_iso(data: bytes) -> bytes:
    """80 00.. up to whole blocks; adds a block to data that already is whole."""
    return data + b"\x80" + bytes(-(len(data) + 1) % BLOCK)


def pad_zero(data: bytes) -> bytes:
    """00.. up to whole blocks."""
    return data + bytes(-len(data) % BLOCK)


def unpad_iso(data: bytes) -> bytes | None:
    """Undo `pad_iso`; None when the padding is not one."""
    body = data.rstrip(b"\x00")
    return body[:-1] if body.endswith(b"\x80") else None


def rotate_left(data: bytes) -> bytes:
    """The first byte goes last."""
    return data[1:] + data[:1]


def ev1_session_key(rnd_a: bytes, rnd_b: bytes) -> bytes:
    """Session key of AuthenticateAES (0xAA)."""
    return rnd_a[0:4] + rnd_b[0:4] + rnd_a[12:16] + rnd_b[12:16]


def ev2_session_keys(key: bytes, rnd_a: bytes, rnd_b: bytes) -> tuple[bytes, bytes]:
    """(ENC, MAC) session keys of AuthenticateEV2First and NonFirst; AN12343 7.1.3."""
    context = rnd_a[0:2] + xor(rnd_a[2:8], rnd_b[0:6]) + rnd_b[6:16] + rnd_a[8:16]
    enc = cmac(key, bytes.fromhex("A55A00010080") + context)
    mac = cmac(key, bytes.fromhex("5AA500010080") + context)
    return enc, mac
