# SPDX-License-Identifier: Apache-2.0
"""HTTP API of stock: quotas and time slots."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from pistegate_cloud.orders.idempotency import Repeatable
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import After, Limit, Page, SiteNumber
from pistegate_cloud.services import IdempotencyKey, WithServices, require
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.stock import making, queries
from pistegate_cloud.stock.schemas import CapacityBody, MadeAnswer, StockAnswer, StockBody, stock_answer
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["stock"])
Writer = Annotated[Caller, Depends(require(Scope.STOCK_WRITE))]


@router.post(
    "/stock",
    status_code=201,
    responses=documented(
        "unknown_reference", "catalogue_contradicts", "stock_full", "already_exists", "idempotency_key_reused"
    ),
)
async def make(
    body: StockBody, services: WithServices, caller: Writer, idempotency_key: IdempotencyKey = None
) -> MadeAnswer:
    """Make a quota, or time slots, for each of some days."""
    return await making.make(body, Repeatable.of(caller, "stock.make", idempotency_key, body), services.clock.wall_ms())


@router.get("/stock", dependencies=[Depends(require(Scope.PRICES_READ))], responses=documented())
async def list_stock(
    site: Annotated[SiteNumber, Query(description="Site number.")],
    first: Annotated[date, Query(description="First day.")],
    last: Annotated[date | None, Query(description="Last day; the first when left out.")] = None,
    product: Annotated[int | None, Query(ge=1, le=0xFFFF, description="Only what it draws on.")] = None,
    after: After = 0,
    limit: Limit = 500,
) -> Page[StockAnswer]:
    """Quotas and slots of some days, with what is left of them, in order of id."""
    rows = await queries.page(site, first, last or first, product, after, limit)
    products = await queries.products_of([row.id for row in rows])
    items = [stock_answer(row, products.get(row.id, [])) for row in rows]
    return Page(items=items, next=rows[-1].id if len(rows) == limit else None)


@router.post("/stock/{stock_id}/capacity", responses=documented("not_found", "stock_below_sold"))
async def resize(
    stock_id: Annotated[int, Path(ge=1, le=2**62)], body: CapacityBody, services: WithServices, caller: Writer
) -> StockAnswer:
    """Change how many there are in all; never fewer than are sold or held."""
    row = await making.resize(stock_id, body.capacity, caller, services.clock.wall_ms())
    return stock_answer(row, (await queries.products_of([row.id])).get(row.id, []))
