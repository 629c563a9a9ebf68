# SPDX-License-Identifier: Apache-2.0
"""What the passage protocol is told. `token` names one session of a reader with one card."""

from dataclasses import dataclass
from enum import StrEnum

from pistegate_edge.core.actions import OverrideLane
from pistegate_edge.core.facts import Facts
from pistegate_edge.core.reading import Unusable
from pistegate_edge.fingers.told import FingerMatched as FingerMatched
from pistegate_edge.fingers.told import FingerRefused as FingerRefused
from pistegate_edge.rung import Rung
from pistegate_protocol.decision import Owed
from pistegate_protocol.desfire.transactions import Proof
from pistegate_protocol.elsewhere import NOTHING, Elsewhere
from pistegate_protocol.signing import Medium


class ReadProblem(StrEnum):
    """Why a card in the field could not be read to the end."""

    TORN = "torn"
    """It went silent, or answered garbage: worth another try."""
    FOREIGN = "foreign"
    """Another kind of card, or without our application."""
    KEY_REFUSED = "key_refused"
    """Our application, but not our key."""


class Stranger(StrEnum):
    """What is in the field and no ski card."""

    OTHER = "other"
    """Another kind of card, or one without our application."""
    PHONE = "phone"
    RESIDENT_ID = "resident_id"


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
    LANE = "lane"
    """A fault of the lane, or a line to its board that is silent."""
    BATTERY = "battery"
    """The battery is nearly empty: the gate ends."""
    STOPPING = "stopping"
    STALE = "stale"
    """Nothing was heard of the cloud for too long, and the site wants nobody let in then."""


@dataclass(frozen=True, slots=True)
class CardSeen:
    """A card that may be ours is in the field; the reader waits to be told whether to read it."""

    token: int
    uid: bytes


@dataclass(frozen=True, slots=True)
class FieldSeen:
    """A look at the whole field: exactly these were in it. Told where it is not what the look before met, and
    again and again while there are strangers.

    `cards`: UIDs of cards that may be ours; where there are several, of cards that are.
    """

    cards: tuple[bytes, ...] = ()
    strangers: frozenset[Stranger] = frozenset()


@dataclass(frozen=True, slots=True)
class CardRead:
    """The files of a card; the reader holds it and waits. `claim_file` is None where its digest is known here,
    `amendment_file` where usage tells of none.
    """

    token: int
    uid: bytes
    usage_file: bytes
    claim_file: bytes | None
    amendment_file: bytes | None = None


@dataclass(frozen=True, slots=True)
class CardUnread:
    """The card could not be read; the reader let go of it."""

    token: int
    uid: bytes
    problem: ReadProblem
    detail: str = ""


@dataclass(frozen=True, slots=True)
class CardWritten:
    """How a Write ended; exactly one for each. `proof`: what the card answered to its commit, where it did."""

    token: int
    result: WriteResult
    detail: str = ""
    proof: Proof | None = None


@dataclass(frozen=True, slots=True)
class CodeSeen:
    """A scanner read this line; it tells the same code again and again while it is shown."""

    text: str


@dataclass(frozen=True, slots=True)
class Pointed:
    """An identity document or a finger was presented; again and again while it is there.

    `found`: the signed claims that are bound to it here, none of them believed yet; or why they cannot be known.
    """

    medium: Medium
    found: tuple[bytes, ...] | Unusable


@dataclass(frozen=True, slots=True)
class DocumentUnread:
    """A reader of documents gave a number that no document has."""


@dataclass(frozen=True, slots=True)
class FingersKnown:
    """Tickets whose holder's finger can be compared here from now on: a template is on file, and the sensor works."""

    tickets: frozenset[int]


@dataclass(frozen=True, slots=True)
class Granted:
    """The hub reserved `number`, knows `elsewhere` of the ticket, and offers its owed persons to this lane, if any."""

    number: int
    elsewhere: Elsewhere = NOTHING
    owed: Owed | None = None


@dataclass(frozen=True, slots=True)
class Alone:
    """Reservation `number` will not come: there is no hub that answers."""

    number: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class OwedTaken:
    """The hub has stored what is owed from these admissions: it can be its own from now on."""

    names: tuple[bytes, ...]


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
    """The opening is over; `passed` persons went through. `exact`, of a drain: everybody since the admission."""

    passed: int
    exact: bool = False


@dataclass(frozen=True, slots=True)
class LaneIncident:
    """Something happened at the lane, and is over; `code`: one of `lane.core.words.INCIDENTS`."""

    code: str


@dataclass(frozen=True, slots=True)
class LaneFault:
    """A fault of the lane began or ended; `code`: one of `lane.core.words.LATCHED` or `PASSING`, or the host's own."""

    code: str
    present: bool


@dataclass(frozen=True, slots=True)
class LaneCounted:
    """One person went through without a ticket, on somebody's word or because the way was free."""

    direction: str


@dataclass(frozen=True, slots=True)
class LaneMode:
    """The lane changed its mode by itself: its key was turned, a group is through, what was asked for was refused."""

    mode: str


@dataclass(frozen=True, slots=True)
class Overridden:
    """The lane did as OverrideLane asked."""

    asked: OverrideLane


@dataclass(frozen=True, slots=True)
class FaultChanged:
    """A reason to be out of service came or went."""

    fault: Fault
    present: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RungChanged:
    """Whom the gate can ask changed."""

    rung: Rung


@dataclass(frozen=True, slots=True)
class FactsArrived:
    """The cloud told something newer; these are all facts there are."""

    facts: Facts


@dataclass(frozen=True, slots=True)
class Tick:
    """Time went on."""


Input = (
    CardSeen
    | FieldSeen
    | CardRead
    | CardUnread
    | CardWritten
    | CodeSeen
    | Pointed
    | DocumentUnread
    | FingersKnown
    | FingerMatched
    | FingerRefused
    | Granted
    | Alone
    | OwedTaken
    | ReaderReady
    | ReaderLost
    | AdmissionRecorded
    | AdmissionFailed
    | LanePassed
    | LaneClosed
    | LaneIncident
    | LaneFault
    | LaneCounted
    | LaneMode
    | Overridden
    | FaultChanged
    | RungChanged
    | FactsArrived
    | Tick
)
