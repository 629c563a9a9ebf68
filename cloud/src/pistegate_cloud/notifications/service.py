# SPDX-License-Identifier: Apache-2.0
"""Putting messages into the outbox, in the transaction of what they tell of; sending.py sends them after it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from tortoise.transactions import in_transaction

from pistegate_cloud.audit import service as audit
from pistegate_cloud.errors import Problem
from pistegate_cloud.notifications import kinds, queries
from pistegate_cloud.notifications.kinds import Kind
from pistegate_cloud.notifications.models import Notification
from pistegate_cloud.orders.models import Order
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.states import NOTIFICATION
from pistegate_cloud.tickets.models import Ticket
from pistegate_cloud.uuid7 import uuid7

LOCALE: Final = "zh-CN"  # of guests who chose none
WORTH_MS: Final = 24 * 3_600_000  # later than this a message about today's skiing is only confusing


def address_of(order: Order) -> str | None:
    """Who is told of an order: the phone that was given, else its member; None: nobody."""
    return order.phone or (f"member:{order.member_id}" if order.member_id else None)


async def put(
    kind: str,
    to: str | None,
    values: Mapping[str, Any],
    *,
    site: int,
    order: UUID | None,
    now_ms: int,
    member: int | None = None,
    locale: str = LOCALE,
) -> UUID | None:
    """Keep a message for sending, in the caller's transaction; its number. None when there is nobody to send it to.

    `to`: a phone number, "wechat:OPENID" or "member:ID". `values`: fit for JSON, see kinds.NEEDS; ValueError when one
    is missing.
    """
    wanted = Kind(kind)
    kinds.check(wanted, values)
    if not to:
        return None
    row = Notification(
        id=uuid7(now_ms),
        site_id=site,
        order_id=order,
        member_id=member,
        kind=wanted.value,
        to=to,
        last4=to[-4:],
        locale=locale,
        values=dict(values),
        state="waiting",
        due_ms=now_ms,
        until_ms=now_ms + WORTH_MS,
        created_ms=now_ms,
    )
    await queries.add(row)
    return row.id


async def order_paid(order: Order, tickets: Sequence[Ticket], *, now_ms: int) -> None:
    """Tell who gave a phone, or who is a member, where their tickets are."""
    to = address_of(order)
    if not tickets or not to:
        return
    values = {"amount": {"amount": order.total, "currency": order.currency}, "count": len(tickets)}
    await put(Kind.ORDER_PAID, to, values, site=order.site_id, order=order.id, now_ms=now_ms, member=order.member_id)


async def retry(number: UUID, caller: Caller, now_ms: int) -> Notification:
    """Send a message again that ended without arriving; Problem state_conflict, also when its address is forgotten."""
    async with in_transaction():
        row = await queries.one(number)
        state = NOTIFICATION.after(row.state, "retry")
        fresh: dict[str, Any] = {
            "due_ms": now_ms,
            "until_ms": now_ms + WORTH_MS,
            "tried_ms": None,
            "ended_ms": None,
            "trouble": None,
        }
        if row.to is None or not await queries.move(row, state, **fresh):
            raise Problem("state_conflict", noun="notification", state=row.state, event="retry")
        await audit.note(caller, "notification.retry", row.site_id, f"notification:{number}", now_ms=now_ms)
    return await queries.one(number)
