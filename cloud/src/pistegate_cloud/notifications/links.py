# SPDX-License-Identifier: Apache-2.0
"""Links to ticket pages: a random token that the guest has, and its hash that we have.

Whoever has a ticket's link has the ticket. It is made anew, and the former one is over, whenever somebody asks for it.
The link of an order leads to the list of its tickets, from where each person gets a link of their own.
"""

import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from uuid import UUID

from tortoise.transactions import in_transaction

from pistegate_cloud.audit import service as audit
from pistegate_cloud.clock import local_day
from pistegate_cloud.errors import Problem
from pistegate_cloud.notifications import link_queries as queries
from pistegate_cloud.notifications.models import TicketLink
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tickets import queries as tickets
from pistegate_cloud.tickets.models import Ticket

TOKEN_BYTES: Final = 16  # 128 bits: at ten guesses a minute from each of a million addresses, never


@dataclass(frozen=True, slots=True)
class Opened:
    """What a token leads to: one ticket, or those of an order."""

    link: TicketLink
    tickets: list[Ticket]


async def of_ticket(ticket: Ticket, caller: Caller, now_ms: int) -> str:
    """A new link to a ticket, in the caller's transaction: its token; the former one is over. Problem link_over."""
    if not await holds(ticket, now_ms):
        raise Problem("link_over")
    row = TicketLink(site_id=ticket.site_id, ticket_id=ticket.number, live=f"ticket:{ticket.number}")
    return await _make(row, caller, now_ms)


async def of_order(order_id: UUID, site: int, caller: Caller, now_ms: int) -> str:
    """A new link to the list of an order's tickets, as of_ticket."""
    return await _make(TicketLink(site_id=site, order_id=order_id, live=f"order:{order_id}"), caller, now_ms)


async def end(ticket: Ticket, caller: Caller, now_ms: int) -> None:
    """A ticket's link leads nowhere any more; without one, nothing changes."""
    async with in_transaction():
        await queries.end(f"ticket:{ticket.number}", now_ms)
        await audit.note(caller, "link.end", ticket.site_id, f"ticket:{ticket.number}", now_ms=now_ms)


async def opened(token: str, now_ms: int) -> Opened:
    """What a token leads to; Problem link_unknown, or link_over when it was ended or its tickets are over."""
    row = await queries.by_digest(_digest(token))
    if row is None:
        raise Problem("link_unknown")
    if row.live is None:
        raise Problem("link_over")
    if row.ticket_id is not None:
        found = [await tickets.ticket(row.ticket_id)]
    else:
        assert row.order_id is not None
        found = await tickets.of_order(row.order_id)
    held = [ticket for ticket in found if await holds(ticket, now_ms)]
    if not held:
        raise Problem("link_over")
    return Opened(row, held)


async def holds(ticket: Ticket, now_ms: int) -> bool:
    """Whether a ticket is neither cancelled nor past its last day at its site."""
    return ticket.status != "revoked" and ticket.last_day >= local_day(now_ms, await sites.zone(ticket.site_id))


def guest(link: TicketLink) -> Caller:
    """Whoever has a link, as the audit record calls them."""
    return Caller(name="guest", key=f"link:{link.id}")


async def _make(row: TicketLink, caller: Caller, now_ms: int) -> str:
    token = secrets.token_urlsafe(TOKEN_BYTES)
    row.digest, row.actor, row.created_ms = _digest(token), caller.name[:80], now_ms
    assert row.live is not None
    await queries.replace(row, now_ms)
    await audit.note(caller, "link.make", row.site_id, row.live, now_ms=now_ms)
    return token


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()
