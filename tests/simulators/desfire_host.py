# SPDX-License-Identifier: Apache-2.0
"""A DESFire host for tests, written from the data sheets' formulas apart from card and protocol package.

Primitives are `cryptography`'s own CMAC and CBC, so a slip in the card's cannot hide in a shared helper.
"""

import zlib
from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.cmac import CMAC

PLAIN, MAC, FULL = 0, 1, 3
RND_A = bytes(range(0x10, 0x20))
Transceive = Callable[[bytes], bytes]


class Refused(Exception):
    """The card's status byte, when it is neither 00 nor AF."""

    def __init__(self, status: int) -> None:
        super().__init__(f"{status:02X}")
        self.status = status


class BadAnswer(Exception):
    """The card's proof, MAC or padding does not hold."""


def cbc(key: bytes, iv: bytes, data: bytes, *, decrypt: bool = False) -> bytes:
    cipher = Cipher(AES(key), CBC(iv))
    context = cipher.decryptor() if decrypt else cipher.encryptor()
    return context.update(data) + context.finalize()


def cmac(key: bytes, data: bytes) -> bytes:
    context = CMAC(AES(key))
    context.update(data)
    return context.finalize()


def crc32(data: bytes) -> bytes:
    return (~zlib.crc32(data) & 0xFFFFFFFF).to_bytes(4, "little")


def rotate(data: bytes) -> bytes:
    return data[1:] + data[:1]


def pad(data: bytes) -> bytes:
    return (data + b"\x80").ljust(-(-(len(data) + 1) // 16) * 16, b"\x00")


def u24(number: int) -> bytes:
    return number.to_bytes(3, "little")


class Host:
    """Plain commands. `transceive` carries an APDU; `native` chooses native framing over ISO wrapping."""

    def __init__(self, transceive: Transceive, *, native: bool = False) -> None:
        self._transceive = transceive
        self._native = native

    def raw(self, command: int, data: bytes = b"") -> tuple[int, bytes]:
        """One frame each way: status and data."""
        if self._native:
            answer = bytes(self._transceive(bytes([command]) + data))
            return answer[0], answer[1:]
        length = bytes([len(data)]) if data else b""
        answer = bytes(self._transceive(bytes([0x90, command, 0, 0]) + length + data + b"\x00"))
        assert answer[-2] == 0x91
        return answer[-1], answer[:-2]

    def exchange(self, command: int, data: bytes = b"") -> bytes:
        """A whole command, chained by AF both ways where it must be."""
        frame, rest = (data, b"") if command in (0x8D, 0x8B) else (data[:59], data[59:])
        status, answer = self.raw(command, frame)
        while rest and status == 0xAF:
            frame, rest = rest[:59], rest[59:]
            status, answer = self.raw(0xAF, frame)
        while status == 0xAF:
            status, more = self.raw(0xAF)
            answer += more
        if status:
            raise Refused(status)
        return answer

    def plain(self, command: int, data: bytes = b"") -> bytes:
        return self.exchange(command, data)

    def select(self, aid: int) -> None:
        self.exchange(0x5A, u24(aid))

    def auth_ev1(self, number: int, key: bytes, rnd_a: bytes = RND_A) -> "Ev1":
        status, first = self.raw(0xAA, bytes([number]))
        if status != 0xAF:
            raise Refused(status)
        rnd_b = cbc(key, bytes(16), first, decrypt=True)
        second = cbc(key, first, rnd_a + rotate(rnd_b))
        status, answer = self.raw(0xAF, second)
        if status:
            raise Refused(status)
        if cbc(key, second[-16:], answer, decrypt=True) != rotate(rnd_a):
            raise BadAnswer("the card does not know the key")
        return Ev1(self, number, rnd_a[:4] + rnd_b[:4] + rnd_a[12:] + rnd_b[12:])

    def auth_ev2(self, number: int, key: bytes, rnd_a: bytes = RND_A, running: "Ev2 | None" = None) -> "Ev2":
        """EV2First, or NonFirst when it continues `running`."""
        command, argument = (0x77, bytes([number])) if running else (0x71, bytes([number, 0]))
        status, first = self.raw(command, argument)
        if status != 0xAF:
            raise Refused(status)
        rnd_b = cbc(key, bytes(16), first, decrypt=True)
        status, answer = self.raw(0xAF, cbc(key, bytes(16), rnd_a + rotate(rnd_b)))
        if status:
            raise Refused(status)
        plain = cbc(key, bytes(16), answer, decrypt=True)
        if plain[0 if running else 4 :][:16] != rotate(rnd_a):
            raise BadAnswer("the card does not know the key")
        mixed = bytes(a ^ b for a, b in zip(rnd_a[2:8], rnd_b[:6], strict=True))
        context = rnd_a[:2] + mixed + rnd_b[6:] + rnd_a[8:]
        keys = [cmac(key, bytes.fromhex(head) + context) for head in ("A55A00010080", "5AA500010080")]
        return Ev2(self, number, keys[0], keys[1], *((running.ti, running.counter) if running else (plain[:4], 0)))


class Ev1:
    """An EV1 session. `write` protects what goes out, `read` what comes back."""

    def __init__(self, host: Host, number: int, key: bytes) -> None:
        self._host, self.number, self.key, self._iv = host, number, key, bytes(16)

    def _turn(self, data: bytes) -> bytes:
        # CMAC chained on an IV: the first block is exclusive-ored with it.
        head = data[:16].ljust(16, b"\x00")
        if len(data) >= 16:
            mixed = bytes(a ^ b for a, b in zip(head, self._iv, strict=True)) + data[16:]
            self._iv = cmac(self.key, mixed)
        else:
            subkey = int.from_bytes(cbc(self.key, bytes(16), bytes(16)), "big")
            for _ in range(2):
                subkey = (subkey << 1) ^ (0x87 | 1 << 128 if subkey >> 127 else 0)
            block = int.from_bytes(pad(data), "big") ^ subkey
            self._iv = cbc(self.key, self._iv, block.to_bytes(16, "big"))
        return self._iv[:8]

    def _check(self, answer: bytes) -> bytes:
        data, mac = answer[:-8], answer[-8:]
        if self._turn(data + b"\x00") != mac:
            raise BadAnswer("MAC")
        return data

    def admin(self, command: int, data: bytes = b"") -> bytes:
        self._turn(bytes([command]) + data)
        return self._check(self._host.exchange(command, data))

    def read(self, command: int, header: bytes, mode: int, length: int | None = None) -> bytes:
        """`length` of the deciphered answer; None = the card pads with 80 after an open-ended read."""
        self._turn(bytes([command]) + header)
        answer = self._host.exchange(command, header)
        if mode != FULL:
            return self._check(answer)
        plain = cbc(self.key, self._iv, answer, decrypt=True)
        self._iv = answer[-16:]
        if length is None:
            length = len(plain.rstrip(b"\x00")) - 1 - 4
        data, crc = plain[:length], plain[length : length + 4]
        if crc32(data + b"\x00") != crc:
            raise BadAnswer("CRC")
        return data

    def write(self, command: int, header: bytes, data: bytes, mode: int, *, spoil: int = 0) -> bytes:
        """`spoil` is exclusive-ored into the last byte sent."""
        if mode == FULL:
            plain = data + crc32(bytes([command]) + header + data)
            sent = cbc(self.key, self._iv, plain.ljust(-(-len(plain) // 16) * 16, b"\x00"))
            self._iv = sent[-16:]
        else:
            mac = self._turn(bytes([command]) + header + data)
            sent = data + (mac if mode == MAC else b"")
        sent = sent[:-1] + bytes([sent[-1] ^ spoil])
        return self._check(self._host.exchange(command, header + sent))

    def change_key(self, number: int, new: bytes, old: bytes, version: int = 1) -> None:
        own = number == self.number
        body = (new if own else bytes(a ^ b for a, b in zip(new, old, strict=True))) + bytes([version])
        plain = body + crc32(bytes([0xC4, number]) + body) + (b"" if own else crc32(new))
        sent = cbc(self.key, self._iv, plain.ljust(32, b"\x00"))
        self._iv = sent[-16:]
        answer = self._host.exchange(0xC4, bytes([number]) + sent)
        if not own:
            self._check(answer)


class Ev2:
    """An EV2 session. `write` protects what goes out, `read` what comes back."""

    def __init__(self, host: Host, number: int, enc: bytes, mac: bytes, ti: bytes, counter: int) -> None:
        self._host, self.number, self.enc, self.mac = host, number, enc, mac
        self.ti, self.counter = ti, counter

    def _tail(self) -> bytes:
        return self.counter.to_bytes(2, "little") + self.ti

    def _mac(self, code: int, data: bytes) -> bytes:
        return cmac(self.mac, bytes([code]) + self._tail() + data)[1::2]

    def _iv(self, label: bytes) -> bytes:
        block = label + self.ti + self.counter.to_bytes(2, "little") + bytes(8)
        return cbc(self.enc, bytes(16), block)

    def _exchange(self, command: int, data: bytes, *, macked: bool, spoil: int = 0) -> bytes:
        sent = data + self._mac(command, data) if macked else data
        answer = self._host.exchange(command, sent[:-1] + bytes([sent[-1] ^ spoil]) if sent else sent)
        self.counter += 1
        if not macked:
            return answer
        if self._mac(0, answer[:-8]) != answer[-8:]:
            raise BadAnswer("MAC")
        return answer[:-8]

    def admin(self, command: int, data: bytes = b"") -> bytes:
        return self._exchange(command, data, macked=True)

    def read(self, command: int, header: bytes, mode: int, length: int | None = None) -> bytes:
        answer = self._exchange(command, header, macked=mode != PLAIN)
        if mode != FULL:
            return answer
        plain = cbc(self.enc, self._iv(b"\x5a\xa5"), answer, decrypt=True).rstrip(b"\x00")
        if plain[-1:] != b"\x80" or length not in (None, len(plain) - 1):
            raise BadAnswer("padding")
        return plain[:-1]

    def write(self, command: int, header: bytes, data: bytes, mode: int, *, spoil: int = 0) -> bytes:
        if mode == FULL:
            data = cbc(self.enc, self._iv(b"\xa5\x5a"), pad(data))
        return self._exchange(command, header + data, macked=mode != PLAIN, spoil=spoil)

    def change_key(self, number: int, new: bytes, old: bytes, version: int = 1) -> None:
        own = number == self.number
        body = (new if own else bytes(a ^ b for a, b in zip(new, old, strict=True))) + bytes([version])
        if own:
            sent = bytes([number]) + cbc(self.enc, self._iv(b"\xa5\x5a"), pad(body))
            assert self._host.exchange(0xC4, sent + self._mac(0xC4, sent)) == b""
        else:
            self.write(0xC4, bytes([number]), body + crc32(new), FULL)
