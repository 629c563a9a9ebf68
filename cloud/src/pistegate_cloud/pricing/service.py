# SPDX-License-Identifier: Apache-2.0
"""Prices of what is asked for, at a moment or as they were quoted."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from pistegate_cloud.calendars import service as calendars
from pistegate_cloud.clock import from_ms
from pistegate_cloud.errors import Problem
from pistegate_cloud.pricing import loaded, queries
from pistegate_cloud.pricing.book import Book
from pistegate_cloud.pricing.choice import day_type
from pistegate_cloud.pricing.holders import kind_of
from pistegate_cloud.pricing.models import Quote
from pistegate_cloud.pricing.ready import Loaded
from pistegate_cloud.pricing.selling import (
    Day,
    blackout_of,
    check_date,
    check_holder,
    check_needs,
    check_offer,
    free_pieces,
)
from pistegate_cloud.pricing.shapes import Asked, At, Priced, leaves, wanted
from pistegate_cloud.products import queries as products
from pistegate_cloud.schemas import MONEY_MAX
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.sites.models import Site
from pistegate_cloud.stock import queries as stock

__all__ = ["PROBLEMS", "Asked", "At", "Priced", "leaves", "price", "wanted"]

PROBLEMS: Final = (
    "unknown_reference",
    "wrong_currency",
    "visit_date_past",
    "season_over",
    "amount_too_large",
    "price_missing",
    "not_sold_here",
    "not_sold_that_day",
    "not_sold_yet",
    "not_sold_any_more",
    "proof_needed",
    "proof_unsuitable",
    "companion_needed",
    "slot_needed",
    "slot_unknown",
    "quote_expired",
    "quote_differs",
)


async def price(asked: Sequence[Asked], at: At, book: Book | None = None) -> list[Priced]:
    """The lines for what is asked; writes nothing. Problem in words when something is not sold like that.

    One line for each that is asked, or two, where some pieces go free with what others buy. `book`: if it is read.
    """
    if not asked:
        return []
    book = book or await read_book(asked, at)
    for line in asked:
        _check(line, at, book)
    _check_currency(asked, at, book)
    _check_needs(asked, book)
    lines = list(_lines(asked, book))
    if sum(line.amount for line in lines) > MONEY_MAX:
        raise Problem("amount_too_large", tickets=sum(line.quantity for line in asked))
    return lines


async def read_days(site: Site, wanted_days: set[date], prices: Loaded, blackouts: bool = False) -> dict[date, Day]:
    """The types of days, as the calendars are now; they are read for the list's types, or for `blackouts`."""
    types = prices.content.day_types
    held = await calendars.held(site, wanted_days) if types or blackouts else dict.fromkeys(wanted_days, frozenset())
    return {day: Day(day_type(day, types, sets), sets) for day, sets in held.items()}


async def read_book(asked: Sequence[Asked], at: At) -> Book:
    """Everything that these prices depend on, now or as it was quoted."""
    quote = None if at.quote is None else await _quote(at.quote, asked, at)
    site = await sites.site(at.site)
    prices = await (loaded.at(at.site, at.now_ms) if quote is None else loaded.by_id(quote.price_list_id))
    numbers = prices.also({line.product for line in asked})
    days = {line.visit_date for line in asked}
    rows = await products.by_number(at.site, numbers)
    blackouts = any(blackout_of(row) for row in rows.values())
    return Book(
        prices=prices,
        products=rows,
        days=_days_of(quote) if quote else await read_days(site, days, prices, blackouts),
        counters=await stock.drawn_on(at.site, numbers, days),
        channel=at.channel,
        level=quote.member_level if quote else at.member_level,
        now=from_ms(quote.at_ms if quote else at.now_ms).astimezone(ZoneInfo(site.zone)),
    )


def _days_of(quote: Quote) -> dict[date, Day]:
    told = quote.day_types.items()
    return {date.fromisoformat(day): Day(type_, frozenset(sets)) for day, (type_, sets) in told}


async def _quote(number: UUID, asked: Sequence[Asked], at: At) -> Quote:
    """The quote that is named, if it promises this; Problem otherwise."""
    quote = await queries.quote(number)
    if at.now_ms >= quote.until_ms:
        raise Problem("quote_expired", quote=quote.id)
    promised: Counter[tuple[int, str, int | None, str | None]] = Counter()
    for line in quote.asked:
        promised[line["product"], line["visit_date"], line.get("slot"), line.get("proof")] += line["quantity"]
    for each in asked:
        promised[each.product, each.visit_date.isoformat(), each.slot, kind_of(each.proof)] -= each.quantity
    if (quote.site_id, quote.channel) != (at.site, at.channel) or min(promised.values(), default=0) < 0:
        raise Problem("quote_differs", quote=quote.id)
    if quote.member_level not in (None, at.member_level):  # anybody may ask what a level would pay
        raise Problem("quote_differs", quote=quote.id)
    return quote


def _check(line: Asked, at: At, book: Book) -> None:
    product = book.products.get(line.product)
    if product is None:
        raise Problem("unknown_reference", what=f"product {line.product} of site {at.site}")
    today = from_ms(at.now_ms).astimezone(book.now.tzinfo).date()  # not the quote's, which may be yesterday
    check_date(product, line.visit_date, book.days[line.visit_date], today)
    book.check_slot(line, product)
    offer = book.prices.offers.get(line.product)
    if offer is not None:
        check_offer(product, offer, line, book.days[line.visit_date], at.channel, book.now)
        if offer.holder in book.prices.holders:
            check_holder(product, book.prices.holders[offer.holder], line)


def _check_currency(asked: Sequence[Asked], at: At, book: Book) -> None:
    """All in one, the one that was named if any was."""
    currencies = [book.products[line.product].currency for line in asked]
    expected = at.currency or currencies[0]
    for currency in currencies:
        if currency != expected:
            raise Problem("wrong_currency", expected=currency, got=expected)


def _check_needs(asked: Sequence[Asked], book: Book) -> None:
    quantities: dict[date, Counter[int]] = defaultdict(Counter)
    for line in asked:
        quantities[line.visit_date][line.product] += line.quantity
        offer = book.prices.offers.get(line.product)
        for part in offer.parts if offer else ():
            quantities[line.visit_date][part.product] += part.quantity * line.quantity
    check_needs(book.prices.offers, quantities, {number: row.code for number, row in book.products.items()})


def _lines(asked: Sequence[Asked], book: Book) -> Iterator[Priced]:
    """Each line, divided where some of its pieces are free."""
    for line, free in zip(asked, free_pieces(asked, book.prices.offers), strict=True):
        product, offer = book.products[line.product], book.prices.offers.get(line.product)
        if free and offer and offer.free_with:
            yield book.free(book.line(replace(line, quantity=free), product), offer.free_with)
        if free < line.quantity:
            yield book.line(replace(line, quantity=line.quantity - free), product)
