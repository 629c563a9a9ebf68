# SPDX-License-Identifier: Apache-2.0
r"""What a QR code says: a signed claim in decimal digits, told from everything else that guests hold before a scanner.

Digits, because a scanner that plays a keyboard types them alike under every layout, and QR packs three into 10 bits:

    kind 1 digit | payload, a number of fixed width | check 4 digits

Kind 1: claim body 25..36 bytes + signature 64. Kind 2: the same + the rotating part (rotating.py). Kind 9: an order's
pick-up number of 9 digits, no ticket. The payload is its bytes as one big-endian number, as wide as the largest of that
length, so that the text's length tells the body's, and every payload has exactly one text. The check is everything
before it modulo 9973, a prime: any one wrong digit is noticed before the signature is looked at, and told as a
misreading, not as a forgery. Measured with segno: kind 1 is at most QR version 6, kind 2 at most 7, at ECC M.
"""

from dataclasses import dataclass
from typing import Final

from pistegate_protocol.claims import CLAIM_BODY_MAX, CLAIM_BODY_MIN, Claim
from pistegate_protocol.code_strangers import LONG, strange_number, stranger
from pistegate_protocol.errors import CodecError
from pistegate_protocol.reasons import Reason
from pistegate_protocol.rotating import ROTATING_BYTES, ReadAt, Rotating, out_of_time
from pistegate_protocol.signing import (
    SIGNATURE_BYTES,
    ClaimRefused,
    KeyRing,
    Medium,
    MediumKind,
    join_signed_claim,
    open_claim,
    split_signed_claim,
)

TICKET: Final = "1"
ROTATING: Final = "2"
PICK_UP: Final = "9"
CHECK_DIGITS: Final = 4
CHECK_PRIME: Final = 9973  # the largest of four digits: 1 misreading in 9973 gets to the signature
PICK_UP_DIGITS: Final = 9
TEXT_MAX: Final = 365  # digits of a version 8 at ECC M; nothing of ours is longer, whatever its kind
_LONG = 40  # digits: longer than any number that others print as digits only; ours begin at 220

BEARER: Final = Medium(MediumKind.BEARER)


def _width(payload_bytes: int) -> int:
    return len(str(256**payload_bytes - 1))


_BODIES = range(CLAIM_BODY_MIN, CLAIM_BODY_MAX + 1)
_REST = {TICKET: SIGNATURE_BYTES, ROTATING: SIGNATURE_BYTES + ROTATING_BYTES}
# Length of a text -> payload bytes, by kind. Widths of neighbouring lengths differ by 2 or 3 digits.
_PAYLOADS: Final = {
    kind: {1 + _width(body + rest) + CHECK_DIGITS: body + rest for body in _BODIES} for kind, rest in _REST.items()
}
_PICK_UP_LENGTH: Final = 1 + PICK_UP_DIGITS + CHECK_DIGITS


@dataclass(frozen=True, slots=True)
class TicketCode:
    """A ticket as read; nothing of it is believed yet (`open_code`)."""

    body: bytes
    signature: bytes
    rotating: Rotating | None = None

    @property
    def medium(self) -> Medium:
        """What its claim must be bound to. Of a rotating code this walks the chain (3 ms at a day's end)."""
        if self.rotating is None:
            return BEARER
        return Medium(MediumKind.ROTATING, self.rotating.anchor(self.body))

    @property
    def signed(self) -> bytes:
        """The signed claim, in the form that cards hold and journals name; walks the chain like `medium`."""
        return join_signed_claim(self.body, self.medium, self.signature)


@dataclass(frozen=True, slots=True)
class PickUpCode:
    """An order to be collected at a till or machine."""

    number: int


@dataclass(frozen=True, slots=True)
class NotOurs:
    """Nothing that opens a lane, and what it is as far as one can tell."""

    reason: Reason


Parsed = TicketCode | PickUpCode | NotOurs


@dataclass(frozen=True, slots=True)
class Opened:
    """A code that is believed: its claim, the signed form, and the tick to remember of a rotating one."""

    claim: Claim
    signed: bytes
    medium: Medium
    tick: int | None


def parse(text: str) -> Parsed:
    """What `text` is: one line of a scanner without its end. Never raises; strict, no blank is forgiven."""
    if len(text) > LONG or not (text.isascii() and text.isdigit()):  # a long line is not looked through
        return NotOurs(stranger(text))
    kind, length = text[0], len(text)
    payload_bytes = _PAYLOADS.get(kind, {}).get(length)
    if payload_bytes is not None:
        return _ticket(text, kind, payload_bytes)
    if kind == PICK_UP and length == _PICK_UP_LENGTH:
        return PickUpCode(int(text[1:-CHECK_DIGITS])) if _checked(text) else NotOurs(Reason.CODE_MISREAD)
    return NotOurs(_number(text, kind, length))


def open_code(code: TicketCode, keys: KeyRing, read: ReadAt) -> Opened:
    """The claim of `code`, read at `read`; ClaimRefused with the reason when it must not be believed.

    The time is looked at first: a stale code does not make the gate hash.
    """
    if code.rotating is not None and (reason := out_of_time(code.rotating, read)) is not None:
        raise ClaimRefused(reason, f"shown from {code.rotating.shown_from}, read {read.now}")
    medium = code.medium
    signed = join_signed_claim(code.body, medium, code.signature)
    try:
        claim = open_claim(signed, medium, keys)
    except ClaimRefused as error:
        if error.reason is Reason.UNREADABLE:  # its words are about cards
            raise ClaimRefused(Reason.CODE_MISREAD, str(error)) from error
        raise
    return Opened(claim, signed, medium, None if code.rotating is None else code.rotating.tick)


def ticket_text(signed: bytes) -> str:
    """The text of a static code; CodecError unless `signed` is a bearer's signed claim."""
    body, bound, _, signature = split_signed_claim(signed)
    if bound != BEARER:
        raise CodecError(f"a static code is nobody's but its bearer's; this claim is bound to {bound}")
    return code_text(TicketCode(body, signature))


def code_text(code: TicketCode) -> str:
    """The text that parses to `code`; CodecError for one that has none."""
    if len(code.body) not in _BODIES or len(code.signature) != SIGNATURE_BYTES:
        raise CodecError(f"claim of {len(code.body)} bytes, signature of {len(code.signature)}")
    tail = b"" if code.rotating is None else code.rotating.to_bytes()
    payload = code.body + code.signature + tail
    digits = str(int.from_bytes(payload, "big")).zfill(_width(len(payload)))
    return _with_check((TICKET if code.rotating is None else ROTATING) + digits)


def pick_up_text(number: int) -> str:
    """The text of an order's pick-up code, 14 digits; CodecError for a number out of range."""
    if not 0 <= number < 10**PICK_UP_DIGITS:
        raise CodecError(f"pick-up number {number}: 0..{10**PICK_UP_DIGITS - 1} expected")
    return _with_check(PICK_UP + str(number).zfill(PICK_UP_DIGITS))


def _ticket(text: str, kind: str, payload_bytes: int) -> Parsed:
    value = int(text[1:-CHECK_DIGITS])
    if not _checked(text) or value >> 8 * payload_bytes:
        return NotOurs(Reason.CODE_MISREAD)
    payload = value.to_bytes(payload_bytes, "big")
    body_bytes = payload_bytes - _REST[kind]
    body, signature = payload[:body_bytes], payload[body_bytes : body_bytes + SIGNATURE_BYTES]
    if kind == TICKET:
        return TicketCode(body, signature)
    try:
        return TicketCode(body, signature, Rotating.from_bytes(payload[body_bytes + SIGNATURE_BYTES :]))
    except CodecError:
        return NotOurs(Reason.CODE_MISREAD)


def _number(text: str, kind: str, length: int) -> Reason:
    """What a text of digits is that has no length of ours."""
    if length > TEXT_MAX:
        return Reason.CODE_TOO_LONG
    if length < _LONG:
        return strange_number(text)
    if kind in _PAYLOADS:
        return Reason.CODE_TRUNCATED if length < max(_PAYLOADS[kind]) else Reason.CODE_TOO_LONG
    return Reason.VERSION_UNKNOWN if _checked(text) else Reason.CODE_FOREIGN


def _checked(text: str) -> bool:
    return int(text[:-CHECK_DIGITS]) % CHECK_PRIME == int(text[-CHECK_DIGITS:])


def _with_check(text: str) -> str:
    return text + str(int(text) % CHECK_PRIME).zfill(CHECK_DIGITS)
