# SPDX-License-Identifier: Apache-2.0
"""Deposits taken, used and given back; all in the caller's transaction.

Taken: a line of kind "deposit" of any order that becomes paid. Used: a settlement's charges are paid with it, as a way
of paying. Given back: by the tender that it came by (tenders.service.give_back).
"""

from collections.abc import Sequence
from uuid import UUID

from pistegate_cloud.deposits import queries
from pistegate_cloud.deposits.models import Deposit
from pistegate_cloud.errors import Problem
from pistegate_cloud.ledger import service as ledger
from pistegate_cloud.orders.models import Order, OrderLine
from pistegate_cloud.states import DEPOSIT
from pistegate_cloud.tickets.models import Ticket
from pistegate_cloud.wallets.books import About, enter

KIND = "deposit"  # of an order's line, and as a way of paying
TICKET_TERM, UID_TERM = "ticket", "uid"  # which of a line's terms name the ticket and the card that it is for


async def taken(
    order: Order, lines: Sequence[OrderLine], tickets: Sequence[Ticket], *, now_ms: int, actor: str
) -> list[Deposit]:
    """One deposit for each piece of the order's deposit lines; the money is in the ledger by the order's sale.

    A part of a bundle is bound to the bundle's tickets, one by one; so is a deposit beside as many tickets.
    """
    made = []
    for line in lines:
        if line.kind != KIND:
            continue
        of = _tickets_for(line, lines, tickets)
        for index, amount in enumerate(_each(line)):
            terms = line.terms or {}
            ticket = terms.get(TICKET_TERM) or (of[index].number if index < len(of) else None)
            made.append(
                Deposit(
                    site_id=order.site_id,
                    order_id=order.id,
                    line_id=line.id,
                    amount=amount,
                    currency=order.currency,
                    state="held",
                    ticket_id=ticket,
                    uid=terms.get(UID_TERM),
                    actor=actor,
                    taken_ms=now_ms,
                )
            )
    await queries.add(made)
    return made


def _each(line: OrderLine) -> list[int]:
    """The amount of each piece: together exactly the line's."""
    plain, rest = divmod(line.amount, line.quantity)
    return [plain + (1 if index < rest else 0) for index in range(line.quantity)]


def _tickets_for(line: OrderLine, lines: Sequence[OrderLine], tickets: Sequence[Ticket]) -> list[Ticket]:
    """The tickets that a line's deposits are for: of the same bundle; else of the whole order, if they are as many."""
    bundle = {other.id for other in lines if line.parent_id is not None and other.parent_id == line.parent_id}
    same = [ticket for ticket in tickets if ticket.line_id in bundle]
    if same:
        return same
    return list(tickets) if len(tickets) == line.quantity else []


async def spend(number: int, amount: int, *, order_id: UUID, now_ms: int) -> Deposit:
    """Pay `amount` of an order with a deposit; Problem deposit_too_small when less is held, or it is over."""
    row = await queries.deposit(number)
    DEPOSIT.after(row.state, "spend")
    if row.wallet_id is not None:
        raise Problem("deposit_in_wallet", deposit=number, wallet=row.wallet_id)
    if not await queries.draw(number, "spent", amount, None, now_ms):
        raise Problem("deposit_too_small", deposit=number, held=row.held, amount=amount)
    await ledger.record(
        "deposit_spent", site=row.site_id, order=order_id, amount=amount, currency=row.currency, at_ms=now_ms
    )
    return await queries.deposit(number)


async def leave(number: int, now_ms: int) -> int:
    """Everything that is held of a deposit leaves it, to be given back; how much, minor units. The deposit is over."""
    row = await queries.deposit(number)
    event = "return_part" if row.spent and row.held else "return" if row.held else "keep"
    state = DEPOSIT.after(row.state, event)
    if not await queries.draw(number, "returned", row.held, state, now_ms):
        raise Problem("state_conflict", noun="deposit", state=row.state, event=event)
    return row.held


async def bind(number: int, *, ticket: int | None, uid: str | None, document: str | None) -> Deposit:
    """Say whose a deposit is, once; Problem deposit_bound when it is somebody's already."""
    given = {"ticket_id": ticket, "uid": uid, "document": document}
    wanted = {name: value for name, value in given.items() if value is not None}
    row = await queries.deposit(number)
    if all(getattr(row, name) == value for name, value in wanted.items()):
        return row
    DEPOSIT.after(row.state, "spend")
    if not await queries.bind(number, **wanted):
        raise Problem("deposit_bound", deposit=number)
    return await queries.deposit(number)


async def leave_wallet(number: int, back: int, now_ms: int) -> None:
    """A deposit that doubled as spending money is over: `back` of it is given back, the rest was spent."""
    row = await queries.deposit(number)
    DEPOSIT.after(row.state, "spend")
    if row.held > back and not await queries.draw(number, "spent", row.held - back, None, now_ms):
        raise Problem("state_conflict", noun="deposit", state=row.state, event="spend")
    await leave(number, now_ms)


async def move_to_wallet(number: int, about: About) -> Deposit:
    """Make a deposit spending money: from here it is in the wallet (about.wallet), once."""
    row = await queries.deposit(number)
    if row.wallet_id == about.wallet:
        return row
    DEPOSIT.after(row.state, "spend")
    if row.spent or not await queries.bind(number, wallet_id=about.wallet):
        raise Problem("deposit_bound", deposit=number)
    await enter("deposit_to_wallet", about, site=row.site_id, amount=row.amount, currency=row.currency)
    return await queries.deposit(number)
