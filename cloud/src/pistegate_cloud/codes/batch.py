# SPDX-License-Identifier: Apache-2.0
"""A whole order given out as codes, some hundred tickets in a few statements; what was given out stays as it is."""

from collections.abc import Sequence
from uuid import UUID

from tortoise.transactions import in_transaction

from pistegate_cloud.audit.service import note_here
from pistegate_cloud.clock import from_ms
from pistegate_cloud.codes import queries, service
from pistegate_cloud.codes.models import CodeIssue
from pistegate_cloud.codes.service import Issued
from pistegate_cloud.errors import Problem
from pistegate_cloud.products import terms
from pistegate_cloud.settings import SigningKey
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.tickets import queries as tickets
from pistegate_cloud.tickets.models import Ticket
from pistegate_cloud.tickets.service import scope_of
from pistegate_protocol.claims import encode_claim

Given = Issued


async def of_order(order_id: UUID, actor: str, key: SigningKey, now_ms: int) -> list[Given]:
    """All tickets of an order that hold, as codes, in one transaction; Problem not_found when it has none."""
    found = [row for row in await tickets.of_order(order_id) if row.status != "revoked"]
    if not found:
        raise Problem("not_found", what=f"ticket of order {order_id}")
    missing = await _missing(found, key)
    if missing:
        rows = await _rows(missing, actor, key, now_ms)
        async with in_transaction():
            await queries.add_all(rows)
            told = {"tickets": len(rows)}
            await note_here("order.codes", found[0].site_id, f"order:{order_id}", told, now_ms=now_ms)
    kept = await queries.of_tickets([row.number for row in found], key.key_id)
    return [service.given(row, kept[row.number, row.revision], key) for row in found]


async def _missing(found: Sequence[Ticket], key: SigningKey) -> list[Ticket]:
    kept = await queries.of_tickets([row.number for row in found], key.key_id)
    return [row for row in found if (row.number, row.revision) not in kept]


async def _rows(missing: Sequence[Ticket], actor: str, key: SigningKey, now_ms: int) -> list[CodeIssue]:
    """Their claims. A ticket's sale counts from when it was first put on a medium, for most of them now."""
    site = missing[0].site_id
    zone = await sites.zone(site)
    since = await queries.first_on_media([row.number for row in missing])
    scope = {number: await scope_of(row) for number, row in {row.product_id: row for row in missing}.items()}
    made = []
    for row in missing:
        sold = terms.Sold(
            key_id=key.key_id,
            ticket=row.number,
            revision=row.revision,
            scope=scope[row.product_id],
            valid_from=row.valid_from,
            valid_until=row.valid_until,
            redeemed=from_ms(since.get(row.number, now_ms)).astimezone(zone),
        )
        made.append(
            CodeIssue(
                site_id=site,
                ticket_id=row.number,
                revision=row.revision,
                key_id=key.key_id,
                body=encode_claim(terms.claim_of(row.product, sold)).hex(),
                actor=actor,
                at_ms=now_ms,
            )
        )
    return made
