# SPDX-License-Identifier: Apache-2.0
"""What the figures mean: rides are persons passed; visitors are different persons, of a party at most its size."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date

from pistegate_cloud.ledger import queries as ledger
from pistegate_cloud.reports import queries
from pistegate_cloud.reports.schemas import (
    Exposure,
    PassagesReport,
    PassagesRow,
    Reconciliation,
    SalesReport,
    SalesRow,
)
from pistegate_cloud.tickets import exposure as tickets


async def passages(site: int, day: date) -> PassagesReport:
    """Rides and visitors per post and hour, and of the whole day."""
    rows = await queries.rides(site, day)
    parties = await queries.parties(site, {ticket for _, _, ticket, _ in rows})
    names = await queries.post_names(site)
    cells: dict[tuple[int, int], dict[int, int]] = defaultdict(lambda: defaultdict(int))
    whole: dict[int, int] = defaultdict(int)
    for post, hour, ticket, persons in rows:
        cells[post, hour][ticket] += persons
        whole[ticket] += persons
    return PassagesReport(
        site=site,
        day=day,
        rows=[
            PassagesRow(
                post=post,
                name=names.get(post, ""),
                hour=hour,
                rides=sum(tickets.values()),
                persons=visitors(tickets, parties),
            )
            for (post, hour), tickets in sorted(cells.items())
        ],
        rides=sum(whole.values()),
        persons=visitors(whole, parties),
    )


def visitors(rides: Mapping[int, int], parties: Mapping[int, int]) -> int:
    """Different persons 人次: of a party at most its size."""
    return sum(min(persons, parties.get(ticket, 1)) for ticket, persons in rides.items())


async def sales(site: int, day: date) -> SalesReport:
    """Tickets and money per product and channel."""
    rows = [
        SalesRow(product=code, channel=channel, currency=currency, tickets=tickets, amount=amount)
        for code, channel, currency, tickets, amount in await queries.sales(site, day)
    ]
    return SalesReport(
        site=site, day=day, rows=rows, tickets=sum(r.tickets for r in rows), amount=sum(r.amount for r in rows)
    )


async def exposure(site: int, now_ms: int, *, hub: bool) -> Exposure:
    """Today's, as the gates are in touch now."""
    found = await tickets.of_site(site, now_ms, hub=hub)
    return Exposure(
        site=site,
        day=found.day,
        gates=found.groups.heard,
        silent=found.groups.silent,
        groups=found.groups.isolated,
        tickets=found.tickets,
        allowance=found.sold,
        most=found.most,
        unlimited=found.unlimited,
    )


async def reconciliation(site: int, day: date | None) -> Reconciliation:
    """What gates did and what the books say, side by side."""
    by_state = await queries.outcomes(site, day)
    ended = {state: times for state, times, _, _ in by_state}
    settled, reoffers = await queries.settled_and_reoffers(site, day)
    orders, tickets, amount = await queries.sold(site, day)
    return Reconciliation(
        site=site,
        day=day,
        admissions=sum(ended.values()),
        open=ended.get("open", 0),
        passed=sum(persons for _, _, persons, _ in by_state),
        not_passed=ended.get("not_passed", 0),
        card_void=ended.get("card_void", 0),
        card_unconfirmed=ended.get("card_unconfirmed", 0),
        interrupted=ended.get("interrupted", 0),
        unknown=sum(maybe for _, _, _, maybe in by_state),
        settled=settled,
        refused=await queries.refusals(site, day),
        reoffers=reoffers,
        overridden=await queries.overridden(site, day),
        ledger_imbalance=await ledger.imbalance(site),
        orders=orders,
        tickets=tickets,
        sold_amount=amount,
    )
