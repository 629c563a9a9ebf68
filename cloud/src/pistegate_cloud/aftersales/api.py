# SPDX-License-Identifier: Apache-2.0
"""HTTP API of what happens after a sale."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from pistegate_cloud.aftersales import refunding
from pistegate_cloud.aftersales.schemas import RefundBody, RefundDone, RefundQuote
from pistegate_cloud.orders.idempotency import Repeatable
from pistegate_cloud.orders.rules import TICKETS_MAX
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import Code, TicketNumber
from pistegate_cloud.services import IdempotencyKey, WithServices, require
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["after the sale"])

_QUOTING = ("not_found", "state_conflict", "ticket_revoked", "refund_too_large")
REFUNDING = (
    *_QUOTING,
    "refund_differs",
    "refund_nothing_left",
    "approval_needed",
    "approval_refused",
    "invoice_reddened_first",
    "shift_needed",
    "document_full",
    "day_closed",
    "idempotency_key_reused",
    "request_in_progress",
)
_Refunder = Annotated[Caller, Depends(require(Scope.ORDERS_REFUND))]


@router.get(
    "/orders/{order_id}/refund",
    dependencies=[Depends(require(Scope.ORDERS_READ))],
    responses=documented(*_QUOTING),
)
async def quote_refund(
    order_id: UUID,
    services: WithServices,
    ticket: Annotated[list[TicketNumber] | None, Query(max_length=TICKETS_MAX, description="All, if left out.")] = None,
    cause: Annotated[Code | None, Query(description="What the guest says, as the policy names it.")] = None,
    document: Annotated[list[Code] | None, Query(max_length=20, description="What the guest shows.")] = None,
) -> RefundQuote:
    """What would go back now, and why, line by line; nothing is changed."""
    body = RefundBody(tickets=ticket or None, reason="-", cause=cause, documents=document or [])
    return await refunding.quote(order_id, body, services)


@router.post("/orders/{order_id}/refund", responses=documented(*REFUNDING))
async def refund(
    order_id: UUID,
    body: RefundBody,
    services: WithServices,
    caller: _Refunder,
    idempotency_key: IdempotencyKey = None,
) -> RefundDone:
    """Refund 退购: tickets refused at every gate, stock free, money back, all or nothing."""
    request = Repeatable.of(caller, f"refund {order_id}", idempotency_key, body)
    return await refunding.refund(order_id, body, request, services)
