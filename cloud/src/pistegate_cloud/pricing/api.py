# SPDX-License-Identifier: Apache-2.0
"""HTTP API of price lists, quotes, and the check of a catalogue."""

from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from pistegate_cloud.errors import Problem
from pistegate_cloud.orders.idempotency import Repeatable
from pistegate_cloud.pricing import checking, loaded, publishing, queries, schemas, service
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import Page, SiteFilter, SiteNumber
from pistegate_cloud.services import IdempotencyKey, WithServices, require
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["prices"])
_read = [Depends(require(Scope.PRICES_READ))]
DAYS_MAX = 400


@router.post(
    "/price-lists",
    status_code=201,
    responses=documented(
        "unknown_reference",
        "catalogue_contradicts",
        "price_list_past",
        "already_exists",
        "idempotency_key_reused",
        "too_large",
    ),
)
async def publish(
    body: schemas.ListBody,
    services: WithServices,
    caller: Annotated[Caller, Depends(require(Scope.PRICES_WRITE))],
    idempotency_key: IdempotencyKey = None,
) -> schemas.ListAnswer:
    """Publish a price list. It is never edited: a later one takes its place, and what was sold keeps its own."""
    request = Repeatable.of(caller, "prices.publish", idempotency_key, body)
    return await publishing.publish(body, request, services.clock.wall_ms())


@router.post("/price-lists/check", dependencies=_read, responses=documented("unknown_reference", "too_large"))
async def check_list(body: schemas.ListBody, services: WithServices) -> schemas.CheckAnswer:
    """What contradicts in a list, before it is published."""
    findings = await publishing.findings_of(body, services.clock.wall_ms())
    return schemas.CheckAnswer(site=body.site, version=0, findings=[schemas.finding_answer(each) for each in findings])


@router.get("/price-lists", dependencies=_read, responses=documented())
async def list_lists(site: SiteFilter = None) -> Page[schemas.ListSummary]:
    """Published lists of one site or of all, newest first."""
    return Page(items=[schemas.ListSummary(**schemas.list_summary(row)) for row in await queries.lists(site)])


@router.get("/price-lists/{list_id}", dependencies=_read, responses=documented("not_found"))
async def read_list(list_id: UUID) -> schemas.ListAnswer:
    """One list with its content."""
    return schemas.list_answer(await queries.one(list_id))


@router.get("/catalogue/check", dependencies=_read, responses=documented("unknown_reference"))
async def check(
    site: Annotated[SiteNumber, Query(description="Site number.")], services: WithServices
) -> schemas.CheckAnswer:
    """What contradicts in a site's newest price list and in its stock of days to come."""
    prices, findings = await checking.site_findings(site, services.clock.wall_ms())
    told = [schemas.finding_answer(finding) for finding in findings]
    return schemas.CheckAnswer(site=site, version=prices.version, findings=told)


@router.get("/day-types", dependencies=_read, responses=documented("unknown_reference"))
async def day_types(
    site: Annotated[SiteNumber, Query(description="Site number.")],
    services: WithServices,
    first: Annotated[date, Query(description="First day.")],
    days: Annotated[int, Query(ge=1, le=DAYS_MAX)] = 31,
) -> Page[schemas.DayAnswer]:
    """The types of days, by the list that holds now and the calendars as they are now."""
    prices = await loaded.at(site, services.clock.wall_ms())
    try:
        wanted = {first + timedelta(days=offset) for offset in range(days)}
    except OverflowError:
        raise Problem("invalid_request", where="query.first", message="too late a day") from None
    found = await service.read_days(await sites.site(site), wanted, prices)
    return Page(
        items=[
            schemas.DayAnswer(day=day, type=found[day].type, calendars=sorted(found[day].sets)) for day in sorted(found)
        ]
    )


@router.post("/quotes", status_code=201, responses=documented(*service.PROBLEMS, "idempotency_key_reused"))
async def quote(
    body: schemas.QuoteBody,
    services: WithServices,
    caller: Annotated[Caller, Depends(require(Scope.PRICES_READ))],
    idempotency_key: IdempotencyKey = None,
) -> schemas.QuoteAnswer:
    """Prices of some lines. An order that names the quote within ten minutes gets them, whatever is published since."""
    request = Repeatable.of(caller, "prices.quote", idempotency_key, body)
    return await publishing.quote(body, request, services.clock.wall_ms())
