# SPDX-License-Identifier: Apache-2.0
"""HTTP API of business days."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from pistegate_cloud.days import closing, queries
from pistegate_cloud.days.schemas import CloseBody, CutOverAnswer, CutOverBody, DayReport, DaySummary
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import Day, Limit, SiteNumber, iso
from pistegate_cloud.services import WithServices, require
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tokens.service import Scope

router = APIRouter(prefix="/days", tags=["days"])


@router.get("", dependencies=[Depends(require(Scope.LEDGER_READ))], responses=documented("unknown_reference"))
async def list_days(
    site: SiteNumber,
    until: Annotated[date | None, Query(description="This day and those before it.")] = None,
    limit: Limit = 100,
) -> list[DaySummary]:
    """Days that are closed or being closed, the newest first."""
    return [
        DaySummary(site=row.site_id, day=row.day, state=row.state, closed_by=row.closed_by, closed=iso(row.closed_ms))
        for row in await queries.days_of(site, until, limit)
    ]


@router.post("/close", responses=documented("unknown_reference", "day_not_over", "day_differs", "state_conflict"))
async def close(
    body: CloseBody, services: WithServices, caller: Annotated[Caller, Depends(require(Scope.DAYS_CLOSE))]
) -> DayReport:
    """Daily close 日结: reconcile a day that is over, and close it for good. Again: the same report."""
    return await closing.close(body, caller, services.clock.wall_ms())


@router.put("/cut-over", responses=documented("unknown_reference", "cut_over_past"))
async def set_cut_over(
    body: CutOverBody, services: WithServices, caller: Annotated[Caller, Depends(require(Scope.DAYS_CLOSE))]
) -> CutOverAnswer:
    """When business days begin, from a day to come on."""
    kept = await closing.set_cut_over(body, caller, services.clock.wall_ms())
    return CutOverAnswer.model_validate(kept.model_dump())


@router.get("/{day}", dependencies=[Depends(require(Scope.LEDGER_READ))], responses=documented("unknown_reference"))
async def read_day(day: Day, site: SiteNumber) -> DayReport:
    """A day's report: as it was closed, or as the books stand now."""
    return await closing.report(site, day)
