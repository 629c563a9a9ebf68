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
    "till_sales": "Sold at tills",
    "wallets": "Guests' money in accounts",
    "wallets_underway": "Guests' money on its way to a card",
    "wallet_cards": "Guests' money on cards",
    "wallet_suspense": "Debits of cards that are nobody's yet",
    "between_sites": "Owed between sites of a group",
}

# Business event -> ((account, sign), ...): each gets the event's amount, debit +1, credit -1.
EVENTS: Final[dict[str, tuple[tuple[str, int], ...]]] = {
    "sale_in_cash": (("cash", 1), ("sales", -1)),
    "wallet_top_up": (("cash", 1), ("wallets", -1)),
    "wallet_refund": (("wallets", 1), ("cash", -1)),
    # Onto a card: by relay in two steps, because the card may leave in between; by signed total at once.
    "wallet_load_sent": (("wallets", 1), ("wallets_underway", -1)),
    "wallet_load_done": (("wallets_underway", 1), ("wallet_cards", -1)),
    "wallet_load_void": (("wallets_underway", 1), ("wallets", -1)),
    "wallet_load_signed": (("wallets", 1), ("wallet_cards", -1)),
    # Back from a card that was wiped or lost.
    "wallet_taken_over": (("wallet_cards", 1), ("wallets", -1)),
    # Spent at a till: of a card in use; of one that was wiped or lost since; of one that is nobody's yet.
    "wallet_debit": (("wallet_cards", 1), ("till_sales", -1)),
    "wallet_debit_late": (("wallets", 1), ("till_sales", -1)),
    "wallet_debit_unknown": (("wallet_suspense", 1), ("till_sales", -1)),
    "wallet_debit_claimed": (("wallet_cards", 1), ("wallet_suspense", -1)),
    # The same at a till of another site of the group: the guest's side, and the till's side.
    "wallet_debit_elsewhere": (("wallet_cards", 1), ("between_sites", -1)),
    "wallet_debit_late_elsewhere": (("wallets", 1), ("between_sites", -1)),
    "wallet_suspense_elsewhere": (("between_sites", 1), ("wallet_suspense", -1)),
    "till_sale_elsewhere": (("between_sites", 1), ("till_sales", -1)),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One posting to be: debit positive, credit negative, minor units."""

    account: str
    amount: int
    currency: str


async def record(
    event: str, *, site: int, amount: int, currency: str, at_ms: int, day: date, order: UUID | None = None
) -> UUID:
    """Post a business event, in the caller's transaction; a negative amount reverses it. The transaction's id."""
    lines = [Line(account, sign * amount, currency) for account, sign in EVENTS[event]]
    return await post(lines, kind=event, site=site, order=order, at_ms=at_ms, day=day)


async def post(lines: list[Line], *, kind: str, site: int, order: UUID | None, at_ms: int, day: date) -> UUID:
    """Write one transaction; LedgerError unless it sums to zero in every currency and names known accounts. Its id."""
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
    return transaction.id
