# SPDX-License-Identifier: Apache-2.0
"""Shapes of accounts, vouchers and refunds over HTTP."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from pistegate_cloud.schemas import Body, Code, Currency, Day, Money, Name, Phone, Reference, SiteNumber
from pistegate_cloud.tenders.methods import Method

VOUCHERS_MAX = 5000  # of one batch

Amount = Annotated[int, Field(ge=1, le=10**12, description="Minor units, such as fen.")]


class AccountTerms(Body):
    """What an account may sign. `approval_over`: a bill above it needs a second person."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"credit_limit": 5000000, "approval_over": 200000}}
    )

    credit_limit: Money
    approval_over: Money = 0
    open: bool = True


class AccountBody(AccountTerms):
    """Who may sign bills 签单."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "site": 1,
                "code": "HOTEL-7",
                "name": "Valley Hotel 雪谷酒店",
                "currency": "CNY",
                "credit_limit": 5000000,
                "approval_over": 200000,
            }
        },
    )

    site: SiteNumber
    code: Code
    name: Name
    currency: Currency
    phone: Phone | None = None


class AccountAnswer(BaseModel):
    """An account. `used`: signed and not settled, minor units."""

    number: int
    site: int
    code: str
    name: str
    currency: str
    credit_limit: int
    approval_over: int
    used: int
    open: bool


class AccountPaymentBody(Body):
    """What an account pays of what it owes; `reference`: of the receipt, unless it is cash."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"amount": 120000, "method": "cash"}})

    amount: Amount
    method: Literal[Method.CASH, Method.ALIPAY, Method.TERMINAL]
    reference: Reference | None = None


class EntryAnswer(BaseModel):
    """One line of a statement: `amount` adds to what is owed."""

    id: int
    kind: str
    amount: int
    currency: str
    order: UUID | None
    method: str | None
    reference: str | None
    operator: str
    approver: str | None
    at: datetime


class VoucherBatchBody(Body):
    """Vouchers to be made: each worth `value`, sold for `price` (0: given away)."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "site": 1,
                "name": "Opening day 开板券",
                "value": 5000,
                "currency": "CNY",
                "quantity": 100,
                "valid_from": "2026-11-28",
                "valid_until": "2027-03-31",
            }
        },
    )

    site: SiteNumber
    name: Name
    value: Amount
    price: Money = 0
    currency: Currency
    quantity: Annotated[int, Field(ge=1, le=VOUCHERS_MAX)]
    valid_from: Day
    valid_until: Day
    keeps_rest: bool = False


class VoucherBatchAnswer(BaseModel):
    """A batch. `left`: what its good vouchers are worth together; `codes`: told once, when it is made."""

    number: int
    site: int
    name: str
    value: int
    price: int
    currency: str
    quantity: int
    valid_from: date
    valid_until: date
    keeps_rest: bool
    left: int
    codes: list[str] = []


class RefundRow(BaseModel):
    """Money on its way back, or with the guest. `state`: see states.TENDER_REFUND."""

    id: UUID
    site: int
    order: UUID
    method: str
    amount: int
    currency: str
    state: str
    reason: str
    operator: str | None
    at: datetime
