# SPDX-License-Identifier: Apache-2.0
"""What a gate records: events of two hash-chained streams, named by (gate, stream, epoch, seq).

`ledger`: epochs, admissions, card uses of tills, their outcomes, settlements, overrides, receipts of erased fingers;
never dropped. `notes`: epochs, refusals, incidents; repeats are merged, the oldest may be dropped and the drop is
itself recorded. Times are milliseconds since 1970 UTC. seq starts at 1 in every epoch, and the first event of an epoch
is EpochOpened.
"""

from enum import IntEnum
from hashlib import sha256
from typing import Annotated

from msgspec import Meta

from pistegate_protocol.card_layout import SIGNED_FILE_BYTES
from pistegate_protocol.codec import Codec, Record
from pistegate_protocol.errors import CodecError
from pistegate_protocol.signing import DIGEST_BYTES

EVENT_MAX = 1024  # bytes of one event's payload
HEAD_BYTES = 32

Millis = Annotated[int, Meta(ge=0, lt=2**53)]
Count = Annotated[int, Meta(ge=0, lt=2**32)]
Epoch = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Name = Annotated[bytes, Meta(min_length=DIGEST_BYTES, max_length=DIGEST_BYTES)]
MediumBytes = Annotated[bytes, Meta(min_length=1, max_length=17)]
SHORT_TEXT_MAX = 200  # characters
ShortText = Annotated[str, Meta(max_length=SHORT_TEXT_MAX)]
COUNTERS_EVENT_BYTES = 16  # layout byte and counters of a usage (usage.encode_counters)
Counters = Annotated[bytes, Meta(min_length=COUNTERS_EVENT_BYTES, max_length=COUNTERS_EVENT_BYTES)]
Signed = Annotated[bytes, Meta(max_length=SIGNED_FILE_BYTES)]  # an amendment or a load statement; empty for none
# TransactionMAC counter and value, as the card answered them to its commit.
Proof = tuple[Count, Annotated[bytes, Meta(min_length=8, max_length=8)]]
READ_CLAIM, READ_AMENDMENT = 1, 2  # bits of Admitted.reads


class Stream(IntEnum):
    """The two chains of a gate."""

    LEDGER = 1
    NOTES = 2


class OutcomeKind(IntEnum):
    """How an admission ended."""

    PASSED = 1
    NOT_PASSED = 2
    CARD_VOID = 3
    """The card's commit was not sent, or refused: nothing charged, lane stayed shut."""
    CARD_UNCONFIRMED = 4
    """The commit was sent and not answered: charged or not, lane stayed shut."""
    INTERRUPTED = 5
    """The gate restarted while it was open."""


class UseKind(IntEnum):
    """What a till does with a card."""

    DEBIT = 1
    LOAD = 2
    RENTAL_OUT = 3
    RENTAL_BACK = 4


class UseResult(IntEnum):
    """How a till's transaction with a card ended."""

    DONE = 1
    VOID = 2
    """The commit was not sent, or refused: nothing changed."""
    UNCONFIRMED = 3
    """The commit was sent and not answered: changed or not."""
    INTERRUPTED = 4
    """The till restarted in between: changed or not."""


class OverrideKind(IntEnum):
    """On whose word people went through a lane without a ticket."""

    GROUP = 1
    """An attendant let one person or a group of n through."""
    FREE = 2
    """The lane stood open: rescue sledge, evacuation."""
    OUT = 3
    """The lane was taken out of service; nobody went through."""


class EpochOpened(Record, frozen=True, tag=1):
    """First event of an epoch: one run of the gate process, chained to the epoch before (0 and empty: none)."""

    at: Millis
    previous_epoch: Epoch
    previous_head: Annotated[bytes, Meta(max_length=HEAD_BYTES)]
    software: ShortText


class AdmittedV1(Record, frozen=True, tag=2):
    """An admission as release 0.1 recorded it; `counters` without the layout byte (usage v1)."""

    at: Millis
    ticket: Annotated[int, Meta(ge=0, lt=2**48)]
    medium: MediumBytes
    claim: Name
    n: Annotated[int, Meta(ge=1, le=255)]
    charged: Annotated[int, Meta(ge=0, le=255)]
    counters: Annotated[bytes, Meta(min_length=15, max_length=15)]
    prev: Name
    reoffer_of: Name | None = None


class OutcomeV1(Record, frozen=True, tag=3):
    """An outcome as release 0.1 recorded it, without the card's proof."""

    at: Millis
    epoch: Epoch
    seq: Count
    kind: OutcomeKind
    passed: Annotated[int, Meta(ge=0, le=255)]
    unknown: Annotated[int, Meta(ge=0, le=255)] = 0


class Admitted(Record, frozen=True, tag=6):
    """Permission for `n` persons, durable before the lane opens.

    `counters`: the new usage without its names (usage.encode_counters); `before`: the same of the usage that was read,
    empty for a medium without a memory. `prev`: the admission the card named when read. `reads`: bits of what else was
    read in the same card session (READ_CLAIM, READ_AMENDMENT), `amendment`: the signed amendment written to the card,
    empty for none; the card's proof covers all of them.
    """

    at: Millis
    ticket: Annotated[int, Meta(ge=0, lt=2**48)]
    medium: MediumBytes
    claim: Name
    n: Annotated[int, Meta(ge=1, le=255)]
    charged: Annotated[int, Meta(ge=0, le=255)]
    counters: Counters
    prev: Name
    before: Annotated[bytes, Meta(max_length=COUNTERS_EVENT_BYTES)] = b""
    reads: Annotated[int, Meta(ge=0, le=3)] = 0
    amendment: Signed = b""
    exit: bool = False
    overtime: bool = False
    reoffer_of: Name | None = None


class Outcome(Record, frozen=True, tag=7):
    """How admission (`epoch`, `seq`) of this gate's ledger ended; `unknown`: persons who may have passed or not.

    `proof`: what the card answered to its commit; None where it did not, or has none.
    """

    at: Millis
    epoch: Epoch
    seq: Count
    kind: OutcomeKind
    passed: Annotated[int, Meta(ge=0, le=255)]
    unknown: Annotated[int, Meta(ge=0, le=255)] = 0
    proof: Proof | None = None


class CardUse(Record, frozen=True, tag=8):
    """A till is about to change a card: durable before the card's commit is sent.

    `purse`, `loads`: minor units debited from either (wallet.py); `purse_before`, `spent_before`: as read. `rental`:
    the rental file written, `statement`: the load statement written; empty for none. `ticket`: the card's, or 0.
    """

    at: Millis
    kind: UseKind
    medium: MediumBytes
    ticket: Annotated[int, Meta(ge=0, lt=2**48)]
    purse: Count
    loads: Count
    currency: Annotated[str, Meta(max_length=3)]
    purse_before: Count
    spent_before: Count
    rental: Annotated[bytes, Meta(max_length=16)] = b""
    statement: Signed = b""
    item: ShortText = ""
    operator: ShortText = ""


class CardUseEnded(Record, frozen=True, tag=9):
    """How card use (`epoch`, `seq`) of this till's ledger ended; `proof` when the card confirmed it."""

    at: Millis
    epoch: Epoch
    seq: Count
    result: UseResult
    proof: Proof | None = None


class Settled(Record, frozen=True, tag=4):
    """A card came back and told whether admission or card use (`epoch`, `seq`) had been charged."""

    at: Millis
    epoch: Epoch
    seq: Count
    charged: bool


class Refused(Record, frozen=True, tag=10):
    """A medium was refused `times` times for one reason, first at `at`. `reason`: a Reason value."""

    at: Millis
    reason: ShortText
    medium: MediumBytes | None
    ticket: Annotated[int, Meta(ge=0, lt=2**48)] | None
    times: Count = 1


class Incident(Record, frozen=True, tag=11):
    """Something an operator should know; `code` is an IncidentCode value of the gate's release, `detail` free text."""

    at: Millis
    code: ShortText
    detail: ShortText
    times: Count = 1


class Dropped(Record, frozen=True, tag=12):
    """`count` older notes were dropped for want of room before they were acknowledged."""

    at: Millis
    count: Count


class Override(Record, frozen=True, tag=13):
    """A lane in an attendant's hands: it began (nobody yet), or one more person was counted.

    `number` tells one override of an epoch from the next. `medium`, `ticket`: the staff card; None for the key switch
    or fire. `why`: the reason as the site set it for that key or card.
    """

    at: Millis
    number: Count
    kind: OverrideKind
    entries: Annotated[int, Meta(ge=0, le=255)]
    exits: Annotated[int, Meta(ge=0, le=255)]
    medium: MediumBytes | None
    ticket: Annotated[int, Meta(ge=0, lt=2**48)] | None
    why: ShortText


class ClockState(Record, frozen=True, tag=14):
    """How far the gate's time is to be believed from here on in this chain; in both streams.

    `at`: its time. `moved`: by how much that was just set, in ms; of an epoch's first one 0. `reason`: why it is in
    doubt, or by what it is trusted (edge timekeeping.doubt). `boot`, `up`: its steady clock, which compares within one
    boot (empty: it does not). `error`: how far `at` may be off, in ms; None: nobody knows.
    """

    at: Millis
    trusted: bool
    reason: ShortText
    moved: Annotated[int, Meta(gt=-(2**53), lt=2**53)]
    boot: Annotated[bytes, Meta(max_length=8)]
    up: Millis
    error: Millis | None


class FingerErased(Record, frozen=True, tag=15):
    """Nothing of a holder's finger is left at this gate since `at`; the receipt of a deletion, in the ledger.

    `holder`: as FingerList names it. `why`: "withdrawn", or "expired" by the gate's own clock. `slot`: of the sensor
    that erased it and showed it empty; None where no sensor had it.
    """

    at: Millis
    holder: Annotated[bytes, Meta(min_length=1, max_length=32)]
    why: ShortText
    slot: Annotated[int, Meta(ge=0, lt=2**16)] | None


class PlaceTaken(Record, frozen=True, tag=18):
    """From here on this epoch is of the place of gate `of`, where a spare stands, by version `version` of the document.

    Right after the epoch's opening, before anything that happens at the place.
    """

    at: Millis
    of: Annotated[int, Meta(ge=1, lt=2**16)]
    version: Count


LedgerEvent = (
    EpochOpened
    | AdmittedV1
    | OutcomeV1
    | Admitted
    | Outcome
    | CardUse
    | CardUseEnded
    | Settled
    | Override
    | ClockState
    | FingerErased
    | PlaceTaken
)
NoteEvent = EpochOpened | Refused | Incident | Dropped | ClockState
Event = (
    EpochOpened
    | AdmittedV1
    | OutcomeV1
    | Admitted
    | Outcome
    | CardUse
    | CardUseEnded
    | Settled
    | Override
    | Refused
    | Incident
    | Dropped
    | ClockState
    | FingerErased
    | PlaceTaken
)

EVENTS = Codec(Event, EVENT_MAX)


def first_head(gate: int, stream: Stream, epoch: int) -> bytes:
    """The head of an epoch's chain before its first event."""
    label = b"pistegate chain 1\x00"
    return sha256(label + gate.to_bytes(4, "big") + bytes([stream]) + epoch.to_bytes(8, "big")).digest()


def next_head(head: bytes, payload: bytes) -> bytes:
    """The head after appending the raw `payload`."""
    return sha256(head + payload).digest()


def admission_name(gate: int, epoch: int, seq: int) -> bytes:
    """The 8 bytes by which a card, an event or another admission names an admission."""
    label = b"pistegate admission 1\x00"
    data = label + gate.to_bytes(4, "big") + epoch.to_bytes(8, "big") + seq.to_bytes(4, "big")
    return sha256(data).digest()[:DIGEST_BYTES]


def short_text(words: str) -> str:
    """Free text (an error message, say) as an event can carry it: cut to 200 characters, lone surrogates replaced."""
    return words[:SHORT_TEXT_MAX].encode("utf-8", "replace").decode()


def new_epoch(counter: int, random32: int) -> int:
    """An epoch number: a counter (31 bits) that only rises, then 32 random bits; CodecError when either is larger."""
    if counter >> 31 or random32 >> 32:
        raise CodecError(f"epoch counter {counter} or random part {random32} out of range")
    return counter << 32 | random32


def epoch_counter(epoch: int) -> int:
    """The counter half of an epoch number."""
    return epoch >> 32
