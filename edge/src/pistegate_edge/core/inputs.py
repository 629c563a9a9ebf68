# SPDX-License-Identifier: Apache-2.0
"""What the passage protocol is told. `token` names one session of a reader with one card."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class ReadProblem(StrEnum):
    """Why a card in the field could not be read to the end."""

    TORN = "torn"
    """It went silent, or answered garbage: worth another try."""
    FOREIGN = "foreign"
    """Another kind of card, or without our application."""
    KEY_REFUSED = "key_refused"
    """Our application, but not our key."""


class WriteResult(StrEnum):
    """What is known of a card after usage was to be written and committed."""

    OK = "ok"
    VOID = "void"
    """The commit was not sent, or the card refused it: nothing changed."""
    UNCONFIRMED = "unconfirmed"
    """The commit was sent and not answered: changed or not."""


class Fault(StrEnum):
    """Why a gate is out of service."""

    STARTING = "starting"
    READER = "reader"
    DISK = "disk"
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class CardSeen:
    """A card is in the field; the reader waits to be told whether to read it."""

    token: int
    uid: bytes


@dataclass(frozen=True, slots=True)
class FieldEmpty:
    """The first look at the field that met no card."""


@dataclass(frozen=True, slots=True)
class CardRead:
    """Both files of a card; the reader holds it and waits."""

    token: int
    uid: bytes
    claim_file: bytes
    usage_file: bytes


@dataclass(frozen=True, slots=True)
class CardUnread:
    """The card could not be read; the reader let go of it."""

    token: int
    uid: bytes
    problem: ReadProblem
    detail: str = ""


@dataclass(frozen=True, slots=True)
class CardWritten:
    """How a Write ended; exactly one for each."""

    token: int
    result: WriteResult
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ReaderReady:
    """The reader works (again)."""


@dataclass(frozen=True, slots=True)
class ReaderLost:
    """The reader failed and is being restarted."""

    detail: str


@dataclass(frozen=True, slots=True)
class AdmissionRecorded:
    """The admission is durable, under this name."""

    epoch: int
    seq: int
    name: bytes


@dataclass(frozen=True, slots=True)
class AdmissionFailed:
    """The admission could not be made durable."""

    detail: str


@dataclass(frozen=True, slots=True)
class LanePassed:
    """`passed` persons went through in this opening so far."""

    passed: int


@dataclass(frozen=True, slots=True)
class LaneClosed:
    """The opening is over; `passed` persons went through."""

    passed: int


@dataclass(frozen=True, slots=True)
class LaneForced:
    """The arm turned without an opening."""


@dataclass(frozen=True, slots=True)
class FaultChanged:
    """A reason to be out of service came or went."""

    fault: Fault
    present: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class DenyListArrived:
    """A newer whole deny list: ticket -> revisions below this one are refused."""

    deny: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Tick:
    """Time went on."""


Input = (
    CardSeen
    | FieldEmpty
    | CardRead
    | CardUnread
    | CardWritten
    | ReaderReady
    | ReaderLost
    | AdmissionRecorded
    | AdmissionFailed
    | LanePassed
    | LaneClosed
    | LaneForced
    | FaultChanged
    | DenyListArrived
    | Tick
)
