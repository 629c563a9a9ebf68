# SPDX-License-Identifier: Apache-2.0
"""Shapes of e-invoices over HTTP."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from pistegate_cloud.schemas import Body, Reason

Buyer = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]*$")
]
TaxNumber = Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{15,20}$")]
Email = Annotated[str, StringConstraints(max_length=100, pattern=r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+$")]
State = Literal["requested", "issued", "red_requested", "red", "cancelled"]


class InvoiceBody(Body):
    """For whom. `company`: needs its tax number 纳税人识别号; a person has none."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"order": "01900000-0000-7000-8000-000000000000", "buyer": "李雷"}},
    )

    order: UUID
    buyer: Buyer
    company: bool = False
    tax_number: TaxNumber | None = None
    email: Email | None = None


class IssuedBody(Body):
    """As the tax platform issued it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"number": "25312000000123456789"}})

    number: Annotated[str, StringConstraints(pattern=r"^[0-9]{8,20}$")]


class RedBody(Body):
    """Why an invoice is taken back 红冲."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"reason": "退票"}})

    reason: Reason


class InvoiceLine(BaseModel):
    """Amounts in minor units, gross with the tax inside; negative in a red letter."""

    words: str
    quantity: int
    amount: int
    tax_bp: int = Field(description="Basis points: 600 is 6 %.")
    tax: int


class RateSum(BaseModel):
    """All lines of one tax rate."""

    tax_bp: int
    amount: int
    tax: int


class InvoiceAnswer(BaseModel):
    """An e-invoice. `red_of`: the one that this red letter takes back."""

    id: UUID
    site: int
    order: UUID
    state: State
    red_of: UUID | None
    buyer: str
    tax_number: str | None
    email: str | None
    lines: list[InvoiceLine]
    rates: list[RateSum]
    amount: int
    tax: int
    currency: str
    number: str | None
    reason: str | None
    requested: datetime
    issued: datetime | None


class InvoicePage(BaseModel):
    """Invoices in order, and after which the next page begins."""

    items: list[InvoiceAnswer]
    next: UUID | None = None
