# SPDX-License-Identifier: Apache-2.0
"""Shapes of deposits over HTTP."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pistegate_cloud.bindings.schemas import DocumentBody
from pistegate_cloud.deposits.models import Deposit
from pistegate_cloud.orders.schemas import Payments
from pistegate_cloud.schemas import Body, Code, SiteNumber, TicketNumber, iso
from pistegate_cloud.wallets.schemas import Uid


class BindDepositBody(Body):
    """Whose a deposit is: a card's (UID in hex), a ticket's, or of who shows an identity document."""

    model_config = ConfigDict(
        extra="forbid", hide_input_in_errors=True, json_schema_extra={"example": {"uid": "04a1b2c3d4e5f6"}}
    )

    uid: Uid | None = None
    ticket: TicketNumber | None = None
    document: DocumentBody | None = None

    @model_validator(mode="after")
    def _some(self) -> "BindDepositBody":
        if self.uid is None and self.ticket is None and self.document is None:
            raise ValueError("name a card, a ticket or a document")
        return self


class TakeBody(Body):
    """Take the deposits that these tickets were sold with; `uid`: bind them to this card too."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "site": 1,
                "tickets": [1],
                "payments": [{"method": "cash", "currency": "CNY", "tendered": 50000}],
            }
        },
    )

    site: SiteNumber
    channel: Code = "window"
    tickets: Annotated[list[TicketNumber], Field(min_length=1, max_length=50)]
    uid: Uid | None = None
    payments: Annotated[Payments, Field(min_length=1)]


class SpendableBody(Body):
    """The wallet that the deposit becomes spending money of."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"wallet": 1}})

    wallet: Annotated[int, Field(ge=1, lt=2**62)]


class DepositAnswer(BaseModel):
    """A deposit, minor units: what is `held` of `amount`. `wallet`: it doubles as spending money, and is in there."""

    deposit: int
    site: int
    order: UUID
    state: str
    amount: int
    held: int
    spent: int
    returned: int
    currency: str
    uid: str | None
    ticket: int | None
    by_document: bool
    wallet: int | None
    taken: datetime
    ended: datetime | None


def deposit_answer(row: Deposit) -> DepositAnswer:
    """From its row; a document is never shown."""
    return DepositAnswer(
        deposit=row.id,
        site=row.site_id,
        order=row.order_id,
        state=row.state,
        amount=row.amount,
        held=row.held if row.state == "held" else 0,
        spent=row.spent,
        returned=row.returned,
        currency=row.currency,
        uid=row.uid,
        ticket=row.ticket_id,
        by_document=row.document is not None,
        wallet=row.wallet_id,
        taken=iso(row.taken_ms),
        ended=iso(row.ended_ms) if row.ended_ms is not None else None,
    )


class TakenAnswer(BaseModel):
    """What was taken, by one order; minor units. `status` new: the provider's money is awaited, then they are held.

    `device`: what the guest's device needs to pay.
    """

    order: UUID
    status: str
    device: str | None
    total: int
    deposits: list[DepositAnswer]
