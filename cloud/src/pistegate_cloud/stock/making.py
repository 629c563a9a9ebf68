# SPDX-License-Identifier: Apache-2.0
"""Making counters, and changing what they hold."""

from collections.abc import Iterator
from datetime import timedelta

from tortoise.transactions import in_transaction

from pistegate_cloud.audit.service import note
from pistegate_cloud.errors import Problem
from pistegate_cloud.orders.idempotency import AnsweredMeanwhile, Repeatable
from pistegate_cloud.pricing.checking import hours_of
from pistegate_cloud.pricing.lists import WEEKDAYS
from pistegate_cloud.products import queries as products
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.stock import queries
from pistegate_cloud.stock.checks import Counted, of_stock
from pistegate_cloud.stock.models import Stock
from pistegate_cloud.stock.schemas import MadeAnswer, StockBody

COUNTERS_MAX = 2000  # of one request: ten slots a day for half a year


async def make(body: StockBody, request: Repeatable, now_ms: int) -> MadeAnswer:
    """Counters for each day; Problem stock_full, unknown_reference, catalogue_contradicts, already_exists."""
    kept = await request.answered()
    if kept is not None:
        return MadeAnswer.model_validate(kept)
    rows = list(_rows(body))
    if not 0 < len(rows) <= COUNTERS_MAX:
        raise Problem("stock_full", count=len(rows), limit=COUNTERS_MAX)
    await _check(body, rows)
    try:
        async with in_transaction():
            await queries.add(rows, body.products)
            answer = MadeAnswer(counters=[row.id for row in rows])
            what = body.model_dump(mode="json", by_alias=True, exclude_defaults=True)
            await note(request.caller, "stock.make", body.site, f"stock:{body.code}", after=what, now_ms=now_ms)
            await request.keep(answer, now_ms)
    except AnsweredMeanwhile:
        return MadeAnswer.model_validate(await request.answered())
    return answer


async def resize(stock_id: int, capacity: int, caller: Caller, now_ms: int) -> Stock:
    """Change how many there are in all; Problem stock_below_sold, not_found."""
    async with in_transaction():
        row = await queries.one(stock_id)
        if not await queries.resize(row, capacity):
            row = await queries.one(stock_id)
            sold = row.capacity - row.left
            raise Problem("stock_below_sold", what=f"{row.code} {row.day}", sold=sold)
        before, after = {"capacity": row.capacity}, {"capacity": capacity}
        await note(caller, "stock.resize", row.site_id, f"stock:{row.id}", before, after, now_ms=now_ms)
        return await queries.one(stock_id)


def _rows(body: StockBody) -> Iterator[Stock]:
    for offset in range(min((body.to - body.from_).days + 1, COUNTERS_MAX + 1)):
        day = body.from_ + timedelta(days=offset)
        if body.weekdays and WEEKDAYS[day.weekday()] not in body.weekdays:
            continue
        plain = {"site_id": body.site, "day": day, "capacity": body.capacity, "left": body.capacity}
        if not body.times:
            yield Stock(code=body.code, channel=body.channel, **plain)
        for span in body.times:
            code = f"{body.code}-{span.from_.replace(':', '')}"
            yield Stock(code=code, starts=span.minutes.start, ends=span.minutes.stop, **plain)


async def _check(body: StockBody, rows: list[Stock]) -> None:
    """The products are there, and hold at these times."""
    await sites.site(body.site)
    known = await products.by_number(body.site, set(body.products))
    unknown = sorted(set(body.products) - set(known))
    if unknown:
        raise Problem("unknown_reference", what=f"product {unknown[0]} of site {body.site}")
    wanted = [
        Counted(
            code=row.code,
            day=row.day,
            capacity=row.capacity,
            products=tuple(body.products),
            channel=row.channel,
            starts=row.starts,
            ends=row.ends,
        )
        for row in rows
    ]
    found = of_stock(wanted, hours_of(list(known.values()), {}))
    if found:
        raise Problem("catalogue_contradicts", count=len(found), first=found[0].said)
