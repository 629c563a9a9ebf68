# SPDX-License-Identifier: Apache-2.0
"""HTTP API of payments: a provider's notifications come in; a person sees what is open or strange."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from pistegate_cloud.errors import Problem
from pistegate_cloud.payments import notices, queries
from pistegate_cloud.payments.models import ProviderPayment
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import Limit, SiteFilter, iso
from pistegate_cloud.services import WithServices, require
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
)


class PaymentAnswer(BaseModel):
    """A payment through a provider. Amounts in minor units; `held`: what refunds hold of it."""

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


@router.get("/payments", dependencies=[Depends(require(Scope.PAYMENTS_READ))], responses=documented())
async def list_payments(
    site: SiteFilter = None,
    state: Annotated[str | None, Query(max_length=20, description=f"One of {', '.join(PAYMENT.moves)}.")] = None,
    attention: Annotated[
        bool, Query(description="Only those in doubt, strange, or with a refund that waits for a person.")
    ] = False,
    after: UUID | None = None,
    limit: Limit = 100,
) -> PaymentPage:
    """Payments through providers, the oldest first."""
    items = [_answer(row) for row in await queries.page(site, state, attention, after, limit)]
    return PaymentPage(items=items, next=items[-1].id if len(items) == limit else None)


def _answer(row: ProviderPayment) -> PaymentAnswer:
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
    )
