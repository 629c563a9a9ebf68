# SPDX-License-Identifier: Apache-2.0
"""HTTP API of orders."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from pistegate_cloud.orders import queries, service
from pistegate_cloud.orders.idempotency import Repeatable
from pistegate_cloud.orders.schemas import OrderAnswer, OrderBody, OrderSummary
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import Limit, SiteFilter, iso
from pistegate_cloud.services import IdempotencyKey, WithServices, require
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["orders"])

_PROBLEMS = (
    "unknown_reference",
    "wrong_currency",
    "payment_too_small",
    "visit_date_past",
    "season_over",
    "amount_too_large",
    "idempotency_key_reused",
)


class OrderPage(BaseModel):
    """Orders, and the id after which the next page begins."""

    items: list[OrderSummary]
    next: UUID | None = None


@router.post("/orders", status_code=201, responses=documented(*_PROBLEMS))
async def sell(
    body: OrderBody,
    services: WithServices,
    caller: Annotated[Caller, Depends(require(Scope.ORDERS_WRITE))],
    idempotency_key: IdempotencyKey = None,
) -> OrderAnswer:
    """Sell tickets for cash: order, payment, tickets and ledger postings, all or nothing."""
    return await service.sell(body, Repeatable.of(caller, "sell", idempotency_key, body), services.clock)


@router.get("/orders/{order_id}", dependencies=[Depends(require(Scope.ORDERS_READ))], responses=documented("not_found"))
async def read_order(order_id: UUID) -> OrderAnswer:
    """One order with its tickets."""
    return await service.order(order_id)


@router.get("/orders", dependencies=[Depends(require(Scope.ORDERS_READ))], responses=documented())
async def list_orders(
    site: SiteFilter = None,
    day: Annotated[date | None, Query(description="Day of the sale in site zone.")] = None,
    after: UUID | None = None,
    limit: Limit = 100,
) -> OrderPage:
    """Orders, oldest first."""
    rows = await queries.page(site, day, after, limit)
    items = [
        OrderSummary(
            id=row.id,
            site=row.site_id,
            channel=row.channel,
            status=row.status,
            total=row.total,
            currency=row.currency,
            created=iso(row.created_ms),
        )
        for row in rows
    ]
    return OrderPage(items=items, next=items[-1].id if len(items) == limit else None)
