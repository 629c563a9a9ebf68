# SPDX-License-Identifier: Apache-2.0
"""Payments in doubt: pending, then posted or void, each at most once, in the caller's transaction."""

from pistegate_cloud.errors import Problem
from pistegate_cloud.ledger import queries
from pistegate_cloud.ledger import service as ledger
from pistegate_cloud.ledger.models import PendingPayment
from pistegate_cloud.ledger.service import AMOUNT, Money
from pistegate_cloud.states import PENDING

_EVENTS = {"post": "payment_posted", "void": "payment_void"}


async def pend(reference: str, *, site: int, method: str, amount: int, currency: str, now_ms: int) -> bool:
    """Money may be on its way to us; False (and nothing posted) when this reference was told before."""
    row = PendingPayment(
        site_id=site,
        reference=reference,
        method=method,
        amount=amount,
        currency=currency,
        state="pending",
        since_ms=now_ms,
    )
    if not await queries.pend(row):
        return False
    moneys = [Money(AMOUNT, amount, method)]
    await ledger.record("payment_pending", site=site, currency=currency, at_ms=now_ms, moneys=moneys)
    return True


async def post(reference: str, now_ms: int) -> bool:
    """It came: it is ours, and nobody's order yet; False when it was never in doubt. Problem state_conflict."""
    return await _resolve(reference, "post", now_ms)


async def void(reference: str, now_ms: int) -> bool:
    """It did not come; False when it was never in doubt. Problem state_conflict."""
    return await _resolve(reference, "void", now_ms)


async def _resolve(reference: str, event: str, now_ms: int) -> bool:
    """Once; the same again changes nothing, the other is a conflict."""
    row = await queries.pending(reference)
    if row is None:
        return False
    if row.state == PENDING.moves["pending"][event]:
        return True
    if not await queries.resolve(row, PENDING.after(row.state, event), now_ms):
        raise Problem("state_conflict", noun=PENDING.noun, state="resolved meanwhile", event=event)
    moneys = [Money(AMOUNT, row.amount, row.method)]
    await ledger.record(_EVENTS[event], site=row.site_id, currency=row.currency, at_ms=now_ms, moneys=moneys)
    return True
