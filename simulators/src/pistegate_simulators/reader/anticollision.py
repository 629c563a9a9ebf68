# SPDX-License-Identifier: Apache-2.0
"""Which of several type A cards a reader ends up with: bitwise anticollision of ISO/IEC 14443-3."""

from collections.abc import Sequence

from pistegate_simulators.card import RadioCard

_CASCADE_TAG = 0x88
_LEVEL_BYTES = 19  # one cascade level on the air: 93 20 -> 5; 93 70 + 5 + CRC 2 -> SAK 1 + CRC 2


def levels(uid: bytes) -> list[bytes]:
    """The four bytes that each cascade level carries."""
    parts = []
    while len(uid) > 4:
        parts.append(bytes([_CASCADE_TAG]) + uid[:3])
        uid = uid[3:]
    return [*parts, uid]


def winner(answering: Sequence[RadioCard]) -> RadioCard:
    """The card that is selected: bits go least significant first, and at each collision the reader goes on with a 1."""
    return max(answering, key=lambda card: [part >> bit & 1 for part in b"".join(levels(card.uid)) for bit in range(8)])


def bytes_on_air(uid: bytes) -> int:
    """Anticollision and selection of one card, both ways; collisions add nothing."""
    return _LEVEL_BYTES * len(levels(uid))


def plain_uid(wanted: bytes) -> bytes:
    """The UID that a host names, with a cascade tag before each three bytes that are not the last four."""
    uid, rest = b"", wanted
    while len(rest) > 4 and rest[0] == _CASCADE_TAG:
        uid, rest = uid + rest[1:4], rest[4:]
    return uid + rest
