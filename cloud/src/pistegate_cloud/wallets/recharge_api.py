# SPDX-License-Identifier: Apache-2.0
"""HTTP API of recharges 充值: money into a wallet by an order, whatever the guest pays with."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field
from tortoise.transactions import in_transaction

from pistegate_cloud.days import service as days
from pistegate_cloud.orders.idempotency import AnsweredMeanwhile, Repeatable
from pistegate_cloud.orders.kinds import OrderKind
from pistegate_cloud.orders.making import make
from pistegate_cloud.orders.models import Order
from pistegate_cloud.orders.schemas import Payments
from pistegate_cloud.pricing.shapes import Priced
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import MONEY_MAX, Body, Code, Currency
from pistegate_cloud.services import IdempotencyKey, Services, WithServices, require
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
    """The order of a recharge, and what is in the wallet's account now."""

    order: UUID
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
        "idempotency_key_reused",
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
    request = Repeatable.of(caller, f"recharge {number}", idempotency_key, body)
    kept = await request.answered()
    if kept is not None:
        return RechargeAnswer.model_validate(kept)
    try:
        async with in_transaction():
            return await _recharge(number, body, request, services)
    except AnsweredMeanwhile:
        return RechargeAnswer.model_validate(await request.answered())


async def _recharge(number: int, body: RechargeBody, request: Repeatable, services: Services) -> RechargeAnswer:
    now_ms, caller = services.clock.wall_ms(), request.caller
    wallet = await queries.wallet(number)
    await recharging.fitting(number, wallet.site_id, body.currency)
    day = await days.business_day(wallet.site_id, now_ms)
    order = Order(
        id=uuid7(now_ms),
        site_id=wallet.site_id,
        channel=body.channel,
        status="new",
        total=0,
        currency=body.currency,
        created_ms=now_ms,
        day=day,
        kind=OrderKind.RECHARGE.value,
        window=caller.window,
        operator=caller.name,
    )
    line = Priced(
        product=None,
        kind=recharging.KIND,
        quantity=1,
        visit_date=day,
        list_price=body.amount,
        unit_price=body.amount,
        amount=body.amount,
        tax_bp=0,
        tax=0,
        department="",
        terms={recharging.TERM: number},
        words="recharge",
    )
    await make(order, [line], [payment.tender() for payment in body.payments], now_ms=now_ms, caller=caller)
    account = await queries.account_of(number)
    answer = RechargeAnswer(order=order.id, wallet=number, amount=body.amount, account=account, currency=body.currency)
    await request.keep(answer, now_ms)
    return answer
