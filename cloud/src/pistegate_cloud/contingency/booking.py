# SPDX-License-Identifier: Apache-2.0
"""What a box sold becomes orders: each receipt once, in one transaction with its tickets, its money and the ledger.

The money is in the drawer, so nothing is refused: what cannot be booked as it was told is kept, and shown to a person.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from tortoise.transactions import in_transaction

from pistegate_cloud.codes import queries as codes
from pistegate_cloud.codes.models import CodeIssue
from pistegate_cloud.contingency import queries, rules
from pistegate_cloud.contingency.making import CHANNEL
from pistegate_cloud.contingency.models import ContingencyBatch, ContingencySale, ContingencyTicket
from pistegate_cloud.contingency.schemas import SaleBody
from pistegate_cloud.days import service as days
from pistegate_cloud.documents import service as documents
from pistegate_cloud.errors import Problem
from pistegate_cloud.orders import making
from pistegate_cloud.orders.models import Order
from pistegate_cloud.pricing.shapes import Priced
from pistegate_cloud.products import queries as products
from pistegate_cloud.services import Services
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.states import CONTINGENCY_TICKET, TICKET
from pistegate_cloud.stock import service as stock
from pistegate_cloud.tenders.methods import Method, Tendered
from pistegate_cloud.tickets import queries as tickets
from pistegate_cloud.tickets import service as ticketing
from pistegate_cloud.tickets.models import Ticket
from pistegate_cloud.uuid7 import uuid7

LATE: Final = "late"  # troubles; texts at contingency.trouble_*
DIFFERS: Final = "differs"
TWICE: Final = "sold_twice"
UNKNOWN: Final = "unknown_serial"
AMOUNT: Final = "amount"
# Somebody else was faster, or a day is closed in this moment: the box asks again, and it goes.
PASSING: Final = ("state_conflict", "request_in_progress", "day_closed")


async def take(batch: ContingencyBatch, sale: SaleBody, caller: Caller, services: Services) -> ContingencySale:
    """Book a receipt of a box's, once. What was told before and differs is shown to a person."""
    told = sale.model_dump(mode="json")
    digest = rules.digest(told)
    known = await queries.sale(batch.id, sale.receipt)
    if known is not None:
        return await _known(known, digest)
    trouble = None
    while True:
        messages: dict[int, bytes] = {}
        try:
            async with in_transaction():
                row = _row(batch, sale, told, digest, services.clock.wall_ms())
                if not await queries.add_sale(row):
                    raise _ToldMeanwhile
                if trouble is None:
                    messages = await _book(batch, sale, row, caller, services)
                else:
                    await queries.end_sale(row, "trouble", trouble=trouble)
        except _ToldMeanwhile:
            known = await queries.sale(batch.id, sale.receipt)
            assert known is not None
            return await _known(known, digest)
        except Problem as problem:
            if trouble is not None or problem.code in PASSING:
                raise
            trouble = problem.code
            continue
        await documents.push_all(messages, services)
        return row


class _ToldMeanwhile(Exception):
    """The same receipt came by another request."""


async def _known(row: ContingencySale, digest: str) -> ContingencySale:
    if row.digest != digest and row.trouble is None:
        await queries.mark_trouble(row, DIFFERS)
    return row


def _row(batch: ContingencyBatch, sale: SaleBody, told: dict[str, Any], digest: str, now_ms: int) -> ContingencySale:
    return ContingencySale(
        site_id=batch.site_id,
        batch_id=batch.id,
        receipt=sale.receipt,
        at_ms=sale.at_ms,
        amount=sale.amount,
        method=sale.method,
        state="heard",
        told=told,
        digest=digest,
        heard_ms=now_ms,
    )


async def _book(
    batch: ContingencyBatch, sale: SaleBody, row: ContingencySale, caller: Caller, services: Services
) -> dict[int, bytes]:
    """In the caller's transaction; messages to push."""
    chosen = await queries.by_serial(batch.id, sale.serials)
    trouble = _doubt(batch, sale, chosen)
    if trouble is not None:
        await queries.end_sale(row, "trouble", trouble=trouble)
        return {}
    if sale.void:
        await queries.move_tickets(chosen, "spoil", sale.receipt)
        await queries.end_sale(row, "void")
        return {}
    late = {ticket.number for ticket in chosen if ticket.state == "unsold_denied"}
    order, sold = await _ordered(batch, sale, chosen, caller, services)
    await queries.move_tickets(chosen, "sell", sale.receipt)
    await _keep_codes(batch, chosen, sold, caller, sale.at_ms)
    messages = await _deny_late([ticket for ticket in sold if ticket.number in late], services)
    await queries.end_sale(row, "book", order_id=order.id, trouble=LATE if late else None)
    row.order_id, row.trouble = order.id, LATE if late else None
    return messages


def _doubt(batch: ContingencyBatch, sale: SaleBody, chosen: Sequence[ContingencyTicket]) -> str | None:
    """Why a receipt cannot be booked as it was told; None: it can."""
    if len(chosen) != len(sale.serials):
        return UNKNOWN
    event = "spoil" if sale.void else "sell"
    if any(event not in CONTINGENCY_TICKET.moves[ticket.state] for ticket in chosen):
        return TWICE
    if not sale.void and rules.price_of(batch.offers, [ticket.product for ticket in chosen]) != sale.amount:
        return AMOUNT
    return None


async def _ordered(
    batch: ContingencyBatch,
    sale: SaleBody,
    chosen: Sequence[ContingencyTicket],
    caller: Caller,
    services: Services,
) -> tuple[Order, list[Ticket]]:
    """The order of a receipt, paid, with the tickets that the guest has."""
    at_ms = min(max(sale.at_ms, batch.made_ms), services.clock.wall_ms())  # a box's clock is not believed beyond that
    lines = await _lines(batch, chosen)
    for _, line in lines:  # what is sold leaves the batch's share of the stock; `make` takes it for the order
        await stock.release(batch.id, line.wants)
    order = await _order(batch, sale, caller, at_ms)
    method = Method(sale.method)
    tender = Tendered(
        method=method,
        currency=batch.currency,
        amount=sale.amount,
        tendered=sale.tendered if method is Method.CASH else None,
        reference=sale.reference,
    )
    numbers = [[ticket.number for ticket in chosen if ticket.product == product] for product, _ in lines]
    # As of the sale: it belongs to that business day, or, where that is closed, to the first open one.
    priced = [line for _, line in lines]
    return order, await making.make(order, priced, [tender], now_ms=at_ms, caller=caller, numbers=numbers)


async def _lines(batch: ContingencyBatch, chosen: Sequence[ContingencyTicket]) -> list[tuple[int, Priced]]:
    """By product, in the order of the batch. What was given back to the stock meanwhile is not taken again."""
    wanted = Counter(ticket.product for ticket in chosen)
    held = all(ticket.state == "held" for ticket in chosen)
    rows = await products.by_number(batch.site_id, set(wanted))
    found = []
    for offered in batch.offers:
        product = int(offered["product"])
        if product in wanted:
            line = rules.sold_as(offered, rows[product], wanted[product], batch.day)
            found.append((product, line if held else replace(line, wants=())))
    return found


async def _order(batch: ContingencyBatch, sale: SaleBody, caller: Caller, at_ms: int) -> Order:
    shift = await queries.shift_at(batch.site_id, batch.window, at_ms)
    return Order(
        id=uuid7(at_ms),
        site_id=batch.site_id,
        channel=CHANNEL,
        kind="contingency",
        status="new",
        total=sale.amount,
        currency=batch.currency,
        created_ms=at_ms,
        day=await days.business_day(batch.site_id, at_ms),
        window=batch.window,
        shift_id=None if shift is None else shift.id,
        operator=caller.name,
    )


async def _keep_codes(
    batch: ContingencyBatch,
    chosen: Sequence[ContingencyTicket],
    sold: Sequence[Ticket],
    caller: Caller,
    at_ms: int,
) -> None:
    """The claims that guests hold are those that a reprint gives."""
    bodies = {ticket.number: ticket.body for ticket in chosen}
    for ticket in sold:
        row = CodeIssue(site_id=batch.site_id, ticket_id=ticket.number, revision=0, key_id=batch.key_id)
        row.body, row.actor, row.at_ms = bodies[ticket.number], caller.name, at_ms
        await codes.add(row)


async def _deny_late(sold: Sequence[Ticket], services: Services) -> dict[int, bytes]:
    """Tickets that were denied as unsold stay denied, under their own names."""
    messages: dict[int, bytes] = {}
    for ticket in sold:
        await ticketing.lock_sites(ticket)
        await tickets.move(ticket, TICKET.after(ticket.status, "revoke"))
        reason = "a contingency ticket whose sale was told after it was denied"
        now_ms = services.clock.wall_ms()
        messages |= await ticketing.deny(ticket, 1, reason, services.settings.documents, now_ms)
    return messages
