# SPDX-License-Identifier: Apache-2.0
"""Money that a provider is asked for, in the books: expected, come, or not; all in the caller's transaction."""

from pistegate_cloud.ledger import pending
from pistegate_cloud.ledger import service as ledger
from pistegate_cloud.ledger.service import Money
from pistegate_cloud.orders.models import Payment
from pistegate_cloud.tenders.methods import tender_of


async def expect(row: Payment, now_ms: int) -> None:
    """A provider will be asked for it."""
    await pending.pend(
        _name(row),
        site=row.site_id,
        method=tender_of(row.method),
        amount=row.amount,
        currency=row.currency,
        now_ms=now_ms,
    )


async def come(row: Payment, now_ms: int) -> None:
    """It came: it is nobody's until its order takes it."""
    await pending.post(_name(row), now_ms)


async def end(row: Payment, now_ms: int) -> None:
    """It will not come."""
    await pending.void(_name(row), now_ms)


async def come_late(row: Payment, now_ms: int) -> None:
    """It came after we had given it up."""
    await _post("payment_unassigned", row, now_ms)


async def owe_back(row: Payment, now_ms: int) -> None:
    """Money without an order goes back to the guest: it is due until the provider has done it."""
    await _post("unassigned_due", row, now_ms)


def _name(row: Payment) -> str:
    return str(row.provider_payment_id)


async def _post(event: str, row: Payment, now_ms: int) -> None:
    moneys = [Money("amount", row.amount, tender_of(row.method))]
    await ledger.record(event, site=row.site_id, order=row.order_id, currency=row.currency, at_ms=now_ms, moneys=moneys)
