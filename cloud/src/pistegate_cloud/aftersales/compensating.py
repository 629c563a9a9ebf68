# SPDX-License-Identifier: Apache-2.0
"""Compensation 停运补偿 after a stop: previewed as a draft, agreed to, then given in chunks that go on after any crash.

A ticket gets it once for a stop, whoever asks again: its row is unique, and its turn is taken in the transaction that
gives it.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from pistegate_cloud.aftersales import compensation_queries as queries
from pistegate_cloud.aftersales import leaving, pieces, rules, telling
from pistegate_cloud.aftersales import queries as aftersales
from pistegate_cloud.aftersales.compensation_schemas import CompensationAnswer, CompensationBody, answer_of
from pistegate_cloud.aftersales.leaving import Work
from pistegate_cloud.aftersales.models import CompensatedTicket, Compensation
from pistegate_cloud.amendments import rules as amendments
from pistegate_cloud.amendments import service as amending
from pistegate_cloud.amendments.rules import Amended, AsSold, Change
from pistegate_cloud.audit import service as audit
from pistegate_cloud.clock import local_day
from pistegate_cloud.documents import service as documents
from pistegate_cloud.errors import Problem
from pistegate_cloud.invoices import service as invoices
from pistegate_cloud.orders import queries as orders
from pistegate_cloud.services import Services
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.staff import limits
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.states import COMPENSATION, ORDER
from pistegate_cloud.suspensions import queries as stops
from pistegate_cloud.suspensions.models import AreaSuspension
from pistegate_cloud.tenders import service as tenders
from pistegate_cloud.tickets import queries as tickets
from pistegate_cloud.tickets.models import Ticket
from pistegate_cloud.tickets.service import sites_of
from pistegate_cloud.uuid7 import uuid7

_DAY_MS = 86_400_000


async def draft(body: CompensationBody, caller: Caller, services: Services) -> CompensationAnswer:
    """Who would get what, kept as a draft. Problem not_found, stop_not_over, compensation_nobody."""
    now_ms = services.clock.wall_ms()
    stop = await stops.one(body.suspension)
    if stop.site_id != body.site:
        raise Problem("not_found", what=f"suspension {body.suspension} of site {body.site}")
    if stop.end_ms is None or stop.end_ms > now_ms:
        raise Problem("stop_not_over")
    found = await _who(stop, body)
    if not found:
        raise Problem("compensation_nobody", area=stop.area)
    row = Compensation(
        id=uuid7(now_ms),
        site_id=stop.site_id,
        suspension_id=stop.id,
        way=body.way,
        days=body.days,
        minutes=body.minutes,
        bp=body.bp,
        state="draft",
        total=len(found),
        amount=0,
        currency=found[0].order.currency,
        reason=body.reason,
        actor=caller.name,
        created_ms=now_ms,
    )
    items = [_item(row, ticket, await _worth(ticket)) for ticket in found]
    row.amount = sum(item.amount for item in items)
    try:
        async with in_transaction():
            await queries.add(row, items)
            told = {"way": row.way, "tickets": row.total, "amount": row.amount}
            await audit.note(
                caller, "compensation.draft", row.site_id, f"compensation:{row.id}", after=told, now_ms=now_ms
            )
    except IntegrityError:
        raise Problem("state_conflict", noun="compensation", state="another draft", event="draft") from None
    return answer_of(row, await queries.progress(row))


async def _who(stop: AreaSuspension, body: CompensationBody) -> list[Ticket]:
    """Tickets of the stop that were not compensated for it before, in the currency of the first."""
    zone = await sites.zone(stop.site_id)
    end_ms = stop.end_ms or stop.start_ms
    first, last = local_day(stop.start_ms, zone), local_day(end_ms, zone)
    if body.who == "used":
        numbers = await queries.through(stop, stop.start_ms - _DAY_MS, end_ms)
    else:
        numbers = await queries.valid(stop.site_id, first, last)
    before = await queries.compensated(stop.id)
    rows = await queries.tickets([number for number in numbers if number not in before])
    held = [row for row in rows if _held(row, stop, first, last)]
    return [row for row in held if row.order.currency == held[0].order.currency]


def _held(ticket: Ticket, stop: AreaSuspension, first: date, last: date) -> bool:
    return (
        ticket.status != "revoked"
        and ticket.site_id == stop.site_id
        and ticket.valid_from <= last
        and ticket.last_day >= first
        and stop.area in ticket.product.areas
    )


async def _worth(ticket: Ticket) -> rules.Piece:
    return (await pieces.pieces(await pieces.held(ticket.order_id), [ticket.number], {}))[0]


def _item(row: Compensation, ticket: Ticket, piece: rules.Piece) -> CompensatedTicket:
    amount = piece.paid * row.bp // 10_000 if row.way == "refund" else 0
    return CompensatedTicket(
        site_id=row.site_id,
        compensation_id=row.id,
        suspension_id=row.suspension_id,
        ticket_id=ticket.number,
        amount=amount,
        tax=rules.tax_share(piece, amount),
        state="due",
    )


async def run(
    number: UUID, chunk: int, approval: UUID | None, caller: Caller, services: Services
) -> CompensationAnswer:
    """Give the next `chunk` tickets theirs, in one transaction; call it until `state` is done."""
    now_ms, row = services.clock.wall_ms(), await queries.one(number)
    if row.state == "done":
        return answer_of(row, await queries.progress(row))
    COMPENSATION.after(row.state, "run")
    subject, where = f"compensation:{row.id}", await _where(row, chunk)
    async with in_transaction():
        await documents.lock(where)
        if row.state == "draft":
            agreed = await limits.needed(
                caller, "refund", row.amount, approval, site=row.site_id, subject=subject, now_ms=now_ms
            )
            approver = caller.name if agreed is None else agreed.name
            await queries.move(row, COMPENSATION.after(row.state, "run"), approver=approver)
        items = await queries.due(row, chunk)
        given = [item for item in items if await _give(row, item, caller, services)]
        await telling.tell(row, given, now_ms)
        messages: Mapping[int, bytes] = {}
        if row.way == "extension":
            messages = await amending.publish(where, services.settings.documents, now_ms)
        if len(items) < chunk:
            await queries.move(row, COMPENSATION.after(row.state, "end"), worked_ms=now_ms)
        told = {"tickets": len(items), "state": row.state, "approver": row.approver}
        await audit.note(caller, "compensation.run", row.site_id, subject, after=told, now_ms=now_ms)
    await documents.push_all(messages, services)
    return answer_of(row, await queries.progress(row))


async def _where(row: Compensation, chunk: int) -> list[int]:
    found = await tickets.known([int(item.ticket_id) for item in await queries.due(row, chunk)])
    return sorted({site for ticket in found for site in await sites_of(ticket)} | {row.site_id})


async def _give(row: Compensation, item: CompensatedTicket, caller: Caller, services: Services) -> bool:
    """One ticket's: what refuses it refuses before anything is written. Whether it was given."""
    if not await queries.claim(item):
        return False
    try:
        if row.way == "extension":
            await _extend(row, item, caller, services)
        else:
            await _give_back(row, item, caller, services)
    except Problem as problem:
        await queries.pass_over(item, problem.code)
        return False
    return True


async def _extend(row: Compensation, item: CompensatedTicket, caller: Caller, services: Services) -> None:
    async def apply(ticket: Ticket, held: Amended, sold: AsSold) -> amending.Result:
        until = ticket.last_day + timedelta(days=row.days) if row.days else None
        return amending.Result(amendments.extended(held, sold, until, row.minutes))

    work = amending.Work(Change.EXTEND, apply)
    await amending.amend_within(int(item.ticket_id), work, row.reason, caller, services)


async def _give_back(row: Compensation, item: CompensatedTicket, caller: Caller, services: Services) -> None:
    """A part of what was paid; the ticket stays."""
    now_ms = services.clock.wall_ms()
    ticket = await tickets.ticket(int(item.ticket_id))
    order = await orders.locked(ticket.order_id)
    after = ORDER.after(order.status, "refund_part")
    work = Work(order, await pieces.held(order.id), now_ms)
    piece = (await pieces.pieces(work.held, [ticket.number], {}, without=item.id))[0]
    part = rules.leaving(piece, min(item.amount, piece.paid), 0)
    await invoices.before_refund(order.id, caller, now_ms)
    line = work.held.lines[piece.line]
    if not await aftersales.take_back(line, 0, part.back):
        raise Problem("refund_too_large", amount=part.back, left=line.amount - line.refunded_amount)
    back = await tenders.give_back(order, part.back, reason=row.reason, caller=caller, now_ms=now_ms)
    await leaving.post(work, await leaving.moneys(work, [part]), tenders.moneys_of(order, back))
    await tenders.post_for_site(order, back, now_ms)
    if not await orders.move(order, after):
        raise Problem("state_conflict", noun="order", state=order.status, event="refund_part")


async def drop(number: UUID, caller: Caller, services: Services) -> CompensationAnswer:
    """A draft is not wanted; its tickets are free for another one."""
    row = await queries.one(number)
    now_ms = services.clock.wall_ms()
    async with in_transaction():
        await queries.move(row, COMPENSATION.after(row.state, "drop"))
        await queries.drop_items(row)
        await audit.note(caller, "compensation.drop", row.site_id, f"compensation:{row.id}", now_ms=now_ms)
    return answer_of(row, {})
