# SPDX-License-Identifier: Apache-2.0
"""How contingency tickets stand: what there is for today, what was sold, which numbers are missing, what is odd."""

from collections import Counter
from collections.abc import Sequence
from datetime import date

from pistegate_cloud.clock import local_day
from pistegate_cloud.contingency import queries, rules
from pistegate_cloud.contingency.models import ContingencyBatch, ContingencySale, ContingencyWindow
from pistegate_cloud.contingency.schemas import BatchAnswer, OfferBody, SaleAnswer, StatusAnswer, WindowAnswer
from pistegate_cloud.schemas import iso
from pistegate_cloud.sites import queries as sites
from pistegate_protocol.contingency import receipt_name


async def status(site: int, since: date | None, now_ms: int) -> StatusAnswer:
    """Of a site: batches from `since` (None: today) on, and whatever is still open."""
    today = local_day(now_ms, await sites.zone(site))
    windows = await queries.windows(site)
    batches = [await batch_answer(batch) for batch in await queries.batches(site, since or today)]
    ready = {batch.window for batch in batches if batch.day == today and batch.state == "held"}
    return StatusAnswer(
        windows=[window_answer(window) for window in windows],
        batches=batches,
        without=[window.window for window in windows if window.active and window.window not in ready],
        troubles=sum(batch.troubles for batch in batches),
    )


async def batch_answer(batch: ContingencyBatch) -> BatchAnswer:
    """One batch with its tickets and receipts counted."""
    sales = (await queries.receipts_of([batch.id])).get(batch.id, [])
    counts = (await queries.counts([batch.id])).get(batch.id, {})
    return BatchAnswer(
        id=batch.id,
        site=batch.site_id,
        window=batch.window,
        number=batch.number,
        day=batch.day,
        state=batch.state,
        first_serial=batch.first_serial,
        last_serial=batch.last_serial,
        currency=batch.currency,
        tickets=counts,
        receipts=batch.receipts,
        heard=len(sales),
        missing=rules.missing({sale.receipt for sale in sales}, batch.receipts),
        booked=_booked(sales),
        told=batch.told,
        troubles=sum(sale.trouble is not None and sale.note is None for sale in sales),
        made=iso(batch.made_ms),
        until=iso(batch.until_ms),
        ended=None if batch.ended_ms is None else iso(batch.ended_ms),
        ended_by=batch.ended_by,
    )


def _booked(sales: Sequence[ContingencySale]) -> dict[str, int]:
    booked: Counter[str] = Counter()
    for sale in sales:
        if sale.order_id is not None:
            booked[sale.method] += sale.amount
    return dict(booked)


def window_answer(window: ContingencyWindow) -> WindowAnswer:
    """A window as it is set up."""
    return WindowAnswer(
        site=window.site_id,
        window=window.window,
        role=window.role,
        device=window.device,
        offers=[OfferBody(product=product, count=count) for product, count in window.offers],
        active=window.active,
        heard=None if window.heard_ms is None else iso(window.heard_ms),
    )


def sale_answer(sale: ContingencySale, batch: ContingencyBatch) -> SaleAnswer:
    """A receipt."""
    return SaleAnswer(
        id=sale.id,
        batch=batch.id,
        name=receipt_name(batch.window, batch.day.isoformat(), batch.number, sale.receipt),
        receipt=sale.receipt,
        at=iso(sale.at_ms),
        amount=sale.amount,
        method=sale.method,
        state=sale.state,
        order=sale.order_id,
        trouble=sale.trouble,
        note=sale.note,
    )
