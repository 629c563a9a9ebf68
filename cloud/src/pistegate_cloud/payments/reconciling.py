# SPDX-License-Identifier: Apache-2.0
"""A provider's daily bill 对账单 is fetched, compared line by line, and what differs is kept for a person."""

import logging
from datetime import date, datetime, timedelta, timezone
from typing import Final

from tortoise.transactions import in_transaction

from pistegate_cloud.clock import Clock, from_ms, ms_of
from pistegate_cloud.payments import bill_queries as queries
from pistegate_cloud.payments import bills
from pistegate_cloud.payments.models import BillFinding, ProviderBill
from pistegate_cloud.payments.provider import BillLine, Declined, Provider, Unclear

CHINA: Final = timezone(timedelta(hours=8))  # the calendar of WeChat Pay's and Alipay's bills
READY_HOUR: Final = 10  # WeChat's documents: the bill of a day is there from 10:00 on of the next
LOOK_BACK: Final = 7  # days for which a bill is still asked for, after a provider or we were out of reach
_log = logging.getLogger(__name__)


async def reconcile_due(provider: Provider, clock: Clock) -> int:
    """Fetch and compare the bills that are there and were not read yet; how many. One that fails is tried again."""
    now = from_ms(clock.wall_ms()).astimezone(CHINA)
    newest = now.date() - timedelta(days=1 if now.hour >= READY_HOUR else 2)
    days = [newest - timedelta(days=back) for back in range(LOOK_BACK)]
    first = await queries.first_day(provider.name, CHINA)
    done = 0
    for day in sorted(set(days) - await queries.billed(provider.name, days)):
        if first is None or day < first:
            continue
        try:
            await reconcile(provider, day, clock)
        except (Unclear, Declined) as error:
            _log.warning("the bill of %s of %s is not there yet: %s", provider.name, day, error)
            continue
        done += 1
    return done


async def reconcile(provider: Provider, day: date, clock: Clock) -> ProviderBill:
    """Compare one day; Unclear or Declined when there is no bill yet. Again replaces nothing: it is read once."""
    lines = list(await provider.bill(day))
    start = ms_of(datetime(day.year, day.month, day.day, tzinfo=CHINA))
    held, reversed_ = await _held(provider.name, lines, start, start + 86_400_000)
    findings = bills.compare(lines, held, reversed_)
    bill = ProviderBill(
        provider=provider.name, day=day, lines=len(lines), findings=len(findings), at_ms=clock.wall_ms()
    )
    async with in_transaction():
        if not await queries.add_bill(bill):
            return await queries.bill(provider.name, day)
        sites = await queries.sites_of(provider.name, {finding.payment for finding in findings})
        await queries.add_findings([_row(bill, finding, sites.get(finding.payment)) for finding in findings])
    return bill


def _row(bill: ProviderBill, finding: bills.Finding, site: int | None) -> BillFinding:
    return BillFinding(
        site_id=site,
        bill_id=bill.id,
        kind=finding.kind.value,
        payment=finding.payment,
        refund=finding.refund,
        billed=finding.billed,
        held=finding.held,
    )


async def _held(
    provider: str, lines: list[BillLine], since_ms: int, until_ms: int
) -> tuple[list[bills.Held], set[str]]:
    """What we hold of that day, and which of the bill's payments were taken back.

    A refund counts on the day on which the bill has it: ours knows when it was asked for, not when it was done.
    """
    paid = await queries.paid_between(provider, since_ms, until_ms)
    numbers = {line.refund for line in lines if line.refund is not None}
    refunds = await queries.refunded(provider, numbers, since_ms, until_ms)
    reversed_ = await queries.reversed_of(provider, {line.payment for line in lines})
    held = [bills.Held(row.number, None, row.amount, row.currency) for row in paid if row.number not in reversed_]
    held += [bills.Held(row.payment.number, row.number, -row.amount, row.payment.currency) for row in refunds]
    return held, reversed_
