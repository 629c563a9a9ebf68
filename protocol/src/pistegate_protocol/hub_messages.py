# SPDX-License-Identifier: Apache-2.0
"""What a gate and the hub of its site say to each other over the site's own broker: one message per publish.

Every message of a gate carries its *standing*, and whatever a standing says holds for good: so a message that is lost
is made good by any later one, and one that comes twice or late changes nothing. The hub answers after its own commit.
"""

from typing import Annotated

from msgspec import Meta

from pistegate_protocol.codec import Codec, Record
from pistegate_protocol.events import COUNTERS_EVENT_BYTES, Count, Epoch, Name, ShortText
from pistegate_protocol.messages import DeviceNumber, Payload

HUB_MESSAGE_MAX = 1 << 18  # bytes; a report of 100 events of the largest size is 100 KiB
REPORT_EVENTS_MAX = 100
POST_MAX = 64  # gates of one post
HELD_MAX = 500  # owed entries that a gate may hold and still use the hub; a lane makes some 40 in their 120 s
SPANS_MAX = 500  # runs of a gate whose ledger is kept: 35 days with a dozen restarts a day
ELSEWHERE_MAX = 1 + 255 * 20  # bytes of elsewhere.encode_elsewhere with every source there may be

Ticket = Annotated[int, Meta(ge=0, lt=2**48)]
Number = Annotated[int, Meta(ge=1, lt=2**32)]
Persons = Annotated[int, Meta(ge=0, le=255)]
ReservedCounters = Annotated[bytes, Meta(max_length=COUNTERS_EVENT_BYTES)]
Run = Epoch  # drawn anew at each start of the hub


class Standing(Record, frozen=True):
    """Where a gate stands: in `epoch`, its ledger written to event `last`.

    Of every reservation of this epoch up to number `decided`: either its admission is in the ledger or it has none.
    `held`: all owed entries told in this epoch which the gate may still honour by itself.
    """

    epoch: Epoch
    last: Count
    decided: Count
    held: Annotated[list[Name], Meta(max_length=HELD_MAX)]


class Span(Record, frozen=True):
    """One epoch of a gate's ledger: kept from event `first` to `last`; the hub once acknowledged it to `heard`."""

    epoch: Epoch
    first: Annotated[int, Meta(ge=1, lt=2**32)]
    last: Count
    heard: Count


class OwedTold(Record, frozen=True):
    """`persons` of `admission`, shown no card, may come again for `left_ms` from the sending of this message on."""

    admission: Name
    ticket: Ticket
    persons: Annotated[int, Meta(ge=1, le=255)]
    left_ms: Annotated[int, Meta(ge=0, le=2 * 86_400_000)]
    exit: bool = False


class Join(Record, frozen=True, tag=1):
    """Up: a gate's first message to a run of the hub. `post`: gates whose owed entries it may honour. `exit`: its way.

    `spans`: every epoch of which its ledger still keeps something, oldest first. `asked`: the reservation that it has
    asked for, or been granted, and not decided (0: none), as Reserve told it.
    """

    standing: Standing
    post: Annotated[list[DeviceNumber], Meta(max_length=POST_MAX)]
    exit: bool
    spans: Annotated[list[Span], Meta(min_length=1, max_length=SPANS_MAX)]
    asked: Count = 0
    ticket: Ticket = 0
    n: Persons = 0
    counters: ReservedCounters = b""


class Reserve(Record, frozen=True, tag=2):
    """Up: may `n` persons of `ticket` be charged here, which makes the usage of its media at this gate `counters`?

    n 0, and no counters: only somebody who is owed is to be let in. `number` counts a gate's reservations within its
    epoch, from 1.
    """

    standing: Standing
    number: Number
    ticket: Ticket
    n: Persons
    counters: ReservedCounters


class Report(Record, frozen=True, tag=3):
    """Up: consecutive events of the ledger of `epoch`, from `first` on, as they are in the journal.

    `owed`: whom the gate owes by now and has not handed over.
    """

    standing: Standing
    epoch: Epoch
    first: Annotated[int, Meta(ge=1, lt=2**32)]
    payloads: Annotated[list[Payload], Meta(min_length=1, max_length=REPORT_EVENTS_MAX)]
    owed: Annotated[list[OwedTold], Meta(max_length=HELD_MAX)]


class Ping(Record, frozen=True, tag=4):
    """Up: answered by a Pong of the same number."""

    standing: Standing
    number: Number


class Hail(Record, frozen=True, tag=5):
    """Down, to all or to one: a hub runs, and does not know whoever has not joined this run."""

    run: Run


class Welcome(Record, frozen=True, tag=6):
    """Down: the gate has joined; `heard`: (epoch, last event known) of each span that it told."""

    run: Run
    heard: Annotated[list[tuple[Epoch, Count]], Meta(max_length=SPANS_MAX)]


class Offer(Record, frozen=True):
    """Persons owed from `admission` of `gate`: the asking gate alone may let them in, with this reservation."""

    admission: Name
    gate: DeviceNumber
    persons: Annotated[int, Meta(ge=1, le=255)]


class Grant(Record, frozen=True, tag=7):
    """Down: it is reserved. `elsewhere`: all that is known of the ticket (elsewhere.encode_elsewhere).

    The asking gate's own counters are in it, and reservations of others as if they came about. Whether the ticket may
    enter the gate decides.
    """

    run: Run
    epoch: Epoch
    number: Number
    ticket: Ticket
    elsewhere: Annotated[bytes, Meta(min_length=1, max_length=ELSEWHERE_MAX)]
    offer: Offer | None = None


class Busy(Record, frozen=True, tag=8):
    """Down: nothing is reserved; the gate does best to go alone at once."""

    run: Run
    epoch: Epoch
    number: Number
    why: ShortText


class Heard(Record, frozen=True, tag=9):
    """Down: everything of the ledger of `epoch` up to `seq` is stored."""

    run: Run
    epoch: Epoch
    seq: Count


class Pong(Record, frozen=True, tag=10):
    """Down: `gates`: how many were heard in the last seconds, the asking one included; 0: it grants nothing yet."""

    run: Run
    number: Number
    gates: Count


ToHub = Join | Reserve | Report | Ping
FromHub = Hail | Welcome | Grant | Busy | Heard | Pong

TO_HUB = Codec(ToHub, HUB_MESSAGE_MAX)
FROM_HUB = Codec(FromHub, HUB_MESSAGE_MAX)
