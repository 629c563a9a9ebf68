# SPDX-License-Identifier: Apache-2.0
"""What a till's CardUse event says beyond its fields: the equipment that moved, and the record left on the card.

Of a rental, `item` names the kinds that moved, each with the label of the very piece where it was scanned:
`boots skis=K2-0815`. Till and cloud make the card's record alike from the event, so that the cloud can check the
card's proof of it.
"""

import re
from collections.abc import Iterable, Mapping

from pistegate_protocol.errors import CodecError
from pistegate_protocol.events import SHORT_TEXT_MAX, CardUse, UseKind
from pistegate_protocol.instants import at_second
from pistegate_protocol.records import CardRecord, RecordKind, encode_record, seconds_of
from pistegate_protocol.rental import RentalKind, kinds_to_bits
from pistegate_protocol.wallet import load_of

KINDS = {kind.name.lower(): kind for kind in RentalKind}
_MOVED = re.compile(r"([a-z]+)(?:=([!-~]{1,24}))?")  # a label: up to 24 printable ASCII characters without spaces
_RECORD_KINDS = {
    UseKind.DEBIT: RecordKind.DEBIT,
    UseKind.LOAD: RecordKind.LOAD,
    UseKind.RENTAL_OUT: RecordKind.RENTAL_OUT,
    UseKind.RENTAL_BACK: RecordKind.RENTAL_BACK,
}


def parse_moved(words: Iterable[str]) -> dict[RentalKind, str]:
    """Kind -> label (empty: not scanned) of words such as `boots` and `skis=K2-0815`; CodecError for another word."""
    found: dict[RentalKind, str] = {}
    for word in words:
        parts = _MOVED.fullmatch(word)
        kind = KINDS.get(parts[1]) if parts else None
        if parts is None or kind is None:
            raise CodecError(f"{word!r}: write one of {', '.join(KINDS)}, with =LABEL where there is one")
        if kind in found:
            raise CodecError(f"{parts[1]} is named twice")
        found[kind] = parts[2] or ""
    return found


def format_moved(moved: Mapping[RentalKind, str]) -> str:
    """The `item` of a rental's event; CodecError when the labels are too long together."""
    item = " ".join(kind.name.lower() + (f"={label}" if label else "") for kind, label in sorted(moved.items()))
    if len(item) > SHORT_TEXT_MAX:
        raise CodecError(f"labels of {len(item)} characters together, at most {SHORT_TEXT_MAX}")
    return item


def moved_in(event: CardUse) -> dict[RentalKind, str]:
    """The equipment that moved, with labels; empty for a use that is no rental. CodecError for a malformed item."""
    if event.kind not in (UseKind.RENTAL_OUT, UseKind.RENTAL_BACK):
        return {}
    return parse_moved(event.item.split())


def use_record(event: CardUse, device: int, name: bytes) -> bytes:
    """The card's record of a use of till `device`, from the event alone.

    Value: of a debit the whole amount, of a load the total of its statement, of a rental the kinds that moved.
    """
    if event.kind is UseKind.DEBIT:
        value = event.purse + event.loads
    elif event.kind is UseKind.LOAD:
        value = load_of(event.statement).loaded
    else:
        value = kinds_to_bits(frozenset(moved_in(event)))
    at = at_second(seconds_of(event.at))
    return encode_record(CardRecord(_RECORD_KINDS[event.kind], at, device, value, name))
