# SPDX-License-Identifier: Apache-2.0
"""HTTP API of compensation 停运补偿."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from pistegate_cloud.aftersales import compensating
from pistegate_cloud.aftersales import compensation_queries as queries
from pistegate_cloud.aftersales.compensation_schemas import CompensationAnswer, CompensationBody, RunBody, answer_of
from pistegate_cloud.problems import documented
from pistegate_cloud.services import WithServices, require
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["compensation"])
_Approver = Annotated[Caller, Depends(require(Scope.ORDERS_APPROVE))]


@router.post(
    "/compensations",
    status_code=201,
    responses=documented("not_found", "stop_not_over", "compensation_nobody", "state_conflict", "ticket_revoked"),
)
async def draft(body: CompensationBody, services: WithServices, caller: _Approver) -> CompensationAnswer:
    """Preview: how many tickets get what for a stop, kept as a draft; nothing is given yet."""
    return await compensating.draft(body, caller, services)


@router.get(
    "/compensations/{number}",
    dependencies=[Depends(require(Scope.ORDERS_READ))],
    responses=documented("not_found"),
)
async def read(number: UUID) -> CompensationAnswer:
    """How far it is."""
    row = await queries.one(number)
    return answer_of(row, await queries.progress(row))


@router.post(
    "/compensations/{number}/run",
    responses=documented(
        "not_found", "state_conflict", "approval_needed", "approval_refused", "document_full", "day_closed"
    ),
)
async def run(number: UUID, body: RunBody, services: WithServices, caller: _Approver) -> CompensationAnswer:
    """Give the next tickets theirs. Call it until it is done; after any failure call it again: none gets it twice."""
    return await compensating.run(number, body.chunk, body.approval, caller, services)


@router.post("/compensations/{number}/drop", responses=documented("not_found", "state_conflict"))
async def drop(number: UUID, services: WithServices, caller: _Approver) -> CompensationAnswer:
    """A draft is not wanted."""
    return await compensating.drop(number, caller, services)
