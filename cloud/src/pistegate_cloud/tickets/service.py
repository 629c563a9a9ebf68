# SPDX-License-Identifier: Apache-2.0
"""Revoking tickets, and what a ticket's claim says."""

from datetime import timedelta

from tortoise.transactions import in_transaction

from pistegate_cloud.audit.service import note_here
from pistegate_cloud.bindings import queries as bindings
from pistegate_cloud.bindings import table_queries
from pistegate_cloud.clock import from_ms, local_day
from pistegate_cloud.codes import queries as codes
from pistegate_cloud.documents import service as documents
from pistegate_cloud.products import terms
from pistegate_cloud.services import Services
from pistegate_cloud.settings import SigningKey
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.states import TICKET
from pistegate_cloud.tickets import queries
from pistegate_cloud.tickets.models import Ticket
from pistegate_protocol.claims import Claim, Scope
from pistegate_protocol.documents import DenyList
from pistegate_protocol.tables import DENIALS

# A denial leaves the list when its ticket has expired at every gate, whatever the gate's clock (max 1 day off).
DENY_AFTER_EXPIRY = timedelta(days=2)
# Denials that fit into the document, 13 bytes each at most. Where there are more, it holds the newest, which must be at
# the gates in seconds; all of them are in the table of denials (bindings/sweeping.py).
LISTED_MAX = 80_000


async def scope_of(ticket: Ticket) -> Scope:
    """Where a ticket holds: at its site, or at every site of its group (一卡通)."""
    if ticket.product.scope == "group":
        return Scope((await sites.site(ticket.site_id)).group_number, group=True)
    return Scope(ticket.site_id)


async def claim_of(ticket: Ticket, key_id: int, revision: int, now_ms: int) -> Claim:
    """The claim of a ticket, from its product's rules; its sale counts from when it is first put on a medium."""
    redeemed = from_ms(await _redeemed_ms(ticket.number, now_ms)).astimezone(await sites.zone(ticket.site_id))
    sold = terms.Sold(
        key_id=key_id,
        ticket=ticket.number,
        revision=revision,
        scope=await scope_of(ticket),
        valid_from=ticket.valid_from,
        valid_until=ticket.valid_until,
        redeemed=redeemed,
    )
    return terms.claim_of(ticket.product, sold)


async def _redeemed_ms(number: int, now_ms: int) -> int:
    """When the ticket was first put on a medium, card, code or document; now, if it never was."""
    write, code = await queries.first_write(number), await codes.first(number)
    known = [write.sent_ms if write else None, code.at_ms if code else None, await bindings.first_ms(number)]
    return min((at for at in known if at is not None), default=now_ms)


async def revoke(number: int, reason: str, services: Services) -> Ticket:
    """Revoke a ticket and tell every gate where it holds; revoking again changes nothing."""
    async with in_transaction():
        await lock_sites(await queries.ticket(number))
        ticket = await queries.ticket(number)
        if ticket.status == "revoked":
            return ticket
        await queries.move(ticket, TICKET.after(ticket.status, "revoke"))
        now_ms = services.clock.wall_ms()
        messages = await deny(ticket, ticket.revision + 1, reason, services.settings.documents, now_ms)
        await note_here("ticket.revoke", ticket.site_id, f"ticket:{number}", {"reason": reason}, now_ms=now_ms)
    await documents.push_all(messages, services)
    return ticket


async def allow(number: int, services: Services) -> Ticket:
    """A ticket that was denied without being revoked holds again; Problem state_conflict for a revoked one."""
    async with in_transaction():
        await lock_sites(await queries.ticket(number))
        ticket = await queries.ticket(number)
        TICKET.after(ticket.status, "amend")  # whatever may still change may be allowed again
        now_ms = services.clock.wall_ms()
        messages = await allow_again(ticket, services.settings.documents, now_ms)
        await note_here("ticket.allow", ticket.site_id, f"ticket:{number}", now_ms=now_ms)
    await documents.push_all(messages, services)
    return ticket


async def sites_of(ticket: Ticket) -> list[int]:
    """Numbers of the sites where a ticket holds."""
    scope = await scope_of(ticket)
    return await sites.of_group(scope.number) if scope.group else [scope.number]


async def lock_sites(ticket: Ticket) -> None:
    """Keep other writers of these sites' documents waiting until the caller's transaction ends."""
    await documents.lock(await sites_of(ticket))


async def deny(ticket: Ticket, below_revision: int, reason: str, key: SigningKey, now_ms: int) -> dict[int, bytes]:
    """Deny claims below a revision and sign the next deny lists, in the caller's transaction; messages, by site."""
    scope = await scope_of(ticket)
    await queries.deny(ticket, below_revision, reason, now_ms, scope.number if scope.group else None)
    return await publish_denials(await sites_of(ticket), key, now_ms)


async def allow_again(ticket: Ticket, key: SigningKey, now_ms: int) -> dict[int, bytes]:
    """A ticket's newest revision holds again, those before it stay denied; as `deny`."""
    await queries.undeny(ticket)
    return await publish_denials(await sites_of(ticket), key, now_ms)


async def publish_denials(where: list[int], key: SigningKey, now_ms: int) -> dict[int, bytes]:
    """Sign the next deny list of each site, in the caller's transaction; messages, by site."""

    async def entries_of(number: int) -> list[tuple[int, int]]:
        site = await sites.site(number)
        today = local_day(now_ms, await sites.zone(number))
        in_table = await table_queries.state(number, DENIALS) is not None
        newest = LISTED_MAX if in_table else None  # without the table, document_full says that the list is too long
        return await queries.denials(number, site.group_number, today - DENY_AFTER_EXPIRY, newest)

    return await documents.publish_for(where, DenyList, entries_of, key, now_ms)
