# SPDX-License-Identifier: Apache-2.0
"""Signed, versioned documents from the cloud to devices: one record per name, each whole; the higher version holds."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, TypeVar, overload

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Meta

from pistegate_protocol.amendments import AMENDMENT_MAX
from pistegate_protocol.card_layout import SIGNED_FILE_BYTES
from pistegate_protocol.claims import AREAS_MAX, DAY_ZERO
from pistegate_protocol.codec import Codec, Record
from pistegate_protocol.errors import ProtocolError
from pistegate_protocol.events import Count, Millis
from pistegate_protocol.fingers import HOLDER_BYTES
from pistegate_protocol.messages import MESSAGE_MAX, DeviceNumber, SignedDocument
from pistegate_protocol.signing import SIGNED_CLAIM_MAX, KeyRing
from pistegate_protocol.suspensions import Suspension

DOCUMENT_MAX = MESSAGE_MAX - 256  # bytes; leaves room for the signature and the envelope
_LABEL = b"pistegate document\x00"

TicketNumber = Annotated[int, Meta(ge=0, lt=2**48)]
Revision = Annotated[int, Meta(ge=1, lt=2**16)]
Area = Annotated[int, Meta(ge=0, lt=AREAS_MAX)]
# A suspension may be told by any time that datetime can hold (the year 9999 at most).
SuspensionMillis = Annotated[int, Meta(ge=0, lt=253_402_300_800_000)]
DayNumber = Annotated[int, Meta(ge=0, lt=2**16)]
SetNumber = Annotated[int, Meta(ge=0, lt=2**8)]
CardUid = Annotated[bytes, Meta(min_length=4, max_length=10)]
SignedAmendment = Annotated[bytes, Meta(min_length=1, max_length=AMENDMENT_MAX)]
FingerHolder = Annotated[bytes, Meta(min_length=HOLDER_BYTES, max_length=HOLDER_BYTES)]
FingerClaim = Annotated[bytes, Meta(max_length=SIGNED_CLAIM_MAX)]
SignedLoad = Annotated[bytes, Meta(min_length=1, max_length=SIGNED_FILE_BYTES)]


class DenyList(Record, frozen=True, tag=1):
    """Every denied ticket of a site: claims of `ticket` below `revision` are refused."""

    site: Count
    version: Count
    issued_at: Millis
    entries: list[tuple[TicketNumber, Revision]]


class AmendmentList(Record, frozen=True, tag=2):
    """The newest signed amendment of each amended ticket of a site (amendments.newest_by_ticket)."""

    site: Count
    version: Count
    issued_at: Millis
    entries: list[SignedAmendment]


class SuspensionList(Record, frozen=True, tag=3):
    """Suspensions of a site's areas: area, start, end (None: until further notice), whether clocks are paused.

    Ended ones stay in it as long as they pause the clock of a ticket that still holds.
    """

    site: Count
    version: Count
    issued_at: Millis
    entries: list[tuple[Area, SuspensionMillis, SuspensionMillis | None, bool]]

    def suspensions(self) -> tuple[Suspension, ...]:
        """As decisions are told of them (decision.Knowledge)."""
        return tuple(
            Suspension(area, _at(start), None if end is None else _at(end), clocks_paused)
            for area, start, end, clocks_paused in self.entries
        )


class CalendarList(Record, frozen=True, tag=4):
    """Blackout sets of a site: number, and the days (claims.day_number) on which claims with that set do not hold."""

    site: Count
    version: Count
    issued_at: Millis
    entries: list[tuple[SetNumber, list[DayNumber]]]

    def calendars(self) -> dict[int, frozenset[date]]:
        """As decisions are told of them (decision.Knowledge)."""
        return {number: frozenset(DAY_ZERO + timedelta(days=day) for day in days) for number, days in self.entries}


class LostCards(Record, frozen=True, tag=5):
    """UIDs of the cards of a site that were reported lost."""

    site: Count
    version: Count
    issued_at: Millis
    entries: list[CardUid]


class LoadList(Record, frozen=True, tag=6):
    """Signed load statements (wallet.py) for the cards of a site that have not taken theirs yet."""

    site: Count
    version: Count
    issued_at: Millis
    entries: list[SignedLoad]


class FingerList(Record, frozen=True, tag=8):
    """What gates of a site are told of fingers: holder (fingers.py), signed claim that the finger opens by alone.

    An empty claim: consent was withdrawn or the ticket is over; the gate erases what it has and answers FingerErased.
    """

    site: Count
    version: Count
    issued_at: Millis
    entries: list[tuple[FingerHolder, FingerClaim]]


class TakeoverList(Record, frozen=True, tag=9):
    """Which spare may stand at which gate's place: spare, gate, from, until before, and that place: area, post's gates.

    A spare keeps its own number; it serves the area and the post of the gate that it stands for.
    """

    site: Count
    version: Count
    issued_at: Millis
    entries: list[tuple[DeviceNumber, DeviceNumber, Millis, Millis, Area, list[DeviceNumber]]]


Document = DenyList | AmendmentList | SuspensionList | CalendarList | LostCards | LoadList | FingerList | TakeoverList
DOCUMENTS = Codec(Document, DOCUMENT_MAX)

DENY_LIST = "deny_list"
AMENDMENT_LIST = "amendments"
SUSPENSION_LIST = "suspensions"
CALENDAR_LIST = "calendars"
LOST_CARDS = "lost_cards"
LOAD_LIST = "loads"
FINGER_LIST = "fingers"
TAKEOVER_LIST = "takeovers"
DOCUMENT_NAMES: dict[type[Document], str] = {
    DenyList: DENY_LIST,
    AmendmentList: AMENDMENT_LIST,
    SuspensionList: SUSPENSION_LIST,
    CalendarList: CALENDAR_LIST,
    LostCards: LOST_CARDS,
    LoadList: LOAD_LIST,
    FingerList: FINGER_LIST,
    TakeoverList: TAKEOVER_LIST,
}
"""The documents' names, as in Hello.documents."""
DOCUMENT_TYPES: dict[str, type[Document]] = {name: kind for kind, name in DOCUMENT_NAMES.items()}

D = TypeVar("D", bound=Document)


class DocumentRefused(ProtocolError):
    """A document that must not be applied: unknown key, bad signature, another site or kind, or not newer."""


class DocumentOlder(DocumentRefused):
    """A genuine document that is not newer than the one in force."""


def sign_document(document: Document, key_id: int, key: Ed25519PrivateKey) -> SignedDocument:
    """The document as it travels."""
    body = DOCUMENTS.encode(document)
    return SignedDocument(key_id, body, key.sign(_LABEL + body))


def verify_document(signed: SignedDocument, keys: KeyRing, site: int) -> Document:
    """The document, of whatever kind, if it is genuine and for `site`; DocumentRefused or CodecError otherwise.

    Whether it may be applied depends on its kind's version in force: `check_newer`.
    """
    if signed.key_id not in keys:
        raise DocumentRefused(f"document signed with unknown key {signed.key_id}: is this device's key list current?")
    if not keys.verify(signed.key_id, signed.signature, _LABEL + signed.body):
        raise DocumentRefused("document signature is wrong")
    document: Document = DOCUMENTS.decode(signed.body)
    if document.site != site:
        raise DocumentRefused(f"document of site {document.site}, this is site {site}")
    return document


def check_newer(document: Document, version: int) -> None:
    """DocumentOlder unless the document is newer than `version`, the one of its kind in force (0: none yet)."""
    if document.version <= version:
        raise DocumentOlder(f"document version {document.version} is not newer than {version}")


@overload
def open_document(signed: SignedDocument, keys: KeyRing, site: int, version: int) -> DenyList: ...
@overload
def open_document(signed: SignedDocument, keys: KeyRing, site: int, version: int, kind: type[D]) -> D: ...
def open_document(
    signed: SignedDocument, keys: KeyRing, site: int, version: int, kind: type[D] | type[DenyList] = DenyList
) -> D | DenyList:
    """The document of `kind`, if it is genuine, for `site` and newer than `version`.

    DocumentRefused or CodecError otherwise: a document stored or asked for under the name of another kind is refused.
    """
    document = verify_document(signed, keys, site)
    if not isinstance(document, kind):
        raise DocumentRefused(f"document {DOCUMENT_NAMES[type(document)]}, a {kind.__name__} expected")
    check_newer(document, version)
    return document


def _at(ms: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
