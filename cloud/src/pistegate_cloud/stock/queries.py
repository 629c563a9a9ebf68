# SPDX-License-Identifier: Apache-2.0
"""All queries of stock. What moves a counter looks at the row count: two who come at once don't both get the last."""

from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.expressions import F

from pistegate_cloud import plain_sql
from pistegate_cloud.errors import Problem
from pistegate_cloud.stock.checks import Counted
from pistegate_cloud.stock.models import Stock, StockHold, StockProduct
from pistegate_cloud.stock.rules import Want


async def draw(want: Want) -> bool:
    """Take pieces off a counter; False: it has not that many."""
    less = 'SET "left" = "left" - {} WHERE id = {} AND "left" >= {}'
    return bool(await plain_sql.changed(Stock, less, want.quantity, want.counter, want.quantity))


async def put_back(want: Want) -> None:
    """Give pieces back to a counter."""
    await Stock.filter(id=want.counter).update(left=F("left") + want.quantity)


async def counters(ids: Collection[int]) -> dict[int, Stock]:
    """Counters by id."""
    return {row.id: row for row in await plain_sql.rows(Stock, "WHERE id IN ({})", ids)}


async def hold(rows: Sequence[StockHold]) -> None:
    """Store what an order holds."""
    await StockHold.bulk_create(rows)


async def holds_of(order_id: UUID) -> list[StockHold]:
    """What an order has, oldest first; without what it gave back."""
    return await StockHold.filter(order_id=order_id, quantity__gt=0).order_by("stock_id", "id")


async def sell(order_id: UUID) -> int:
    """What an order holds is sold; how many holds that were."""
    return await StockHold.filter(order_id=order_id, quantity__gt=0, until_ms__isnull=False).update(until_ms=None)


async def lessen(row: StockHold, quantity: int) -> bool:
    """Take pieces off a hold; False: another was first."""
    lessened = await StockHold.filter(id=row.id, quantity__gte=quantity).update(quantity=F("quantity") - quantity)
    return bool(lessened)


async def overdue(now_ms: int) -> list[UUID]:
    """Orders with a hold that ran out."""
    found = StockHold.filter(until_ms__lte=now_ms, quantity__gt=0).distinct().values_list("order_id", flat=True)
    return [UUID(str(order)) for order in await found]


async def drawn_on(site: int, products: Collection[int], days: Collection[date]) -> dict[tuple[int, date], list[Stock]]:
    """The counters that sales of these products for these days draw on, by product and day."""
    asked = "WHERE site_id = {} AND day IN ({}) AND product IN ({}) ORDER BY stock_id"
    links = await plain_sql.rows(StockProduct, asked, site, days, products)
    rows = await counters({link.stock_id for link in links}) if links else {}
    found: dict[tuple[int, date], list[Stock]] = {}
    for link in links:
        found.setdefault((link.product, link.day), []).append(rows[link.stock_id])
    return found


async def add(rows: Sequence[Stock], products: Sequence[int]) -> None:
    """Store new counters and the products that draw on them; Problem already_exists when a code is taken that day."""
    for row in rows:
        try:
            await row.save(force_create=True)
        except IntegrityError:
            raise Problem("already_exists", what=f"stock {row.code} of {row.day}") from None
    await StockProduct.bulk_create(
        StockProduct(site_id=row.site_id, stock_id=row.id, product=product, day=row.day)
        for row in rows
        for product in sorted(set(products))
    )


async def one(stock_id: int) -> Stock:
    """A counter; Problem not_found."""
    found = await Stock.get_or_none(id=stock_id)
    if found is None:
        raise Problem("not_found", what=f"stock {stock_id}")
    return found


async def resize(row: Stock, capacity: int) -> bool:
    """Change a capacity by the difference to what was read; False: more is sold, or another changed it."""
    more = capacity - row.capacity
    query = Stock.filter(id=row.id, capacity=row.capacity, left__gte=-more)
    return bool(await query.update(capacity=capacity, left=F("left") + more))


async def page(site: int, first: date, last: date, product: int | None, after: int, limit: int) -> list[Stock]:
    """Counters of some days in order of id, after one."""
    query = Stock.filter(site_id=site, day__gte=first, day__lte=last, id__gt=after)
    if product is not None:
        drawn = StockProduct.filter(site_id=site, day__gte=first, day__lte=last, product=product)
        query = query.filter(id__in=await drawn.values_list("stock_id", flat=True))
    return await query.order_by("id").limit(limit)


async def products_of(ids: Collection[int]) -> dict[int, list[int]]:
    """The products that draw on counters, by id of the counter."""
    found: dict[int, list[int]] = {}
    for link in await StockProduct.filter(stock_id__in=list(ids)).order_by("stock_id", "product"):
        found.setdefault(link.stock_id, []).append(link.product)
    return found


async def to_come(site: int, today: date) -> list[Counted]:
    """All counters of a site from today on, with their products."""
    rows = await Stock.filter(site_id=site, day__gte=today).order_by("day", "id")
    links: dict[int, list[int]] = {}
    for link in await StockProduct.filter(site_id=site, day__gte=today).order_by("product"):
        links.setdefault(link.stock_id, []).append(link.product)
    return [
        Counted(
            code=row.code,
            day=row.day,
            capacity=row.capacity,
            products=tuple(links.get(row.id, ())),
            channel=row.channel,
            starts=row.starts,
            ends=row.ends,
        )
        for row in rows
    ]
