# SPDX-License-Identifier: Apache-2.0
"""How many persons tickets can let in at most while gates do not hear each other (P5; pistegate_protocol.exposure)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from pistegate_cloud.clock import local_day
from pistegate_cloud.gates import queries as gates
from pistegate_cloud.products import terms
from pistegate_cloud.products.models import Product
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.tickets import exposure_queries as queries
from pistegate_cloud.tickets import service
from pistegate_cloud.tickets.models import Ticket
from pistegate_protocol.exposure import Allowance, Carried, allowance, at_most, groups_of, summed

SILENT_MS: Final = 120_000  # a gate says hello every 30 s: four of them are missing


@dataclass(frozen=True, slots=True)
class Groups:
    """Gates in touch and silent, and how many groups do not hear each other."""

    heard: int
    silent: int
    isolated: int


@dataclass(frozen=True, slots=True)
class TicketExposure:
    """A ticket's: what was sold, what it is on, and at most."""

    sold: Allowance
    carried: Carried
    groups: Groups
    most: Allowance


@dataclass(frozen=True, slots=True)
class SiteExposure:
    """Of the tickets sold by a site that are on a medium and valid on `day`; `unlimited`: media of those without one.

    `sold`, `most`: persons of that day.
    """

    day: date
    groups: Groups
    tickets: int
    sold: int
    most: int
    unlimited: int


async def groups(where: Sequence[int], now_ms: int, *, hub: bool) -> Groups:
    """Of the gates at some sites; `hub`: a hub tells those in touch of each other."""
    heard, silent = await gates.in_touch(where, now_ms - SILENT_MS)
    return Groups(heard, silent, groups_of(heard, silent, hub=hub))


async def of_ticket(ticket: Ticket, now_ms: int, *, hub: bool) -> TicketExposure:
    """At all sites where it holds. While a gate is silent, cards that were replaced count: it may not know."""
    found = await groups(await service.sites_of(ticket), now_ms, hub=hub)
    cards = await queries.cards(ticket.number, None if found.silent else ticket.revision)
    carried = Carried(cards, await queries.has_pointer(ticket.number))
    sold = allowance_of(ticket.product)
    return TicketExposure(sold, carried, found, at_most(sold, carried, found.isolated))


async def of_site(site: int, now_ms: int, *, hub: bool) -> SiteExposure:
    """Sums per product in the database; a season's tickets are never in memory."""
    today = local_day(now_ms, await sites.zone(site))
    found = await groups([site], now_ms, hub=hub)
    group = (await sites.site(site)).group_number
    everywhere = await groups(await sites.of_group(group), now_ms, hub=hub)
    cards = await queries.cards_by_product(site, today, current=not everywhere.silent)
    pointing = await queries.pointing_by_product(site, today)
    carried = await queries.carried_by_product(site, today)
    sold = most = unlimited = 0
    for product in await queries.products(sorted(carried)):
        paid = allowance_of(product)
        isolated = (everywhere if product.scope == "group" else found).isolated
        persons, media = summed([(paid, cards.get(product.id, 0), pointing.get(product.id, 0))], isolated)
        sold += (paid.day or 0) * carried[product.id]
        most, unlimited = most + persons, unlimited + media
    return SiteExposure(today, found, sum(carried.values()), sold, most, unlimited)


def allowance_of(product: Product) -> Allowance:
    """What one ticket of a product allows."""
    return allowance(
        party=product.party,
        per_day=product.entries_per_day,
        total=product.entries_total,
        days=terms.terms_of(product).days,
    )
