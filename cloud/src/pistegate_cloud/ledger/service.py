# SPDX-License-Identifier: Apache-2.0
"""The one code path that moves money: business events become postings by a table one can read."""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from pistegate_cloud.errors import LedgerError
from pistegate_cloud.ledger import queries
from pistegate_cloud.ledger.models import LedgerTransaction, Posting
from pistegate_cloud.uuid7 import uuid7

ACCOUNTS: Final = {
    "cash": "Cash in the drawers",
    "sales": "Tickets sold",
}

# Business event -> ((account, sign), ...): each gets the event's amount, debit +1, credit -1.
EVENTS: Final[dict[str, tuple[tuple[str, int], ...]]] = {
    "sale_in_cash": (("cash", 1), ("sales", -1)),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One posting to be: debit positive, credit negative, minor units."""

    account: str
    amount: int
    currency: str


async def record(event: str, *, site: int, order: UUID, amount: int, currency: str, at_ms: int, day: date) -> None:
    """Post a business event, in the caller's transaction."""
    lines = [Line(account, sign * amount, currency) for account, sign in EVENTS[event]]
    await post(lines, kind=event, site=site, order=order, at_ms=at_ms, day=day)


async def post(lines: list[Line], *, kind: str, site: int, order: UUID | None, at_ms: int, day: date) -> None:
    """Write one transaction; LedgerError unless it sums to zero in every currency and names known accounts."""
    sums: Counter[str] = Counter()
    for line in lines:
        sums[line.currency] += line.amount
    if not lines or any(sums.values()):
        raise LedgerError(f"{kind}: postings do not sum to zero: {dict(sums)}")
    unknown = {line.account for line in lines} - set(ACCOUNTS)
    if unknown:
        raise LedgerError(f"{kind}: no such account: {', '.join(sorted(unknown))}")
    ids = await queries.account_ids(site, sorted({line.account for line in lines}))
    transaction = LedgerTransaction(id=uuid7(at_ms), site_id=site, order_id=order, kind=kind, at_ms=at_ms, day=day)
    postings = [
        Posting(
            site_id=site,
            transaction_id=transaction.id,
            account_id=ids[line.account],
            amount=line.amount,
            currency=line.currency,
        )
        for line in lines
    ]
    await queries.add(transaction, postings)
