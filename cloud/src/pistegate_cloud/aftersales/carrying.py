# SPDX-License-Identifier: Apache-2.0
"""Money that stays when a ticket is exchanged: it pays the new order as it paid the old one, and moves nowhere.

Each payment carried over is a refund of the old order and a payment of the new one, by the same way, in no shift.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pistegate_cloud.errors import Problem
from pistegate_cloud.ledger import service as ledger
from pistegate_cloud.ledger.service import Money
from pistegate_cloud.orders.models import Order, Payment, Refund
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tenders import queries
from pistegate_cloud.tenders.methods import tender_of
from pistegate_cloud.uuid7 import uuid7


@dataclass(frozen=True, slots=True)
class Carried:
    """Payments of the new order, and the same in the books of the old one's refund."""

    payments: list[Payment]
    moneys: list[Money]


async def carry(old: Order, new: Order, amount: int, caller: Caller, now_ms: int) -> Carried:
    """Carry `amount` over, newest payment first, in the caller's transaction; Problem refund_too_large."""
    payments, refunds, left = [], [], amount
    for row in reversed(await queries.payments_of(old.id)):
        part = min(left, row.amount - row.given_back) if row.state == "done" else 0
        if part <= 0:
            continue
        if not await queries.draw(row, part):
            raise Problem("refund_too_large", amount=part, left=row.amount - row.given_back)
        payments.append(_payment(row, new, part, caller, now_ms))
        refunds.append(_refund(row, old, part, caller, now_ms))
        left -= part
    if left:
        raise Problem("refund_too_large", amount=amount, left=amount - left)
    await queries.add_refunds(refunds)
    await queries.add_payments(payments)
    return Carried(payments, await _moneys(old, payments, now_ms))


async def _moneys(old: Order, payments: Sequence[Payment], now_ms: int) -> list[Money]:
    """The way out of the old order, as the new one's sale posts its way in."""
    moneys = [
        Money("unassigned" if row.provider_payment_id else "tender", row.amount, tender_of(row.method))
        for row in payments
    ]
    outlet, whole = old.selling_site, sum(row.amount for row in payments)
    if outlet is None or outlet == old.site_id or not whole:
        return moneys
    await ledger.record(
        "refund_for_site",
        site=outlet,
        order=old.id,
        currency=old.currency,
        at_ms=now_ms,
        moneys=[*moneys, Money("site", whole, str(old.site_id))],
        partner=old.site_id,
    )
    return [Money("outlet", whole, str(outlet))]


def _payment(row: Payment, new: Order, part: int, caller: Caller, now_ms: int) -> Payment:
    return Payment(
        site_id=row.site_id,
        order_id=new.id,
        method=row.method,
        tendered=part,
        change=0,
        amount=part,
        currency=row.currency,
        reference=row.reference,
        at_ms=now_ms,
        state="done",
        provider_payment_id=row.provider_payment_id,
        voucher_id=row.voucher_id,
        account_id=row.account_id,
        wallet_id=row.wallet_id,
        operator=caller.name,
    )


def _refund(row: Payment, old: Order, part: int, caller: Caller, now_ms: int) -> Refund:
    return Refund(
        id=uuid7(now_ms),
        site_id=row.site_id,
        order_id=old.id,
        payment_id=row.id,
        method=row.method,
        amount=part,
        currency=row.currency,
        reason="carried over to the order that follows",
        state="done",
        operator=caller.name,
        at_ms=now_ms,
    )
