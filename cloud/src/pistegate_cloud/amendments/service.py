# SPDX-License-Identifier: Apache-2.0
"""Changing tickets after the sale: the next signed amendment, and the document with those that hold."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from tortoise.transactions import in_transaction

from pistegate_cloud.amendments import queries
from pistegate_cloud.amendments.models import TicketAmendment
from pistegate_cloud.amendments.rules import NUMBER_MAX, Amended, AsSold, Change
from pistegate_cloud.amendments.schemas import AmendmentAnswer, answer_of
from pistegate_cloud.audit.service import note
from pistegate_cloud.clock import local_day
from pistegate_cloud.documents import service as documents
from pistegate_cloud.errors import Problem
from pistegate_cloud.orders.idempotency import AnsweredMeanwhile, Repeatable
from pistegate_cloud.products.terms import terms_of
from pistegate_cloud.services import Services
from pistegate_cloud.settings import SigningKey
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.states import TICKET
from pistegate_cloud.tickets import queries as tickets
from pistegate_cloud.tickets.models import Ticket
from pistegate_cloud.tickets.service import DENY_AFTER_EXPIRY, scope_of, sites_of
from pistegate_protocol.amendments import Amendment, sign_amendment
from pistegate_protocol.documents import AmendmentList


@dataclass(frozen=True, slots=True)
class Work:
    """What one request does: given what holds and what was sold, what holds then (`values`: more of the row)."""

    change: Change
    apply: Callable[[Ticket, Amended, AsSold], Awaitable["Result"]]


@dataclass(frozen=True, slots=True)
class Result:
    """What holds then, and more columns of the row."""

    held: Amended
    values: dict[str, Any] = field(default_factory=dict)


async def amend(number: int, work: Work, reason: str, request: Repeatable, services: Services) -> AmendmentAnswer:
    """Amend a ticket and tell the devices where it holds; the same answer again when the request is a repetition."""
    kept = await request.answered()
    if kept is not None:
        return AmendmentAnswer.model_validate(kept)
    where = await sites_of(await tickets.ticket(number))
    try:
        async with in_transaction():
            await documents.lock(where)
            answer = await amend_within(number, work, reason, request.caller, services)
            await request.keep(answer, services.clock.wall_ms())
            messages = await publish(where, services.settings.documents, services.clock.wall_ms())
    except AnsweredMeanwhile:
        return AmendmentAnswer.model_validate(await request.answered())
    await documents.push_all(messages, services)
    return answer


async def amend_within(number: int, work: Work, reason: str, caller: Caller, services: Services) -> AmendmentAnswer:
    """Amend a ticket in the caller's transaction, which has locked its sites' documents and will `publish` them."""
    row = await _next(number, work, reason, caller.name, services)
    told = {"change": work.change.value, "number": row.number, "reason": reason}
    await note(caller, "ticket.amend", row.site_id, f"ticket:{number}", after=told, now_ms=row.at_ms)
    return answer_of(row)


async def _next(number: int, work: Work, reason: str, actor: str, services: Services) -> TicketAmendment:
    """Store the next amendment of a ticket, signed with the issuer's key."""
    ticket = await tickets.ticket(number)
    TICKET.after(ticket.status, "amend")
    last = await queries.newest(number)
    sold = as_sold(ticket)
    result = await work.apply(ticket, amended_of(last), sold)
    following = (last.number if last else 0) + 1
    if following > NUMBER_MAX:
        raise Problem("amendments_exhausted", ticket=number, limit=NUMBER_MAX)
    held, issuer, scope = result.held, services.settings.issuer, await scope_of(ticket)
    amendment = Amendment(
        key_id=issuer.key_id,
        ticket=number,
        number=following,
        valid_until=held.valid_until,
        areas=held.areas,
        hold=held.hold,
        extra_minutes=held.extra_minutes,
        returns=held.returns,
        return_day=held.return_day,
    )
    row = TicketAmendment(
        site_id=ticket.site_id,
        ticket_id=number,
        group_number=scope.number if scope.group else None,
        number=following,
        change=work.change.value,
        valid_until=held.valid_until,
        areas=None if held.areas is None else sorted(held.areas),
        hold=held.hold,
        extra_minutes=held.extra_minutes,
        returns=held.returns,
        return_day=held.return_day,
        holds_until=held.valid_until or sold.valid_until,
        newest=True,
        key_id=issuer.key_id,
        signed=sign_amendment(amendment, issuer.load()).hex(),
        reason=reason,
        actor=actor,
        at_ms=services.clock.wall_ms(),
        **result.values,
    )
    await queries.add(row)
    if held.valid_until != ticket.amended_until:
        await tickets.amend_end(ticket, held.valid_until)
    return row


def as_sold(ticket: Ticket) -> AsSold:
    """What amendments of a ticket start from."""
    terms = terms_of(ticket.product)
    timed = terms.clock is not None or terms.bank is not None
    return AsSold(valid_until=ticket.valid_until, areas=frozenset(ticket.product.areas), timed=timed)


def amended_of(row: TicketAmendment | None) -> Amended:
    """What an amendment says; None: nothing."""
    if row is None:
        return Amended()
    return Amended(
        valid_until=row.valid_until,
        areas=None if row.areas is None else frozenset(row.areas),
        hold=row.hold,
        extra_minutes=row.extra_minutes,
        returns=row.returns,
        return_day=row.return_day,
    )


async def publish(where: list[int], key: SigningKey, now_ms: int) -> dict[int, bytes]:
    """Sign the next list of amendments of each site, in the caller's transaction; messages to push, by site."""

    async def entries_of(number: int) -> list[bytes]:
        site = await sites.site(number)
        today = local_day(now_ms, await sites.zone(number))
        return await queries.told(number, site.group_number, today - DENY_AFTER_EXPIRY)

    return await documents.publish_for(where, AmendmentList, entries_of, key, now_ms)
