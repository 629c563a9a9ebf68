# SPDX-License-Identifier: Apache-2.0
"""Shapes of exchanges, supplements, extensions, free tickets and arrivals over HTTP."""

from datetime import date
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pistegate_cloud.amendments.schemas import AmendmentAnswer
from pistegate_cloud.orders.schemas import LineBody, OrderAnswer, Payments
from pistegate_cloud.schemas import Body, Code, Day, DeviceNumber, Money, Reason, SiteNumber

_CASH = {"method": "cash", "currency": "CNY"}
Difference = Annotated[int, Field(ge=-(10**12), le=10**12)]


def _example(**more: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"example": more})


class ExchangeBody(Body):
    """Another product or day for a ticket that nobody used. `payments`: of the difference, where it costs more.

    `expected`: the difference that the guest was told, below 0 where money goes back. `approval`: for that.
    """

    model_config = _example(product=2, visit_date="2026-01-18", channel="window", reason="upgrade", payments=[_CASH])

    product: Annotated[int, Field(ge=1, le=0xFFFF)]
    visit_date: Day
    slot: Annotated[int, Field(ge=1, lt=2**62)] | None = None
    proof: Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00]+$")] | None = None
    channel: Code
    payments: Payments = Field(default_factory=list)
    reason: Reason
    expected: Difference | None = None
    approval: UUID | None = None


class SupplementBody(Body):
    """Supplementary 补票: what `product` costs on `visit_date` beyond what was paid for the ticket, which stays."""

    model_config = _example(product=2, visit_date="2026-01-17", channel="window", reason="adult", payments=[_CASH])

    product: Annotated[int, Field(ge=1, le=0xFFFF)]
    visit_date: Day
    slot: Annotated[int, Field(ge=1, lt=2**62)] | None = None
    proof: Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00]+$")] | None = None
    channel: Code
    payments: Annotated[Payments, Field(min_length=1)]
    reason: Reason


class ExtensionBody(Body):
    """A paid extension 延时: a later last day, more minutes. Its price: `product`'s, or `amount` as agreed."""

    model_config = _example(minutes=60, amount=5000, channel="window", reason="guest's wish", payments=[_CASH])

    valid_until: Day | None = None
    minutes: Annotated[int, Field(ge=0, le=0xFFFF)] = 0
    product: Annotated[int, Field(ge=1, le=0xFFFF)] | None = None
    amount: Annotated[Money, Field(ge=1)] | None = None
    channel: Code
    payments: Annotated[Payments, Field(min_length=1)]
    reason: Reason

    @model_validator(mode="after")
    def _one_price(self) -> Self:
        if (self.product is None) == (self.amount is None):
            raise ValueError("name product or amount, one of them")
        return self


class FreeBody(Body):
    """Free tickets 免费票: why, and for whom (`channel` is the cost centre in the books)."""

    model_config = _example(
        site=1, channel="press", reason="press day", lines=[{"product": 1, "visit_date": "2026-01-17"}]
    )

    site: SiteNumber
    channel: Annotated[Code, Field(max_length=26)]
    lines: Annotated[list[LineBody], Field(min_length=1, max_length=50)]
    reason: Reason
    window: DeviceNumber | None = None
    approval: UUID | None = None


class ArrivalBody(Body):
    """How many of a group came in all: tickets of the others are released and given back by their policy."""

    model_config = _example(arrived=37, reason="three are ill")

    arrived: Annotated[int, Field(ge=0, le=10_000)]
    reason: Reason
    cause: Code | None = None
    documents: Annotated[list[Code], Field(max_length=20)] = Field(default_factory=list)
    expected: Money | None = None
    approval: UUID | None = None


class ExchangeQuote(BaseModel):
    """What an exchange would cost now: `price` of the new, `credit` of the old; below 0, `difference` goes back."""

    ticket: int
    product: int
    visit_date: date
    price: int
    credit: int
    difference: int
    currency: str


class ChangeDone(BaseModel):
    """The order that was made; `difference` was paid, or went back (below 0)."""

    ticket: int
    difference: int
    order: OrderAnswer


class ExtensionDone(ChangeDone):
    """With the amendment that holds from now on."""

    amendment: AmendmentAnswer
