# SPDX-License-Identifier: Apache-2.0
"""Shapes of equipment over HTTP: what it costs, pieces in stock, loans at a counter."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from pistegate_cloud.bindings.schemas import DocumentBody
from pistegate_cloud.products.schemas import Names
from pistegate_cloud.schemas import Body, Code, Currency, Money, Reason, SiteNumber, TicketNumber
from pistegate_protocol.rental import RentalKind

Kind = Literal[
    "boots", "skis", "board", "poles", "jacket", "trousers", "gloves", "helmet", "goggles", "locker", "tube", "other"
]
Label = Annotated[
    str,
    StringConstraints(min_length=1, max_length=24, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$"),
    Field(description="As on the barcode."),
]
Minutes = Annotated[int, Field(ge=1, le=100_000)]
PIECES_MAX: Final = 500  # of one request

_TERMS: Final[dict[str, Any]] = {
    "site": 1,
    "currency": "CNY",
    "clock": {
        "starts": ["boots", "skis"],
        "free": 15,
        "tiers": [{"up_to": 120, "fee": 8000}, {"up_to": 240, "fee": 12000}],
        "beyond": {"each": 60, "fee": 3000},
    },
    "flat": {"locker": 1000},
    "damages": [{"code": "lost", "kind": "skis", "price": 180000, "name": {"en": "Skis lost", "zh-CN": "雪板丢失"}}],
    "once": True,
    "tax_bp": 600,
}


def kind_of(name: str) -> RentalKind:
    """The kind that a name says."""
    return RentalKind[name.upper()]


def name_of(kind: int) -> str:
    """The name of a kind."""
    return RentalKind(kind).name.lower()


class TierBody(Body):
    """Up to so many minutes: this fee, minor units."""

    up_to: Minutes
    fee: Money


class BeyondBody(Body):
    """Beyond the last tier: `fee` for each `each` minutes begun."""

    each: Minutes
    fee: Money


class EquipmentClockBody(Body):
    """The clock of a guest's equipment, from the first piece taken (`starts`: of these kinds) to the last returned.

    Up to `free` minutes cost nothing; `deduct`: they are taken off a longer time too. Fees rise tier by tier.
    """

    starts: tuple[Kind, ...] = ()
    free: Annotated[int, Field(ge=0, le=1440)] = 0
    deduct: bool = False
    tiers: Annotated[tuple[TierBody, ...], Field(min_length=1, max_length=24)]
    beyond: BeyondBody | None = None

    @model_validator(mode="after")
    def _tiers_rise(self) -> "EquipmentClockBody":
        ends = [tier.up_to for tier in self.tiers]
        if ends != sorted(set(ends)):
            raise ValueError("each tier must end later than the one before it")
        return self


class DamageBody(Body):
    """One line of the price list of damages; without `kind`: of any equipment."""

    code: Code
    kind: Kind | None = None
    price: Money
    name: Names


class EquipmentTermsBody(Body):
    """What a site asks for equipment, from now on: what was taken before keeps the terms of its time.

    `flat`: once for a kind that was taken. `once`: at the counter a kind is handed out once in a guest's turn, as
    cards always do. `tax_bp`: basis points of tax inside these prices.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _TERMS})

    site: SiteNumber
    currency: Currency
    clock: EquipmentClockBody | None = None
    flat: dict[Kind, Money] = Field(default_factory=dict)
    damages: Annotated[tuple[DamageBody, ...], Field(max_length=200)] = ()
    once: bool = False
    tax_bp: Annotated[int, Field(ge=0, le=10_000)] = 0
    department: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,19}$")] = "rental"


class EquipmentTermsAnswer(EquipmentTermsBody):
    """Terms and since when they hold."""

    since: datetime


class PieceBody(Body):
    """One piece."""

    kind: Kind
    label: Label


class PiecesBody(Body):
    """Pieces that come into stock."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"site": 1, "pieces": [{"kind": "skis", "label": "K2-0815"}]}},
    )

    site: SiteNumber
    pieces: Annotated[list[PieceBody], Field(min_length=1, max_length=PIECES_MAX)]


class PieceChangeBody(Body):
    """What happened to a piece: it is damaged, repaired, or retired for good."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"site": 1, "label": "K2-0815", "event": "damage"}}
    )

    site: SiteNumber
    label: Label
    event: Literal["damage", "repair", "retire"]
    note: Reason | None = None


class StockPieceAnswer(BaseModel):
    """A piece of the stock. Who has one that is out: GET /rentals or GET /rentals/loans with its label."""

    site: int
    kind: str
    label: str
    state: str
    note: str | None
    changed: datetime


class HolderBody(Body):
    """Who takes or returns: by a ticket, or by an identity document. The same one for both."""

    site: SiteNumber
    ticket: TicketNumber | None = None
    document: DocumentBody | None = None

    @model_validator(mode="after")
    def _one(self) -> "HolderBody":
        if (self.ticket is None) == (self.document is None):
            raise ValueError("name either a ticket or a document")
        return self


class LoanBody(HolderBody):
    """Pieces handed out at a counter."""

    model_config = ConfigDict(
        extra="forbid",
        hide_input_in_errors=True,
        json_schema_extra={"example": {"site": 1, "ticket": 1, "pieces": [{"kind": "skis", "label": "K2-0815"}]}},
    )

    pieces: Annotated[list[PieceBody], Field(min_length=1, max_length=16)]


class ReturnBody(HolderBody):
    """Pieces that come back."""

    model_config = ConfigDict(
        extra="forbid",
        hide_input_in_errors=True,
        json_schema_extra={"example": {"site": 1, "ticket": 1, "labels": ["K2-0815"]}},
    )

    labels: Annotated[list[Label], Field(min_length=1, max_length=16)]


class LoanAnswer(BaseModel):
    """One piece at a guest; `returned` null: it is out. `last4`: of the document."""

    id: int
    site: int
    kind: str
    label: str
    ticket: int | None
    last4: str | None
    taken: datetime
    returned: datetime | None
