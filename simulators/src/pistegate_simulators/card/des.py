# SPDX-License-Identifier: Apache-2.0
"""The factory's DES key: as much of AuthenticateISO (1A) as it takes to change that key to an AES key.

Cards leave the factory with a DES master key of zeros. Nothing but ChangeKey is simulated in a session with it.
"""

from dataclasses import dataclass

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.modes import CBC

from pistegate_simulators.card import crypto
from pistegate_simulators.card.channel import KeyChange, Shape
from pistegate_simulators.card.status import CardError, Status, require

BLOCK = 8  # bytes
FACTORY_KEY = bytes(BLOCK)
_CHANGE_BYTES = 24  # new AES key 16, version 1, CRC 4, zeros


def encrypt(key: bytes, iv: bytes, data: bytes) -> bytes:
    """DES-CBC, no padding; `data` is whole blocks."""
    context = Cipher(TripleDES(3 * key), CBC(iv)).encryptor()
    return context.update(data) + context.finalize()


def decrypt(key: bytes, iv: bytes, data: bytes) -> bytes:
    """DES-CBC, no padding; `data` is whole blocks."""
    context = Cipher(TripleDES(3 * key), CBC(iv)).decryptor()
    return context.update(data) + context.finalize()


def session_key(rnd_a: bytes, rnd_b: bytes) -> bytes:
    """Session key of AuthenticateISO with a DES key."""
    return rnd_a[:4] + rnd_b[:4]


@dataclass
class DesChannel:
    """A session that can do one thing: replace its own key by an AES key."""

    key: bytes

    def wire_length(self, body: int, shape: Shape) -> int:
        """Never gets here."""
        raise CardError(Status.PERMISSION_DENIED)

    def open(self, command: int, data: bytes, body: int, shape: Shape) -> bytes:
        """Refused: other commands in a DES session are not simulated."""
        raise CardError(Status.PERMISSION_DENIED)

    def open_key_change(self, command: int, data: bytes, header: int, own: bool) -> KeyChange:
        """New key 16, version 1, CRC over command, key number and these, zeros."""
        require(own, Status.PERMISSION_DENIED)
        require(len(data) == header + _CHANGE_BYTES, Status.LENGTH_ERROR)
        plain = decrypt(self.key, bytes(BLOCK), data[header:])
        checked, crc, rest = plain[:17], plain[17:21], plain[21:]
        require(crypto.crc32(bytes([command]) + data[:header] + checked) == crc, Status.INTEGRITY_ERROR)
        require(not any(rest), Status.INTEGRITY_ERROR)
        return KeyChange(checked[:16], checked[16], None)

    def seal(self, data: bytes, shape: Shape, whole_file: bool) -> bytes:
        """Never gets here."""
        raise CardError(Status.PERMISSION_DENIED)
