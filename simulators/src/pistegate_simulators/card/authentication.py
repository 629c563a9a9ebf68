# SPDX-License-Identifier: Apache-2.0
"""The card's half of AuthenticateAES (0xAA), AuthenticateEV2First (0x71), AuthenticateEV2NonFirst (0x77).

And of AuthenticateISO (0x1A) with the factory's DES key.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pistegate_simulators.card import crypto, des
from pistegate_simulators.card.channel import Channel, Ev1Channel, Ev2Channel
from pistegate_simulators.card.status import CardError, Status, require

EV1_ISO, EV1_AES, EV2_FIRST, EV2_NON_FIRST = 0x1A, 0xAA, 0x71, 0x77
COMMANDS = frozenset({EV1_ISO, EV1_AES, EV2_FIRST, EV2_NON_FIRST})

Rng = Callable[[int], bytes]


@dataclass
class Handshake:
    """An authentication between its two parts: which, with which key, and the challenge that was sent."""

    command: int
    key_number: int
    key: bytes
    rnd_b: bytes
    encrypted: bytes
    capabilities: bytes = bytes(6)
    running: Ev2Channel | None = None


@dataclass
class Established:
    """A finished authentication: the card's last answer and the channel from now on."""

    answer: bytes
    key_number: int
    channel: Channel


def key_number_of(command: int, data: bytes) -> int:
    """The key that the first part names; LENGTH_ERROR when it is malformed."""
    if command == EV2_FIRST:
        require(len(data) >= 2 and len(data) == 2 + data[1] and data[1] <= 6, Status.LENGTH_ERROR)
    else:
        require(len(data) == 1, Status.LENGTH_ERROR)
    return data[0] & 0x3F


def begin(command: int, data: bytes, key: bytes, running: Channel | None, rng: Rng) -> Handshake:
    """First part: draw RndB and encrypt it. `running` is the session that NonFirst continues."""
    if command == EV1_ISO:
        rnd_b = rng(des.BLOCK)
        return Handshake(command, key_number_of(command, data), key, rnd_b, des.encrypt(key, bytes(des.BLOCK), rnd_b))
    rnd_b = rng(crypto.BLOCK)
    shake = Handshake(command, key_number_of(command, data), key, rnd_b, crypto.encrypt(key, crypto.ZERO_IV, rnd_b))
    if command == EV2_FIRST:
        shake.capabilities = data[2:].ljust(6, b"\x00")
    if command == EV2_NON_FIRST:
        if not isinstance(running, Ev2Channel):
            raise CardError(Status.PERMISSION_DENIED)
        shake.running = running
    return shake


def finish(shake: Handshake, data: bytes, rng: Rng) -> Established:
    """Second part: check that the host knew RndB and prove that the card knows RndA."""
    if shake.command == EV1_ISO:
        return _finish_des(shake, data)
    require(len(data) == 2 * crypto.BLOCK, Status.LENGTH_ERROR)
    # EV1 runs one CBC chain through both parts, EV2 starts each message from zero.
    iv = shake.encrypted if shake.command == EV1_AES else crypto.ZERO_IV
    plain = crypto.decrypt(shake.key, iv, data)
    rnd_a, rnd_b = plain[: crypto.BLOCK], plain[crypto.BLOCK :]
    require(rnd_b == crypto.rotate_left(shake.rnd_b), Status.AUTHENTICATION_ERROR)
    proof = crypto.rotate_left(rnd_a)
    if shake.command == EV1_AES:
        answer = crypto.encrypt(shake.key, data[-crypto.BLOCK :], proof)
        channel: Channel = Ev1Channel(crypto.ev1_session_key(rnd_a, shake.rnd_b))
        return Established(answer, shake.key_number, channel)
    enc, mac = crypto.ev2_session_keys(shake.key, rnd_a, shake.rnd_b)
    if shake.running is not None:
        channel = Ev2Channel(enc, mac, shake.running.ti, shake.running.counter)
    else:
        channel = Ev2Channel(enc, mac, rng(4))
        proof = channel.ti + proof + bytes(6) + shake.capabilities
    return Established(crypto.encrypt(shake.key, crypto.ZERO_IV, proof), shake.key_number, channel)


def _finish_des(shake: Handshake, data: bytes) -> Established:
    """One CBC chain through both parts, as for AuthenticateAES, in blocks of 8."""
    require(len(data) == 2 * des.BLOCK, Status.LENGTH_ERROR)
    plain = des.decrypt(shake.key, shake.encrypted, data)
    rnd_a, rnd_b = plain[: des.BLOCK], plain[des.BLOCK :]
    require(rnd_b == crypto.rotate_left(shake.rnd_b), Status.AUTHENTICATION_ERROR)
    answer = des.encrypt(shake.key, data[-des.BLOCK :], crypto.rotate_left(rnd_a))
    return Established(answer, shake.key_number, des.DesChannel(des.session_key(rnd_a, shake.rnd_b)))
