# SPDX-License-Identifier: Apache-2.0
"""Clearing 清分 between sites of a group: what each owes the other, why, and that both say the same."""

from collections import defaultdict
from datetime import date, timedelta
from typing import Final

from tortoise.transactions import in_transaction

from pistegate_cloud.audit import service as audit
from pistegate_cloud.days import queries as days
from pistegate_cloud.errors import Problem
from pistegate_cloud.ledger import queries
from pistegate_cloud.ledger import service as ledger
from pistegate_cloud.ledger.exporting import check_span
from pistegate_cloud.ledger.schemas import ClearingAnswer, ClearingBody, ClearingEvent, ClearingRow, Statement
from pistegate_cloud.ledger.service import AMOUNT, Money
from pistegate_cloud.orders.idempotency import AnsweredMeanwhile, Repeatable
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.staff.caller import Caller

_ACCOUNT: Final = "between_sites"
_DAY: Final = timedelta(days=1)


async def statement(site: int, first: date, last: date) -> Statement:
    """What is owed between a site and each other one, over some days. Above zero: they owe us."""
    check_span(first, last)
    await sites.site(site)
    opening, closing = await _balances(site, first), await _balances(site, last + _DAY)
    events: dict[tuple[int, str], list[ClearingEvent]] = defaultdict(list)
    for (kind, account, currency), amount in sorted((await queries.between_sites(site, first, last)).items()):
        events[_other(account), currency].append(ClearingEvent(event=kind, amount=amount))
    rows = []
    for other, currency in sorted({*opening, *closing, *events}):
        theirs = (await _balances(other, last + _DAY)).get((site, currency), 0)
        now = closing.get((other, currency), 0)
        rows.append(
            ClearingRow(
                other=other,
                currency=currency,
                opening=opening.get((other, currency), 0),
                events=events[other, currency],
                closing=now,
                theirs=theirs,
                agree=now == -theirs,
            )
        )
    return Statement(site=site, first=first, last=last, rows=rows)


async def _balances(site: int, until: date | None) -> dict[tuple[int, str], int]:
    """(other site, currency) -> what they owe us, by the books of a site."""
    return {
        (_other(account), currency): amount
        for (account, currency), amount in (await queries.balances(site, until)).items()
        if account.startswith(f"{_ACCOUNT}:")
    }


def _other(account: str) -> int:
    return int(account.partition(":")[2])


async def pay(body: ClearingBody, caller: Caller, once: Repeatable, now_ms: int) -> ClearingAnswer:
    """Money from one site's bank to the other's, in both books at once; Problem clearing_too_much."""
    kept = await once.answered()
    if kept is not None:
        return ClearingAnswer.model_validate(kept)
    caller.at_all([body.site, body.other])
    for number in (body.site, body.other):
        await sites.site(number)
    try:
        async with in_transaction():
            await days.hold_site(body.site)  # two payments at once would each see the whole debt
            owed = -(await _balances(body.site, None)).get((body.other, body.currency), 0)
            if body.amount > owed:
                values = {"site": body.site, "other": body.other, "owed": max(owed, 0), "currency": body.currency}
                raise Problem("clearing_too_much", **values)
            await _post("clearing_paid", body.site, body.other, body, now_ms)
            await _post("clearing_received", body.other, body.site, body, now_ms)
            left = ClearingAnswer(site=body.site, other=body.other, currency=body.currency, left=owed - body.amount)
            told = body.model_dump(mode="json")
            await audit.note(caller, "clearing.pay", body.site, f"site:{body.other}", after=told, now_ms=now_ms)
            await once.keep(left, now_ms)
    except AnsweredMeanwhile:
        return ClearingAnswer.model_validate(await once.answered())
    return left


async def _post(event: str, site: int, other: int, body: ClearingBody, now_ms: int) -> None:
    moneys = [Money(AMOUNT, body.amount, str(other))]
    await ledger.record(event, site=site, currency=body.currency, at_ms=now_ms, moneys=moneys, partner=other)
