# SPDX-License-Identifier: Apache-2.0
"""HTTP API of e-invoices 数电票."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from pistegate_cloud.invoices import queries, service
from pistegate_cloud.invoices.schemas import InvoiceAnswer, InvoiceBody, InvoicePage, IssuedBody, RedBody, State
from pistegate_cloud.orders.idempotency import Repeatable
from pistegate_cloud.problems import documented
from pistegate_cloud.reports.csv import MEDIA_TYPE
from pistegate_cloud.schemas import Limit, SiteFilter, SiteNumber
from pistegate_cloud.services import IdempotencyKey, WithServices, require
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tokens.service import Scope

router = APIRouter(prefix="/invoices", tags=["invoices"])

Writer = Annotated[Caller, Depends(require(Scope.LEDGER_WRITE))]
_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}


@router.post(
    "",
    status_code=201,
    responses=documented(
        "not_found",
        "site_not_allowed",
        "invoice_exists",
        "invoice_nothing",
        "invoice_buyer",
        "idempotency_key_reused",
        "request_in_progress",
    ),
)
async def request(
    body: InvoiceBody,
    services: WithServices,
    caller: Annotated[Caller, Depends(require(Scope.ORDERS_WRITE))],
    idempotency_key: IdempotencyKey = None,
) -> InvoiceAnswer:
    """Ask for the e-invoice of a paid order: what of it is revenue of ours and was not refunded."""
    once = Repeatable.of(caller, "invoice", idempotency_key, body)
    return await service.request(body, caller, once, services.clock.wall_ms())


@router.get("", dependencies=[Depends(require(Scope.LEDGER_READ))], responses=documented())
async def list_invoices(
    site: SiteFilter = None, state: State | None = None, after: UUID | None = None, limit: Limit = 100
) -> InvoicePage:
    """Invoices and red letters, oldest first."""
    rows = await queries.page(site, state, after, limit)
    return InvoicePage(items=[service.told(row) for row in rows], next=rows[-1].id if len(rows) == limit else None)


@router.get(
    "/export",
    dependencies=[Depends(require(Scope.LEDGER_READ))],
    response_class=Response,
    responses=documented("unknown_reference") | _CSV,
)
async def export(site: Annotated[SiteNumber, Query()]) -> Response:
    """What the tax platform has to issue, as CSV: one line for each item of what was asked for."""
    await sites.site(site)
    headers = {"Content-Disposition": f'attachment; filename="invoices-{site}.csv"'}
    return Response(await service.export(site), media_type=MEDIA_TYPE, headers=headers)


@router.get("/{invoice_id}", dependencies=[Depends(require(Scope.LEDGER_READ))], responses=documented("not_found"))
async def read_invoice(invoice_id: UUID) -> InvoiceAnswer:
    """One invoice or red letter."""
    return service.told(await queries.invoice(invoice_id))


@router.post(
    "/{invoice_id}/issued",
    responses=documented("not_found", "site_not_allowed", "state_conflict", "invoice_number_used"),
)
async def issued(invoice_id: UUID, body: IssuedBody, services: WithServices, caller: Writer) -> InvoiceAnswer:
    """The tax platform issued it, with this number."""
    return await service.issued(invoice_id, body.number, caller, services.clock.wall_ms())


@router.post("/{invoice_id}/red", responses=documented("not_found", "site_not_allowed", "state_conflict"))
async def redden(invoice_id: UUID, body: RedBody, services: WithServices, caller: Writer) -> InvoiceAnswer:
    """Ask for the red letter 红字发票 of an issued invoice; it is issued like any other."""
    return await service.redden(invoice_id, body.reason, caller, services.clock.wall_ms())


@router.post("/{invoice_id}/cancel", responses=documented("not_found", "site_not_allowed", "state_conflict"))
async def cancel(invoice_id: UUID, services: WithServices, caller: Writer) -> InvoiceAnswer:
    """It will not be issued; of a red letter: the platform refused it."""
    return await service.cancel(invoice_id, caller, services.clock.wall_ms())
