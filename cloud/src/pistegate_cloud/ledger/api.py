# SPDX-License-Identifier: Apache-2.0
"""HTTP API of the ledger: books for other software, and clearing between sites."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from pistegate_cloud.ledger import clearing, exporting
from pistegate_cloud.ledger.schemas import ClearingAnswer, ClearingBody, Statement
from pistegate_cloud.orders.idempotency import Repeatable
from pistegate_cloud.problems import documented, locale_of
from pistegate_cloud.reports import csv
from pistegate_cloud.schemas import Day, SiteNumber
from pistegate_cloud.services import IdempotencyKey, WithServices, require
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tokens.service import Scope

router = APIRouter(prefix="/ledger", tags=["ledger"])

First = Annotated[Day, Query(alias="from", description="First business day.")]
Last = Annotated[Day, Query(alias="to", description="Last business day.")]
_READ = [Depends(require(Scope.LEDGER_READ))]
_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}
_BOOK: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}, "text/plain": {"schema": {"type": "string"}}}}
}
_SPAN: dict[int | str, dict[str, Any]] = documented("unknown_reference", "ledger_span")


@router.get("/export", dependencies=_READ, response_class=Response, responses=_SPAN | _BOOK)
async def export(site: SiteNumber, first: First, last: Last, format: Literal["beancount", "csv"] = "csv") -> Response:
    """Every posting of some days: as CSV, or as a book that bean-check of Beancount accepts."""
    make = exporting.beancount_book if format == "beancount" else exporting.csv_book
    kind = "text/plain; charset=utf-8" if format == "beancount" else csv.MEDIA_TYPE
    return _file(await make(site, first, last), f"ledger-{site}-{first}-{last}.{format}", kind)


@router.get("/vouchers", dependencies=_READ, response_class=Response, responses=_SPAN | _CSV)
async def vouchers(site: SiteNumber, first: First, last: Last) -> Response:
    """Accounting vouchers 记账凭证 of some days as CSV, with the codes of China's common chart of accounts."""
    return _file(await exporting.voucher_csv(site, first, last), f"vouchers-{site}-{first}-{last}.csv", csv.MEDIA_TYPE)


@router.get("/clearing", dependencies=_READ, response_model=Statement, responses=_SPAN | _CSV)
async def read_clearing(
    request: Request,
    site: SiteNumber,
    first: First,
    last: Last,
    format: Literal["json", "csv"] | None = None,
) -> Statement | Response:
    """What other sites of the group owe this one, and it them, with the events behind it."""
    found = await clearing.statement(site, first, last)
    if not csv.wants_csv(request, format):
        return found
    rows = [
        (row.other, row.currency, row.opening, event.event, event.amount, row.closing, row.theirs)
        for row in found.rows
        for event in row.events
    ]
    columns = ("other_site", "currency", "opening", "event", "amount", "closing", "their_books")
    return csv.answer(f"clearing-{site}-{first}-{last}", columns, rows, locale_of(request))


@router.post(
    "/clearing",
    status_code=201,
    responses=documented(
        "unknown_reference", "site_not_allowed", "clearing_too_much", "idempotency_key_reused", "request_in_progress"
    ),
)
async def pay_clearing(
    body: ClearingBody,
    services: WithServices,
    caller: Annotated[Caller, Depends(require(Scope.LEDGER_WRITE))],
    idempotency_key: IdempotencyKey = None,
) -> ClearingAnswer:
    """One site paid what it owes another: in both books at once."""
    once = Repeatable.of(caller, "clearing", idempotency_key, body)
    return await clearing.pay(body, caller, once, services.clock.wall_ms())


def _file(text: str, name: str, kind: str) -> Response:
    return Response(text, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
