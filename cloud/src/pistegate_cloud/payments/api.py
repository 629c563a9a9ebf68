# SPDX-License-Identifier: Apache-2.0
"""HTTP API of payments: a provider's notifications come in; a person sees what is open or strange."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict
from tortoise.transactions import in_transaction

from pistegate_cloud.audit import service as audit
from pistegate_cloud.errors import Problem
from pistegate_cloud.orders import loose
from pistegate_cloud.payments import notices, queries, settling
from pistegate_cloud.payments.models import ProviderPayment
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import Body, Limit, Reason, SiteFilter, iso
from pistegate_cloud.services import WithServices, require
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.states import PAYMENT
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["payments"])

_NOTICE = (
    "payments_off",
    "notice_forged",
    "notice_stale",
    "notice_replayed",
    "notice_unreadable",
    "payment_unknown",
    "payment_mismatch",
    "state_conflict",
    "day_closed",
)


_SETTLING = (
    "not_found",
    "payment_unknown",
    "payment_not_loose",
    "order_costs_otherwise",
    "order_being_paid",
    "state_conflict",
    "approval_needed",
    "approval_refused",
    "site_not_allowed",
    "refund_too_large",
    "day_closed",
)


class PaymentAnswer(BaseModel):
    """A payment through a provider, for `order`. Amounts in minor units; `held`: what refunds hold of it."""

    id: UUID
    site: int
    provider: str
    number: str
    way: str
    amount: int
    currency: str
    state: str
    held: int
    transaction: str | None
    created: datetime
    paid: datetime | None
    trouble: str | None
    strange: bool
    order: UUID | None = None


class PaymentPage(BaseModel):
    """Payments, and the id after which the next page begins."""

    items: list[PaymentAnswer]
    next: UUID | None = None


@router.post("/payments/wechat/notifications", status_code=204, responses=documented(*_NOTICE))
async def notify_wechat(request: Request, services: WithServices) -> None:
    """WeChat Pay tells of a payment or a refund; its signature stands for a token."""
    if services.wechat is None:
        raise Problem("payments_off")
    await notices.take(dict(request.headers), await request.body(), services.wechat, services.clock)


class SettleBody(Body):
    """What becomes of money without an order: `order` waits for just this amount; without one it goes back."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"reason": "the guest has left"}})

    order: UUID | None = None
    reason: Reason
    approval: UUID | None = None


class Settled(BaseModel):
    """What became of it: the order that it paid, or the refund."""

    payment: UUID
    order: UUID
    refund: UUID | None = None


@router.post("/payments/{payment}/settle", responses=documented(*_SETTLING))
async def settle_payment(
    payment: UUID,
    body: SettleBody,
    services: WithServices,
    caller: Annotated[Caller, Depends(require(Scope.PAYMENTS_SETTLE))],
) -> Settled:
    """Give money without an order 无主款 an order that waits, or give it back."""
    caller.at((await queries.payment(payment)).site_id)
    now_ms = services.clock.wall_ms()
    if body.order is not None:
        order = await loose.attach(payment, body.order, caller, now_ms)
        return Settled(payment=payment, order=order.id)
    refund = await loose.give_back(payment, body.reason, body.approval, caller, now_ms)
    return Settled(payment=payment, order=refund.order_id, refund=refund.id)


@router.post(
    "/payments/{payment}/ask",
    responses=documented(
        "payment_unknown", "payments_off", "payment_mismatch", "state_conflict", "site_not_allowed", "day_closed"
    ),
)
async def ask_payment(
    payment: UUID,
    services: WithServices,
    caller: Annotated[Caller, Depends(require(Scope.ORDERS_WRITE))],
) -> PaymentAnswer:
    """Ask the provider now what became of a payment, because a guest waits for it."""
    row = await queries.payment(payment)
    caller.at(row.site_id)
    if services.wechat is None:
        raise Problem("payments_off")
    told = _answer(await settling.ask(row, services.wechat, services.clock))
    async with in_transaction():
        subject, now_ms = f"payment:{payment}", services.clock.wall_ms()
        await audit.note(caller, "payment.ask", row.site_id, subject, after={"state": told.state}, now_ms=now_ms)
    return told


@router.get("/payments", dependencies=[Depends(require(Scope.PAYMENTS_READ))], responses=documented())
async def list_payments(
    site: SiteFilter = None,
    state: Annotated[str | None, Query(max_length=20, description=f"One of {', '.join(PAYMENT.moves)}.")] = None,
    attention: Annotated[
        bool,
        Query(description="Only those in doubt, strange, without an order, or with a refund that waits for a person."),
    ] = False,
    after: UUID | None = None,
    limit: Limit = 100,
) -> PaymentPage:
    """Payments through providers, the oldest first."""
    rows = await queries.page(site, state, attention, after, limit)
    orders = await queries.orders_of([row.id for row in rows])
    items = [_answer(row, orders.get(row.id)) for row in rows]
    return PaymentPage(items=items, next=items[-1].id if len(items) == limit else None)


def _answer(row: ProviderPayment, order: UUID | None = None) -> PaymentAnswer:
    return PaymentAnswer(
        id=row.id,
        site=row.site_id,
        provider=row.provider,
        number=row.number,
        way=row.way,
        amount=row.amount,
        currency=row.currency,
        state=row.state,
        held=row.held,
        transaction=row.transaction,
        created=iso(row.created_ms),
        paid=None if row.paid_ms is None else iso(row.paid_ms),
        trouble=row.trouble,
        strange=row.strange,
        order=order,
    )
