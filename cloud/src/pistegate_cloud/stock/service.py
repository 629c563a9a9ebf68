# SPDX-License-Identifier: Apache-2.0
"""Taking stock for an order, keeping it when paid, giving it back: all in the caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from pistegate_cloud.errors import Problem
from pistegate_cloud.stock import queries
from pistegate_cloud.stock.models import StockHold
from pistegate_cloud.stock.rules import Want, summed

__all__ = ["Piece", "Want", "due", "keep", "release", "release_pieces", "take"]


@dataclass(frozen=True, slots=True)
class Piece:
    """What was sold, as its line says: product number, visit date, id of its slot."""

    site: int
    product: int
    day: date
    slot: int | None = None


async def take(order_id: UUID, wants: Sequence[Want], until_ms: int | None, site: int) -> None:
    """Hold what an order wants until `until_ms` (None: it is paid already); Problem sold_out, the caller rolls back.

    `site`: whose counters they are.
    """
    needed = summed(wants)
    if not needed:
        return
    for want in needed:
        if not await queries.draw(want):
            raise await _sold_out(want)
    await queries.hold(
        [
            StockHold(site_id=site, stock_id=want.counter, order_id=order_id, quantity=want.quantity, until_ms=until_ms)
            for want in needed
        ]
    )


async def keep(order_id: UUID) -> None:
    """An order was paid: what it holds is sold. What it does not hold any more is the caller's to take again."""
    await queries.sell(order_id)


async def release(order_id: UUID, wants: Sequence[Want] | None = None) -> None:
    """Give back what an order holds or bought: all of it, or `wants`, never more than it has. Repeating does nothing
    once all is back.
    """
    asked = None if wants is None else {want.counter: want.quantity for want in summed(wants)}
    for row in await queries.holds_of(order_id):
        quantity = row.quantity if asked is None else min(row.quantity, asked.get(row.stock_id, 0))
        if quantity and await queries.lessen(row, quantity):
            await queries.put_back(Want(row.stock_id, quantity))
            if asked is not None:
                asked[row.stock_id] -= quantity


async def release_pieces(order_id: UUID, piece: Piece, quantity: int) -> None:
    """Give back some pieces of a line: to the quotas and the slot that the order drew on for them."""
    drawn = await queries.drawn_on(piece.site, [piece.product], [piece.day])
    counters = drawn.get((piece.product, piece.day), [])
    own = [row.id for row in counters if row.starts is None or row.id == piece.slot]
    await release(order_id, [Want(counter, quantity) for counter in own])


async def due(now_ms: int) -> list[UUID]:
    """Orders whose hold ran out, for the job that expires them."""
    return await queries.overdue(now_ms)


async def _sold_out(want: Want) -> Problem:
    row = (await queries.counters([want.counter])).get(want.counter)
    what = f"{row.code} {row.day}" if row else f"stock {want.counter}"
    return Problem("sold_out", what=what, left=max(row.left, 0) if row else 0, asked=want.quantity)
