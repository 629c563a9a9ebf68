# SPDX-License-Identifier: Apache-2.0
"""All queries of stock. What moves a counter looks at the row count: two who come at once don't both get the last."""

from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

from tortoise.expressions import F

from pistegate_cloud.stock.models import Stock, StockHold, StockProduct
from pistegate_cloud.stock.rules import Want


async def draw(want: Want) -> bool:
    """Take pieces off a counter; False: it has not that many."""
    taken = await Stock.filter(id=want.counter, left__gte=want.quantity).update(left=F("left") - want.quantity)
    return bool(taken)


async def put_back(want: Want) -> None:
    """Give pieces back to a counter."""
    await Stock.filter(id=want.counter).update(left=F("left") + want.quantity)


async def counters(ids: Collection[int]) -> dict[int, Stock]:
    """Counters by id."""
    return {row.id: row for row in await Stock.filter(id__in=list(ids))}


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
    links = StockProduct.filter(site_id=site, day__in=list(days), product__in=list(products))
    found: dict[tuple[int, date], list[Stock]] = {}
    for link in await links.order_by("stock_id").select_related("stock"):
        found.setdefault((link.product, link.day), []).append(link.stock)
    return found
