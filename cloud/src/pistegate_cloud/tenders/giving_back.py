# SPDX-License-Identifier: Apache-2.0
"""Giving back what an order was paid with: never more than came by a tender, the newest first, in one transaction."""

from collections.abc import Iterable, Sequence

from pistegate_cloud.errors import Problem
from pistegate_cloud.ledger import service as ledger
from pistegate_cloud.ledger.service import Money
from pistegate_cloud.orders.models import Order, Payment, Refund
from pistegate_cloud.payments import holding
from pistegate_cloud.shifts import service as shifts
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tenders import queries, sources
from pistegate_cloud.tenders.methods import WAYS, Method, tender_of
from pistegate_cloud.uuid7 import uuid7


async def give_back(
    order: Order, amount: int, *, reason: str, caller: Caller, now_ms: int, method: str | None = None
) -> list[Refund]:
    """Give `amount` back, minor units, in the caller's transaction; what goes through a provider is sent after it.

    `method`: only what came by it; "cash" may stand for any external terminal's. Problem refund_too_large.
    Posts nothing of the refund itself: the caller does, with `moneys_of`, because it knows what was given back.
    """
    if amount < 0:
        raise Problem("refund_too_large", amount=amount, left=0)
    rows = [row for row in reversed(await queries.payments_of(order.id)) if row.state == "done"]
    plan = _plan(rows, amount, method)
    made = []
    for row, part in plan:
        if not await queries.draw(row, part):
            raise Problem("refund_too_large", amount=amount, left=row.amount - row.given_back)
        made.append(await _refund(order, row, part, reason, caller, now_ms))
    await queries.add_refunds(made)
    return made


def _plan(rows: Sequence[Payment], amount: int, method: str | None) -> list[tuple[Payment, int]]:
    """Which part of which payment, the newest first; Problem refund_too_large."""
    left, plan = amount, []
    usable = [row for row in rows if method in (None, row.method)]
    for row in usable:
        part = min(left, row.amount - row.given_back)
        if part > 0:
            plan.append((row, part))
            left -= part
    if left:
        raise Problem("refund_too_large", amount=amount, left=amount - left)
    return plan


async def _refund(order: Order, row: Payment, part: int, reason: str, caller: Caller, now_ms: int) -> Refund:
    refund = Refund(
        id=uuid7(now_ms),
        site_id=row.site_id,
        order_id=order.id,
        payment_id=row.id,
        method=row.method,
        amount=part,
        currency=row.currency,
        reason=reason[:200],
        state="done",
        operator=caller.name,
        at_ms=now_ms,
    )
    if row.method in WAYS and row.provider_payment_id is not None:
        await holding.hold(refund.id, row.provider_payment_id, part, reason, caller.name, now_ms)
        refund.state, refund.provider_refund_id = "underway", refund.id
        return refund
    shift = await shifts.of(caller, row.site_id) if row.method == Method.CASH else None
    refund.shift_id = None if shift is None else shift.id
    await sources.put_back(order, row, part, caller, now_ms)
    return refund


async def post_for_site(order: Order, refunds: Sequence[Refund], now_ms: int) -> None:
    """What an outlet gave back for another site, in the outlet's books; nothing for other orders.

    In the caller's transaction, beside its own posting of the refund at the order's site.
    """
    outlet = order.selling_site
    if outlet is None or outlet == order.site_id or not refunds:
        return
    back = [Money("due" if row.state == "underway" else "tender", row.amount, tender_of(row.method)) for row in refunds]
    owed = Money("site", sum(row.amount for row in refunds), str(order.site_id))
    await ledger.record(
        "refund_for_site",
        site=outlet,
        order=order.id,
        currency=order.currency,
        at_ms=now_ms,
        moneys=[*back, owed],
        partner=order.site_id,
    )


def moneys_of(order: Order, refunds: Iterable[Refund]) -> list[Money]:
    """The tender side of the ledger's "refund" for what was given back; `due`: it waits for the provider."""
    moneys = []
    for refund in refunds:
        if order.selling_site is not None and order.selling_site != order.site_id:
            moneys.append(Money("outlet", refund.amount, str(order.selling_site)))
        elif refund.state == "underway":
            moneys.append(Money("due", refund.amount, tender_of(refund.method)))
        else:
            moneys.append(Money("tender", refund.amount, tender_of(refund.method)))
    return moneys
