# SPDX-License-Identifier: Apache-2.0
"""HTTP API of sales windows and shifts."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from tortoise.transactions import in_transaction

from pistegate_cloud.errors import Problem
from pistegate_cloud.orders.idempotency import AnsweredMeanwhile, Repeatable
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import Limit, Page, SiteFilter
from pistegate_cloud.services import IdempotencyKey, WithServices, require
from pistegate_cloud.shifts import queries, service
from pistegate_cloud.shifts.models import Shift
from pistegate_cloud.shifts.rules import Kind
from pistegate_cloud.shifts.schemas import (
    CashBody,
    CountBody,
    OpenBody,
    ReportAnswer,
    ShiftAnswer,
    TakeOverBody,
    WindowAnswer,
    WindowBody,
    report_answer,
    shift_answer,
    window_answer,
)
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["shifts"])
Seller = Annotated[Caller, Depends(require(Scope.SHIFTS_WRITE))]
_OWN = ("not_found", "shift_not_yours", "shift_needed", "state_conflict")


@router.post("/windows", status_code=201, responses=documented("unknown_reference"))
async def set_window(
    body: WindowBody, caller: Annotated[Caller, Depends(require(Scope.SITES_WRITE))], services: WithServices
) -> WindowAnswer:
    """Add a sales window, or change its name or whether it is used."""
    await sites.site(body.site)
    now_ms = services.clock.wall_ms()
    return window_answer(await service.set_window(caller, body.site, body.number, body.name, body.active, now_ms))


@router.get("/windows", dependencies=[Depends(require(Scope.SITES_READ))], responses=documented())
async def list_windows(site: SiteFilter = None) -> Page[WindowAnswer]:
    """Sales windows."""
    return Page(items=[window_answer(row) for row in await queries.windows(site)])


@router.post(
    "/shifts",
    status_code=201,
    responses=documented(
        "session_ended", "window_not_allowed", "unknown_reference", "shift_open", "idempotency_key_reused"
    ),
)
async def open_shift(
    body: OpenBody, caller: Seller, services: WithServices, idempotency_key: IdempotencyKey = None
) -> ShiftAnswer:
    """Open a shift at a window; one at a time for each seller and each window."""

    async def work(now_ms: int) -> Shift:
        return await service.open_shift(caller, body.site, body.window, body.float_amount, body.currency, now_ms)

    return await _once(Repeatable.of(caller, "shift", idempotency_key, body), services, work)


@router.get("/shifts/mine", responses=documented("not_found"))
async def my_shift(caller: Seller) -> ShiftAnswer:
    """The caller's shift that is not closed."""
    found = await queries.open_of(caller.user or 0)
    if found is None:
        raise Problem("not_found", what="open shift")
    return shift_answer(await queries.shift(found.id))


@router.get("/shifts", dependencies=[Depends(require(Scope.SHIFTS_READ))], responses=documented())
async def list_shifts(
    site: SiteFilter = None,
    open: Annotated[bool, Query(description="Only those that are not closed.")] = False,
    before: Annotated[int | None, Query(ge=0, le=2**62, description="`next` of the page before.")] = None,
    limit: Limit = 100,
) -> Page[ShiftAnswer]:
    """Shifts, the newest first."""
    rows = await queries.page(site, open, before, limit)
    return Page(items=[shift_answer(row) for row in rows], next=rows[-1].opened_ms if len(rows) == limit else None)


@router.get(
    "/shifts/{number}/report",
    dependencies=[Depends(require(Scope.SHIFTS_READ))],
    responses=documented("not_found"),
)
async def report(number: UUID) -> ReportAnswer:
    """Totals of a shift by way of paying as they are now; for managers, because it shows what is expected."""
    return report_answer(await service.report(number))


@router.post("/shifts/{number}/cash", responses=documented(*_OWN, "idempotency_key_reused"))
async def move_cash(
    number: UUID, body: CashBody, caller: Seller, services: WithServices, idempotency_key: IdempotencyKey = None
) -> ShiftAnswer:
    """Cash from the drawer to the safe, or from the safe."""

    async def work(now_ms: int) -> Shift:
        return await service.move_cash(caller, number, Kind(body.kind), body.amount, now_ms)

    return await _once(Repeatable.of(caller, f"drawer {number}", idempotency_key, body), services, work)


@router.post("/shifts/{number}/count", responses=documented(*_OWN))
async def count(number: UUID, body: CountBody, caller: Seller, services: WithServices) -> ShiftAnswer:
    """What the seller counted; only the answer tells what was expected. Nothing more is sold in this shift."""
    return shift_answer(await service.count(caller, number, body.counted(), services.clock.wall_ms()))


@router.post("/shifts/{number}/reopen", responses=documented("not_found", "state_conflict"))
async def reopen(
    number: UUID, caller: Annotated[Caller, Depends(require(Scope.ORDERS_APPROVE))], services: WithServices
) -> ShiftAnswer:
    """Let a drawer be counted again, by a manager."""
    return shift_answer(await service.reopen(caller, number, services.clock.wall_ms()))


@router.post("/shifts/{number}/close", responses=documented(*_OWN, "shift_uncounted"))
async def close(number: UUID, caller: Seller, services: WithServices) -> ShiftAnswer:
    """End a counted shift; its cash goes to the safe."""
    return shift_answer(await service.close(caller, number, services.clock.wall_ms()))


@router.post(
    "/shifts/{number}/take-over",
    status_code=201,
    responses=documented(
        "not_found",
        "session_ended",
        "shift_not_yours",
        "shift_uncounted",
        "shift_count_differs",
        "shift_open",
        "window_not_allowed",
        "unknown_reference",
    ),
)
async def take_over(number: UUID, body: TakeOverBody, caller: Seller, services: WithServices) -> ShiftAnswer:
    """Go on at a colleague's window with the drawer that both have counted; their shift is closed by it."""
    return shift_answer(await service.take_over(caller, number, body.cash, services.clock.wall_ms()))


async def _once(request: Repeatable, services: WithServices, work: Callable[[int], Awaitable[Shift]]) -> ShiftAnswer:
    """Do the work and keep its answer in one transaction, or give the answer of the first time."""
    kept = await request.answered()
    if kept is not None:
        return _kept(kept)
    now_ms = services.clock.wall_ms()
    try:
        async with in_transaction():
            answer = shift_answer(await work(now_ms))
            await request.keep(answer, now_ms)
    except AnsweredMeanwhile:
        return _kept(await request.answered())
    return answer


def _kept(answer: object) -> ShiftAnswer:
    return ShiftAnswer.model_validate(answer)
