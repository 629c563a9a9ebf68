# SPDX-License-Identifier: Apache-2.0
"""HTTP API of amendments."""

from typing import Annotated

from fastapi import APIRouter, Depends

from pistegate_cloud.amendments import queries, returns, rules, service
from pistegate_cloud.amendments.rules import Amended, AsSold, Change
from pistegate_cloud.amendments.schemas import (
    AmendmentAnswer,
    AreasBody,
    ExtendBody,
    HoldBody,
    ReturnBody,
    answer_of,
)
from pistegate_cloud.amendments.service import Result, Work
from pistegate_cloud.errors import Problem
from pistegate_cloud.orders.idempotency import Repeatable
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import Page, TicketNumber
from pistegate_cloud.services import IdempotencyKey, WithServices, require
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tickets import queries as tickets
from pistegate_cloud.tickets.models import Ticket
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["amendments"])
Writer = Annotated[Caller, Depends(require(Scope.TICKETS_AMEND))]
_EXTENSION = ("extension_empty", "extension_not_later", "extension_without_clock", "extension_too_long")
_PROBLEMS = ("not_found", "state_conflict", "amendments_exhausted", "document_full", "idempotency_key_reused")


@router.post("/tickets/{number}/extend", responses=documented(*_PROBLEMS, *_EXTENSION))
async def extend(
    number: TicketNumber,
    body: ExtendBody,
    services: WithServices,
    caller: Writer,
    idempotency_key: IdempotencyKey = None,
) -> AmendmentAnswer:
    """Extension 延时: a later last day, more minutes."""

    async def apply(_: Ticket, held: Amended, sold: AsSold) -> Result:
        return Result(rules.extended(held, sold, body.valid_until, body.minutes))

    request = Repeatable.of(caller, f"extend {number}", idempotency_key, body)
    return await service.amend(number, Work(Change.EXTEND, apply), body.reason, request, services)


@router.post("/tickets/{number}/areas", responses=documented(*_PROBLEMS, "areas_held_already", "unknown_reference"))
async def add_areas(
    number: TicketNumber,
    body: AreasBody,
    services: WithServices,
    caller: Writer,
    idempotency_key: IdempotencyKey = None,
) -> AmendmentAnswer:
    """Make a ticket valid in more areas."""

    async def apply(ticket: Ticket, held: Amended, sold: AsSold) -> Result:
        known = {area.number for area in await sites.areas(ticket.site_id)}
        if unknown := sorted(set(body.areas) - known):
            raise Problem("unknown_reference", what=f"area {unknown[0]} of site {ticket.site_id}")
        return Result(rules.with_areas(held, sold, body.areas))

    request = Repeatable.of(caller, f"areas {number}", idempotency_key, body)
    return await service.amend(number, Work(Change.AREAS, apply), body.reason, request, services)


@router.post("/tickets/{number}/hold", responses=documented(*_PROBLEMS))
async def hold(
    number: TicketNumber, body: HoldBody, services: WithServices, caller: Writer, idempotency_key: IdempotencyKey = None
) -> AmendmentAnswer:
    """Put a ticket on hold: every gate refuses it until it is taken off."""
    request = Repeatable.of(caller, f"hold {number}", idempotency_key, body)
    return await service.amend(number, _hold(Change.HOLD), body.reason, request, services)


@router.post("/tickets/{number}/unhold", responses=documented(*_PROBLEMS))
async def unhold(
    number: TicketNumber, body: HoldBody, services: WithServices, caller: Writer, idempotency_key: IdempotencyKey = None
) -> AmendmentAnswer:
    """Take a ticket off hold."""
    request = Repeatable.of(caller, f"unhold {number}", idempotency_key, body)
    return await service.amend(number, _hold(Change.UNHOLD), body.reason, request, services)


@router.post(
    "/tickets/{number}/return",
    responses=documented(*_PROBLEMS, "returns_pending", "nothing_to_return", "return_too_early", "return_unknown"),
)
async def give_back(
    number: TicketNumber,
    body: ReturnBody,
    services: WithServices,
    caller: Writer,
    idempotency_key: IdempotencyKey = None,
) -> AmendmentAnswer:
    """Give back entries of persons who were admitted and did not pass, once no gate would let them in again."""

    async def apply(ticket: Ticket, held: Amended, _: AsSold) -> Result:
        before = await queries.of_ticket(number)
        found = await returns.returnable(ticket, body.admission, before)
        after = await returns.given_back(ticket, held, found, before)
        admission = found.admission
        values = {"persons": found.persons, "admission": admission.name, "admission_day": admission.day}
        return Result(after, values)

    request = Repeatable.of(caller, f"return {number}", idempotency_key, body)
    return await service.amend(number, Work(Change.RETURN, apply), body.reason, request, services)


@router.get(
    "/tickets/{number}/amendments",
    dependencies=[Depends(require(Scope.TICKETS_READ))],
    responses=documented("not_found"),
)
async def list_amendments(number: TicketNumber) -> Page[AmendmentAnswer]:
    """All amendments of a ticket in order; the newest alone holds."""
    await tickets.ticket(number)
    return Page(items=[answer_of(row) for row in await queries.of_ticket(number)])


def _hold(change: Change) -> Work:
    async def apply(_: Ticket, held: Amended, __: AsSold) -> Result:
        return Result(rules.held_back(held, change is Change.HOLD))

    return Work(change, apply)
