# SPDX-License-Identifier: Apache-2.0
"""All queries of bills, and of what they are compared with."""

from collections.abc import Collection, Sequence
from datetime import date, tzinfo

from tortoise.exceptions import IntegrityError
from tortoise.expressions import Q
from tortoise.transactions import in_transaction

from pistegate_cloud.clock import local_day
from pistegate_cloud.errors import Problem
from pistegate_cloud.payments.models import BillFinding, ProviderBill, ProviderPayment, ProviderRefund


async def first_day(provider: str, zone: tzinfo) -> date | None:
    """The day of the first payment; None: there was none."""
    row = await ProviderPayment.filter(provider=provider).order_by("created_ms").first()
    return None if row is None else local_day(row.created_ms, zone)


async def billed(provider: str, days: Collection[date]) -> set[date]:
    """Those of the days whose bill was read."""
    return {row.day for row in await ProviderBill.filter(provider=provider, day__in=list(days))}


async def add_bill(row: ProviderBill) -> bool:
    """Store a bill; False when that day's is there."""
    try:
        async with in_transaction():  # of its own: PostgreSQL answers nothing more in one with a refused row
            await row.save(force_create=True)
    except IntegrityError:
        return False
    return True


async def bill(provider: str, day: date) -> ProviderBill:
    """The bill of a day that was read."""
    return await ProviderBill.get(provider=provider, day=day)


async def bills(after: int, limit: int) -> list[ProviderBill]:
    """Bills in order of id, after one."""
    return await ProviderBill.filter(id__gt=after).order_by("id").limit(limit)


async def add_findings(rows: Sequence[BillFinding]) -> None:
    """Store what differs."""
    await BillFinding.bulk_create(list(rows))


async def sites_of(provider: str, numbers: Collection[str]) -> dict[str, int]:
    """Sites of those of these payments that are ours."""
    rows = ProviderPayment.filter(provider=provider, number__in=list(numbers))
    return {str(number): int(site) for number, site in await rows.values_list("number", "site_id")}


async def findings(site: int | None, still_open: bool, after: int, limit: int) -> list[BillFinding]:
    """Findings in order of id with their bills, after one; `still_open`: only those that nobody has explained."""
    query = BillFinding.filter(id__gt=after) if site is None else BillFinding.filter(id__gt=after, site_id=site)
    if still_open:
        query = query.filter(settled_ms__isnull=True)
    return await query.order_by("id").limit(limit).select_related("bill")


async def finding(number: int) -> BillFinding:
    """One finding with its bill; Problem not_found."""
    found = await BillFinding.get_or_none(id=number).select_related("bill")
    if found is None:
        raise Problem("not_found", what=f"bill finding {number}")
    return found


async def explain(number: int, by: str, words: str, now_ms: int) -> bool:
    """A person has explained it; False when somebody had."""
    rows = BillFinding.filter(id=number, settled_ms__isnull=True)
    return bool(await rows.update(settled_by=by[:80], words=words, settled_ms=now_ms))


async def paid_between(provider: str, since_ms: int, until_ms: int) -> list[ProviderPayment]:
    """Payments whose money came in that time, whatever became of it afterwards."""
    rows = ProviderPayment.filter(provider=provider, transaction__isnull=False)
    return await rows.filter(paid_ms__gte=since_ms, paid_ms__lt=until_ms).exclude(state="reversed")


async def refunded(provider: str, numbers: Collection[str], since_ms: int, until_ms: int) -> list[ProviderRefund]:
    """Refunds that were done: those of these numbers, and those asked for in that time, with their payments."""
    asked = Q(created_ms__gte=since_ms, created_ms__lt=until_ms)
    rows = ProviderRefund.filter(payment__provider=provider, state="done").filter(Q(number__in=list(numbers)) | asked)
    return await rows.select_related("payment")


async def reversed_of(provider: str, numbers: Collection[str]) -> set[str]:
    """Those of these payments that were taken back."""
    rows = ProviderPayment.filter(provider=provider, state="reversed", number__in=list(numbers))
    return {str(number) for number in await rows.values_list("number", flat=True)}
