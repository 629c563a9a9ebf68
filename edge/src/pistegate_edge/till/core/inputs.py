# SPDX-License-Identifier: Apache-2.0
"""What the till's core is told. `token` names one wish for a card; `client` one connection of an operator's program."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pistegate_edge.card.facts import CardFiles
from pistegate_edge.core.inputs import Fault as Fault
from pistegate_edge.core.inputs import FaultChanged as FaultChanged
from pistegate_edge.core.inputs import ReaderLost as ReaderLost
from pistegate_edge.core.inputs import ReaderReady as ReaderReady
from pistegate_edge.core.inputs import Tick as Tick
from pistegate_edge.core.inputs import WriteResult as WriteResult
from pistegate_edge.till.core.requests import CardRequest
from pistegate_protocol.desfire.transactions import Proof
from pistegate_protocol.messages import RelayRequest


class Unread(StrEnum):
    """Why what is in the field could not be read."""

    TORN = "torn"
    """It went silent, or answered garbage: worth another try."""
    FOREIGN = "foreign"
    """Another kind of card, or without our application."""
    PHONE = "phone"
    RESIDENT_ID = "resident_id"
    KEY_REFUSED = "key_refused"
    """Our application, but not our key."""
    TWO_CARDS = "two_cards"
    """More than one of ours."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The operator wants something done with a card."""

    client: int
    request: CardRequest


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The operator does not want to wait for the card of request `id` any more."""

    client: int
    id: str


@dataclass(frozen=True, slots=True)
class Gone:
    """The connection of an operator's program has ended."""

    client: int


@dataclass(frozen=True, slots=True)
class CardMet:
    """A card of ours is being read for wish `token`."""

    token: int
    uid: bytes


@dataclass(frozen=True, slots=True)
class CardRead:
    """A whole card; the reader holds it and waits."""

    token: int
    files: CardFiles


@dataclass(frozen=True, slots=True)
class CardUnread:
    """What is in the field could not be read; the reader let go of it and goes on looking."""

    token: int
    problem: Unread
    detail: str = ""


@dataclass(frozen=True, slots=True)
class CardWritten:
    """How a Write ended; exactly one for each. `refused`: the card itself said no."""

    token: int
    result: WriteResult
    proof: Proof | None = None
    refused: bool = False
    detail: str = ""


@dataclass(frozen=True, slots=True)
class UseRecorded:
    """The change is durable, under this name."""

    epoch: int
    seq: int
    name: bytes


@dataclass(frozen=True, slots=True)
class UseFailed:
    """The change could not be made durable."""

    detail: str


@dataclass(frozen=True, slots=True)
class RelayAsked:
    """The cloud wants commands run on a card."""

    request: RelayRequest


@dataclass(frozen=True, slots=True)
class RelayOver:
    """The reader has served the first `served` relay requests of this run and holds no card for the cloud."""

    served: int


@dataclass(frozen=True, slots=True)
class DocumentsArrived:
    """Cards reported lost, and signed load statements by the card they are for; both whole."""

    lost: frozenset[bytes]
    loads: Mapping[bytes, bytes]


Input = (
    Asked
    | Cancelled
    | Gone
    | CardMet
    | CardRead
    | CardUnread
    | CardWritten
    | UseRecorded
    | UseFailed
    | RelayAsked
    | RelayOver
    | DocumentsArrived
    | ReaderReady
    | ReaderLost
    | FaultChanged
    | Tick
)
