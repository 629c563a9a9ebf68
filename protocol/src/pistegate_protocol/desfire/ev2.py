# SPDX-License-Identifier: Apache-2.0
"""EV2First and EV2NonFirst authentication, and an authenticated session in plain, MAC and FULL mode.

NXP MF2DL(H)x0 9 and AN12343, AN12196 (vectors in the tests). Every message carries the session's transaction
identifier and command counter in its MAC and in the IV; a refusal of the card ends the session.
"""

import hmac
from collections.abc import Generator
from dataclasses import dataclass, field

from pistegate_protocol.card_layout import CommMode
from pistegate_protocol.desfire import crypto
from pistegate_protocol.desfire.apdu import CardRefused, CardUntrusted, Ins, Status, more_follows, response, wrap
from pistegate_protocol.desfire.command import Command
from pistegate_protocol.desfire.tmac import TransactionInput

_COUNTER_MAX = 0xFFFF
_MAC_BYTES = 8
_FRAMES_MAX = 32  # of one answer; the longest of ours is 5 (16 records)


@dataclass(slots=True)
class Ev2Session:
    """Keys, transaction identifier and command counter of one authentication; ends with the field.

    `input`: what the open transaction's MAC will cover. `over`: the card has ended the session, nothing more is sent.
    """

    enc_key: bytes = field(repr=False)
    mac_key: bytes = field(repr=False)
    transaction: bytes
    counter: int = 0
    input: TransactionInput = field(default_factory=TransactionInput, compare=False)
    over: bool = field(default=False, compare=False)

    # One command in each mode. Each counts, and gives the APDU to send.

    def plain(self, ins: int, data: bytes = b"") -> bytes:
        """A command in plain mode: counted, not protected."""
        self._count()
        return wrap(ins, data)

    def with_mac(self, ins: int, data: bytes = b"") -> bytes:
        """A command in MAC mode."""
        mac = self._mac(ins, data, self.counter)
        self._count()
        return wrap(ins, data + mac)

    def full(self, ins: int, header: bytes, data: bytes = b"") -> bytes:
        """A command in FULL mode: `data` enciphered (nothing when there is none), MAC over what is sent."""
        ciphertext = (
            crypto.encrypt(self.enc_key, crypto.pad(data), self._iv(b"\xa5\x5a", self.counter)) if data else b""
        )
        return self.with_mac(ins, header + ciphertext)

    # Their answers. `counter`: what it was after the command was sent; None for the last one.

    def open_mac(self, name: str, answer: bytes, counter: int | None = None) -> bytes:
        """The data of a MACed answer; CardRefused or CardUntrusted (and the session is over) when it is not one."""
        body = self._accepted(name, answer)
        data, mac = body[:-_MAC_BYTES], body[-_MAC_BYTES:]
        expected = self._mac(Status.OK, data, self.counter if counter is None else counter)
        if not hmac.compare_digest(mac, expected):
            raise self._distrust(f"{name}: the card's answer does not carry the session's MAC")
        return data

    def open_full(self, name: str, answer: bytes, counter: int | None = None) -> bytes:
        """The deciphered data of an answer in FULL mode; errors as `open_mac`."""
        data = self.open_mac(name, answer, counter)
        if not data:
            return data
        iv = self._iv(b"\x5a\xa5", self.counter if counter is None else counter)
        plain = crypto.unpad(crypto.decrypt(self.enc_key, data, iv)) if len(data) % crypto.BLOCK == 0 else None
        if plain is None:
            raise self._distrust(f"{name}: the card's answer is not enciphered as it must be")
        return plain

    # Whole commands.

    def seal(self, command: Command) -> bytes:
        """The APDU of `command` in its mode."""
        if command.mode is CommMode.PLAIN:
            return self.plain(command.ins, command.argument)
        if command.mode is CommMode.MAC:
            return self.with_mac(command.ins, command.argument)
        return self.full(command.ins, command.header, command.data)

    def open(self, command: Command, answer: bytes, counter: int | None = None) -> bytes:
        """The data of the answer to `command`, checked; takes it into the transaction's input."""
        data = self._opened(command, answer, counter)
        if command.answer is not None and len(data) != command.answer:
            raise self._distrust(f"{command.name}: {len(data)} bytes, {command.answer} expected")
        self.input.add(command, data)
        return data

    def do(self, command: Command) -> Generator[bytes, bytes, bytes]:
        """Send one command and give its answer's data, collected from as many frames as it takes."""
        answer = yield self.seal(command)
        if command.chained:
            answer = yield from rest_of(command.name, answer)
        return self.open(command, answer)

    def _opened(self, command: Command, answer: bytes, counter: int | None) -> bytes:
        if command.ends_session:
            data = self._accepted(command.name, answer)
            self.over = True
            return data
        if command.mode is CommMode.PLAIN:
            return self._accepted(command.name, answer)
        opener = self.open_mac if command.mode is CommMode.MAC else self.open_full
        return opener(command.name, answer, counter)

    def _accepted(self, name: str, answer: bytes) -> bytes:
        try:
            return response(name, answer)
        except CardRefused:
            self.over = True
            raise

    def _distrust(self, why: str) -> CardUntrusted:
        self.over = True
        return CardUntrusted(why)

    def _mac(self, code: int, data: bytes, counter: int) -> bytes:
        message = bytes([code]) + counter.to_bytes(2, "little") + self.transaction + data
        return crypto.truncated_cmac(self.mac_key, message)

    def _iv(self, label: bytes, counter: int) -> bytes:
        return crypto.encrypt(self.enc_key, label + self.transaction + counter.to_bytes(2, "little") + bytes(8))

    def _count(self) -> None:
        if self.over:
            raise CardUntrusted("the card has ended this session: authenticate again")
        if self.counter >= _COUNTER_MAX:
            raise CardUntrusted("command counter exhausted: authenticate again")
        self.counter += 1


def authenticate(key_number: int, key: bytes, rnd_a: bytes) -> Generator[bytes, bytes, Ev2Session]:
    """EV2First with an AES key; `rnd_a` is 16 fresh random bytes. CardRefused or CardUntrusted when it fails."""
    challenge = yield wrap(Ins.AUTHENTICATE_EV2_FIRST, bytes([key_number, 0x00]))
    rnd_b, opened = yield from _handshake(key, rnd_a, challenge, answer_bytes=32)
    _check_proof(opened[4:20], rnd_a)
    return Ev2Session(*crypto.session_keys(key, rnd_a, rnd_b), opened[:4])


def authenticate_non_first(
    session: Ev2Session, key_number: int, key: bytes, rnd_a: bytes
) -> Generator[bytes, bytes, Ev2Session]:
    """EV2NonFirst: another key within the transaction identifier and counter of `session`, which it replaces."""
    if session.over:
        raise CardUntrusted("the card has ended this session: authenticate with EV2First")
    challenge = yield wrap(Ins.AUTHENTICATE_EV2_NON_FIRST, bytes([key_number]))
    rnd_b, opened = yield from _handshake(key, rnd_a, challenge, answer_bytes=16)
    _check_proof(opened, rnd_a)
    return Ev2Session(*crypto.session_keys(key, rnd_a, rnd_b), session.transaction, session.counter)


def _handshake(
    key: bytes, rnd_a: bytes, challenge: bytes, answer_bytes: int
) -> Generator[bytes, bytes, tuple[bytes, bytes]]:
    """The half that both authentications share: RndB, and the card's deciphered answer."""
    name = "authenticate"
    rnd_b = crypto.decrypt(key, _whole(response(name, challenge, Status.ADDITIONAL_FRAME), 16))
    answer = yield wrap(Ins.ADDITIONAL_FRAME, crypto.encrypt(key, rnd_a + crypto.rotate_left(rnd_b)))
    return rnd_b, crypto.decrypt(key, _whole(response(name, answer), answer_bytes))


def _check_proof(proof: bytes, rnd_a: bytes) -> None:
    if not hmac.compare_digest(proof, crypto.rotate_left(rnd_a)):
        raise CardUntrusted("the card did not prove that it knows the key")


def _whole(data: bytes, length: int) -> bytes:
    if len(data) != length:
        raise CardUntrusted(f"authentication answer of {len(data)} bytes, {length} expected")
    return data


def without_session(command: Command) -> Generator[bytes, bytes, bytes]:
    """Send one command in plain, outside any session, and give its answer's data."""
    answer = yield wrap(command.ins, command.argument)
    if command.chained:
        answer = yield from rest_of(command.name, answer)
    data = response(command.name, answer)
    if command.answer is not None and len(data) != command.answer:
        raise CardUntrusted(f"{command.name}: {len(data)} bytes, {command.answer} expected")
    return data


def rest_of(name: str, answer: bytes) -> Generator[bytes, bytes, bytes]:
    """Ask for frames until the card says that there are no more; the whole answer, with the last frame's status."""
    collected = b""
    for _ in range(_FRAMES_MAX):
        if not more_follows(answer):
            return collected + answer
        collected += answer[:-2]
        answer = yield wrap(Ins.ADDITIONAL_FRAME)
    raise CardUntrusted(f"{name}: an answer without end")
