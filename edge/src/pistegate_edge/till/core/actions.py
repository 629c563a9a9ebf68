# SPDX-License-Identifier: Apache-2.0
"""What the till's core asks for; whoever performs them does so in the order given."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pistegate_edge.card.facts import CardFacts
from pistegate_edge.core.actions import RecordNote
from pistegate_edge.till.core.codes import EVENT_OF, FINAL, Code, Event
from pistegate_edge.till.core.requests import Locale
from pistegate_edge.till.core.unsettled import OpenUse
from pistegate_protocol.desfire.transactions import Debit
from pistegate_protocol.events import CardUse, CardUseEnded, Settled
from pistegate_protocol.messages import RelayRequest


@dataclass(frozen=True, slots=True)
class Answer:
    """One line to an operator's program about its request `id`. `values` fill the words; `facts`: the card to show."""

    id: str
    code: Code
    values: Mapping[str, object] = field(default_factory=dict)
    locale: Locale | None = None
    facts: CardFacts | None = None

    @property
    def event(self) -> Event:
        """The kind of line that it is."""
        return EVENT_OF[self.code]

    @property
    def final(self) -> bool:
        """Whether the request is over."""
        return self.event in FINAL


@dataclass(frozen=True, slots=True)
class Tell:
    """Show `answer` to the operator: on the display, and to the program at connection `client` while it is there."""

    client: int | None
    answer: Answer


@dataclass(frozen=True, slots=True)
class Want:
    """Reader: look for a card, read it whole and hold it."""

    token: int


@dataclass(frozen=True, slots=True)
class Release:
    """Reader: let go of the card of this wish, and stop looking for one."""

    token: int


@dataclass(frozen=True, slots=True)
class Write:
    """Reader: authenticate anew, write this and commit. Exactly one CardWritten answers it."""

    token: int
    record: bytes
    debit: Debit | None = None
    rental: bytes | None = None
    loads: bytes | None = None


@dataclass(frozen=True, slots=True)
class RecordUse:
    """Journal: make durable, then answer UseRecorded or UseFailed; the rest as in OpenUse."""

    event: CardUse
    request: str
    digest: bytes
    counter: int
    newest: bytes


@dataclass(frozen=True, slots=True)
class RecordEnd:
    """Journal, in one commit: how a use ended, and what its request is answered with from now on.

    `unsettled`: the card has to tell. `answer`: None where a repeated request begins anew.
    """

    event: CardUseEnded
    use: OpenUse
    unsettled: bool
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class RecordSettled:
    """Journal, in one commit: what a card told, and what its request is answered with from now on."""

    event: Settled
    use: OpenUse
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class Relay:
    """Reader: serve the cloud's request."""

    request: RelayRequest


@dataclass(frozen=True, slots=True)
class RefuseRelay:
    """Uplink: answer that the reader is busy."""

    request: RelayRequest


@dataclass(frozen=True, slots=True)
class Log:
    """One line for the log."""

    line: str


Action = Tell | Want | Release | Write | RecordUse | RecordEnd | RecordSettled | RecordNote | Relay | RefuseRelay | Log
