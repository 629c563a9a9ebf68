# SPDX-License-Identifier: Apache-2.0
"""Publishing price lists, and quoting."""

import asyncio

from tortoise.transactions import in_transaction

from pistegate_cloud.audit.service import note
from pistegate_cloud.clock import ms_of
from pistegate_cloud.errors import Problem
from pistegate_cloud.orders.idempotency import AnsweredMeanwhile, Repeatable
from pistegate_cloud.pricing import queries
from pistegate_cloud.pricing.checking import list_findings, surroundings
from pistegate_cloud.pricing.checks import Finding
from pistegate_cloud.pricing.models import PriceList, Quote
from pistegate_cloud.pricing.ready import loaded
from pistegate_cloud.pricing.schemas import ListAnswer, ListBody, QuoteAnswer, QuoteBody, list_answer, quote_answer
from pistegate_cloud.pricing.service import At, price, read_book
from pistegate_cloud.schemas import iso
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.uuid7 import uuid7

QUOTE_MS = 10 * 60_000  # a quote is kept so long: time to choose and to pay, not to speculate
_KEPT_MS = 86_400_000  # an ended quote is still told as such for a day
_PAST_MS = 60_000  # "from now on" of a caller whose clock is a little behind


async def publish(body: ListBody, request: Repeatable, now_ms: int) -> ListAnswer:
    """Publish a list; Problem catalogue_contradicts, price_list_past."""
    kept = await request.answered()
    if kept is not None:
        return ListAnswer.model_validate(kept)
    from_ms = now_ms if body.valid_from is None else ms_of(body.valid_from)
    if from_ms < now_ms - _PAST_MS:
        raise Problem("price_list_past", now=f"{iso(now_ms):%Y-%m-%dT%H:%MZ}")
    _refuse([finding for finding in await findings_of(body, now_ms) if finding.is_error])
    row = PriceList(
        id=uuid7(now_ms),
        site_id=body.site,
        from_ms=from_ms,
        content=body.content.model_dump(mode="json", by_alias=True, exclude_defaults=True),
        note=body.note,
        actor=request.caller.name,
        published_ms=now_ms,
    )
    try:
        async with in_transaction():
            await queries.add_version(row)
            values = {"version": row.version, "from": iso(from_ms).isoformat()}
            await note(
                request.caller, "prices.publish", row.site_id, f"price list:{row.id}", after=values, now_ms=now_ms
            )
            answer = list_answer(row)
            await request.keep(answer, now_ms)
    except AnsweredMeanwhile:
        return ListAnswer.model_validate(await request.answered())
    return answer


async def findings_of(body: ListBody, now_ms: int) -> list[Finding]:
    """What contradicts in a list that is not published yet."""
    around = await surroundings(body.site, now_ms)
    return await asyncio.to_thread(list_findings, loaded(body.content, uuid7(now_ms)), around)


async def quote(body: QuoteBody, request: Repeatable, now_ms: int) -> QuoteAnswer:
    """Prices that an order may have for QUOTE_MS."""
    kept = await request.answered()
    if kept is not None:
        return QuoteAnswer.model_validate(kept)
    await sites.site(body.site)
    asked = [line.asked for line in body.lines]
    at = At(body.site, body.channel, now_ms, body.currency, body.member_level)
    book = await read_book(asked, at)
    lines = await price(asked, at, book)
    row = Quote(
        id=uuid7(now_ms),
        site_id=body.site,
        price_list_id=book.prices.id,
        channel=body.channel,
        member_level=body.member_level,
        asked=[line.kept for line in body.lines],
        day_types={day.isoformat(): [of.type, sorted(of.sets)] for day, of in book.days.items()},
        total=sum(line.amount for line in lines),
        currency=book.products[asked[0].product].currency,
        at_ms=now_ms,
        until_ms=now_ms + QUOTE_MS,
    )
    answer = quote_answer(row, lines)
    try:
        async with in_transaction():
            await queries.forget_quotes(row.site_id, now_ms - _KEPT_MS)
            await queries.add(row)
            await request.keep(answer, now_ms)
    except AnsweredMeanwhile:
        return QuoteAnswer.model_validate(await request.answered())
    return answer


def _refuse(errors: list[Finding]) -> None:
    if errors:
        raise Problem("catalogue_contradicts", count=len(errors), first=errors[0].said)
