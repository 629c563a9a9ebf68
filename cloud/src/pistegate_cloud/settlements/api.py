# SPDX-License-Identifier: Apache-2.0
"""HTTP API of settlements."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from pistegate_cloud.cards.desk import DESK_PROBLEMS, USABLE_PROBLEMS
from pistegate_cloud.orders.idempotency import Repeatable
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import Limit, SiteFilter, TicketNumber
from pistegate_cloud.services import IdempotencyKey, WithServices, require
from pistegate_cloud.settlements import queries, service
from pistegate_cloud.settlements.answers import kept_answer
from pistegate_cloud.settlements.schemas import DropBody, OvertimeBody, SettleBody, SettlementAnswer
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["settlements"])
Reader = Annotated[Caller, Depends(require(Scope.RENTALS_READ))]
Writer = Annotated[Caller, Depends(require(Scope.DEPOSITS_WRITE))]
_WHO = ("not_found", "ticket_revoked", "identity_wrong", "bindings_off", "settlement_price", "settlement_currency")
_PAY = (
    "settlement_short",
    "settlement_too_much",
    "payment_too_small",
    "tenders_unclear",
    "tenders_too_much",
    "reference_missing",
    "wrong_currency",
    "shift_needed",
    "wallet_too_small",
    "deposit_too_small",
    "refund_too_large",
    "request_in_progress",
    "day_closed",
    "idempotency_key_reused",
)
_CARD = (*DESK_PROBLEMS, *USABLE_PROBLEMS, "card_in_stock", "card_rental_out")


class SettlementPage(BaseModel):
    """Settlements, and the id after which the next page begins."""

    items: list[SettlementAnswer]
    next: UUID | None = None


@router.post("/settlements/preview", responses=documented(*_WHO, *_CARD, "settlement_too_much", "settlement_begun"))
async def preview(body: SettleBody, services: WithServices, caller: Reader) -> SettlementAnswer:
    """What a settlement would come to: the card is read, nothing is written. `missing` is what has to be paid."""
    return await service.preview(body, caller, services)


@router.post(
    "/settlements",
    status_code=201,
    responses=documented(*_WHO, *_CARD, *_PAY, "settlement_equipment_out", "settlement_begun"),
)
async def settle(
    body: SettleBody, services: WithServices, caller: Writer, idempotency_key: IdempotencyKey = None
) -> SettlementAnswer:
    """Settle everything at check-out: charges, deposit back, wallet back, card back. Repeat it until it succeeds."""
    return await service.settle(body, Repeatable.of(caller, "settle", idempotency_key, body), services)


@router.post("/settlements/overtime", status_code=201, responses=documented(*_WHO, *_CARD, *_PAY))
async def pay_overtime(
    body: OvertimeBody, services: WithServices, caller: Writer, idempotency_key: IdempotencyKey = None
) -> SettlementAnswer:
    """Pay a ticket's overtime 超时 before leaving; the settlement then asks for it no second time."""
    return await service.pay_overtime(body, Repeatable.of(caller, "overtime", idempotency_key, body), services)


@router.post("/settlements/{number}/drop", responses=documented("not_found", "state_conflict"))
async def drop(number: UUID, body: DropBody, services: WithServices, caller: Writer) -> SettlementAnswer:
    """Give up a settlement that was begun and not finished."""
    return await service.drop(number, caller, services.clock.wall_ms())


@router.get(
    "/settlements/{number}", dependencies=[Depends(require(Scope.RENTALS_READ))], responses=documented("not_found")
)
async def read_settlement(number: UUID) -> SettlementAnswer:
    """One settlement, as the guest was told it."""
    return kept_answer(await queries.settlement(number))


@router.get("/settlements", dependencies=[Depends(require(Scope.RENTALS_READ))], responses=documented())
async def list_settlements(
    site: SiteFilter = None,
    ticket: Annotated[TicketNumber | None, Query()] = None,
    state: Annotated[str | None, Query(pattern="^(begun|settled|dropped)$")] = None,
    after: UUID | None = None,
    limit: Limit = 100,
) -> SettlementPage:
    """Settlements, oldest first; those that are only begun wait for somebody to repeat or drop them."""
    rows = await queries.page(site, ticket, state, after, limit)
    return SettlementPage(items=[kept_answer(row) for row in rows], next=rows[-1].id if len(rows) == limit else None)
