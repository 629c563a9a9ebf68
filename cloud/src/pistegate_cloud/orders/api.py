# SPDX-License-Identifier: Apache-2.0
"""HTTP API of orders."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from pistegate_cloud.orders import answers, cancelling, paying, queries, service
from pistegate_cloud.orders.idempotency import Repeatable
from pistegate_cloud.orders.kinds import OrderKind
from pistegate_cloud.orders.schemas import CancelBody, OrderAnswer, OrderBody, OrderSummary, PayBody
from pistegate_cloud.pricing import service as pricing
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import Code, DeviceNumber, Limit, Phone, SiteFilter
from pistegate_cloud.services import IdempotencyKey, WithServices, require
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.states import ORDER
from pistegate_cloud.tenders.service import site_of
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["orders"])

TENDERS = (
    "wrong_currency",
    "payment_too_small",
    "tenders_too_much",
    "tenders_unclear",
    "reference_missing",
    "payments_off",
    "payment_amount",
    "shift_needed",
    "approval_needed",
    "approval_refused",
    "account_closed",
    "credit_exceeded",
    "voucher_unknown",
    "voucher_used",
    "voucher_not_valid",
    "voucher_too_small",
    "wallet_too_small",
    "deposit_too_small",
    "deposit_in_wallet",
    "wrong_site",
    "site_not_allowed",
    "idempotency_key_reused",
    "request_in_progress",
    "state_conflict",
    "not_found",
    "day_closed",
    "payment_mismatch",
)
_CANCELLING = ("not_found", "state_conflict", "order_being_paid", "reverse_too_early", "site_not_allowed", "day_closed")
_PAYING = ("order_being_paid", "reverse_too_early", *TENDERS)
_PROBLEMS = (
    "member_unknown",
    "unknown_reference",
    "sold_out",
    "amount_too_large",
    *pricing.PROBLEMS,
    "outlet_of_another_group",
    *TENDERS,
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
    """Sell: order, payments, stock, tickets and ledger postings, all or nothing; or an order that waits to be paid."""
    return await service.sell(body, Repeatable.of(caller, "sell", idempotency_key, body), caller, services)


@router.post("/orders/{order_id}/payments", status_code=201, responses=documented(*_PAYING))
async def pay(
    order_id: UUID,
    body: PayBody,
    services: WithServices,
    caller: Annotated[Caller, Depends(require(Scope.ORDERS_WRITE))],
    idempotency_key: IdempotencyKey = None,
) -> OrderAnswer:
    """Pay an order that waits."""
    order = await service.found(order_id)
    caller.at(site_of(order))
    request = Repeatable.of(caller, f"pay {order_id}", idempotency_key, body)
    return await paying.pay(order, body, request, caller, services)


@router.post("/orders/{order_id}/cancel", responses=documented(*_CANCELLING))
async def cancel(
    order_id: UUID,
    body: CancelBody,
    services: WithServices,
    caller: Annotated[Caller, Depends(require(Scope.ORDERS_WRITE))],
) -> OrderAnswer:
    """An order that is not paid is not to be had any more; its stock is free again."""
    order = await service.found(order_id)
    caller.at(site_of(order))
    return await cancelling.cancel(order, body.reason, caller, services)


@router.get("/orders/{order_id}", dependencies=[Depends(require(Scope.ORDERS_READ))], responses=documented("not_found"))
async def read_order(order_id: UUID) -> OrderAnswer:
    """One order with its tickets; for the people of its site, and of the outlet that sold it."""
    return await answers.whole(await service.found(order_id))


@router.get("/orders", dependencies=[Depends(require(Scope.ORDERS_READ))], responses=documented())
async def list_orders(
    site: SiteFilter = None,
    day: Annotated[date | None, Query(description="Day of the sale in site zone.")] = None,
    status: Annotated[str | None, Query(max_length=20, description=f"One of {', '.join(ORDER.moves)}.")] = None,
    kind: Annotated[OrderKind | None, Query(description="Why it was made.")] = None,
    channel: Annotated[Code | None, Query(description="Where it was made.")] = None,
    window: Annotated[DeviceNumber | None, Query(description="At which window.")] = None,
    phone: Annotated[Phone | None, Query(description="The guest's.")] = None,
    attention: Annotated[
        bool, Query(description="Only those that a person must look at: money in doubt, paid and not issued.")
    ] = False,
    after: UUID | None = None,
    limit: Limit = 100,
) -> OrderPage:
    """Orders, oldest first."""
    given = {"site_id": site, "day": day, "status": status, "channel": channel, "window": window, "phone": phone}
    of = {name: value for name, value in (given | {"kind": kind and kind.value}).items() if value is not None}
    items = [answers.summary(row) for row in await queries.page(of, attention, after, limit)]
    return OrderPage(items=items, next=items[-1].id if len(items) == limit else None)
