# SPDX-License-Identifier: Apache-2.0
"""What the hub makes of a gate's ledger: who used how much of which ticket, who was let in again. Pure."""

from pistegate_edge.hub.book import Book
from pistegate_protocol.elsewhere import source_of
from pistegate_protocol.errors import CodecError
from pistegate_protocol.events import (
    Admitted,
    AdmittedV1,
    Event,
    Outcome,
    OutcomeKind,
    OutcomeV1,
    Settled,
    admission_name,
)
from pistegate_protocol.signing import MediumKind
from pistegate_protocol.usage import Usage, decode_counters, decode_counters_v1

# After these nobody knows yet whether the card was charged.
_UNDECIDED = frozenset({OutcomeKind.CARD_UNCONFIRMED, OutcomeKind.INTERRUPTED})


def take_event(book: Book, gate: int, epoch: int, seq: int, event: Event, now_ms: int) -> None:
    """One event, in order; CodecError for counters that this release cannot read."""
    if isinstance(event, (Admitted, AdmittedV1)):
        _admitted(book, gate, admission_name(gate, epoch, seq), event, now_ms)
    elif isinstance(event, (Outcome, OutcomeV1)) and event.kind not in _UNDECIDED:
        book.card_charged(admission_name(gate, event.epoch, event.seq), event.kind is not OutcomeKind.CARD_VOID)
    elif isinstance(event, Settled):
        book.card_charged(admission_name(gate, event.epoch, event.seq), event.charged)


def _admitted(book: Book, gate: int, name: bytes, event: Admitted | AdmittedV1, now_ms: int) -> None:
    usage = _usage(event)
    kind = MediumKind(event.medium[0])
    if kind is MediumKind.CARD:
        book.card_used(name, event.ticket, usage, now_ms)
        return
    book.used(event.ticket, source_of(kind, gate), usage, now_ms)
    if event.reoffer_of is not None:
        book.spend(event.reoffer_of, now_ms)


def _usage(event: Admitted | AdmittedV1) -> Usage:
    try:
        if isinstance(event, AdmittedV1):
            return decode_counters_v1(event.counters, b"", event.prev)
        return decode_counters(event.counters, b"", event.prev)
    except ValueError as error:
        raise CodecError(str(error)) from error
