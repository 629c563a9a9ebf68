# SPDX-License-Identifier: Apache-2.0
"""Shapes of contingency tickets over HTTP: for managers, and for boxes."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from pistegate_cloud.contingency.rules import TICKETS_MAX
from pistegate_cloud.schemas import Body, Currency, Day, DeviceNumber, Money, Reason, Reference
from pistegate_protocol.contingency import PIN_DIGITS_MAX, PIN_DIGITS_MIN

SALES_AT_ONCE = 50
WindowNumber = Annotated[int, Field(ge=1, le=0xFFFF, description="Number of the sales window.")]
Pin = Annotated[str, StringConstraints(pattern=rf"^[0-9]{{{PIN_DIGITS_MIN},{PIN_DIGITS_MAX}}}$")]
Serial = Annotated[int, Field(ge=1, lt=2**53)]
Time = Annotated[int, Field(ge=0, lt=2**53, description="Milliseconds since 1970 UTC, by the box's clock.")]


class OfferBody(Body):
    """So many tickets of a product in each batch."""

    product: Annotated[int, Field(ge=1, le=0xFFFF)]
    count: Annotated[int, Field(ge=1, le=TICKETS_MAX)]


class WindowBody(Body):
    """A window's contingency tickets. `role`, `device`: its box. `pin`: left out, the one before holds."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "role": "encoder",
                "device": 1,
                "pin": "402817",
                "offers": [{"product": 1, "count": 300}, {"product": 2, "count": 50}],
            }
        },
    )

    role: Literal["encoder"] = "encoder"
    device: DeviceNumber
    pin: Pin | None = None
    offers: Annotated[list[OfferBody], Field(min_length=1, max_length=20)]
    active: bool = True


class MakeBody(Body):
    """A batch now, for a day; today, if left out."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"day": "2026-01-17"}})

    day: Day | None = None


class LostBody(Body):
    """Why a box is taken for lost."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"reason": "stolen from window 3"}})

    reason: Reason


class SettleBody(Body):
    """What was done about a receipt."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"note": "guest got a new ticket"}})

    note: Reason


class AskedAnswer(BaseModel):
    """`order`: what was sold under a key; null: nothing was, and nothing will be by what was sent before."""

    order: UUID | None


class WindowAnswer(BaseModel):
    """A window as it is set up; its PIN is told to nobody."""

    site: int
    window: int
    role: str
    device: int
    offers: list[OfferBody]
    active: bool
    heard: datetime | None


class SaleAnswer(BaseModel):
    """A receipt of a box. `trouble`: what a person must look at."""

    id: int
    batch: UUID
    name: str
    receipt: int
    at: datetime
    amount: int
    method: str
    state: str
    order: UUID | None
    trouble: str | None
    note: str | None


class BatchAnswer(BaseModel):
    """A batch. `tickets`: how many are held, sold, unsold_denied and so on. `missing`: receipts that were not told.

    `booked`: minor units by tender; `told`: what its box said of its drawer.
    """

    id: UUID
    site: int
    window: int
    number: int
    day: date
    state: str
    first_serial: int
    last_serial: int
    currency: str
    tickets: dict[str, int]
    receipts: int | None
    heard: int
    missing: list[int]
    booked: dict[str, int]
    told: dict[str, Any] | None
    troubles: int
    made: datetime
    until: datetime
    ended: datetime | None
    ended_by: str | None


class StatusAnswer(BaseModel):
    """How a site stands: windows without tickets for today are in `without`."""

    windows: list[WindowAnswer]
    batches: list[BatchAnswer]
    without: list[int]
    troubles: int


class BoxOffer(BaseModel):
    """What a box may sell, and for how much."""

    product: int
    name: dict[str, str]
    price: int
    count: int


class BoxBatch(BaseModel):
    """A batch as its box must know it. `digest`: of all its tickets; a box that does not have it goes on fetching.

    `state`: "elsewhere" where another box's disk has its tickets, or this one's had them before it was wiped.
    """

    id: UUID
    window: int
    number: int
    day: date
    state: str
    first_serial: int
    last_serial: int
    currency: Currency
    zone: str
    site_name: str
    pin_salt: str
    pin_hash: str
    offers: list[BoxOffer]
    digest: str
    until_ms: int


class BoxAnswer(BaseModel):
    """What there is for a box. `now_ms`: the cloud's time."""

    now_ms: int
    batches: list[BoxBatch]


class BoxTicket(BaseModel):
    """One ticket; `code`: what its QR code says."""

    serial: int
    number: int
    product: int
    code: str


class BoxTickets(BaseModel):
    """Some of a batch's tickets, in order; empty: there are no more."""

    tickets: list[BoxTicket]


class SaleBody(Body):
    """One receipt: what was sold, and how it was paid. `void`: taken back before anybody saw the codes."""

    receipt: Annotated[int, Field(ge=1, lt=2**31)]
    at_ms: Time
    serials: Annotated[list[Serial], Field(min_length=1, max_length=100)]
    method: Literal["cash", "terminal"]
    amount: Money
    tendered: Money
    reference: Reference | None = None
    void: bool = False


class SalesBody(Body):
    """Receipts, in order."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "sales": [
                    {
                        "receipt": 1,
                        "at_ms": 1768622400000,
                        "serials": [1, 2],
                        "method": "cash",
                        "amount": 60000,
                        "tendered": 60000,
                    }
                ]
            }
        },
    )

    sales: Annotated[list[SaleBody], Field(min_length=1, max_length=SALES_AT_ONCE)]


class SalesAnswer(BaseModel):
    """What became of each receipt: booked, void or trouble. All of them are kept: a box sends none again."""

    states: dict[int, str]


class DoneBody(Body):
    """A box sells no more of a batch. `receipts`: how many it made. `drawer`: what its seller has, for the manager."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"receipts": 37, "drawer": {"float": 50000, "cash": 1110000, "terminal": 0}}},
    )

    receipts: Annotated[int, Field(ge=0, lt=2**31)]
    drawer: Annotated[dict[str, Money], Field(max_length=10)] = Field(default_factory=dict)


class DoneAnswer(BaseModel):
    """The batch is closed."""

    state: str
