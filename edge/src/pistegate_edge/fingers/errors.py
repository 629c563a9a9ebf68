# SPDX-License-Identifier: Apache-2.0
"""What goes wrong with a sensor and its templates."""

from pistegate_edge.errors import EdgeError
from pistegate_edge.fingers.codes import words_of


class SensorError(EdgeError, OSError):
    """The sensor cannot be worked with; it is opened anew."""


class SensorSilent(SensorError, TimeoutError):
    """No answer, or half of one, in time."""


class SensorGarbled(SensorError):
    """What it answered cannot be an answer, twice and more."""


class SensorRefused(SensorError):
    """It answered an error that nothing at this end makes better; `code`: as its document numbers it."""

    def __init__(self, code: int, doing: str) -> None:
        super().__init__(f"{doing}: the sensor answers {code:02X}h, {words_of(code)}")
        self.code = code


class LibraryFull(EdgeError):
    """There is no room for another pass holder: fewer of them, or a finger together with a card."""


class TemplateRefused(EdgeError, ValueError):
    """A sealed template that is not this holder's, not of this site, or damaged."""


class HolderGone(EdgeError, ValueError):
    """A finger that was withdrawn, or whose time is over: what was deleted does not come back from an old file."""


class ConsentMissing(EdgeError, ValueError):
    """Nothing is taken of a finger without what the law and the guest need first."""
