# SPDX-License-Identifier: Apache-2.0
"""What became of refunds that go through a provider: in the transaction in which that is known."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from pistegate_cloud.errors import Problem
from pistegate_cloud.ledger import service as ledger
from pistegate_cloud.ledger.service import Money
from pistegate_cloud.orders.models import Refund
from pistegate_cloud.states import TENDER_REFUND
from pistegate_cloud.tenders import queries
from pistegate_cloud.tenders.methods import Method, tender_of

# State of the provider's refund -> what happened to ours; others: it is underway.
_EVENTS: Final = {"done": "done", "cash": "cash", "short": "wait", "stuck": "wait", "failed": "fail"}


@dataclass(frozen=True, slots=True)
class Hand:
    """Who gives cash instead, in which shift."""

    operator: str
    shift_id: UUID | None


async def moved(provider_refund: UUID, state: str, now_ms: int, hand: Hand | None = None) -> None:
    """A provider's refund moved to `state`; the books say so when the money is with the guest."""
    refund = await queries.refund_of(provider_refund)
    if refund is not None:
        await move(refund, _EVENTS.get(state, "go"), now_ms, hand)


async def move(refund: Refund, event: str, now_ms: int, hand: Hand | None = None) -> None:
    """Move a refund by an event, and post what that means; Problem state_conflict."""
    after = TENDER_REFUND.after(refund.state, event)
    if after == refund.state:
        return
    values: dict[str, Any] = {}
    way = tender_of(refund.method)
    if event == "cash" and hand is not None:
        values = {"method": Method.CASH.value, "operator": hand.operator, "shift_id": hand.shift_id}
    if not await queries.move_refund(refund, after, **values):
        raise Problem("state_conflict", noun="refund", state=refund.state, event=event)
    if after in ("done", "cash"):
        gone = Method.CASH.value if after == "cash" else way
        await ledger.record(
            "refund_settled",
            site=refund.site_id,
            order=refund.order_id,
            currency=refund.currency,
            at_ms=now_ms,
            moneys=[Money("due", refund.amount, way), Money("tender", refund.amount, gone)],
        )
