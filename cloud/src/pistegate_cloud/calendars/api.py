# SPDX-License-Identifier: Apache-2.0
"""HTTP API of calendars: blackout sets, their dates and rules."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from pistegate_cloud.calendars import queries, service
from pistegate_cloud.calendars.models import BlackoutSet
from pistegate_cloud.calendars.rules import BadCsv, dates_of_csv
from pistegate_cloud.errors import Problem
from pistegate_cloud.problems import documented
from pistegate_cloud.products.schemas import Names
from pistegate_cloud.schemas import Body, Page, SetNumber, SiteFilter, SiteNumber, iso
from pistegate_cloud.services import WithServices, require
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["calendars"])
Writer = Annotated[Caller, Depends(require(Scope.CALENDARS_WRITE))]
_read = [Depends(require(Scope.PRODUCTS_READ))]
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
SetNumbers = Annotated[list[SetNumber], Field(max_length=20)]
Dates = Annotated[list[date], Field(max_length=service.DATES_MAX)]
CSV_MAX = 100_000  # characters; 2000 dates with notes

_EXAMPLE: dict[str, Any] = {
    "site": 1,
    "number": 3,
    "name": {"en": "No weekday ticket", "zh-CN": "平日票不可用日"},
    "weekdays": ["sat", "sun"],
    "also": [1],
    "except": [2],
}


class RuleBody(Body):
    """Every one of `weekdays` except the own dates of sets `except`, and also the own dates of sets `also`."""

    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
        json_schema_extra={"example": {"weekdays": ["sat", "sun"], "also": [1], "except": [2]}},
    )

    weekdays: Annotated[list[Weekday], Field(max_length=7)] = Field(default_factory=list)
    also: SetNumbers = Field(default_factory=list)
    except_: Annotated[SetNumbers, Field(alias="except")] = Field(default_factory=list)

    @property
    def columns(self) -> dict[str, list[int]]:
        """As the table keeps it."""
        return {
            "weekdays": sorted({WEEKDAYS.index(day) for day in self.weekdays}),
            "also_sets": sorted(set(self.also)),
            "except_sets": sorted(set(self.except_)),
        }


class SetBody(RuleBody):
    """A set of days on which tickets that name it do not hold. Scope "group": known at every site of the group."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, json_schema_extra={"example": _EXAMPLE})

    site: SiteNumber
    number: SetNumber
    scope: Literal["site", "group"] = "site"
    name: Names


class DatesBody(Body):
    """Own dates to remove (`replace`: all of them) and to add, also as CSV: lines of a date and a note."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"csv": "date,note\n2026-02-17,春节\n2026-02-18,春节"}}
    )

    add: Dates = Field(default_factory=list)
    remove: Dates = Field(default_factory=list)
    replace: bool = False
    csv: Annotated[str, Field(max_length=CSV_MAX)] = ""


class RenewBody(Body):
    """Which site; left out: all of them."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"site": 1}})

    site: SiteNumber | None = None


class OwnDate(BaseModel):
    """An own date of a set."""

    day: date
    note: str


class SetSummary(SetBody):
    """A set; `by` changed its rule last."""

    by: str
    changed: datetime


class SetAnswer(SetSummary):
    """A set with its own dates, and all `days` from just before today on, as devices are told them."""

    dates: list[OwnDate]
    days: list[date]


@router.post(
    "/calendars", status_code=201, responses=documented("already_exists", "unknown_reference", "document_full")
)
async def add_set(body: SetBody, services: WithServices, caller: Writer) -> SetAnswer:
    """Add a set; its number is what products and claims name."""
    site = await sites.site(body.site)
    row = BlackoutSet(
        site_id=body.site,
        group_number=site.group_number if body.scope == "group" else None,
        number=body.number,
        name=body.name.model_dump(by_alias=True),
        actor=caller.name,
        changed_ms=services.clock.wall_ms(),
        **body.columns,
    )
    await service.add(row, services)
    return await _answer(row, services)


@router.get("/calendars", dependencies=_read, responses=documented())
async def list_sets(site: SiteFilter = None) -> Page[SetSummary]:
    """Sets made at one site, or all."""
    return Page(items=[SetSummary(**_summary(row)) for row in await queries.all_sets(site)])


@router.get("/calendars/{site}/{number}", dependencies=_read, responses=documented("not_found"))
async def read_set(site: SiteNumber, number: SetNumber, services: WithServices) -> SetAnswer:
    """One set with its days."""
    return await _answer(await queries.one(site, number), services)


@router.post("/calendars/{site}/{number}/rule", responses=documented("not_found", "unknown_reference", "document_full"))
async def change_rule(
    site: SiteNumber, number: SetNumber, body: RuleBody, services: WithServices, caller: Writer
) -> SetAnswer:
    """Change a set's rule; devices hear of it at once."""
    row = await queries.one(site, number)
    row.weekdays, row.also_sets, row.except_sets = body.columns.values()
    row.actor, row.changed_ms = caller.name, services.clock.wall_ms()
    await service.change_rule(row, services)
    return await _answer(row, services)


@router.post(
    "/calendars/{site}/{number}/dates",
    responses=documented("not_found", "calendar_csv", "calendar_full", "document_full"),
)
async def change_dates(
    site: SiteNumber, number: SetNumber, body: DatesBody, services: WithServices, caller: Writer
) -> SetAnswer:
    """Add and remove own dates; devices hear of it at once."""
    row = await queries.one(site, number)
    try:
        added = dict.fromkeys(body.add, "") | dates_of_csv(body.csv)
    except BadCsv as error:
        raise Problem("calendar_csv", error=error) from error
    row.actor, row.changed_ms = caller.name, services.clock.wall_ms()
    await service.change_dates(row, added, None if body.replace else body.remove, services)
    return await _answer(row, services)


@router.post("/calendars/renew", dependencies=[Depends(require(Scope.CALENDARS_WRITE))], responses=documented())
async def renew(body: RenewBody, services: WithServices) -> dict[str, list[int]]:
    """Work out the weekdays anew, 400 days ahead, and tell the devices; the cloud does so by itself every week."""
    renewed = await service.renew(services, None if body.site is None else [body.site])
    return {"sites": renewed}


def _summary(row: BlackoutSet) -> dict[str, Any]:
    return {
        "site": row.site_id,
        "number": row.number,
        "scope": "site" if row.group_number is None else "group",
        "name": row.name,
        "weekdays": [WEEKDAYS[day] for day in row.weekdays],
        "also": row.also_sets,
        "except": row.except_sets,
        "by": row.actor,
        "changed": iso(row.changed_ms),
    }


async def _answer(row: BlackoutSet, services: WithServices) -> SetAnswer:
    own = (await queries.dates_of([row.id]))[row.id]
    return SetAnswer(
        **_summary(row),
        dates=[OwnDate(day=day, note=note) for day, note in own.items()],
        days=await service.days(row, services.clock.wall_ms()),
    )
