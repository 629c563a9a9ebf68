# SPDX-License-Identifier: Apache-2.0
"""HTTP API of what happens after a sale."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from pistegate_cloud.aftersales import arriving, exchanging, giving, refunding, supplementing
from pistegate_cloud.aftersales.change_schemas import (
    ArrivalBody,
    ChangeDone,
    ExchangeBody,
    ExchangeQuote,
    ExtensionBody,
    ExtensionDone,
    FreeBody,
    SupplementBody,
)
from pistegate_cloud.aftersales.leaving import Work
from pistegate_cloud.aftersales.schemas import RefundBody, RefundDone, RefundQuote
from pistegate_cloud.orders.api import TENDERS
from pistegate_cloud.orders.idempotency import Repeatable
from pistegate_cloud.orders.rules import TICKETS_MAX
from pistegate_cloud.orders.schemas import OrderAnswer
from pistegate_cloud.pricing import service as pricing
from pistegate_cloud.pricing.shapes import Asked
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import Code, Day, TicketNumber
from pistegate_cloud.services import IdempotencyKey, WithServices, require
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["after the sale"])

_QUOTING = ("not_found", "state_conflict", "ticket_revoked", "refund_too_large")
REFUNDING = (
    *_QUOTING,
    "refund_differs",
    "refund_nothing_left",
    "ticket_used",
    "wallet_too_small",
    "deposit_in_wallet",
    "approval_needed",
    "approval_refused",
    "invoice_reddened_first",
    "shift_needed",
    "document_full",
    "day_closed",
    "idempotency_key_reused",
    "request_in_progress",
)
_ARRIVING = ("group_needed", "arrived_too_many")
_EXTENDING = ("extension_empty", "extension_not_later", "extension_without_clock", "extension_too_long")
_CHARGING = ("unknown_reference", "sold_out", *pricing.PROBLEMS, *TENDERS, "ticket_revoked", "reference_missing")
_Seller = Annotated[Caller, Depends(require(Scope.ORDERS_WRITE))]
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

    async def choose(_: Work) -> RefundBody:
        return body

    return await refunding.refund(order_id, choose, request, services)


@router.get(
    "/tickets/{number}/exchange",
    dependencies=[Depends(require(Scope.ORDERS_READ))],
    responses=documented("not_found", "ticket_revoked", "ticket_used", "unknown_reference", *pricing.PROBLEMS),
)
async def quote_exchange(
    number: TicketNumber,
    services: WithServices,
    product: Annotated[int, Query(ge=1, le=0xFFFF)],
    visit_date: Day,
    channel: Code,
    slot: Annotated[int | None, Query(ge=1, lt=2**62)] = None,
    proof: Annotated[str | None, Query(min_length=1, max_length=80, pattern=r"^[^\x00]+$")] = None,
) -> ExchangeQuote:
    """What another product or day instead of a ticket would cost; nothing is changed."""
    wish = exchanging.Wish(Asked(product, 1, visit_date, slot, proof), channel)
    return await exchanging.quote(number, wish, services)


@router.post("/tickets/{number}/exchange", status_code=201, responses=documented(*REFUNDING, *_CHARGING, "ticket_used"))
async def exchange(
    number: TicketNumber,
    body: ExchangeBody,
    services: WithServices,
    caller: _Refunder,
    idempotency_key: IdempotencyKey = None,
) -> ChangeDone:
    """Exchange or upgrade: the old ticket is refused at every gate, the difference is paid or goes back."""
    request = Repeatable.of(caller, f"exchange {number}", idempotency_key, body)
    return await exchanging.exchange(number, body, request, services)


@router.post("/tickets/{number}/supplement", status_code=201, responses=documented(*_CHARGING, "difference_none"))
async def supplement(
    number: TicketNumber,
    body: SupplementBody,
    services: WithServices,
    caller: _Seller,
    idempotency_key: IdempotencyKey = None,
) -> ChangeDone:
    """Supplementary 补票: the difference on a ticket that stays: a peak day, an adult with a child's ticket."""
    request = Repeatable.of(caller, f"supplement {number}", idempotency_key, body)
    return await supplementing.supplement(number, body, request, services)


@router.post(
    "/tickets/{number}/extension",
    status_code=201,
    responses=documented(*_CHARGING, *_EXTENDING, "amendments_exhausted", "document_full"),
)
async def extend(
    number: TicketNumber,
    body: ExtensionBody,
    services: WithServices,
    caller: Annotated[Caller, Depends(require(Scope.TICKETS_AMEND))],
    idempotency_key: IdempotencyKey = None,
) -> ExtensionDone:
    """A paid extension 延时; gates learn it as a signed amendment of the ticket."""
    request = Repeatable.of(caller, f"paid extension {number}", idempotency_key, body)
    return await supplementing.extend(number, body, request, services)


@router.post("/orders/free", status_code=201, responses=documented(*_CHARGING, "approval_needed", "approval_refused"))
async def give_free(
    body: FreeBody,
    services: WithServices,
    caller: Annotated[Caller, Depends(require(Scope.ORDERS_FREE))],
    idempotency_key: IdempotencyKey = None,
) -> OrderAnswer:
    """Free tickets 免费票, with a reason and somebody who agreed."""
    return await giving.give(body, Repeatable.of(caller, "free", idempotency_key, body), services)


@router.post("/orders/{order_id}/arrival/quote", responses=documented(*_QUOTING, *_ARRIVING))
async def quote_arrival(order_id: UUID, body: ArrivalBody, services: WithServices, _: _Refunder) -> RefundQuote:
    """What would go back for those of a group who did not come; nothing is changed."""
    return await arriving.quote(order_id, body, services)


@router.post("/orders/{order_id}/arrival", responses=documented(*REFUNDING, *_ARRIVING))
async def arrive(
    order_id: UUID,
    body: ArrivalBody,
    services: WithServices,
    caller: _Refunder,
    idempotency_key: IdempotencyKey = None,
) -> RefundDone:
    """A group 团体 has arrived: the tickets of those who did not come are released and given back by policy."""
    return await arriving.arrive(
        order_id, body, Repeatable.of(caller, f"arrival {order_id}", idempotency_key, body), services
    )
