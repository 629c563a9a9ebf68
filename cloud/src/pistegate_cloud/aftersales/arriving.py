# SPDX-License-Identifier: Apache-2.0
"""A group 团体 at its arrival: 37 of 40 came, the tickets of the others are released and given back by policy."""

from collections.abc import Sequence
from uuid import UUID

from pistegate_cloud.aftersales import pieces, refunding
from pistegate_cloud.aftersales.change_schemas import ArrivalBody
from pistegate_cloud.aftersales.leaving import Work
from pistegate_cloud.aftersales.pieces import Held
from pistegate_cloud.aftersales.schemas import RefundBody, RefundDone, RefundQuote, quote_of
from pistegate_cloud.errors import Problem
from pistegate_cloud.orders.idempotency import Repeatable
from pistegate_cloud.orders.kinds import OrderKind
from pistegate_cloud.orders.service import found
from pistegate_cloud.services import Services


async def quote(order_id: UUID, body: ArrivalBody, services: Services) -> RefundQuote:
    """What would go back now; nothing is changed."""
    order = await found(order_id)
    work = Work(order, await pieces.held(order_id), services.clock.wall_ms())
    parts = await refunding.parts_of(work, await chosen(work, body))
    return quote_of(order_id, parts, order.currency)


async def arrive(order_id: UUID, body: ArrivalBody, request: Repeatable, services: Services) -> RefundDone:
    """Settle the order: the same answer again when the request is a repetition."""

    async def choose(work: Work) -> RefundBody:
        return await chosen(work, body)

    return await refunding.refund(order_id, choose, request, services)


async def chosen(work: Work, body: ArrivalBody) -> RefundBody:
    """The refund of the tickets of those who did not come; Problem group_needed, arrived_too_many."""
    if work.order.kind != OrderKind.GROUP:
        raise Problem("group_needed", kind=work.order.kind)
    holding = [row.number for row in work.held.tickets.values() if row.status != "revoked"]
    missing = len(holding) - body.arrived
    if missing < 0:
        raise Problem("arrived_too_many", arrived=body.arrived, tickets=len(holding))
    return RefundBody.model_construct(
        tickets=await _of_those_who_did_not(work.held, holding, missing),
        lines=None,
        reason=body.reason,
        cause=body.cause,
        documents=body.documents,
        expected=body.expected,
        method=None,
        approval=body.approval,
        void=False,
    )


async def _of_those_who_did_not(held: Held, holding: Sequence[int], missing: int) -> list[int]:
    """Tickets that nobody has passed with first, of those the ones that are on no card."""
    used = await pieces.used_days(holding)
    order = sorted(holding, key=lambda number: (number in used, held.tickets[number].status != "sold", number))
    if missing and any(number in used for number in order[:missing]):
        raise Problem("arrived_too_many", arrived=len(used), tickets=len(holding) - missing)
    return order[:missing]
