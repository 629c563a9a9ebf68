# SPDX-License-Identifier: Apache-2.0
"""The one code path that moves money: business events become postings by the table in ledger.events."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from tortoise.exceptions import IntegrityError

from pistegate_cloud.days import service as days
from pistegate_cloud.errors import LedgerError, Problem
from pistegate_cloud.ledger import queries
from pistegate_cloud.ledger.accounts import account, is_account
from pistegate_cloud.ledger.events import EVENTS
from pistegate_cloud.ledger.models import LedgerTransaction, Posting
from pistegate_cloud.ledger.money import Money
from pistegate_cloud.uuid7 import uuid7

__all__ = ["AMOUNT", "Line", "Money", "check", "lines_of", "post", "record"]

AMOUNT: Final = "amount"  # what the rows of an event of one amount are called


@dataclass(frozen=True, slots=True)
class Line:
    """One posting to be: debit positive, credit negative, minor units."""

    account: str
    amount: int
    currency: str


async def record(
    event: str,
    *,
    site: int,
    currency: str,
    at_ms: int,
    order: UUID | None = None,
    moneys: Sequence[Money] = (),
    amount: int | None = None,
    day: date | None = None,
    operating_day: date | None = None,
    partner: int | None = None,
) -> UUID:
    """Post a business event, in the caller's transaction; negative amounts reverse it. The transaction's id.

    `amount` alone is Money("amount", amount). `day`: the business day that it belongs to (else the one of `at_ms`);
    it is posted to the first day from there on that is not closed. `operating_day`: when what it is about was, if
    another day. `partner`: number of the account, partner or site that it is with. LedgerError: it does not fit its
    event, or does not sum to zero.
    """
    lines = lines_of(event, [*moneys, *([] if amount is None else [Money(AMOUNT, amount)])], currency)
    real, posted = await days.place(site, at_ms, day)
    return await _write(
        lines, kind=event, site=site, order=order, at_ms=at_ms, day=posted, real=operating_day or real, partner=partner
    )


def lines_of(event: str, moneys: Sequence[Money], currency: str) -> list[Line]:
    """The postings of an event, equal accounts together; LedgerError when a money has no place in it."""
    if event not in EVENTS:
        raise LedgerError(f"no such event: {event}; ledger/events.py has them all")
    sums: Counter[str] = Counter()
    for money in moneys:
        rows = [row for row in EVENTS[event] if row.what == money.what]
        if not rows:
            there = ", ".join(dict.fromkeys(row.what for row in EVENTS[event]))
            raise LedgerError(f"{event}: has no {money.what}; it has {there}")
        for row in rows:
            try:
                sums[account(row.account, money.of)] += row.sign * money.amount
            except ValueError as error:
                raise LedgerError(f"{event}: {money.what}: {error}") from None
    return [Line(code, total, currency) for code, total in sums.items()]


async def post(lines: list[Line], *, kind: str, site: int, order: UUID | None, at_ms: int, day: date) -> UUID:
    """Write one transaction as it is; LedgerError unless it sums to zero in every currency and names known accounts."""
    return await _write(lines, kind=kind, site=site, order=order, at_ms=at_ms, day=day, real=day, partner=None)


def check(kind: str, lines: Sequence[Line]) -> None:
    """LedgerError unless the lines sum to zero in every currency and name known accounts."""
    sums: Counter[str] = Counter()
    for line in lines:
        sums[line.currency] += line.amount
    if not lines or any(sums.values()):
        raise LedgerError(f"{kind}: postings do not sum to zero: {dict(sums)}")
    unknown = sorted({line.account for line in lines if not is_account(line.account)})
    if unknown:
        raise LedgerError(f"{kind}: no such account: {', '.join(unknown)}")


async def _write(
    lines: list[Line],
    *,
    kind: str,
    site: int,
    order: UUID | None,
    at_ms: int,
    day: date,
    real: date,
    partner: int | None,
) -> UUID:
    check(kind, lines)
    ids = await queries.account_ids(site, sorted({line.account for line in lines}))
    transaction = LedgerTransaction(
        id=uuid7(at_ms),
        site_id=site,
        order_id=order,
        kind=kind,
        at_ms=at_ms,
        day=day,
        operating_day=None if real == day else real,
        partner=partner,
    )
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
    try:
        await queries.add(transaction, postings)
    except IntegrityError as error:
        if "business day is closed" not in str(error):
            raise
        raise Problem("day_closed", day=day) from None  # closed since it was looked up: the next attempt finds another
    return transaction.id
