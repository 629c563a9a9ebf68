# SPDX-License-Identifier: Apache-2.0
"""A business day in money: sold, earned, taken; and the persons of the same day."""

from datetime import date

from pistegate_cloud.days import reporting
from pistegate_cloud.ledger import queries as ledger
from pistegate_cloud.reports import queries
from pistegate_cloud.reports.schemas import EarnedRow, RevenueReport, SoldRow, TenderRow

_SALES = ("sale", "contingency_sale")


async def revenue(site: int, day: date) -> RevenueReport:
    """What the books of a business day say."""
    sold = await queries.sold_by(await ledger.orders_of(site, day, _SALES))
    moved = await ledger.moved(site, day, day)
    persons = await reporting.passages(site, day)
    return RevenueReport(
        site=site,
        day=day,
        sold=[
            SoldRow(
                product=product, kind=kind, department=department, channel=channel, currency=currency,
                pieces=pieces, amount=amount, tax=tax,
            )
            for (product, kind, department, channel, currency), (pieces, amount, tax) in sorted(sold.items())
        ],
        earned=[
            EarnedRow(department=_of(account), currency=currency, amount=-debit - credit)
            for (account, currency), (debit, credit) in moved.items()
            if account.startswith("revenue:") or account in ("till_sales", "sales")
        ],
        tenders=[
            TenderRow(tender=_of(account), currency=currency, came=debit, went=credit)
            for (account, currency), (debit, credit) in moved.items()
            if account.startswith("tenders:")
        ],
        visitors=persons.visitors,
        rides=persons.rides,
    )  # fmt: skip


def _of(account: str) -> str:
    return account.partition(":")[2] or account
