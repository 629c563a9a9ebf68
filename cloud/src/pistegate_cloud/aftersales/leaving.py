# SPDX-License-Identifier: Apache-2.0
"""Pieces of an order leave it, in the caller's transaction: tickets denied, stock free, books, state of the order."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pistegate_cloud.aftersales import queries
from pistegate_cloud.aftersales.pieces import Held
from pistegate_cloud.aftersales.rules import Part
from pistegate_cloud.days import recognition
from pistegate_cloud.documents import service as documents
from pistegate_cloud.errors import Problem
from pistegate_cloud.ledger import service as ledger
from pistegate_cloud.ledger.landing import LANDS, NOBODYS
from pistegate_cloud.ledger.service import Money
from pistegate_cloud.orders import queries as orders
from pistegate_cloud.orders.models import Order
from pistegate_cloud.services import Services
from pistegate_cloud.states import ORDER, TICKET
from pistegate_cloud.stock import service as stock
from pistegate_cloud.tickets import queries as tickets
from pistegate_cloud.tickets.models import Ticket
from pistegate_cloud.tickets.service import publish_denials, scope_of, sites_of


@dataclass(frozen=True, slots=True)
class Work:
    """One piece of work: the order as it was locked, all that is in it, and when."""

    order: Order
    held: Held
    now_ms: int


async def lock(of: Iterable[Ticket]) -> list[int]:
    """Keep other writers of the deny lists waiting; numbers of the sites. Before the order is locked, as all do."""
    where = sorted({site for ticket in of for site in await sites_of(ticket)})
    await documents.lock(where)
    return where


async def leave(
    work: Work, parts: Sequence[Part], reason: str, where: list[int], services: Services
) -> dict[int, bytes]:
    """Everything but the money: tickets revoked and denied, stock given back, lines counted, the order's state.

    Messages to push after the transaction, by site. Problem state_conflict, refund_too_large.
    """
    going = [work.held.tickets[part.piece.ticket] for part in parts if part.piece.ticket is not None]
    for ticket in going:
        await tickets.move(ticket, TICKET.after(ticket.status, "revoke"))
        scope = await scope_of(ticket)
        group = scope.number if scope.group else None
        await tickets.deny(ticket, ticket.revision + 1, reason, work.now_ms, group)
    messages = await publish_denials(where, services.settings.documents, work.now_ms) if going else {}
    await _give_back_stock(work, parts)
    await _count(work, parts)
    await _move(work)
    return messages


async def _give_back_stock(work: Work, parts: Sequence[Part]) -> None:
    pieces: dict[int, int] = defaultdict(int)
    for part in parts:
        pieces[part.piece.line] += part.piece.quantity
    for number, quantity in sorted(pieces.items()):
        line = work.held.lines[number]
        if line.product is not None:
            piece = stock.Piece(line.site_id, line.product.number, line.visit_date, line.slot_id)
            await stock.release_pieces(work.order.id, piece, quantity)


async def _count(work: Work, parts: Sequence[Part]) -> None:
    for part in parts:
        line = work.held.lines[part.piece.line]
        if not await queries.take_back(line, part.piece.quantity, part.back):
            raise Problem("refund_too_large", amount=part.back, left=line.amount - line.refunded_amount)
        line.refunded_quantity += part.piece.quantity
        line.refunded_amount += part.back


async def _move(work: Work) -> None:
    """By the table: all of it is back, or a part."""
    over = all(line.refunded_quantity == line.quantity for line in work.held.refundable)
    event = "refund_all" if over else "refund_part"
    if not await orders.move(work.order, ORDER.after(work.order.status, event)):
        raise Problem("state_conflict", noun="order", state=work.order.status, event=event)


async def moneys(work: Work, parts: Sequence[Part]) -> list[Money]:
    """What a refund takes out of the books, apart from where the money goes: deferred first, then what was earned."""
    found: list[Money] = []
    for number in dict.fromkeys(part.piece.line for part in parts):
        line, mine = work.held.lines[number], [part for part in parts if part.piece.line == number]
        of, lands = line.department or NOBODYS, "passthrough" if line.passthrough else LANDS[line.kind]
        net, tax = sum(part.net for part in mine), sum(part.tax for part in mine)
        if lands == "deferred":
            nets: dict[int, int] = defaultdict(int)
            for part in mine:
                nets[part.piece.ticket or 0] += part.net
            given = await recognition.give_back(work.order.id, line.id, nets)
            found += [Money("deferred", given.deferred, of), Money("revenue", given.revenue, of)]
        else:
            found.append(Money(lands, net, of))
        fee, fee_tax = sum(part.fee for part in mine), sum(part.fee_tax for part in mine)
        found += [Money("output_tax", tax), Money("fee", fee - fee_tax, of), Money("fee_tax", fee_tax)]
    return [money for money in found if money.amount]


async def post(work: Work, out: Sequence[Money], to: Sequence[Money]) -> None:
    """One transaction of the event "refund"; nothing for nothing."""
    if out or to:
        await ledger.record(
            "refund",
            site=work.order.site_id,
            order=work.order.id,
            currency=work.order.currency,
            at_ms=work.now_ms,
            moneys=[*out, *to],
            partner=None if work.order.selling_site == work.order.site_id else work.order.selling_site,
        )
