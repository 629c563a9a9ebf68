# SPDX-License-Identifier: Apache-2.0
"""HTTP API of price lists, quotes, and the check of a catalogue."""

from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from pistegate_cloud.errors import Problem
from pistegate_cloud.orders.idempotency import Repeatable
from pistegate_cloud.pricing import calendar, checking, loaded, publishing, queries, schemas, service
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import Code, Page, SiteFilter, SiteNumber
from pistegate_cloud.services import IdempotencyKey, WithServices, require
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["prices"])
_read = [Depends(require(Scope.PRICES_READ))]
DAYS_MAX = 400
OneSite = Annotated[SiteNumber, Query(description="Site number.")]
FirstDay = Annotated[date, Query(description="First day.")]
Days = Annotated[int, Query(ge=1, le=DAYS_MAX)]


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
async def check(site: OneSite, services: WithServices) -> schemas.CheckAnswer:
    """What contradicts in a site's newest price list and in its stock of days to come."""
    prices, findings = await checking.site_findings(site, services.clock.wall_ms())
    told = [schemas.finding_answer(finding) for finding in findings]
    return schemas.CheckAnswer(site=site, version=prices.version, findings=told)


@router.get("/day-types", dependencies=_read, responses=documented("unknown_reference"))
async def day_types(site: OneSite, services: WithServices, first: FirstDay, days: Days = 31) -> Page[schemas.DayAnswer]:
    """The types of days, by the list that holds now and the calendars as they are now."""
    prices = await loaded.at(site, services.clock.wall_ms())
    found = await service.read_days(await sites.site(site), set(_span(first, days)), prices)
    told = [schemas.DayAnswer(day=day, type=of.type, calendars=sorted(of.sets)) for day, of in sorted(found.items())]
    return Page(items=told)


@router.get("/prices", dependencies=_read, responses=documented("unknown_reference"))
async def price_calendar(
    site: OneSite,
    services: WithServices,
    product: Annotated[int, Query(ge=1, le=0xFFFF, description="Product number.")],
    channel: Annotated[Code, Query(description="Where it is sold.")],
    first: FirstDay,
    days: Days = 31,
    member_level: Annotated[Code | None, Query()] = None,
) -> Page[schemas.ShownAnswer]:
    """What a product costs when it is bought ahead, day by day, and what is left of its stock."""
    shop = calendar.Shop(site, channel, member_level)
    found = await calendar.calendar(shop, product, _span(first, days), services.clock.wall_ms())
    return Page(items=[schemas.ShownAnswer(day=d.day, type=d.type, price=d.price, left=d.left) for d in found])


def _span(first: date, days: int) -> list[date]:
    try:
        return [first + timedelta(days=offset) for offset in range(days)]
    except OverflowError:
        raise Problem("invalid_request", where="query.first", message="too late a day") from None


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
