# SPDX-License-Identifier: Apache-2.0
"""Fingers, what a sensor makes of them, and how it compares: made-up features, no image of anything.

A template is 512 bytes, as of R30x and AS608: 03 03, the number of features, then four bytes each.
"""

import struct
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from random import Random

TEMPLATE_BYTES = 512
FEATURES = 100
_HEAD = b"\x03\x03"


class Skin(StrEnum):
    """How a finger is."""

    CLEAN = "clean"
    WET = "wet"
    DRY = "dry"
    GLOVE = "glove"
    SHORT = "short"
    """Touched too shortly."""


@dataclass(frozen=True, slots=True)
class Finger:
    """One of a person's fingers, by any name: the same name is the same finger."""

    name: str
    skin: Skin = Skin.CLEAN

    def features(self, touch: Random) -> set[int]:
        """Of one touch: nine in ten of what there is, and some that are not there."""
        seed = Random(int.from_bytes(sha256(self.name.encode()).digest()[:8], "big"))
        all_of_it = [seed.getrandbits(32) for _ in range(FEATURES)]
        return {one for one in all_of_it if touch.random() < 0.9} | {touch.getrandbits(32) for _ in range(5)}


def pack(features: set[int]) -> bytes:
    """A template; FEATURES of them at most."""
    kept = sorted(features)[:FEATURES]
    return (_HEAD + bytes([len(kept)]) + struct.pack(f">{len(kept)}I", *kept)).ljust(TEMPLATE_BYTES, b"\x00")


def unpack(template: bytes) -> set[int] | None:
    """The features; None for what no sensor made."""
    count = template[2] if len(template) == TEMPLATE_BYTES and template[:2] == _HEAD else 0
    if not 1 <= count <= FEATURES:
        return None
    return set(struct.unpack(f">{count}I", template[3 : 3 + 4 * count]))


def score(one: bytes, other: bytes) -> int:
    """0 for what is no template, about 130-170 for one finger, 0-2 for two."""
    left, right = unpack(one), unpack(other)
    return 0 if not left or not right else 200 * len(left & right) // max(len(left), len(right))
