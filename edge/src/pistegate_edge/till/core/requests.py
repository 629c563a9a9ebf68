# SPDX-License-Identifier: Apache-2.0
"""What the operator's program may ask, one JSON object a line, limited in everything."""

import hashlib
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from pistegate_edge.errors import EdgeError
from pistegate_protocol.card_layout import VALUE_MAX
from pistegate_protocol.card_uses import format_moved, parse_moved
from pistegate_protocol.errors import CodecError
from pistegate_protocol.rental import KINDS_MAX, RentalKind

LINE_MAX = 4096  # bytes; the longest sensible request has about 500
WAIT_S = 30.0  # seconds that a request waits for its card unless it says otherwise
WAIT_MAX_S = 300.0
TEXT_MAX = 64  # characters of an item or an operator's name

Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
Wait = Annotated[float, Meta(gt=0, le=WAIT_MAX_S)]
Amount = Annotated[int, Meta(ge=1, le=VALUE_MAX)]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}$")]
Text = Annotated[str, Meta(max_length=TEXT_MAX)]
Moved = Annotated[str, Meta(max_length=40)]  # a kind of equipment, or KIND=LABEL
Locale = Literal["en", "zh-CN"]


class BadRequest(EdgeError, ValueError):
    """A line that is no request; the text says what is wrong with it. `id` where it could be read."""

    def __init__(self, problem: str, id: str = "") -> None:
        super().__init__(problem)
        self.id = id


class _Base(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do"):
    id: Id
    locale: Locale | None = None


class _Card(_Base, frozen=True, kw_only=True):
    wait_s: Wait = WAIT_S


class Show(_Card, frozen=True, kw_only=True, tag="show"):
    """What is on the card."""


class Debit(_Card, frozen=True, kw_only=True, tag="debit"):
    """Take `amount` minor units of `currency` for `item`."""

    amount: Amount
    currency: Currency
    item: Text = ""
    operator: Text = ""


class Load(_Card, frozen=True, kw_only=True, tag="load"):
    """Write what the cloud signed for this card."""

    operator: Text = ""


class RentalOut(_Card, frozen=True, kw_only=True, tag="rental_out"):
    """The guest takes `kinds`, such as boots or skis=K2-0815."""

    kinds: Annotated[list[Moved], Meta(min_length=1, max_length=KINDS_MAX)]
    operator: Text = ""


class RentalBack(_Card, frozen=True, kw_only=True, tag="rental_back"):
    """The guest brings `kinds` back; empty: everything that is out."""

    kinds: Annotated[list[Moved], Meta(max_length=KINDS_MAX)] = []
    operator: Text = ""


class Cancel(_Base, frozen=True, kw_only=True, tag="cancel"):
    """Stop waiting for the card of request `id`."""


class Last(_Base, frozen=True, kw_only=True, tag="last"):
    """The last `count` requests that changed a card, newest first."""

    count: Annotated[int, Meta(ge=1, le=20)] = 1


CardRequest = Show | Debit | Load | RentalOut | RentalBack
Change = Debit | Load | RentalOut | RentalBack
Request = CardRequest | Cancel | Last

_decoder = msgspec.json.Decoder(Request)
_id_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


def parse_request(line: bytes) -> Request:
    """The request in one line; BadRequest says what is wrong, and of which request where that can be told."""
    if len(line) > LINE_MAX:
        raise BadRequest(f"a line of {len(line)} bytes, at most {LINE_MAX}")
    try:
        request: Request = _decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(str(error), _id_of(line)) from error
    for text in (getattr(request, "item", ""), getattr(request, "operator", "")):
        if not text.isprintable():
            raise BadRequest("item and operator hold printable characters only", request.id)
    if isinstance(request, (RentalOut, RentalBack)):
        try:
            format_moved(moved_by(request))
        except CodecError as error:
            raise BadRequest(f"kinds: {error}", request.id) from error
    return request


def moved_by(request: RentalOut | RentalBack) -> dict[RentalKind, str]:
    """The equipment that it names: kind -> label, empty where none was scanned."""
    return parse_moved(request.kinds)


def digest(request: Change) -> bytes:
    """8 bytes that tell a repeated request from another one under the same id; how long to wait is no part of it."""
    told = msgspec.to_builtins(request)
    kept = {name: value for name, value in sorted(told.items()) if name not in ("id", "wait_s", "locale")}
    return hashlib.sha256(msgspec.json.encode(kept)).digest()[:8]


def _id_of(line: bytes) -> str:
    try:
        return msgspec.json.decode(_id_decoder.decode(line)["id"], type=Id)
    except (msgspec.MsgspecError, KeyError, UnicodeDecodeError, RecursionError):
        return ""
