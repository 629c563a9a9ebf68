# SPDX-License-Identifier: Apache-2.0
"""HTTP API of fingers: consents, withdrawals, and what became of each deletion."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from pistegate_cloud.documents import service as documents
from pistegate_cloud.errors import Problem
from pistegate_cloud.fingers import queries, service
from pistegate_cloud.fingers.deletions import deletion
from pistegate_cloud.fingers.models import FingerConsent
from pistegate_cloud.fingers.schemas import (
    ConsentAnswer,
    ConsentBody,
    FingerNumber,
    WithdrawalAnswer,
    WithdrawBody,
    consent_answer,
    withdrawal_answer,
)
from pistegate_cloud.fingers.service import Ended
from pistegate_cloud.problems import documented, locale_of
from pistegate_cloud.schemas import After, Limit, Page, SiteFilter, TicketNumber
from pistegate_cloud.services import Services, WithServices, require
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tickets import queries as tickets
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["fingers"])
Writer = Annotated[Caller, Depends(require(Scope.FINGERS_WRITE))]


@router.post(
    "/fingers",
    status_code=201,
    responses=documented("not_found", "ticket_revoked", "visit_date_past", "finger_party", "finger_full"),
)
async def agree(body: ConsentBody, services: WithServices, caller: Writer) -> ConsentAnswer:
    """Record a guest's consent, before the finger is taken at a desk with this answer. One given before ends."""
    row, messages = await service.agree(
        body.ticket, body.given(), caller.name, services.settings, services.clock.wall_ms(), alone=body.alone
    )
    await documents.push_all(messages, services)
    return consent_answer(row)


@router.get("/fingers", dependencies=[Depends(require(Scope.FINGERS_READ))], responses=documented("not_found"))
async def list_consents(ticket: Annotated[TicketNumber, Query()]) -> Page[ConsentAnswer]:
    """Every consent that was given for a ticket, the oldest first."""
    await tickets.ticket(ticket)
    return Page(items=[consent_answer(row) for row in await queries.of_ticket(ticket)])


@router.post("/fingers/withdrawals", status_code=201, responses=documented("not_found"))
async def withdraw(body: WithdrawBody, request: Request, services: WithServices, caller: Writer) -> WithdrawalAnswer:
    """The guest takes the consent back: every gate erases the finger and sends a receipt. The ticket stays good."""
    row, messages = await service.end(
        body.finger, Ended.WITHDRAWN, caller.name, body.reason, services.settings, services.clock.wall_ms()
    )
    await documents.push_all(messages, services)
    return await _answer(row, request, services)


@router.get(
    "/fingers/withdrawals/{number}",
    dependencies=[Depends(require(Scope.FINGERS_READ))],
    responses=documented("not_found"),
)
async def show_withdrawal(number: FingerNumber, request: Request, services: WithServices) -> WithdrawalAnswer:
    """What became of a deletion at each gate: erased at, or what it waits for and what to do."""
    row = await queries.one(number)
    if row.ended_ms is None:
        raise Problem("not_found", what=f"withdrawal of finger {number}")
    return await _answer(row, request, services)


@router.get("/fingers/withdrawals", dependencies=[Depends(require(Scope.FINGERS_READ))], responses=documented())
async def list_withdrawals(
    request: Request, services: WithServices, site: SiteFilter = None, after: After = 0, limit: Limit = 100
) -> Page[WithdrawalAnswer]:
    """Deletions of one site or of all, the oldest first; those of tickets that ended too."""
    rows = await queries.page(site, after, limit)
    items = [await _answer(row, request, services) for row in rows]
    return Page(items=items, next=items[-1].id if len(items) == limit else None)


async def _answer(row: FingerConsent, request: Request, services: Services) -> WithdrawalAnswer:
    return withdrawal_answer(row, await deletion(row, services.clock.wall_ms()), locale_of(request))
