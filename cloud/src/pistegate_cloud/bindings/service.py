# SPDX-License-Identifier: Apache-2.0
"""Binding tickets to documents, withdrawing, finding, and telling the gates.

A binding is told to the gates of every site where its ticket holds, from `days_ahead` before its first day to the day
after its last (a gate's clock may be a day off). The claim that goes with it is bound to the handle at each site, so it
is signed once per site, anew when the ticket's revision changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from tortoise.transactions import in_transaction

from pistegate_cloud.audit.service import note_here
from pistegate_cloud.bindings import numbers, queries, table_queries, tables
from pistegate_cloud.bindings.models import Binding, BindingLook
from pistegate_cloud.clock import local_day
from pistegate_cloud.documents import service as documents
from pistegate_cloud.errors import Problem
from pistegate_cloud.products.terms import takes_chips
from pistegate_cloud.services import Services
from pistegate_cloud.settings import BindingSettings
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.tickets import queries as tickets
from pistegate_cloud.tickets.models import Ticket
from pistegate_cloud.tickets.service import claim_of, sites_of
from pistegate_protocol.bindings import TICKET_BYTES, encode_binding, handle_of, medium_of
from pistegate_protocol.identity import DocumentKind, Identity
from pistegate_protocol.signing import sign_claim
from pistegate_protocol.tables import BINDINGS

CLOCKS_DIFFER: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Who:
    """Who asks, and how the number came in (typed, scanned)."""

    actor: str
    entered: str = "typed"


async def bind(number: int, identity: Identity, who: Who, services: Services) -> Binding:
    """Bind a ticket to a document and tell the gates; bound already, it is the same binding. Problem otherwise."""
    settings = numbers.of(services.settings)
    if identity.kind is DocumentKind.CHIP and not settings.chip:
        raise Problem("binding_kind_off")
    stretched = (await numbers.stretched(identity, settings)).hex()
    now_ms = services.clock.wall_ms()
    async with in_transaction():
        await documents.lock(await sites_of(await tickets.ticket(number)))
        ticket = await tickets.ticket(number)
        holding = await queries.holding(number)
        same = next((row for row in holding if row.stretched == stretched), None)
        if same is not None:
            return same
        if identity.kind is DocumentKind.CHIP and not takes_chips(ticket.product):
            raise Problem("binding_kind_off")
        await _check_bindable(ticket, len(holding), now_ms)
        row = Binding(
            site_id=ticket.site_id,
            ticket=ticket,
            kind=identity.kind,
            stretched=stretched,
            salt=numbers.salt_name(settings),
            last4=identity.last4,
            sealed=numbers.seal(identity, number, settings),
            entered=who.entered,
            actor=who.actor,
            created_ms=now_ms,
        )
        await queries.add(row)
        await look(row.site_id, row, "bind", who.actor, "", now_ms)
        if await _is_near(ticket, settings, now_ms) and await _is_keyed(ticket, settings):
            await tell([row], services, now_ms)
    return row


async def withdraw(number: int, reason: str, actor: str, services: Services) -> Binding:
    """The document opens nothing any more; the gates hear of it with the next delta. Twice changes nothing."""
    settings, now_ms = numbers.of(services.settings), services.clock.wall_ms()
    async with in_transaction():
        row = await queries.one(number)
        await documents.lock(await sites_of(row.ticket))
        row = await queries.one(number)
        if row.withdrawn_ms is not None:
            return row
        row.withdrawn_ms, row.withdrawn_by, row.reason = now_ms, actor, reason
        await queries.save(row, "withdrawn_ms", "withdrawn_by", "reason")
        await look(row.site_id, row, "withdraw", actor, reason, now_ms)
        if await _is_keyed(row.ticket, settings):
            await take([row], settings, now_ms)
    return row


async def find(site: int, identity: Identity, actor: str, services: Services) -> list[Binding]:
    """The bindings of a document at the site's group, for window, rental and tills; on record with who asked."""
    settings = numbers.of(services.settings)
    group = await sites.of_group((await sites.site(site)).group_number)
    stretched = (await numbers.stretched(identity, settings)).hex()
    rows = await queries.found(stretched, group)
    await look(site, None, "find", actor, f"{len(rows)} found", services.clock.wall_ms())
    return rows


async def reveal(number: int, reason: str, actor: str, services: Services) -> Identity:
    """The number of a document, where the operator keeps numbers; on record with who asked and why."""
    settings = numbers.of(services.settings)
    row = await queries.one(number)
    if row.sealed is None:
        raise Problem("number_not_kept", binding=number)
    identity = numbers.unseal(bytes(row.sealed), row.ticket_id, settings)
    await look(row.site_id, row, "reveal", actor, reason, services.clock.wall_ms())
    return identity


async def look(site: int, row: Binding | None, action: str, actor: str, detail: str, now_ms: int) -> None:
    """Put on record who did what."""
    binding = None if row is None else row.id
    async with in_transaction():
        await note_here(f"binding.{action}", site, f"binding:{binding or ''}", now_ms=now_ms)
        await queries.add_look(
            BindingLook(site_id=site, binding_id=binding, action=action, actor=actor, detail=detail, at_ms=now_ms)
        )


async def tell(rows: Sequence[Binding], services: Services, now_ms: int) -> None:
    """Put bindings into the tables of every site where their tickets hold; the caller has locked those."""
    settings = numbers.of(services.settings)
    by_site: dict[int, dict[bytes, bytes]] = {}
    for row in rows:
        for site, (key, value) in (await _entries(row, services, settings, now_ms)).items():
            by_site.setdefault(site, {})[key] = value
    for site, changes in sorted(by_site.items()):
        await tables.change(site, BINDINGS, changes, settings.number, now_ms)
    for revision in {row.ticket.revision for row in rows}:
        await queries.set_told([row for row in rows if row.ticket.revision == revision], revision)


async def take(rows: Sequence[Binding], settings: BindingSettings, now_ms: int) -> None:
    """Take bindings out of the tables; the caller has locked the sites where their tickets hold."""
    by_site: dict[int, dict[bytes, bytes]] = {}
    for row in rows:
        for site in await sites_of(row.ticket):
            by_site.setdefault(site, {})[_key(row, site, settings)] = b""
    for site, changes in sorted(by_site.items()):
        await tables.change(site, BINDINGS, changes, settings.number, now_ms)
    await queries.set_told(rows, None)


async def _entries(
    row: Binding, services: Services, settings: BindingSettings, now_ms: int
) -> dict[int, tuple[bytes, bytes]]:
    """The table entry of a binding at each site."""
    issuer = services.settings.issuer
    claim = await claim_of(row.ticket, issuer.key_id, row.ticket.revision, now_ms)
    entries = {}
    for site in await sites_of(row.ticket):
        medium = medium_of(DocumentKind(row.kind), _key(row, site, settings)[:-TICKET_BYTES])
        entries[site] = encode_binding(sign_claim(claim, medium, issuer.load()))
    return entries


def _key(row: Binding, site: int, settings: BindingSettings) -> bytes:
    handle = handle_of(bytes.fromhex(str(row.stretched)), numbers.handle_keys(settings, site).key)
    return handle + row.ticket_id.to_bytes(TICKET_BYTES, "big")


async def _check_bindable(ticket: Ticket, bound: int, now_ms: int) -> None:
    if ticket.status == "revoked":
        raise Problem("ticket_revoked", ticket=ticket.number)
    today = local_day(now_ms, await sites.zone(ticket.site_id))
    if ticket.last_day < today:
        raise Problem("visit_date_past", date=ticket.last_day, today=today)
    if bound >= ticket.product.party:
        raise Problem("party_bound", ticket=ticket.number, party=ticket.product.party)


async def _is_near(ticket: Ticket, settings: BindingSettings, now_ms: int) -> bool:
    first, last = window(local_day(now_ms, await sites.zone(ticket.site_id)), settings)
    return ticket.valid_from <= last and ticket.last_day >= first


async def _is_keyed(ticket: Ticket, settings: BindingSettings) -> bool:
    """Whether its tables have the keys in force; else the next sweep makes them anew, with everything in them."""
    states = [await table_queries.state(site, BINDINGS) for site in await sites_of(ticket)]
    return all(state is None or state.keys == settings.number for state in states)


def window(today: date, settings: BindingSettings) -> tuple[date, date]:
    """Tickets that hold on one of these days are told to the gates: first, last."""
    return today - CLOCKS_DIFFER, today + timedelta(days=settings.days_ahead)
