# SPDX-License-Identifier: Apache-2.0
"""HTTP API of contingency tickets for managers: windows, batches, what is odd about what was sold."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from tortoise.transactions import in_transaction

from pistegate_cloud.audit import queries as replies
from pistegate_cloud.audit import service as audit
from pistegate_cloud.clock import local_day
from pistegate_cloud.contingency import ending, making, queries, windows
from pistegate_cloud.contingency.schemas import (
    AskedAnswer,
    BatchAnswer,
    LostBody,
    MakeBody,
    SaleAnswer,
    SettleBody,
    StatusAnswer,
    WindowAnswer,
    WindowBody,
    WindowNumber,
)
from pistegate_cloud.contingency.status import batch_answer, sale_answer, status, window_answer
from pistegate_cloud.pricing.service import PROBLEMS
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import After, Day, Limit, Page, SiteFilter, SiteNumber
from pistegate_cloud.services import WithServices, require
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["contingency"])
Site = Annotated[SiteNumber, Query()]
SaleNumber = Annotated[int, Path(ge=1, lt=2**62)]
Since = Annotated[Day | None, Query(description="Batches for this day and later; today, if left out.")]
Window = Annotated[WindowNumber, Path()]
Writer = Annotated[Caller, Depends(require(Scope.CONTINGENCY_WRITE))]
Reader = Annotated[Caller, Depends(require(Scope.CONTINGENCY_READ))]


@router.get(
    "/contingency", dependencies=[Depends(require(Scope.CONTINGENCY_READ))], responses=documented("unknown_reference")
)
async def read_status(site: Site, services: WithServices, since: Since = None) -> StatusAnswer:
    """How a site's windows stand: tickets of today, what was sold of them, missing numbers, what is odd."""
    await sites.site(site)
    return await status(site, since, services.clock.wall_ms())


@router.put("/contingency/windows/{window}", responses=documented("unknown_reference", "not_found", "amount_too_large"))
async def put_window(
    window: Window, site: Site, body: WindowBody, services: WithServices, caller: Writer
) -> WindowAnswer:
    """Set up a window's contingency tickets: its box, its PIN, how many of which product in each batch."""
    return window_answer(await windows.put(site, window, body, caller, services.clock.wall_ms()))


@router.post(
    "/contingency/windows/{window}/batches",
    status_code=201,
    responses=documented(
        "not_found", "contingency_off", "contingency_unfit", "request_in_progress", "sold_out", *PROBLEMS
    ),
)
async def make_batch(window: Window, site: Site, body: MakeBody, services: WithServices, caller: Writer) -> BatchAnswer:
    """Make a batch now, beside those that the night makes; its box fetches it within a minute."""
    now_ms = services.clock.wall_ms()
    day = body.day or local_day(now_ms, await sites.zone(site))
    return await batch_answer(await making.make(site, window, day, services.settings.issuer, caller, now_ms))


@router.post("/contingency/batches/{batch_id}/lost", responses=documented("not_found", "state_conflict"))
async def lose(batch_id: UUID, body: LostBody, services: WithServices, caller: Writer) -> BatchAnswer:
    """The box is gone or broken: everything that it has not told as sold is denied at once at every gate."""
    batch = await queries.batch(batch_id)
    caller.at(batch.site_id)
    batch = await ending.lost(batch, body.reason, caller, services)
    return await batch_answer(batch)


@router.get("/contingency/asked/{key}", responses=documented())
async def read_asked(
    key: Annotated[str, Path(min_length=1, max_length=80, pattern=r"^[\x21-\x7e]+$")],
    site: Site,
    caller: Annotated[Caller, Depends(require(Scope.ORDERS_WRITE))],
) -> AskedAnswer:
    """What became of POST /orders with this Idempotency-Key of the same caller, whose answer never came."""
    caller.at(site)
    kept = await replies.kept_reply(caller.key, "sell", key)
    return AskedAnswer(order=None if kept is None else kept.answer["id"])


@router.get("/contingency/troubles", responses=documented())
async def list_troubles(_: Reader, site: SiteFilter = None, after: After = 0, limit: Limit = 100) -> Page[SaleAnswer]:
    """Receipts that a person must look at: sold and denied, sold twice, told differently, not bookable."""
    rows = await queries.troubles(site, after, limit)
    items = [sale_answer(row, row.batch) for row in rows]
    return Page(items=items, next=rows[-1].id if len(rows) == limit else None)


@router.post("/contingency/sales/{sale_id}/settle", responses=documented("not_found", "state_conflict"))
async def settle(sale_id: SaleNumber, body: SettleBody, services: WithServices, caller: Writer) -> SaleAnswer:
    """A person has looked at a receipt, and says what was done."""
    sale = await queries.sale_by_id(sale_id)
    caller.at(sale.site_id)
    async with in_transaction():
        await queries.settle(sale, body.note)
        subject, now_ms = f"contingency:{sale.batch_id}/{sale.receipt}", services.clock.wall_ms()
        await audit.note(caller, "contingency.settle", sale.site_id, subject, after={"note": body.note}, now_ms=now_ms)
    return sale_answer(sale, await queries.batch(sale.batch_id))
