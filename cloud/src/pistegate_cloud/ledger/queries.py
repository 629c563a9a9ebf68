# SPDX-License-Identifier: Apache-2.0
"""All queries of the ledger."""

from collections.abc import Sequence

from tortoise.functions import Sum

from pistegate_cloud.ledger.models import Account, LedgerTransaction, Posting


async def account_ids(site: int, codes: Sequence[str]) -> dict[str, int]:
    """Ids of a site's accounts by code, opened on first use."""
    found = {row.code: row.id for row in await Account.filter(site_id=site, code__in=codes)}
    missing = [code for code in codes if code not in found]
    if missing:
        await Account.bulk_create([Account(site_id=site, code=code) for code in missing], ignore_conflicts=True)
        found = {row.code: row.id for row in await Account.filter(site_id=site, code__in=codes)}
    return found


async def add(transaction: LedgerTransaction, postings: Sequence[Posting]) -> None:
    """Store a transaction and its postings; only ledger.service calls this."""
    await transaction.save(force_create=True)
    await Posting.bulk_create(list(postings))


async def imbalance(site: int) -> int:
    """Sum over all transactions and currencies of how far from zero they are; 0 when the books are right."""
    rows = await (
        Posting.filter(site_id=site)
        .annotate(total=Sum("amount"))
        .group_by("transaction_id", "currency")
        .filter(total__not=0)
        .values_list("total", flat=True)
    )
    return sum(abs(int(str(total))) for total in rows)


async def balances(site: int) -> dict[tuple[str, str], int]:
    """Balance by (account code, currency)."""
    rows = await (
        Posting.filter(site_id=site)
        .annotate(total=Sum("amount"))
        .group_by("account__code", "currency")
        .values_list("account__code", "currency", "total")
    )
    return {(str(code), str(currency)): int(str(total)) for code, currency, total in rows}
