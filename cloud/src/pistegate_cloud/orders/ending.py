# SPDX-License-Identifier: Apache-2.0
"""Orders that are not paid come to an end: their time is over, or somebody says so. What was held goes back."""

from pistegate_cloud.errors import Problem
from pistegate_cloud.orders import doubt, queries
from pistegate_cloud.orders.models import Order
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.states import ORDER, TENDER
from pistegate_cloud.stock import service as stock
from pistegate_cloud.tenders import queries as tenders
from pistegate_cloud.tenders import sources


async def end(order: Order, event: str, *, now_ms: int, caller: Caller, reason: str | None = None) -> bool:
    """End a new order, "expire" or "cancel", in the caller's transaction; False: it was paid, or is being paid.

    Its stock is free again, and what was held for it is back where it came from.
    """
    if order.paying is not None:
        return False
    if not await queries.move(order, ORDER.after(order.status, event), reason=reason or order.reason):
        return False
    await stock.release(order.id)
    await release_tenders(order, now_ms=now_ms, caller=caller)
    return True


async def release_tenders(order: Order, *, now_ms: int, caller: Caller) -> None:
    """An attempt to pay has failed: nothing of it is held any more. Cash is handed back at the window."""
    rows = await tenders.payments_of(order.id)
    for row in sorted(rows, key=lambda each: (each.method, each.voucher_id or 0, each.account_id or 0)):
        if row.state not in ("held", "waiting"):
            continue
        waited = row.state == "waiting"
        if not await tenders.move(row, TENDER.after(row.state, "end")):
            raise Problem("state_conflict", noun="tender", state=row.state, event="end")
        if waited:
            await doubt.end(row, now_ms)
        else:
            await sources.put_back(order, row, row.amount, caller, now_ms)
