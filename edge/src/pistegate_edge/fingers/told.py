# SPDX-License-Identifier: Apache-2.0
"""What is told of fingers. Whatever goes wrong with one, the guest has another way, and is told which."""

from dataclasses import dataclass
from enum import StrEnum


class FingerProblem(StrEnum):
    """Why a finger let nobody in."""

    NONE_CAME = "none_came"
    """Nobody touched the sensor in time; a glove looks so to it."""
    UNREADABLE = "unreadable"
    """Wet, dry, dirty or cold."""
    OTHER_FINGER = "other_finger"
    """It does not match the template, or is in no slot."""
    TEMPLATE = "template"
    """The template is damaged, sealed for somebody else, or of a key that is gone."""
    SENSOR = "sensor"
    """The sensor is away or fails."""


class Fallback(StrEnum):
    """What a guest may do instead."""

    AGAIN = "again"
    OTHER_MEDIUM = "other_medium"
    """The card or code that every holder of an enrolled finger has."""
    STAFF = "staff"


_AGAIN = {FingerProblem.NONE_CAME, FingerProblem.UNREADABLE, FingerProblem.OTHER_FINGER}


def fallbacks(problem: FingerProblem) -> tuple[Fallback, ...]:
    """In the order in which to offer them; a way without any finger is always among them."""
    again = (Fallback.AGAIN,) if problem in _AGAIN else ()
    return (*again, Fallback.OTHER_MEDIUM, Fallback.STAFF)


@dataclass(frozen=True, slots=True)
class FingerReady:
    """The sensor works (again); `room`: slots of its library, `used`: of them."""

    what: str
    room: int
    used: int


@dataclass(frozen=True, slots=True)
class FingerLost:
    """The sensor failed and is being restarted; whoever waits for it is told to go another way."""

    detail: str


@dataclass(frozen=True, slots=True)
class FingerMatched:
    """The finger is that of the template given with `token`; `at`: monotonic seconds."""

    token: int
    score: int
    at: float


@dataclass(frozen=True, slots=True)
class FingerFound:
    """A finger of the library was put on the sensor: the pass holder's of `slot`."""

    holder: bytes
    slot: int
    score: int
    at: float


@dataclass(frozen=True, slots=True)
class FingerRefused:
    """A finger let nobody in; `token`: of the comparison, None for one that is looked up in the library."""

    token: int | None
    problem: FingerProblem
    at: float
    detail: str = ""

    @property
    def fallbacks(self) -> tuple[Fallback, ...]:
        """What the guest may do instead; never empty."""
        return fallbacks(self.problem)


FingerTold = FingerReady | FingerLost | FingerMatched | FingerFound | FingerRefused
