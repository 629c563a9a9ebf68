# SPDX-License-Identifier: Apache-2.0
"""What a day's close looks at: the books beside orders, payments, deposits, wallets, shifts and gates."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Final

from pistegate_cloud.clock import ms_of
from pistegate_cloud.days import checking, rules
from pistegate_cloud.days import figure_queries as queries
from pistegate_cloud.days.queries import clock_of
from pistegate_cloud.days.schemas import AccountRow, Check, DayReport, EventRow, OtherDay, PassageFigures
from pistegate_cloud.ledger import queries as ledger
from pistegate_cloud.reports import queries as reports
from pistegate_cloud.reports.service import visitors
from pistegate_cloud.wallets import invariants

_SOLD: Final = ("sale", "contingency_sale", "sale_for_site")
_DAY: Final = timedelta(days=1)
_LOOK: Final = {
    "in_doubt": 1,
    "unassigned": -1,
    "refunds_due": -1,
    "recharges": -1,
}  # account -> sign of something open


async def bounds(site: int, day: date) -> tuple[datetime, datetime]:
    """When a business day begins and ends."""
    zone, cut_overs = await clock_of(site)
    first, last = (rules.begins(each, zone, cut_overs) for each in (day, day + _DAY))
    return first, last


async def report(site: int, day: date, state: str) -> DayReport:
    """The day as the books stand now."""
    from_, to = await bounds(site, day)
    events = await ledger.by_event(site, day)
    digest, transactions = await _digest(site, day)
    balances = await _trial_balance(site, day)
    return DayReport(
        site=site,
        day=day,
        state=state,
        from_=from_,
        to=to,
        trial_balance=balances,
        events=[EventRow(event=e, account=a, currency=c, amount=n) for (e, a, c), n in sorted(events.items())],
        checks=await _checks(site, day, events, (ms_of(from_), ms_of(to))),
        warnings=await _warnings(site, ms_of(to), {(row.account, row.currency): row.closing for row in balances}),
        passages=await passages(site, day),
        other_days=[
            OtherDay(event=event, operating_day=real, transactions=times)
            for event, real, times in await ledger.about_other_days(site, day)
        ],
        transactions=transactions,
        digest=digest,
    )


async def _trial_balance(site: int, day: date) -> list[AccountRow]:
    opening, moved = await ledger.balances(site, day), await ledger.moved(site, day, day)
    rows = []
    for account, currency in sorted({*opening, *moved}):
        before = opening.get((account, currency), 0)
        debit, credit = moved.get((account, currency), (0, 0))
        if before or debit or credit:
            figures = {"opening": before, "debit": debit, "credit": credit, "closing": before + debit + credit}
            rows.append(AccountRow(account=account, currency=currency, **figures))
    return rows


async def _digest(site: int, day: date) -> tuple[str, int]:
    """Over every posting of a day, and how many transactions there are."""
    sum_, transactions = hashlib.sha256(), set()
    async for entry in ledger.entries(site, day, day):
        transactions.add(entry.transaction)
        told = (entry.transaction, entry.kind, entry.at_ms, entry.order, entry.account, entry.amount, entry.currency)
        sum_.update(("|".join(map(str, told)) + "\n").encode())
    return sum_.hexdigest(), len(transactions)


async def _checks(
    site: int, day: date, events: Mapping[tuple[str, str, str], int], within: tuple[int, int]
) -> list[Check]:
    found = [Check(check="balanced", currency="", books=await ledger.imbalance(site, day), other=0)]
    sold_here = await ledger.orders_of(site, day, ("sale", "contingency_sale"))
    found += checking.compare("orders", checking.came(events, _SOLD[:2]), await queries.totals_of(sold_here))
    found += checking.compare("tax", checking.tax(events, _SOLD[:2]), await queries.taxes_of(sold_here))
    paid_here = await ledger.orders_of(site, day, _SOLD)
    found += checking.compare("payments", checking.came(events, _SOLD), await queries.paid_for(paid_here))
    balances = await ledger.balances(site)
    found += checking.compare("deferred", checking.owed(balances, "deferred"), await queries.owed_by(site))
    found += checking.compare("deposits", checking.owed(balances, "deposits_held"), await queries.deposits_held(site))
    wrong = await invariants.disagreements(site)
    found.append(Check(check="wallets", currency="", books=len(wrong), other=0))
    over_short = {
        currency: -n for currency, n in checking.posted(events, ("cash_over_short",), "cash_over_short").items()
    }
    counted = await queries.over_short(site, *within)
    return found + checking.compare("shifts", over_short, counted, blocks=False)


async def _warnings(site: int, to_ms: int, balances: Mapping[tuple[str, str], int]) -> list[str]:
    found = ["shifts_open"] if await queries.shifts_open(site, to_ms) else []
    for (account, _), amount in balances.items():
        name = account.partition(":")[0]
        if amount and name in _LOOK:
            found.append(f"{name}_open")
    return sorted(set(found))


async def passages(site: int, day: date) -> PassageFigures:
    """Persons of an operating day, and what became of their tickets in the books."""
    from_, to = await bounds(site, day)
    rides: dict[int, int] = defaultdict(int)
    for ticket, persons in await queries.rides(site, ms_of(from_), ms_of(to)):
        rides[ticket] += persons
    parties = await reports.parties(site, set(rides))
    recognised = await queries.recognised_for(site, day)
    earned: dict[str, int] = defaultdict(int)
    for _, _, currency, amount in recognised:
        earned[currency] += amount
    return PassageFigures(
        rides=sum(rides.values()),
        visitors=visitors(rides, parties),
        tickets=len(rides),
        recognised=len({ticket for ticket, _, _, _ in recognised if ticket}),
        posted_later=len({ticket for ticket, posted, _, _ in recognised if ticket and posted > day}),
        earned=dict(earned),
    )
