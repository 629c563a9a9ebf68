# SPDX-License-Identifier: Apache-2.0
"""Revoking tickets, and what a ticket's claim says."""

from datetime import timedelta

from tortoise.transactions import in_transaction

from pistegate_cloud.clock import local_day
from pistegate_cloud.documents import service as documents
from pistegate_cloud.services import Services
from pistegate_cloud.settings import SigningKey
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.states import TICKET
from pistegate_cloud.tickets import queries
from pistegate_cloud.tickets.models import Ticket
from pistegate_protocol.claims import Claim, HolderClass, Scope
from pistegate_protocol.documents import DenyList

# A denial leaves the list when its ticket has expired at every gate, whatever the gate's clock (max 1 day off).
DENY_AFTER_EXPIRY = timedelta(days=2)


def claim_of(ticket: Ticket, key_id: int, revision: int) -> Claim:
    """The claim of a ticket, from its product's rules."""
    product = ticket.product
    return Claim(
        key_id=key_id,
        ticket=ticket.number,
        revision=revision,
        scope=Scope(ticket.site_id),
        product=product.number,
        holder=HolderClass[product.holder.upper()],
        party=product.party,
        areas=frozenset(product.areas),
        valid_from=ticket.valid_from,
        valid_until=ticket.valid_until,
        entries_per_day=product.entries_per_day,
        entries_total=product.entries_total,
        reentry_s=product.reentry_s,
        batch=product.batch,
    )


async def revoke(number: int, reason: str, services: Services) -> Ticket:
    """Revoke a ticket and tell every gate of its site; revoking again changes nothing."""
    async with in_transaction():
        ticket = await queries.ticket(number)
        await queries.lock_site(ticket.site_id)
        if ticket.status == "revoked":
            return ticket
        await queries.move(ticket, TICKET.after(ticket.status, "revoke"))
        message = await deny(ticket, ticket.revision + 1, reason, services.settings.documents, services.clock.wall_ms())
    await push(ticket.site_id, message, services)
    return ticket


async def deny(ticket: Ticket, below_revision: int, reason: str, key: SigningKey, now_ms: int) -> bytes:
    """Deny claims below a revision and sign the next deny list, in the caller's transaction; the message to send."""
    await queries.deny(ticket, below_revision, reason, now_ms)
    today = local_day(now_ms, await sites.zone(ticket.site_id))
    entries = await queries.denials(ticket.site_id, today - DENY_AFTER_EXPIRY)
    return await documents.publish(ticket.site_id, DenyList, entries, key, now_ms)


async def push(site: int, message: bytes, services: Services) -> None:
    """Send a document to every gate of a site; gates that miss it get it at their next Hello."""
    await documents.push(site, message, services)
