# SPDX-License-Identifier: Apache-2.0
"""Taking what a guest gives for an order, and giving it back: all in the caller's transaction."""

from collections.abc import Sequence
from uuid import UUID

from pistegate_cloud.errors import Problem
from pistegate_cloud.orders.models import Order, Payment
from pistegate_cloud.shifts import service as shifts
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tenders import queries, sources
from pistegate_cloud.tenders.giving_back import give_back, moneys_of, post_for_site
from pistegate_cloud.tenders.methods import WAYS, Method, Tendered, allot
from pistegate_cloud.uuid7 import uuid7

__all__ = ["Method", "Tendered", "give_back", "moneys_of", "post_for_site", "site_of", "take"]


def site_of(order: Order) -> int:
    """Whose books an order's money is in: the outlet's that sold it, or its own site's."""
    return order.site_id if order.selling_site is None else order.selling_site


async def take(order: Order, tenders: Sequence[Tendered], caller: Caller, now_ms: int) -> list[Payment]:
    """Take all that an order costs, in the caller's transaction.

    With a payment through a provider among them nothing is done yet: that one waits, the others are held for the order.
    Problem payment_too_small, tenders_too_much, tenders_unclear, wrong_currency, reference_missing, shift_needed, and
    those of accounts, wallets, vouchers and deposits. A person who takes money has an open shift.
    """
    alloted = allot(order.total, order.currency, await sources.measured(order, tenders, now_ms))
    waits = any(tender.method in WAYS for tender in alloted)
    shift = await _shift(order, alloted, caller)
    rows = [_row(order, tender, shift, caller, now_ms, waits=waits) for tender in alloted]
    # In the same order for all, so that two orders with the same sources never wait for each other.
    for row, tender in sorted(zip(rows, alloted, strict=True), key=lambda each: (each[1].method, each[1].of or "")):
        await sources.draw(order, row, tender, caller, now_ms)
    await queries.add_payments(rows)
    return rows


async def _shift(order: Order, tenders: Sequence[Tendered], caller: Caller) -> UUID | None:
    if caller.user is None or not tenders:  # a machine's is the one that its order names, such as a box's
        return order.shift_id
    shift = await shifts.of(caller, site_of(order))
    return None if shift is None else shift.id


def _row(order: Order, tender: Tendered, shift: UUID | None, caller: Caller, now_ms: int, *, waits: bool) -> Payment:
    if tender.amount is None or tender.tendered is None:
        raise Problem("internal")
    through_provider = tender.method in WAYS
    return Payment(
        site_id=site_of(order),
        order_id=order.id,
        method=tender.method.value,
        tendered=tender.tendered,
        change=tender.tendered - tender.amount,
        amount=tender.amount,
        currency=tender.currency,
        reference=tender.reference,
        at_ms=now_ms,
        state="waiting" if through_provider else "held" if waits else "done",
        provider_payment_id=uuid7(now_ms) if through_provider else None,
        shift_id=shift,
        operator=caller.name,
    )
