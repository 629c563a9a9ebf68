# SPDX-License-Identifier: Apache-2.0
"""Making a window's batch for a day: priced, signed, numbered, and kept before its box hears of it."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from tortoise.transactions import in_transaction

from pistegate_cloud.audit import service as audit
from pistegate_cloud.clock import ms_of
from pistegate_cloud.contingency import queries, rules
from pistegate_cloud.contingency.models import ContingencyBatch, ContingencyTicket, ContingencyWindow
from pistegate_cloud.errors import Problem
from pistegate_cloud.pricing import service as pricing
from pistegate_cloud.pricing.shapes import Asked, At, Priced
from pistegate_cloud.products import terms
from pistegate_cloud.products.models import Product
from pistegate_cloud.settings import SigningKey
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.sites.models import Site
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.stock import service as stock
from pistegate_cloud.stock.rules import Want
from pistegate_cloud.tickets.queries import new_number
from pistegate_cloud.uuid7 import uuid7
from pistegate_protocol.claims import Scope, decode_claim, encode_claim
from pistegate_protocol.codes import BEARER, ticket_text
from pistegate_protocol.contingency import batch_digest
from pistegate_protocol.signing import sign_claim

CHANNEL: Final = "window"
_NOON: Final = time(12)  # prices are those of the day's noon; a price by the hour would need a batch by the hour


@dataclass(frozen=True, slots=True)
class _Offered:
    product: Product
    priced: Priced
    count: int


async def make(
    site: int, window: int, day: date, key: SigningKey, caller: Caller, now_ms: int, *, first: bool = False
) -> ContingencyBatch:
    """The window's next batch, for `day`; Problem when something of it cannot be sold so.

    `first`: only where there is none for the day; Problem request_in_progress otherwise.
    """
    row = await queries.window(site, window)
    place = await sites.site(site)
    zone = ZoneInfo(place.zone)
    until_ms = ms_of(datetime.combine(day + timedelta(days=1), time(), zone))
    if not row.active or until_ms <= now_ms:
        raise Problem("contingency_off", window=window, day=day)
    offered = await _offered(row, day, ms_of(datetime.combine(day, _NOON, zone)))
    batch = ContingencyBatch(
        id=uuid7(now_ms),
        site_id=site,
        window=window,
        number=row.batches + 1,
        role=row.role,
        device=row.device,
        day=day,
        state="held",
        currency=offered[0].product.currency,
        first_serial=row.next_serial,
        last_serial=row.next_serial + sum(count for _, count in row.offers) - 1,
        key_id=key.key_id,
        pin_salt=row.pin_salt,
        pin_hash=row.pin_hash,
        offers=[rules.offer(each.priced, each.product, each.count) for each in offered],
        made_ms=now_ms,
        until_ms=until_ms,
    )
    tickets = list(_tickets(batch, offered, place))
    batch.digest = await asyncio.to_thread(_digest, tickets, key)  # 2,000 signatures: a quarter of a second
    async with in_transaction():
        drawn = await queries.draw_serials(row, len(tickets))
        if not drawn or (first and await queries.has_batch(site, window, day)):
            raise Problem("request_in_progress")
        await stock.take(batch.id, _wants(batch), None, site)
        await queries.add_batch(batch, tickets)
        about = {"window": window, "day": day.isoformat(), "serials": [batch.first_serial, batch.last_serial]}
        await audit.note(caller, "contingency.make", site, f"contingency:{batch.id}", after=about, now_ms=now_ms)
    return batch


async def _offered(row: ContingencyWindow, day: date, noon_ms: int) -> list[_Offered]:
    """One of each, as it costs at that day's noon; Problem contingency_unfit, and what pricing says."""
    if not row.offers:
        raise Problem("contingency_off", window=row.window, day=day)
    asked = [Asked(product, 1, day) for product, _ in row.offers]
    priced = await pricing.price(asked, At(row.site_id, CHANNEL, noon_ms))
    if len(priced) != len(asked):
        raise Problem("contingency_unfit", product=row.offers[0][0], why="kind")
    found = []
    for line, (product, count) in zip(priced, row.offers, strict=True):
        why = rules.unfit(line, day)
        if why is not None or line.product is None:
            raise Problem("contingency_unfit", product=product, why=why)
        found.append(_Offered(line.product, line, count))
    return found


def _tickets(batch: ContingencyBatch, offered: list[_Offered], place: Site) -> Iterator[ContingencyTicket]:
    serial = batch.first_serial
    for each in offered:
        shared = each.product.scope == "group"
        scope = Scope(place.group_number, group=True) if shared else Scope(place.number)
        for _ in range(each.count):
            number = new_number()
            sold = terms.Sold(
                key_id=batch.key_id,
                ticket=number,
                revision=0,
                scope=scope,
                valid_from=batch.day,
                valid_until=batch.day,
                # Nobody knows yet when it is sold: a clock that counts from the sale counts from the first passage.
                redeemed=datetime.combine(batch.day - timedelta(days=1), time(), UTC),
            )
            yield ContingencyTicket(
                number=number,
                site_id=batch.site_id,
                batch_id=batch.id,
                window=batch.window,
                serial=serial,
                product=each.product.number,
                group_number=place.group_number if shared else None,
                day=batch.day,
                body=encode_claim(terms.claim_of(each.product, sold)).hex(),
                state="held",
            )
            serial += 1


def code(ticket: ContingencyTicket, key: SigningKey) -> str:
    """What its QR code says: signed anew from the kept claim, the same each time."""
    return ticket_text(sign_claim(decode_claim(bytes.fromhex(ticket.body)), BEARER, key.load()))


def _digest(tickets: list[ContingencyTicket], key: SigningKey) -> str:
    return batch_digest((each.serial, each.number, each.product, code(each, key)) for each in tickets)


def _wants(batch: ContingencyBatch) -> list[Want]:
    return [want for offered in batch.offers for want in rules.wants(offered, offered["count"])]
