# SPDX-License-Identifier: Apache-2.0
"""Shapes of orders over HTTP."""

from datetime import date, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pistegate_cloud.orders.rules import TICKETS_MAX
from pistegate_cloud.schemas import Body, Code, Currency, Day, DeviceNumber, Money, Name, Phone, Reference, SiteNumber
from pistegate_cloud.tenders.methods import Method, Tendered

LINES_MAX = 50
TENDERS_MAX = 8

Means = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]


class LineBody(Body):
    """Some pieces of one product for one day; `slot`: id of a time slot; `proof`: "kind:value", as shown."""

    product: Annotated[int, Field(ge=1, le=0xFFFF)]
    quantity: Annotated[int, Field(ge=1, le=TICKETS_MAX)] = 1
    visit_date: Day
    slot: Annotated[int, Field(ge=1, lt=2**62)] | None = None
    proof: Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00]+$")] | None = None


class PaymentBody(Body):
    """One way of paying. `amount`: None: whatever the others leave; `tendered`: cash as handed over.

    `reference`: what the guest's receipt says; needed for alipay and terminal. `code`: the payment code 付款码 that the
    guest shows, `openid` (wechat_jsapi), `address` (wechat_h5): the guest's. `account`, `voucher`: their codes;
    `wallet`, `deposit`: their numbers. `approval`: of a second person, for account.
    """

    method: Method
    currency: Currency
    tendered: Money | None = None
    amount: Money | None = None
    reference: Reference | None = None
    code: Annotated[str, Field(pattern=r"^[0-9]{18,24}$")] | None = None
    openid: Means | None = None
    address: Means | None = None
    account: Code | None = None
    voucher: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{8,40}$")] | None = None
    wallet: Annotated[int, Field(ge=1, lt=2**62)] | None = None
    deposit: Annotated[int, Field(ge=1, lt=2**62)] | None = None
    approval: UUID | None = None

    @model_validator(mode="after")
    def _names_its_source(self) -> Self:
        needed = _NEEDED.get(self.method)
        if needed is not None and getattr(self, needed) is None:
            raise ValueError(f"{self.method} needs {needed}")
        if self.method is not Method.CASH and self.tendered is not None:
            raise ValueError("tendered belongs to cash; write amount")
        return self

    def tender(self) -> Tendered:
        """For tenders.service."""
        means = self.code or self.openid or self.address
        of = self.account or self.voucher or (str(self.wallet or self.deposit or "") or None)
        return Tendered(
            method=self.method,
            currency=self.currency,
            amount=self.amount,
            tendered=self.tendered,
            reference=self.reference,
            means=means,
            of=of,
            approval=self.approval,
        )


_NEEDED = {
    Method.WECHAT_CODE: "code",
    Method.WECHAT_JSAPI: "openid",
    Method.WECHAT_H5: "address",
    Method.ACCOUNT: "account",
    Method.VOUCHER: "voucher",
    Method.WALLET: "wallet",
    Method.DEPOSIT: "deposit",
}
Payments = Annotated[list[PaymentBody], Field(max_length=TENDERS_MAX)]


class OrderBody(Body):
    """What a guest buys; with `payment` or `payments` it is paid at once, without it waits for POST .../payments.

    `phone`: only if the guest wants a lost card to be found by it. `selling_site`: the outlet 联网售票点 that sells
    another site's tickets: the money is in its books. `leader`, `agency`, `expected` (persons): of a group 团体.
    """

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
    kind: Literal["individual", "group"] = "individual"
    lines: Annotated[list[LineBody], Field(min_length=1, max_length=LINES_MAX)]
    payment: PaymentBody | None = None
    payments: Payments = Field(default_factory=list)
    phone: Phone | None = None
    window: DeviceNumber | None = None
    member: Annotated[int, Field(ge=1, lt=2**62)] | None = None
    quote: UUID | None = None
    selling_site: SiteNumber | None = None
    leader: Name | None = None
    agency: Name | None = None
    expected: Annotated[int, Field(ge=1, le=10_000)] | None = None

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if self.payment is not None and self.payments:
            raise ValueError("payment or payments, not both")
        if (self.leader or self.agency or self.expected) and self.kind != "group":
            raise ValueError("leader, agency and expected belong to kind group")
        return self

    def tenders(self) -> list[Tendered]:
        """What it is to be paid with."""
        return [one.tender() for one in ([self.payment] if self.payment else self.payments)]


class PayBody(Body):
    """What an order that waits is paid with. `instead`: of a payment that it waits for, which is ended first."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"payments": [{"method": "cash", "currency": "CNY"}]}}
    )

    payments: Annotated[list[PaymentBody], Field(min_length=1, max_length=TENDERS_MAX)]
    instead: bool = False


class CancelBody(Body):
    """Why an order is not to be had any more."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"reason": "the guest went home"}})

    reason: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]


class LineAnswer(BaseModel):
    """A line with its price as sold. `product`: None: a charge; `words` say what for."""

    product: int | None
    quantity: int
    visit_date: date
    unit_price: int
    amount: int
    id: int
    kind: str
    words: str | None
    tax: int
    refunded_quantity: int
    refunded_amount: int


class PaymentAnswer(BaseModel):
    """A payment: `amount` = `tendered` - `change`. `state`: see states.TENDER; `provider_payment`: see /payments."""

    method: str
    tendered: int
    change: int
    amount: int
    currency: str
    id: int
    state: str
    reference: str | None
    given_back: int
    provider_payment: UUID | None


class RefundAnswer(BaseModel):
    """Money that went back, or is on its way. `state`: see states.TENDER_REFUND."""

    id: UUID
    method: str
    amount: int
    currency: str
    state: str


class TicketSummary(BaseModel):
    """One ticket of an order."""

    number: int
    product: int
    status: str
    valid_from: date
    valid_until: date


class OrderSummary(BaseModel):
    """An order without its parts."""

    id: UUID
    site: int
    channel: str
    status: str
    total: int
    currency: str
    created: datetime
    kind: str = "individual"
    window: int | None = None
    selling_site: int | None = None
    operator: str | None = None
    expires: datetime | None = None
    before: UUID | None = None
    leader: str | None = None
    agency: str | None = None
    expected: int | None = None
    trouble: str | None = None


class OrderAnswer(OrderSummary):
    """An order with its tickets. `device`: what the guest's device needs to pay: a link, or a prepay id."""

    lines: list[LineAnswer]
    payments: list[PaymentAnswer]
    tickets: list[TicketSummary]
    refunds: list[RefundAnswer] = []
    device: str | None = None
