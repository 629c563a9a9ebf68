# SPDX-License-Identifier: Apache-2.0
"""Another card for a lost or voided one 补卡: its ticket at the next revision, what is left of it, and its money.

The ticket is put on the new card first. Then, in one transaction, the old card goes out of use for good and its
wallet moves; an attempt that ended in between is completed by the next one.
"""

from dataclasses import dataclass
from typing import Final

from tortoise.transactions import in_transaction

from pistegate_cloud.cards import flows, queries
from pistegate_cloud.cards.desk import Desk, Laid, check_usable, known_card, laid_down, opened
from pistegate_cloud.cards.models import Card
from pistegate_cloud.clock import local_day
from pistegate_cloud.errors import Problem
from pistegate_cloud.services import Services
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.tickets import issuing
from pistegate_cloud.tickets import queries as tickets
from pistegate_cloud.tickets.issuing import Issued
from pistegate_cloud.tickets.models import Ticket
from pistegate_cloud.wallets import service as wallets

_CAN_BE_REPLACED: Final = ("lost", "void")


@dataclass(frozen=True, slots=True)
class Replaced:
    """The old and the new card; `issued`: the ticket on the new one; `money`: minor units moved to its wallet."""

    old: Card
    new: Card
    issued: Issued | None
    money: int
    round_trips: int


async def replace(uid: str, desk: Desk, services: Services) -> Replaced:
    """Put what the lost card `uid` held on the card at the desk; repeat it until it succeeds. Problem otherwise."""
    old = await queries.card(uid)
    if old.status not in _CAN_BE_REPLACED:
        raise Problem("card_in_use" if old.status == "in_use" else "state_conflict", **_conflict(old))
    before = await queries.replaced_by(old.id)
    async with laid_down(desk, services) as laid:
        new = await known_card(laid)
        if before == new.uid:
            return Replaced(old, new, None, 0, laid.link.round_trips)
        if before is not None:
            raise Problem("state_conflict", **_conflict(old))
        check_usable(new)
        if new.group_number != old.group_number:
            raise Problem("card_of_another_group", uid=old.uid)
        ticket = await _ticket_to_move(old, new, services)
        await _check_from_stock(old, new)
        issued = await _put_on(ticket, new, laid, desk, services)
        if ticket is None:
            await flows.read_content(await opened(new, laid, services))  # it must prove that it is ours
        money = await _close(old, new, desk, services)
        return Replaced(old, new, issued, money, laid.link.round_trips)


def _conflict(card: Card) -> dict[str, str]:
    return {"uid": card.uid, "noun": "card", "state": card.status, "event": "replace"}


async def _ticket_to_move(old: Card, new: Card, services: Services) -> Ticket | None:
    """The ticket that is on the old card still, or already went to the new one; None: nothing worth moving."""
    held = await tickets.last_sent_to(old.uid) + await tickets.last_sent_to(new.uid)
    found = [ticket for ticket in held if ticket.number == old.ticket_id]
    if not found:
        return None
    today = local_day(services.clock.wall_ms(), await sites.zone(found[0].site_id))
    return found[0] if found[0].last_day >= today else None


async def _check_from_stock(old: Card, new: Card) -> None:
    """Problem when the new card is somebody's: it would lose a ticket, or mix two guests' money."""
    begun = old.ticket_id is not None and new.ticket_id == old.ticket_id
    if (new.status != "stock" and not begun) or await wallets.held(new) is not None:
        raise Problem("card_not_from_stock", uid=new.uid)


async def _put_on(ticket: Ticket | None, new: Card, laid: Laid, desk: Desk, services: Services) -> Issued | None:
    if ticket is None:
        return None
    await issuing.ready_ticket(ticket.number, desk)
    last = await tickets.last_write(ticket.number)
    if ticket.status == "issued" and last is not None and new.ticket_id == ticket.number:
        return Issued(ticket, last, laid.link.round_trips)
    return await issuing.put_on(ticket, new, laid, desk, services)


async def _close(old: Card, new: Card, desk: Desk, services: Services) -> int:
    """The old card is done with: in one transaction with its money. Minor units moved."""
    now_ms = services.clock.wall_ms()
    async with in_transaction():
        loss = await queries.open_loss(old.id)
        if loss is not None:
            await queries.close_loss(loss, "replaced", desk.actor, now_ms, new.id)
        change = desk.change(now_ms, ticket=old.ticket_id, values={"by": new.uid})
        await queries.change(old, "replace", change, ticket_id=None, revision=None, claim=None)
        money = await wallets.replaced(old, new, actor=desk.actor, now_ms=now_ms)
        if money and new.status == "stock":
            await queries.change(new, "load", desk.change(now_ms, values={"from": old.uid}))
    return money
