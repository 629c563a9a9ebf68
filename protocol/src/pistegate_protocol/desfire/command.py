# SPDX-License-Identifier: Apache-2.0
"""One DESFire command as data: what it is called, what it carries, and how a session protects it."""

from dataclasses import dataclass, field

from pistegate_protocol.card_layout import CommMode
from pistegate_protocol.desfire.apdu import Ins


@dataclass(frozen=True, slots=True)
class Command:
    """`header` is never enciphered, `data` is in FULL mode; `mode` holds within a session, outside all is plain.

    `answer`: bytes that the deciphered answer must have, None for any number. `chained`: the answer may come in
    several frames (91 AF). `ends_session`: success is answered without a MAC, and there is no session afterwards.
    """

    name: str
    ins: Ins
    header: bytes = b""
    data: bytes = field(default=b"", repr=False)
    mode: CommMode = CommMode.MAC
    answer: int | None = 0
    chained: bool = False
    ends_session: bool = False

    @property
    def argument(self) -> bytes:
        """Header and data as they are sent in plain."""
        return self.header + self.data


def u24(number: int) -> bytes:
    """Three bytes, least significant first; ValueError when it does not fit."""
    try:
        return number.to_bytes(3, "little")
    except OverflowError as error:
        raise ValueError(f"{number} does not fit 24 bits") from error


def i32(number: int) -> bytes:
    """Four bytes, signed, least significant first; ValueError when it does not fit."""
    try:
        return number.to_bytes(4, "little", signed=True)
    except OverflowError as error:
        raise ValueError(f"{number} does not fit 32 bits") from error
