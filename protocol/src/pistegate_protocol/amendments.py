# SPDX-License-Identifier: Apache-2.0
"""What changes after the sale: signed, numbered, each cumulative, so that the highest number alone holds.

Signed amendment, big-endian: format u8 = 1, key id u8, ticket u48, number u8, changes u8 (one bit per change, in the
order of `_Change`), then of the changes present: valid until u16 (day number), areas u32, extra minutes u16,
returns u16, return day u16; then the signature, 64 bytes over a domain label and everything before itself. An unknown
change is an unknown version: a gate must not admit on a change that it cannot evaluate.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pistegate_protocol.claims import AREAS_MAX, DAY_ZERO, day_number
from pistegate_protocol.errors import CodecError, ProtocolError, UnknownVersion
from pistegate_protocol.reasons import Reason
from pistegate_protocol.signing import SIGNATURE_BYTES, KeyRing

AMENDMENT_MAX = 96  # bytes, signature included: a card's amendment file
_FORMAT = 1
_LABEL = b"pistegate amendment\x00"
_HEAD = struct.Struct(">BB6sBB")


class _Change(IntEnum):
    """Bits of an amendment's `changes`. Never reorder: cards in circulation hold them."""

    VALID_UNTIL = 0
    AREAS = 1
    HOLD = 2
    EXTRA = 3
    RETURNS = 4
    RETURN_DAY = 5


_LAYOUTS = {
    _Change.VALID_UNTIL: ">H",
    _Change.AREAS: ">I",
    _Change.HOLD: ">",
    _Change.EXTRA: ">H",
    _Change.RETURNS: ">H",
    _Change.RETURN_DAY: ">H",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """A later change of `ticket`; `number` 1..255 rises. None and 0: as it was sold.

    `returns`: persons given back so far, of all amendments together; `return_day`: the day on which all those not yet
    given back were charged, None where they were charged on several.
    """

    key_id: int
    ticket: int
    number: int
    valid_until: date | None = None
    areas: frozenset[int] | None = None
    hold: bool = False
    extra_minutes: int = 0
    """Extension of the clock, or of the bank."""
    returns: int = 0
    return_day: date | None = None


class AmendmentRefused(ProtocolError):
    """A signed amendment that must not be believed; `reason` is what the gate tells."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason.value)
        self.reason = reason


def sign_amendment(amendment: Amendment, key: Ed25519PrivateKey) -> bytes:
    """The signed amendment, at most AMENDMENT_MAX bytes; CodecError when a value does not fit or contradicts."""
    body = _encode(amendment)
    return body + key.sign(_LABEL + body)


def open_amendment(signed: bytes, keys: KeyRing) -> Amendment:
    """The amendment in `signed`; AmendmentRefused when it is not genuine, UnknownVersion or CodecError unread."""
    amendment = _decode(signed)
    if amendment.key_id not in keys:
        raise AmendmentRefused(Reason.KEY_UNKNOWN, f"key id {amendment.key_id}")
    body, signature = signed[:-SIGNATURE_BYTES], signed[-SIGNATURE_BYTES:]
    if not keys.verify(amendment.key_id, signature, _LABEL + body):
        raise AmendmentRefused(Reason.SIGNATURE_INVALID)
    return amendment


def amendment_in_file(content: bytes) -> bytes | None:
    """The signed amendment in an amendment file's content, None when it is blank; CodecError for anything else."""
    if not any(content):
        return None
    length = _length(content)
    if any(content[length:]):
        raise CodecError("bytes after the signed amendment")
    return content[:length]


def newest_by_ticket(signed: Iterable[bytes]) -> dict[int, bytes]:
    """Ticket -> its signed amendment of the highest number, signatures unchecked; CodecError for a malformed one.

    A list may be long and its document is signed: a gate checks the signature of the one that it comes to use.
    """
    newest: dict[int, tuple[int, bytes]] = {}
    for each in signed:
        amendment = _decode(each)
        if amendment.number > newest.get(amendment.ticket, (0, b""))[0]:
            newest[amendment.ticket] = amendment.number, each
    return {ticket: each for ticket, (_, each) in newest.items()}


def _encode(amendment: Amendment) -> bytes:
    _check(amendment)
    values: dict[_Change, tuple[int, ...]] = {}
    if amendment.valid_until is not None:
        values[_Change.VALID_UNTIL] = (day_number(amendment.valid_until),)
    if amendment.areas is not None:
        values[_Change.AREAS] = (sum(1 << area for area in amendment.areas),)
    if amendment.hold:
        values[_Change.HOLD] = ()
    if amendment.extra_minutes:
        values[_Change.EXTRA] = (amendment.extra_minutes,)
    if amendment.returns:
        values[_Change.RETURNS] = (amendment.returns,)
    if amendment.return_day is not None:
        values[_Change.RETURN_DAY] = (day_number(amendment.return_day),)
    changes = sum(1 << change for change in values)
    try:
        ticket = amendment.ticket.to_bytes(6, "big")
        body = _HEAD.pack(_FORMAT, amendment.key_id, ticket, amendment.number, changes)
        return body + b"".join(struct.pack(_LAYOUTS[change], *values[change]) for change in sorted(values))
    except (struct.error, OverflowError) as error:
        raise CodecError(f"amendment value out of range: {error}") from error


def _length(data: bytes) -> int:
    """Length of the signed amendment that `data` begins with."""
    if len(data) < _HEAD.size:
        raise CodecError("no signed amendment")
    if data[0] != _FORMAT:
        raise UnknownVersion(f"amendment format {data[0]}, this release reads {_FORMAT}")
    changes = data[_HEAD.size - 1]
    if changes >> len(_Change):
        raise UnknownVersion(f"amendment changes {changes:#04x}, this release reads {len(_Change)} kinds")
    fields = sum(struct.calcsize(layout) for change, layout in _LAYOUTS.items() if changes >> change & 1)
    length = _HEAD.size + fields + SIGNATURE_BYTES
    if len(data) < length:
        raise CodecError("signed amendment is cut short")
    return length


def _decode(signed: bytes) -> Amendment:
    if _length(signed) != len(signed):
        raise CodecError("bytes after the signed amendment")
    _, key_id, ticket, number, changes = _HEAD.unpack_from(signed)
    values: dict[_Change, int] = {}
    offset = _HEAD.size
    for change, layout in _LAYOUTS.items():
        if changes >> change & 1:
            values[change] = next(iter(struct.unpack_from(layout, signed, offset)), 1)
            offset += struct.calcsize(layout)
    areas = values.get(_Change.AREAS)
    amendment = Amendment(
        key_id=key_id,
        ticket=int.from_bytes(ticket, "big"),
        number=number,
        valid_until=_day(values.get(_Change.VALID_UNTIL)),
        areas=None if areas is None else frozenset(area for area in range(AREAS_MAX) if areas >> area & 1),
        hold=_Change.HOLD in values,
        extra_minutes=values.get(_Change.EXTRA, 0),
        returns=values.get(_Change.RETURNS, 0),
        return_day=_day(values.get(_Change.RETURN_DAY)),
    )
    if _encode(amendment) != signed[:-SIGNATURE_BYTES]:
        raise CodecError("amendment with a change of nothing")  # one spelling only
    return amendment


def _day(number: int | None) -> date | None:
    return None if number is None else DAY_ZERO + timedelta(days=number)


def _check(amendment: Amendment) -> None:
    if not 1 <= amendment.number <= 255:
        raise CodecError(f"amendment number {amendment.number}, 1..255 expected")
    if any(not 0 <= area < AREAS_MAX for area in amendment.areas or ()):
        raise CodecError(f"areas are numbered 0..{AREAS_MAX - 1}")
    if amendment.return_day is not None and not amendment.returns:
        raise CodecError("an amendment with a day of return but nobody given back")
