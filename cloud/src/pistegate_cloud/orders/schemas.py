# SPDX-License-Identifier: Apache-2.0
"""Shapes of orders over HTTP."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from pistegate_cloud.schemas import Body, Code, Currency, Day, Money, Phone, Reference, SiteNumber

LINES_MAX = 50
TICKETS_MAX = 500  # of one order


class LineBody(Body):
    """Some tickets of one product for one day."""

    product: Annotated[int, Field(ge=1, le=0xFFFF)]
    quantity: Annotated[int, Field(ge=1, le=TICKETS_MAX)] = 1
    visit_date: Day


class PaymentBody(Body):
    """Cash as it was handed over; `reference`: what the guest's receipt says."""

    method: Literal["cash"]
    tendered: Money
    currency: Currency
    reference: Reference | None = None


class OrderBody(Body):
    """What a guest buys and pays at once. `phone`: only if the guest wants a lost card to be found by it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "site": 1,
                "channel": "window",
                "lines": [{"product": 1, "quantity": 2, "visit_date": "2026-01-17"}],
                "payment": {"method": "cash", "tendered": 60000, "currency": "CNY"},
            }
        },
    )

    site: SiteNumber
    channel: Code
    lines: Annotated[list[LineBody], Field(min_length=1, max_length=LINES_MAX)]
    payment: PaymentBody
    phone: Phone | None = None


class LineAnswer(BaseModel):
    """A line with its price as sold."""

    product: int
    quantity: int
    visit_date: date
    unit_price: int
    amount: int


class PaymentAnswer(BaseModel):
    """A payment: `amount` = `tendered` - `change`."""

    method: str
    tendered: int
    change: int
    amount: int
    currency: str


class TicketSummary(BaseModel):
    """One ticket of an order."""

    number: int
    product: int
    status: str
    valid_from: date
    valid_until: date


class OrderAnswer(BaseModel):
    """An order with its tickets."""

    id: UUID
    site: int
    channel: str
    status: str
    total: int
    currency: str
    created: datetime
    lines: list[LineAnswer]
    payments: list[PaymentAnswer]
    tickets: list[TicketSummary]


class OrderSummary(BaseModel):
    """An order without its parts."""

    id: UUID
    site: int
    channel: str
    status: str
    total: int
    currency: str
    created: datetime
