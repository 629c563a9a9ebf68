# SPDX-License-Identifier: Apache-2.0
"""Cards that every device of the group refuses: lost 挂失, until found again or replaced, and void 作废."""

from tortoise.transactions import in_transaction

from pistegate_cloud.cards import queries
from pistegate_cloud.cards.models import Card, CardChange, CardLoss
from pistegate_cloud.documents import service as documents
from pistegate_cloud.errors import Problem
from pistegate_cloud.services import Services
from pistegate_cloud.settings import SigningKey
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.tickets import queries as tickets
from pistegate_cloud.tickets import service as ticketing
from pistegate_protocol.documents import LostCards


async def lose(uid: str, reason: str, found_by: str, actor: str, services: Services) -> Card:
    """Report a card lost: it and its ticket's claims are refused from now on; reporting it again changes nothing."""
    now_ms, key = services.clock.wall_ms(), services.settings.documents
    denials: dict[int, bytes] = {}
    async with in_transaction():
        card = await _locked(uid)
        if card.status == "lost":
            return card
        if card.status == "stock":
            raise Problem("card_in_stock", uid=uid)
        values = {"reason": reason, "found_by": found_by}
        change = CardChange(site_id=card.site_id, ticket=card.ticket_id, actor=actor, at_ms=now_ms, values=values)
        await queries.change(card, "lose", change)
        loss = CardLoss(site_id=card.site_id, card_id=card.id, ticket=card.ticket_id, state="open", **values)
        loss.actor, loss.at_ms = actor, now_ms
        await queries.add_loss(loss)
        for ticket in await tickets.last_sent_to(uid):
            denials |= await ticketing.deny(ticket, ticket.revision + 1, "its card was lost", key, now_ms)
        lost = await publish_lost(card.group_number, key, now_ms)
    await documents.push_all(lost, services)
    await documents.push_all(denials, services)
    return card


async def find(uid: str, actor: str, services: Services) -> Card:
    """A lost card was found before it was replaced: it holds again; Problem state_conflict when it is not lost."""
    now_ms, key = services.clock.wall_ms(), services.settings.documents
    allowed: dict[int, bytes] = {}
    async with in_transaction():
        card = await _locked(uid)
        held = await tickets.last_sent_to(uid)
        kept = card.ticket_id in {ticket.number for ticket in held}
        gone = {} if kept else {"ticket_id": None, "revision": None, "claim": None}  # its ticket is elsewhere by now
        change = CardChange(site_id=card.site_id, ticket=card.ticket_id, actor=actor, at_ms=now_ms)
        await queries.change(card, "find", change, **gone)
        loss = await queries.open_loss(card.id)
        if loss is not None:
            await queries.close_loss(loss, "found", actor, now_ms)
        for ticket in held:
            allowed |= await ticketing.allow_again(ticket, key, now_ms)
        lost = await publish_lost(card.group_number, key, now_ms)
    await documents.push_all(lost, services)
    await documents.push_all(allowed, services)
    return card


async def void(uid: str, reason: str, actor: str, services: Services) -> Card:
    """Take a card out of use for good, say because it is broken; what is on it can be replaced."""
    now_ms, key = services.clock.wall_ms(), services.settings.documents
    async with in_transaction():
        card = await _locked(uid)
        change = CardChange(
            site_id=card.site_id, ticket=card.ticket_id, actor=actor, at_ms=now_ms, values={"reason": reason}
        )
        await queries.change(card, "void", change)
        lost = await publish_lost(card.group_number, key, now_ms)
    await documents.push_all(lost, services)
    return card


async def _locked(uid: str) -> Card:
    """The card, read when no other writer of its group's documents can be at it."""
    card = await queries.card(uid)
    await documents.lock(await sites.of_group(card.group_number))
    return await queries.card(uid)


async def publish_lost(group: int, key: SigningKey, now_ms: int, only: list[int] | None = None) -> dict[int, bytes]:
    """Sign the next list of lost cards for the sites of a group (`only` some of them); messages, by site.

    In the caller's transaction.
    """
    uids = await queries.shut_out(group)

    async def entries_of(_: int) -> list[bytes]:
        return uids

    where = await sites.of_group(group) if only is None else only
    return await documents.publish_for(where, LostCards, entries_of, key, now_ms)
