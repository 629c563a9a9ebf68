# SPDX-License-Identifier: Apache-2.0
"""All queries of the ledger."""

from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from tortoise.functions import Sum

from pistegate_cloud import plain_sql
from pistegate_cloud.ledger.entry import Entry
from pistegate_cloud.ledger.models import Account, LedgerTransaction, PendingPayment, Posting

_PAGE: Final = 5000  # postings read at once
Key = tuple[str, str]  # account code, currency


async def account_ids(site: int, codes: Sequence[str]) -> dict[str, int]:
    """Ids of a site's accounts by code, opened on first use."""
    rows = await plain_sql.rows(Account, "WHERE site_id = {} AND code IN ({})", site, codes)
    found = {row.code: row.id for row in rows}
    missing = [code for code in codes if code not in found]
    if missing:
        await Account.bulk_create([Account(site_id=site, code=code) for code in missing], ignore_conflicts=True)
        found = {row.code: row.id for row in await Account.filter(site_id=site, code__in=codes)}
    return found


async def add(transaction: LedgerTransaction, postings: Sequence[Posting]) -> None:
    """Store a transaction and its postings; only ledger.service calls this."""
    await transaction.save(force_create=True)
    await Posting.bulk_create(list(postings))


async def imbalance(site: int, day: date | None = None) -> int:
    """Sum over all transactions and currencies of how far from zero they are; 0 when the books are right."""
    rows = Posting.filter(site_id=site) if day is None else Posting.filter(site_id=site, transaction__day=day)
    totals = await (
        rows.annotate(total=Sum("amount"))
        .group_by("transaction_id", "currency")
        .filter(total__not=0)
        .values_list("total", flat=True)
    )
    return sum(abs(int(str(total))) for total in totals)


async def balances(site: int, until: date | None = None) -> dict[Key, int]:
    """Balance by (account code, currency); `until`: of days before that one."""
    rows = Posting.filter(site_id=site) if until is None else Posting.filter(site_id=site, transaction__day__lt=until)
    sums = await (
        rows.annotate(total=Sum("amount"))
        .group_by("account__code", "currency")
        .values_list("account__code", "currency", "total")
    )
    return {(str(code), str(currency)): int(str(total)) for code, currency, total in sums}


async def moved(site: int, first: date, last: date) -> dict[Key, tuple[int, int]]:
    """(debits, credits) by account and currency of the days from `first` to `last`; credits are negative."""
    debits, credits = await _one_side(site, first, last, debit=True), await _one_side(site, first, last, debit=False)
    return {key: (debits.get(key, 0), credits.get(key, 0)) for key in sorted({*debits, *credits})}


async def _one_side(site: int, first: date, last: date, *, debit: bool) -> dict[Key, int]:
    sign = {"amount__gt": 0} if debit else {"amount__lt": 0}
    rows = Posting.filter(site_id=site, transaction__day__gte=first, transaction__day__lte=last, **sign)
    sums = rows.annotate(total=Sum("amount")).group_by("account__code", "currency")
    found = await sums.values_list("account__code", "currency", "total")
    return {(str(code), str(currency)): int(str(total)) for code, currency, total in found}


async def by_event(site: int, day: date) -> dict[tuple[str, str, str], int]:
    """(event, account code, currency) -> what was posted to a day."""
    rows = Posting.filter(site_id=site, transaction__day=day).annotate(total=Sum("amount"))
    sums = rows.group_by("transaction__kind", "account__code", "currency")
    found = await sums.values_list("transaction__kind", "account__code", "currency", "total")
    return {(str(kind), str(code), str(currency)): int(str(total)) for kind, code, currency, total in found}


async def between_sites(site: int, first: date, last: date) -> dict[tuple[str, str, str], int]:
    """(event, account, currency) -> what was posted over some days to what other sites owe."""
    days = {"transaction__day__gte": first, "transaction__day__lte": last}
    rows = Posting.filter(site_id=site, account__code__startswith="between_sites:", **days)
    sums = rows.annotate(total=Sum("amount")).group_by("transaction__kind", "account__code", "currency")
    found = await sums.values_list("transaction__kind", "account__code", "currency", "total")
    return {(str(kind), str(code), str(currency)): int(str(total)) for kind, code, currency, total in found}


async def orders_of(site: int, day: date, kinds: Sequence[str]) -> list[UUID]:
    """Orders that transactions of some kinds, posted to a day, are about."""
    rows = LedgerTransaction.filter(site_id=site, day=day, kind__in=list(kinds), order_id__not_isnull=True)
    return sorted({UUID(str(order)) for order in await rows.values_list("order_id", flat=True)})


async def about_other_days(site: int, day: date) -> list[tuple[str, date, int]]:
    """(event, operating day, transactions) of what is posted to a day and is about another."""
    rows = LedgerTransaction.filter(site_id=site, day=day, operating_day__not_isnull=True)
    found: dict[tuple[str, date], int] = {}
    for kind, real in await rows.values_list("kind", "operating_day"):
        found[kind, real] = found.get((kind, real), 0) + 1
    return sorted((kind, real, times) for (kind, real), times in found.items())


async def entries(site: int, first: date, last: date) -> AsyncIterator[Entry]:
    """Postings of the days from `first` to `last`, in order of day, transaction and posting."""
    days = LedgerTransaction.filter(site_id=site, day__gte=first, day__lte=last).distinct().order_by("day")
    for day in [row for (row,) in await days.values_list("day")]:
        after = 0
        rows = Posting.filter(site_id=site, transaction__day=day)
        whole: list[Entry] = []
        while page := await rows.filter(id__gt=after).order_by("id").limit(_PAGE).values_list("id", *_ENTRY):
            whole += [_entry(*row[1:]) for row in page]
            after = int(page[-1][0])
        for entry in sorted(whole, key=lambda entry: entry.transaction):  # stable: postings stay in order
            yield entry


_ENTRY: Final = (
    "transaction_id",
    "transaction__kind",
    "transaction__day",
    "transaction__operating_day",
    "transaction__at_ms",
    "transaction__order_id",
    "account__code",
    "amount",
    "currency",
)


def _entry(transaction: Any, kind: str, day: date, real: date | None, at_ms: int, order: Any, *posting: Any) -> Entry:
    account, amount, currency = posting
    about = None if order is None else UUID(str(order))
    return Entry(UUID(str(transaction)), kind, day, real, at_ms, about, account, int(amount), currency)


# Payments in doubt


async def pend(row: PendingPayment) -> bool:
    """Keep a payment in doubt; False when it is kept already."""
    if await PendingPayment.filter(reference=row.reference).exists():
        return False
    await row.save(force_create=True)
    return True


async def pending(reference: str) -> PendingPayment | None:
    """A payment in doubt, or one that was."""
    return await PendingPayment.get_or_none(reference=reference)


async def resolve(row: PendingPayment, state: str, now_ms: int) -> bool:
    """Move its state; False when somebody else did."""
    moved = PendingPayment.filter(id=row.id, state=row.state)
    return bool(await moved.update(state=state, resolved_ms=now_ms))
