# SPDX-License-Identifier: Apache-2.0
"""The faults that hold at a lane, and the numbers of a lane's profile."""

from pistegate_edge.lane.core.words import LATCHED, PASSING

CODES = LATCHED + PASSING


class Faults:
    """A set of codes: latched ones stay until a reset, the others end with their cause."""

    def __init__(self) -> None:
        self.held = 0

    def rise(self, code: str) -> bool:
        """The fault begins; False when it held already."""
        bit = 1 << CODES.index(code)
        if self.held & bit:
            return False
        self.held |= bit
        return True

    def fall(self, code: str) -> bool:
        """The fault ends; False when it did not hold."""
        bit = 1 << CODES.index(code)
        if not self.held & bit:
            return False
        self.held ^= bit
        return True

    def has(self, code: str) -> bool:
        """Whether it holds."""
        return bool(self.held & (1 << CODES.index(code)))

    def latched(self) -> bool:
        """Whether any fault waits for a reset."""
        return bool(self.held & ((1 << len(LATCHED)) - 1))


def number(profile: dict[str, object], key: str, otherwise: int | None = None) -> int:
    """A number of the profile, not negative; ValueError names the key."""
    value = profile.get(key, otherwise)
    if not isinstance(value, int) or value < 0:
        raise ValueError("lane profile: " + key + " must be a whole number of 0 or more")
    return value
