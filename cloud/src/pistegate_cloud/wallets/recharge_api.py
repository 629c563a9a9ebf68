# SPDX-License-Identifier: Apache-2.0
"""HTTP API of recharges 充值: money into a wallet by an order, whatever the guest pays with."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from pistegate_cloud.days import service as days
from pistegate_cloud.orders.charging import charge, given_line
from pistegate_cloud.orders.idempotency import Repeatable
from pistegate_cloud.orders.kinds import OrderKind
from pistegate_cloud.orders.models import Order
from pistegate_cloud.orders.schemas import Payments
from pistegate_cloud.pricing.shapes import Priced
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import MONEY_MAX, Body, Code, Currency
from pistegate_cloud.services import IdempotencyKey, WithServices, require
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tokens.service import Scope
from pistegate_cloud.uuid7 import uuid7
from pistegate_cloud.wallets import queries, recharging

router = APIRouter(tags=["wallets"])
Number = Annotated[int, Path(ge=1, le=2**62, description="Number of the wallet.")]


class RechargeBody(Body):
    """How much, minor units, and what the guest pays with."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "amount": 10000,
                "currency": "CNY",
                "payments": [{"method": "cash", "currency": "CNY", "tendered": 10000}],
            }
        },
    )

    amount: Annotated[int, Field(ge=1, le=MONEY_MAX)]
    currency: Currency
    channel: Code = "window"
    payments: Annotated[Payments, Field(min_length=1)]


class RechargeAnswer(BaseModel):
    """The order of a recharge, and what is in the wallet's account now. `status` new: the provider's money is awaited.

    `device`: what the guest's device needs to pay.
    """

    order: UUID
    status: str
    device: str | None
    wallet: int
    amount: int
    account: int
    currency: str


@router.post(
    "/wallets/{number}/recharge",
    status_code=201,
    responses=documented(
        "not_found",
        "wrong_currency",
        "payment_too_small",
        "tenders_unclear",
        "tenders_too_much",
        "reference_missing",
        "shift_needed",
        "day_closed",
        "idempotency_key_reused",
        "request_in_progress",
        "payments_off",
        "amount_too_large",
        "unknown_reference",
    ),
)
async def recharge(
    number: Number,
    body: RechargeBody,
    services: WithServices,
    caller: Annotated[Caller, Depends(require(Scope.WALLETS_WRITE))],
    idempotency_key: IdempotencyKey = None,
) -> RechargeAnswer:
    """Recharge a wallet 充值; given back, it goes by the way it came. From the account it can be put on the card."""
    wallet = await queries.wallet(number)
    await recharging.fitting(number, wallet.site_id, body.currency)
    request = Repeatable.of(caller, f"recharge {number}", idempotency_key, body)

    async def compose(now_ms: int) -> tuple[Order, Sequence[Priced]]:
        day = await days.business_day(wallet.site_id, now_ms)
        order = Order(
            id=uuid7(now_ms),
            site_id=wallet.site_id,
            channel=body.channel,
            kind=OrderKind.RECHARGE.value,
            currency=body.currency,
            created_ms=now_ms,
            day=day,
            window=caller.window,
            operator=caller.name,
        )
        return order, [given_line(recharging.KIND, body.amount, day, "recharge", {recharging.TERM: number})]

    order = await charge(compose, [payment.tender() for payment in body.payments], request, services)
    return RechargeAnswer(
        order=order.id,
        status=order.status,
        device=order.device,
        wallet=number,
        amount=body.amount,
        account=await queries.account_of(number),
        currency=body.currency,
    )
