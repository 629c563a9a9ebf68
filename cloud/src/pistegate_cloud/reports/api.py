# SPDX-License-Identifier: Apache-2.0
"""HTTP API of reports, as JSON or CSV."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from pistegate_cloud.problems import documented, locale_of
from pistegate_cloud.reports import csv, service
from pistegate_cloud.reports.revenue import revenue as revenue_of
from pistegate_cloud.reports.schemas import Exposure, PassagesReport, Reconciliation, RevenueReport, SalesReport
from pistegate_cloud.schemas import Day as BusinessDay
from pistegate_cloud.schemas import Hub, SiteNumber
from pistegate_cloud.services import WithServices, require
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.tokens.service import Scope

router = APIRouter(prefix="/reports", tags=["reports"], dependencies=[Depends(require(Scope.REPORTS_READ))])

Format = Annotated[Literal["json", "csv"] | None, Query(description="Else the Accept header decides.")]
Day = Annotated[date, Query(description="Day in site zone.")]
_RESPONSES: dict[int | str, dict[str, Any]] = documented("unknown_reference") | {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}}
}


@router.get("/passages", response_model=PassagesReport, responses=_RESPONSES)
async def passages(request: Request, site: SiteNumber, day: Day, format: Format = None) -> PassagesReport | Response:
    """Rides and visitors per post and hour."""
    await sites.site(site)
    report = await service.passages(site, day)
    if not csv.wants_csv(request, format):
        return report
    rows = [(row.post, row.name, row.hour, row.rides, row.persons) for row in report.rows]
    columns = ("post", "name", "hour", "rides", "persons")
    return csv.answer(f"passages-{site}-{day}", columns, rows, locale_of(request))


@router.get("/sales", response_model=SalesReport, responses=_RESPONSES)
async def sales(request: Request, site: SiteNumber, day: Day, format: Format = None) -> SalesReport | Response:
    """Tickets and money per product and channel."""
    await sites.site(site)
    report = await service.sales(site, day)
    if not csv.wants_csv(request, format):
        return report
    rows = [(row.product, row.channel, row.currency, row.tickets, row.amount) for row in report.rows]
    columns = ("product", "channel", "currency", "tickets", "amount")
    return csv.answer(f"sales-{site}-{day}", columns, rows, locale_of(request))


@router.get("/revenue", response_model=RevenueReport, responses=_RESPONSES)
async def revenue(
    request: Request,
    site: SiteNumber,
    day: Annotated[BusinessDay, Query(description="Business day, by the site's cut-over.")],
    format: Format = None,
) -> RevenueReport | Response:
    """A business day in money: sold by product, department and channel; earned; taken by tender. CSV: what was sold."""
    await sites.site(site)
    report = await revenue_of(site, day)
    if not csv.wants_csv(request, format):
        return report
    columns = ("product", "kind", "department", "channel", "currency", "pieces", "amount", "tax")
    rows = [tuple(getattr(row, column) for column in columns) for row in report.sold]
    return csv.answer(f"revenue-{site}-{day}", columns, rows, locale_of(request))


@router.get("/exposure", response_model=Exposure, responses=_RESPONSES)
async def exposure(
    request: Request, site: SiteNumber, services: WithServices, hub: Hub = False, format: Format = None
) -> Exposure | Response:
    """How many persons today's tickets let in at most while gates do not hear each other."""
    await sites.site(site)
    report = await service.exposure(site, services.clock.wall_ms(), hub=hub)
    if not csv.wants_csv(request, format):
        return report
    rows = list(report.model_dump(exclude={"site", "day"}).items())
    return csv.answer(f"exposure-{site}-{report.day}", ("figure", "value"), rows, locale_of(request))


@router.get("/reconciliation", response_model=Reconciliation, responses=_RESPONSES)
async def reconciliation(
    request: Request, site: SiteNumber, day: Day | None = None, format: Format = None
) -> Reconciliation | Response:
    """What gates did and what the books say, side by side."""
    await sites.site(site)
    report = await service.reconciliation(site, day)
    if not csv.wants_csv(request, format):
        return report
    figures = report.model_dump(exclude={"site", "day", "refused"})
    rows = [*figures.items(), *((f"refused: {reason}", times) for reason, times in report.refused.items())]
    return csv.answer(f"reconciliation-{site}-{day or 'all'}", ("figure", "value"), rows, locale_of(request))
