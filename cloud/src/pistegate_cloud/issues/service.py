# SPDX-License-Identifier: Apache-2.0
"""A group's tickets on cards, one card after another.

How far it is, the tickets' own states tell, so that it goes on where it was after any crash. A card whose answer was
lost keeps its ticket until no other is left: laid down again, it is completed; if it never comes, the ticket goes on
another card in the end, and the lost one is denied.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from tortoise.transactions import in_transaction

from pistegate_cloud.audit.service import note_here
from pistegate_cloud.cards.desk import Desk, Laid, check_usable, known_card, laid_down
from pistegate_cloud.cards.models import Card
from pistegate_cloud.errors import Problem
from pistegate_cloud.issues import queries
from pistegate_cloud.issues.models import GroupIssue
from pistegate_cloud.orders import queries as orders
from pistegate_cloud.services import Services
from pistegate_cloud.tickets import issuing
from pistegate_cloud.tickets import queries as tickets
from pistegate_cloud.tickets.issuing import Issued
from pistegate_cloud.tickets.models import Ticket
from pistegate_cloud.uuid7 import uuid7

_TO_DO = ("sold", "issuing")


@dataclass(frozen=True, slots=True)
class Progress:
    """`issued` of `total` tickets are on cards; `next` is the one for the next card (None: finished).

    `unconfirmed`: tickets whose card has not answered, by that card's UID in hex.
    """

    row: GroupIssue
    total: int
    issued: int
    next: int | None
    unconfirmed: dict[int, str]


async def begin(order_id: UUID, actor: str, services: Services) -> Progress:
    """Begin to issue an order's tickets; where it was begun before, how far it is."""
    order = await orders.order(order_id)
    if order is None:
        raise Problem("not_found", what=f"order {order_id}")
    now_ms = services.clock.wall_ms()
    row = GroupIssue(id=uuid7(now_ms), site_id=order.site_id, order_id=order_id, actor=actor)
    row.created_ms = row.worked_ms = now_ms
    async with in_transaction():
        begun = await queries.begin(row)
        await note_here("order.issue", order.site_id, f"order:{order_id}", now_ms=now_ms)
    return await progress(begun)


async def progress(row: GroupIssue) -> Progress:
    """How far it is."""
    todo, issued = await _split(row)
    unconfirmed = await tickets.last_uid_by_ticket([ticket.number for ticket in todo if ticket.status == "issuing"])
    first = _next(todo, unconfirmed, None)
    return Progress(row, len(todo) + len(issued), len(issued), first.number if first else None, unconfirmed)


async def next_card(row: GroupIssue, desk: Desk, services: Services) -> Issued:
    """Put the next ticket on the card at the desk. Problem otherwise: repeat it, with this card or another."""
    todo, issued = await _split(row)
    if not todo:
        raise Problem("group_issue_finished", total=len(issued))
    async with laid_down(desk, services) as laid:
        card = await known_card(laid)
        check_usable(card)
        if card.ticket_id in {ticket.number for ticket in issued}:
            await queries.repeated(row)
            place = [ticket.number for ticket in issued].index(int(str(card.ticket_id))) + 1
            total = len(todo) + len(issued)
            raise Problem("card_laid_twice", uid=card.uid, ticket=card.ticket_id, place=place, total=total)
        done = await _put_next(todo, card, laid, desk, services)
    await queries.worked(row, desk.encoder, services.clock.wall_ms(), finished=len(todo) == 1)
    return done


async def _put_next(todo: list[Ticket], card: Card, laid: Laid, desk: Desk, services: Services) -> Issued:
    sent = await tickets.last_uid_by_ticket([ticket.number for ticket in todo if ticket.status == "issuing"])
    ticket = _next(todo, sent, card.uid) or todo[0]
    await issuing.ready_ticket(ticket.number, desk)
    return await issuing.put_on(ticket, card, laid, desk, services)


def _next(todo: Sequence[Ticket], sent: dict[int, str], uid: str | None) -> Ticket | None:
    """The ticket that was sent to this card and not confirmed; else the first that was sent to none; else the first."""
    mine = [ticket for ticket in todo if uid is not None and sent.get(ticket.number) == uid]
    fresh = [ticket for ticket in todo if ticket.status == "sold"]
    return next(iter([*mine, *fresh, *todo]), None)


async def _split(row: GroupIssue) -> tuple[list[Ticket], list[Ticket]]:
    """Tickets that still have to go on a card, and those that are on one; revoked ones are left out."""
    found = await tickets.of_order(row.order_id)
    todo = [ticket for ticket in found if ticket.status in _TO_DO]
    return todo, [ticket for ticket in found if ticket.status == "issued"]
