# SPDX-License-Identifier: Apache-2.0
"""Key diversification of NXP AN10922 for AES-128: one key per card, so that a broken card opens no other."""

from pistegate_protocol.card_layout import KEY_BYTES
from pistegate_protocol.desfire import crypto

_CONSTANT = b"\x01"
INPUT_MAX = 31  # bytes after the constant
_PADDED = 32


def diversify(master: bytes, uid: bytes, aid: bytes, system: bytes) -> bytes:
    """The key of one card: M = UID || AID (3 bytes, as sent; zeros for the card's own key) || system identifier."""
    return diversified(master, uid + aid + system)


def diversified(master: bytes, message: bytes) -> bytes:
    """AN10922 2.2 over 1 to 31 bytes; ValueError otherwise.

    M and its constant are padded to 32 bytes before the CMAC: a CMAC over a short M alone pads to one block and gives
    another key (AN10957; libfreefare's issue 91).
    """
    if len(master) != KEY_BYTES or not 1 <= len(message) <= INPUT_MAX:
        raise ValueError(f"a master key of {len(master)} bytes and {len(message)} bytes to diversify it by")
    return _cmac_padded(master, _CONSTANT + message)


def _cmac_padded(key: bytes, message: bytes) -> bytes:
    """CMAC of a message of 32 bytes at most, whose padding goes to 32 bytes; the subkey tells whether it was padded."""
    first, second = _subkeys(key)
    if len(message) == _PADDED:
        blocks, subkey = message, first
    else:
        blocks, subkey = (message + b"\x80").ljust(_PADDED, b"\x00"), second
    last = crypto.xor(blocks[-crypto.BLOCK :], subkey)
    return crypto.encrypt(key, blocks[: -crypto.BLOCK] + last)[-crypto.BLOCK :]


def _subkeys(key: bytes) -> tuple[bytes, bytes]:
    """K1 and K2 of NIST SP 800-38B."""
    first = _doubled(crypto.encrypt(key, bytes(crypto.BLOCK)))
    return first, _doubled(first)


def _doubled(block: bytes) -> bytes:
    number = int.from_bytes(block, "big") << 1
    if number >> 128:
        number ^= 1 << 128 | 0x87
    return number.to_bytes(crypto.BLOCK, "big")
