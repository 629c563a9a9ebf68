# SPDX-License-Identifier: Apache-2.0
"""The end of a batch: what was not sold is denied at every gate, once its box has told all that was, or is lost."""

from typing import Any

from tortoise.transactions import in_transaction

from pistegate_cloud.audit import service as audit
from pistegate_cloud.contingency import queries, rules
from pistegate_cloud.contingency.models import ContingencyBatch
from pistegate_cloud.documents import service as documents
from pistegate_cloud.errors import Problem
from pistegate_cloud.exceptions import queries as exceptions
from pistegate_cloud.exceptions.queries import Case
from pistegate_cloud.services import Services
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.stock import service as stock
from pistegate_cloud.stock.rules import Want
from pistegate_cloud.tickets import service as ticketing


async def done(
    batch: ContingencyBatch, receipts: int, told: dict[str, Any], caller: Caller, services: Services
) -> ContingencyBatch:
    """Its box sells no more of it, and made `receipts` sales. Repeating changes nothing.

    Problem contingency_missing while one of them was not told: a ticket that was sold must not be denied.
    """
    if batch.state == "done":
        return batch
    sales = (await queries.receipts_of([batch.id])).get(batch.id, [])
    gaps = rules.missing({sale.receipt for sale in sales}, receipts)
    if gaps:
        named = ", ".join(map(str, gaps[: rules.MISSING_TOLD_MAX]))
        raise Problem("contingency_missing", count=len(gaps), numbers=named)
    return await _end(batch, "done", services, caller, receipts=receipts, told=told)


async def lost(batch: ContingencyBatch, reason: str, caller: Caller, services: Services) -> ContingencyBatch:
    """A person says that the box is gone, stolen or broken: its codes are denied, whatever it sold."""
    if batch.state == "lost":
        return batch
    return await _end(batch, "lose", services, caller, reason=reason)


async def _end(
    batch: ContingencyBatch, event: str, services: Services, caller: Caller, **values: Any
) -> ContingencyBatch:
    site = await sites.site(batch.site_id)
    where = await sites.of_group(site.group_number)  # some of them may hold everywhere
    messages: dict[int, bytes] = {}
    async with in_transaction():
        await documents.lock(where)
        now_ms = services.clock.wall_ms()
        unsold = await queries.unsold_by_product(batch.id)
        await queries.end_batch(batch, event, ended_ms=now_ms, ended_by=caller.name, **values)
        subject = f"contingency:{batch.id}"
        await audit.note(caller, f"contingency.{event}", batch.site_id, subject, after=values, now_ms=now_ms)
        await exceptions.record(await _admitted(batch), now_ms)
        over = now_ms >= batch.until_ms
        await queries.move_unsold(batch.id, "expire" if over else "deny")
        await stock.release(batch.id, _wants(batch, unsold))
        if unsold and not over:
            messages = await ticketing.publish_denials(where, services.settings.documents, now_ms)
    await documents.push_all(messages, services)
    return batch


async def _admitted(batch: ContingencyBatch) -> list[Case]:
    """Whoever came in on a number that nobody bought: somebody got at the box's codes, or a sale is not told."""
    return [
        Case(
            kind="unsold_admitted",
            key=f"{batch.site_id}/{ticket}",
            site=batch.site_id,
            gate=gate,
            ticket=ticket,
            values={"ticket": ticket, "gate": gate},
        )
        for ticket, gate in await queries.admitted_unsold(batch.id)
    ]


def _wants(batch: ContingencyBatch, unsold: dict[int, int]) -> list[Want]:
    return [want for offered in batch.offers for want in rules.wants(offered, unsold.get(int(offered["product"]), 0))]
