# SPDX-License-Identifier: Apache-2.0
"""What of an order can come back, read from the database: lines as sold, tickets, and their passages."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from pistegate_cloud.aftersales import queries
from pistegate_cloud.aftersales.rules import Piece, shares
from pistegate_cloud.days import service as days
from pistegate_cloud.errors import Problem
from pistegate_cloud.orders import queries as orders
from pistegate_cloud.orders.models import OrderLine
from pistegate_cloud.products.terms import terms_of
from pistegate_cloud.tickets.models import Ticket

# Money of the guest's own, which goes back by its own way (deposits, wallets, vouchers).
OWN_WAY: Final = ("deposit", "recharge", "voucher")


@dataclass(frozen=True, slots=True)
class Held:
    """An order's lines by id, and its tickets by number."""

    lines: Mapping[int, OrderLine]
    tickets: Mapping[int, Ticket]

    @property
    def refundable(self) -> list[OrderLine]:
        """Lines that a refund may be asked for."""
        return [line for line in self.lines.values() if line.kind not in OWN_WAY]

    def ticket(self, number: int) -> Ticket:
        """One of the order's tickets that holds; Problem not_found, ticket_revoked."""
        found = self.tickets.get(number)
        if found is None:
            raise Problem("not_found", what=f"ticket {number} of this order")
        if found.status == "revoked":
            raise Problem("ticket_revoked", ticket=number)
        return found


async def held(order_id: UUID) -> Held:
    """Everything of an order."""
    lines = {line.id: line for line in await orders.lines_of(order_id)}
    return Held(lines, {row.number: row for row in await queries.tickets_of(order_id)})


async def pieces(
    of: Held, tickets: Sequence[int] | None, lines: Mapping[int, int] | None, *, without: int | None = None
) -> list[Piece]:
    """`tickets` and so many pieces of `lines` without tickets; both None: all that is left. Problem otherwise.

    What a compensation gave back of a ticket is not in what was paid for it; `without`: id of one that is not counted.
    """
    if tickets is None and lines is None:
        tickets = [row.number for row in of.tickets.values() if row.status != "revoked"]
        lines = {
            line.id: line.quantity - line.refunded_quantity
            for line in of.refundable
            if line.kind != "ticket" and line.quantity > line.refunded_quantity
        }
    chosen = [of.ticket(number) for number in dict.fromkeys(tickets or ())]
    found = await _of_tickets(of, chosen, without)
    return found + [await _of_line(of, number, quantity) for number, quantity in (lines or {}).items()]


async def _of_tickets(of: Held, chosen: Sequence[Ticket], without: int | None) -> list[Piece]:
    given = await queries.compensated([row.number for row in chosen], without)
    used = await used_days([row.number for row in chosen])
    worth: dict[int, tuple[int, int]] = {}
    for line in of.refundable:
        if line.kind == "ticket":
            mine = [row.number for row in of.tickets.values() if row.line_id == line.id]
            worth |= dict(zip(mine, shares(line.amount, line.tax, len(mine)), strict=True)) if mine else {}
    found = []
    for row in chosen:
        paid, tax = worth[row.number]
        less, less_tax = given.get(row.number, (0, 0))
        left = (paid - less, tax - less_tax)
        found.append(_of_ticket(of.lines[row.line_id], row, left, used.get(row.number, frozenset())))
    return found


def _of_ticket(line: OrderLine, ticket: Ticket, worth: tuple[int, int], used: frozenset[date]) -> Piece:
    choice = terms_of(ticket.product).days
    return Piece(
        line=line.id,
        ticket=ticket.number,
        kind=line.kind,
        quantity=1,
        paid=worth[0],
        tax=worth[1],
        first_day=ticket.valid_from,
        days=choice or (ticket.valid_until - ticket.valid_from).days + 1,
        used=used,
        policy=(line.terms or {}).get("policy"),
    )


async def _of_line(of: Held, number: int, quantity: int) -> Piece:
    line = of.lines.get(number)
    if line is None or line.kind == "ticket" or line.kind in OWN_WAY:
        raise Problem("not_found", what=f"line {number} without tickets of this order")
    if not 0 < quantity <= line.quantity - line.refunded_quantity:
        raise Problem("refund_too_large", amount=quantity, left=line.quantity - line.refunded_quantity)
    chosen = shares(line.amount, line.tax, line.quantity)[line.refunded_quantity :][:quantity]
    about = (line.terms or {}).get("ticket")  # a difference or an extension of a ticket is used with it
    used = (await used_days([about])).get(about, frozenset()) if about else frozenset()
    return Piece(
        line=line.id,
        ticket=None,
        kind=line.kind,
        quantity=quantity,
        paid=sum(gross for gross, _ in chosen),
        tax=sum(tax for _, tax in chosen),
        first_day=line.visit_date,
        days=1,
        used=used,
        policy=(line.terms or {}).get("policy"),
    )


async def used_days(numbers: Sequence[int]) -> dict[int, frozenset[date]]:
    """Ticket -> business days of the gate's site on which somebody passed with it, or perhaps did."""
    found: dict[int, set[date]] = defaultdict(set)
    for ticket, site, at_ms in await queries.uses(numbers):
        found[ticket].add(await days.business_day(site, at_ms))
    return {ticket: frozenset(each) for ticket, each in found.items()}
