# SPDX-License-Identifier: Apache-2.0
"""EV2First authentication and an authenticated session in plain and MAC mode."""

import hmac
from collections.abc import Generator
from dataclasses import dataclass

from pistegate_protocol.desfire import crypto
from pistegate_protocol.desfire.apdu import CardUntrusted, Ins, Status, command, response

_COUNTER_MAX = 0xFFFF


@dataclass(slots=True)
class Ev2Session:
    """Keys, transaction identifier and command counter of one authentication; ends with the field."""

    enc_key: bytes
    mac_key: bytes
    transaction: bytes
    counter: int = 0

    def plain(self, ins: int, data: bytes = b"") -> bytes:
        """A command in plain mode: counted, not protected."""
        self._count()
        return command(ins, data)

    def with_mac(self, ins: int, data: bytes = b"") -> bytes:
        """A command in MAC mode."""
        apdu = command(ins, data + self._mac(ins, data))
        self._count()
        return apdu

    def open_mac(self, name: str, answer: bytes, counter: int | None = None) -> bytes:
        """The data of a MACed answer to the command that brought the counter to `counter` (None: the last one)."""
        body = response(name, answer)
        data, mac = body[:-8], body[-8:]
        count = self.counter if counter is None else counter
        expected = self._mac(Status.OK, data, count)
        if not hmac.compare_digest(mac, expected):
            raise CardUntrusted(f"{name}: the card's answer does not carry the session's MAC")
        return data

    def _mac(self, code: int, data: bytes, counter: int | None = None) -> bytes:
        count = self.counter if counter is None else counter
        message = bytes([code]) + count.to_bytes(2, "little") + self.transaction + data
        return crypto.truncated_cmac(self.mac_key, message)

    def _count(self) -> None:
        if self.counter >= _COUNTER_MAX:
            raise CardUntrusted("command counter exhausted: authenticate again")
        self.counter += 1


def authenticate(key_number: int, key: bytes, rnd_a: bytes) -> Generator[bytes, bytes, Ev2Session]:
    """EV2First with an AES key; `rnd_a` is 16 fresh random bytes. CardRefused or CardUntrusted when it fails."""
    name = "authenticate"
    challenge = yield command(Ins.AUTHENTICATE_EV2_FIRST, bytes([key_number, 0x00]))
    rnd_b = crypto.decrypt(key, _whole(response(name, challenge, Status.ADDITIONAL_FRAME), 16))
    proof = crypto.encrypt(key, rnd_a + crypto.rotate_left(rnd_b))
    answer = yield command(Ins.ADDITIONAL_FRAME, proof)
    opened = crypto.decrypt(key, _whole(response(name, answer), 32))
    if not hmac.compare_digest(opened[4:20], crypto.rotate_left(rnd_a)):
        raise CardUntrusted("the card did not prove that it knows the key")
    enc_key, mac_key = crypto.session_keys(key, rnd_a, rnd_b)
    return Ev2Session(enc_key, mac_key, opened[:4])


def _whole(data: bytes, length: int) -> bytes:
    if len(data) != length:
        raise CardUntrusted(f"authentication answer of {len(data)} bytes, {length} expected")
    return data


def file_range(number: int, offset: int, length: int) -> bytes:
    """Header of ReadData and WriteData: file number, offset and length (u24, little-endian)."""
    return bytes([number]) + offset.to_bytes(3, "little") + length.to_bytes(3, "little")
