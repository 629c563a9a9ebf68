# SPDX-License-Identifier: Apache-2.0
"""HTTP API of refunds: what is on its way back, and what waits for a person."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from pistegate_cloud.orders.models import Refund
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import Limit, SiteFilter, iso
from pistegate_cloud.services import WithServices, require
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tenders import handing, queries
from pistegate_cloud.tenders.schemas import RefundRow
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["payments"])

Settler = Annotated[Caller, Depends(require(Scope.PAYMENTS_SETTLE))]
_PROBLEMS = (
    "not_found",
    "payment_unknown",
    "payments_off",
    "state_conflict",
    "refund_too_large",
    "payment_mismatch",
    "site_not_allowed",
    "day_closed",
)


class RefundPage(BaseModel):
    """Refunds, and the id after which the next page begins."""

    items: list[RefundRow]
    next: UUID | None = None


@router.get("/refunds", dependencies=[Depends(require(Scope.PAYMENTS_READ))], responses=documented())
async def list_refunds(
    site: SiteFilter = None,
    attention: Annotated[bool, Query(description="Only those that wait for a person.")] = False,
    after: UUID | None = None,
    limit: Limit = 100,
) -> RefundPage:
    """Refunds by whatever way, the oldest first."""
    items = [_answer(row) for row in await queries.refunds(site, attention, after, limit)]
    return RefundPage(items=items, next=items[-1].id if len(items) == limit else None)


@router.post("/refunds/{refund}/retry", responses=documented(*_PROBLEMS))
async def retry(refund: UUID, services: WithServices, caller: Settler) -> RefundRow:
    """Send it again to the provider, whose balance was short or who gave it up."""
    caller.at((await handing.found(refund)).site_id)
    return _answer(await handing.retry(refund, caller, services))


@router.post("/refunds/{refund}/cash", responses=documented(*_PROBLEMS, "refund_in_doubt", "shift_needed"))
async def give_cash(refund: UUID, services: WithServices, caller: Settler) -> RefundRow:
    """Give it from the drawer instead: never also by the provider."""
    caller.at((await handing.found(refund)).site_id)
    return _answer(await handing.cash(refund, caller, services))


def _answer(row: Refund) -> RefundRow:
    return RefundRow(
        id=row.id,
        site=row.site_id,
        order=row.order_id,
        method=row.method,
        amount=row.amount,
        currency=row.currency,
        state=row.state,
        reason=row.reason,
        operator=row.operator,
        at=iso(row.at_ms),
    )
