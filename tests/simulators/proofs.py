# SPDX-License-Identifier: Apache-2.0
"""TransactionMAC, key sets and diversification on the host's side, apart from card and protocol package.

Written from the public data sheet MF2DL(H)x0 (10.3), AN12343 and AN10922, on `cryptography`'s own CMAC.
"""

from .desfire_host import Ev1, Ev2, cbc, cmac, crc32

_HEADER = 7  # file, offset, length


def zeros(data: bytes) -> bytes:
    return data.ljust(-(-len(data) // 16) * 16, b"\x00")


def transaction_mac(key: bytes, uid: bytes, counter: int, covered: bytes) -> bytes:
    """The value for the transaction that brought the counter to `counter`."""
    session = cmac(key, bytes.fromhex("5A00010080") + counter.to_bytes(4, "little") + uid)
    return cmac(session, covered)[1::2]


def diversify(master: bytes, message: bytes) -> bytes:
    """AN10922 for AES-128 by a whole CMAC: our padding takes the second subkey, to which K1 ^ K2 turns the first."""
    block = b"\x01" + message
    if len(block) == 32:
        return cmac(master, block)
    first = _doubled(cbc(master, bytes(16), bytes(16)))
    change = bytes(a ^ b for a, b in zip(first, _doubled(first), strict=True))
    padded = (block + b"\x80").ljust(32, b"\x00")
    return cmac(master, padded[:16] + bytes(a ^ b for a, b in zip(padded[16:], change, strict=True)))


def _doubled(block: bytes) -> bytes:
    number = int.from_bytes(block, "big")
    return (((number << 1) & (2**128 - 1)) ^ (0x87 if number >> 127 else 0)).to_bytes(16, "big")


class Proved:
    """A session that notes what the TransactionMAC of its next commit must cover."""

    def __init__(self, session: Ev1 | Ev2) -> None:
        self.session, self.covered = session, b""

    def read(self, command: int, header: bytes, mode: int, length: int | None = None, *, unit: int = 1) -> bytes:
        """`unit` is the record size when records are read."""
        data = self.session.read(command, header, mode, length)
        if not any(header[4:]):
            header = header[:4] + (len(data) // unit).to_bytes(3, "little")
        self.covered += zeros(bytes([command]) + header) + zeros(data)
        return data

    def write(self, command: int, header: bytes, data: bytes, mode: int) -> None:
        self.session.write(command, header, data, mode)
        self.covered += zeros(bytes([command]) + header) + zeros(data)

    def get_value(self, file: int, mode: int) -> bytes:
        value = self.session.read(0x6C, bytes([file]), mode, 4)
        self.covered += zeros(bytes([0x6C, file]) + value)
        return value

    def change_value(self, command: int, file: int, amount: int, mode: int) -> None:
        data = amount.to_bytes(4, "little")
        self.session.write(command, bytes([file]), data, mode)
        self.covered += zeros(bytes([command, file]) + data)

    def clear(self, file: int) -> None:
        self.session.admin(0xEB, bytes([file]))
        self.covered += zeros(bytes([0xEB, file]))

    def commit(self) -> tuple[int, bytes, bytes]:
        """(counter, value) of the card, and what the value must cover."""
        answer = self.session.admin(0xC7, b"\x01")
        covered, self.covered = self.covered, b""
        return int.from_bytes(answer[:4], "little"), answer[4:], covered


def change_key_of_set(session: Ev2, key_set: int, number: int, new: bytes, old: bytes, version: int) -> None:
    """ChangeKeyEV2 of a key that is not the session's."""
    body = bytes(a ^ b for a, b in zip(new, old, strict=True)) + bytes([version])
    session.write(0xC6, bytes([key_set, number]), body + crc32(new), 3)


def roll(session: Ev2, key_set: int) -> None:
    """RollKeySet: the card answers without a MAC, as the session is over."""
    data = bytes([key_set])
    assert session._host.exchange(0x55, data + session._mac(0x55, data)) == b""
