# SPDX-License-Identifier: Apache-2.0
"""HTTP API of suspensions."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Depends
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from pistegate_cloud.clock import ms_of
from pistegate_cloud.errors import Problem
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import After, AreaNumber, Body, Limit, Page, Reason, SiteFilter, SiteNumber, iso
from pistegate_cloud.services import WithServices, require
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.suspensions import queries, service
from pistegate_cloud.suspensions.models import AreaSuspension
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["suspensions"])


def _of_our_time(value: datetime) -> datetime:
    if not 2020 <= value.year < 2100:
        raise ValueError("a year from 2020 to 2099 is expected")
    return value


Time = Annotated[AwareDatetime, AfterValidator(_of_our_time)]
SuspensionNumber = Annotated[int, Field(ge=1, le=2**62)]


class SuspensionBody(Body):
    """Close an area: from a time (left out: now) to another (left out: until further notice)."""

    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
        json_schema_extra={
            "example": {"site": 1, "area": 1, "clocks_paused": True, "reason": "wind, lift 2 stands still"}
        },
    )

    site: SiteNumber
    area: AreaNumber
    from_: Annotated[Time | None, Field(alias="from")] = None
    until: Time | None = None
    clocks_paused: Annotated[bool, Field(description="Meanwhile no time runs for tickets that hold there.")] = False
    reason: Reason

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.from_ is not None and self.until is not None and self.until <= self.from_:
            raise ValueError("it ends before it begins")
        return self


class EndBody(Body):
    """When it ends or ended (left out: now); not later than its begin calls it off."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"at": "2026-01-17T13:30:00+08:00"}})

    at: Time | None = None


class SuspensionAnswer(BaseModel):
    """A suspension; `by` began it, `ended_by` set its end later."""

    model_config = ConfigDict(populate_by_name=True)

    id: int
    site: int
    area: int
    from_: Annotated[datetime, Field(alias="from")]
    until: datetime | None
    clocks_paused: bool
    reason: str
    by: str
    at: datetime
    ended_by: str | None


@router.post("/suspensions", status_code=201, responses=documented("unknown_reference", "document_full"))
async def suspend(
    body: SuspensionBody,
    services: WithServices,
    caller: Annotated[Caller, Depends(require(Scope.SUSPENSIONS_WRITE))],
) -> SuspensionAnswer:
    """Close an area; its lanes refuse from then on, and hear of it at once."""
    await sites.area(body.site, body.area)
    now_ms = services.clock.wall_ms()
    start_ms = now_ms if body.from_ is None else ms_of(body.from_)
    end_ms = None if body.until is None else ms_of(body.until)
    if end_ms is not None and end_ms <= start_ms:
        raise Problem("invalid_request", where="until", message="it ends before it begins, which is now")
    row = AreaSuspension(
        site_id=body.site,
        area=body.area,
        start_ms=start_ms,
        end_ms=end_ms,
        clocks_paused=body.clocks_paused,
        reason=body.reason,
        actor=caller.name,
        created_ms=now_ms,
    )
    await service.begin(row, services)
    return _answer(row)


@router.post("/suspensions/{number}/end", responses=documented("not_found", "state_conflict", "document_full"))
async def end(
    number: SuspensionNumber,
    body: EndBody,
    services: WithServices,
    caller: Annotated[Caller, Depends(require(Scope.SUSPENSIONS_WRITE))],
) -> SuspensionAnswer:
    """Open the area again, or say when it will be."""
    at_ms = None if body.at is None else ms_of(body.at)
    return _answer(await service.end(number, at_ms, caller.name, services))


@router.get("/suspensions", dependencies=[Depends(require(Scope.SITES_READ))], responses=documented())
async def list_suspensions(site: SiteFilter = None, after: After = 0, limit: Limit = 100) -> Page[SuspensionAnswer]:
    """Suspensions of one site or of all, the oldest first."""
    items = [_answer(row) for row in await queries.page(site, after, limit)]
    return Page(items=items, next=items[-1].id if len(items) == limit else None)


def _answer(row: AreaSuspension) -> SuspensionAnswer:
    return SuspensionAnswer(
        id=row.id,
        site=row.site_id,
        area=row.area,
        from_=iso(row.start_ms),
        until=None if row.end_ms is None else iso(row.end_ms),
        clocks_paused=row.clocks_paused,
        reason=row.reason,
        by=row.actor,
        at=iso(row.created_ms),
        ended_by=row.ended_by,
    )
