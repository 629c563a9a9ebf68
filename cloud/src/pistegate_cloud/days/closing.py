# SPDX-License-Identifier: Apache-2.0
"""The daily close 日结: a day's books are compared with everything beside them, kept, and closed for good.

Days may be closed in any order. From `closing` on nothing is posted to the day: what comes later goes to the first
open day after it, with the day that it is about. A close that was cut short is taken up by the next one.
"""

from datetime import date
from typing import Final

from tortoise.transactions import in_transaction

from pistegate_cloud.audit import service as audit
from pistegate_cloud.clock import ms_of
from pistegate_cloud.days import checking, part_queries, queries, recognition, reporting, service
from pistegate_cloud.days.models import BusinessDay
from pistegate_cloud.days.schemas import CloseBody, CutOverBody, DayReport
from pistegate_cloud.errors import Problem
from pistegate_cloud.schemas import iso
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.states import DAY

_TOLD_MAX: Final = 5  # differences that a problem names; the report has them all


async def close(body: CloseBody, caller: Caller, now_ms: int) -> DayReport:
    """Close a day; the same report when it is closed already. Problem day_not_over, day_differs."""
    await sites.site(body.site)
    if await service.business_day(body.site, now_ms) <= body.day:
        raise Problem("day_not_over", day=body.day)
    if (row := await queries.day_of(body.site, body.day)) is not None and row.state == "closed":
        return kept(row)
    await _recognise(body.site, body.day, now_ms)
    row = await _begin(body.site, body.day, caller, now_ms)
    report = await reporting.report(body.site, body.day, "closed")
    wrong = checking.differences(report.checks)
    if wrong and not body.accept_differences:
        await queries.move_day(row, DAY.after(row.state, "back"))
        raise Problem("day_differs", what="; ".join(wrong[:_TOLD_MAX]))
    report.closed_by, report.closed, report.reason = caller.name, iso(now_ms), body.reason
    kept_json = report.model_dump(mode="json", by_alias=True)
    async with in_transaction():
        more = {"report": kept_json, "closed_by": caller.name, "closed_ms": now_ms}
        if not await queries.move_day(row, DAY.after(row.state, "close"), **more):
            raise Problem("state_conflict", noun=DAY.noun, state="closed meanwhile", event="close")
        told = {"digest": report.digest, "differences": wrong, "reason": body.reason}
        await audit.note(caller, "day.close", body.site, f"day:{body.site}:{body.day}", after=told, now_ms=now_ms)
    return report


async def _recognise(site: int, day: date, now_ms: int) -> None:
    """What the day's passages have earned, whenever the job last looked."""
    await recognition.run(now_ms)
    from_, to = await reporting.bounds(site, day)
    tickets = await part_queries.tickets_through(site, ms_of(from_), ms_of(to))
    await recognition.recognise(tickets, now_ms)


async def _begin(site: int, day: date, caller: Caller, now_ms: int) -> BusinessDay:
    """From here on nothing is posted to the day; what is underway is waited for."""
    async with in_transaction():
        await queries.hold_site(site)
        row = await queries.day_of(site, day)
        if row is None:
            row = BusinessDay(site_id=site, day=day, state="closing", closed_by=caller.name, closed_ms=now_ms)
            await queries.begin_day(row)
            return row
        state = DAY.after(row.state, "begin")
        if not await queries.move_day(row, state):
            raise Problem("state_conflict", noun=DAY.noun, state="closed meanwhile", event="begin")
        row.state = state
    return row


def kept(row: BusinessDay) -> DayReport:
    """The report of a closed day."""
    return DayReport.model_validate(row.report)


async def report(site: int, day: date) -> DayReport:
    """A day's report: as it was closed, or as the books stand now."""
    await sites.site(site)
    row = await queries.day_of(site, day)
    if row is not None and row.state == "closed":
        return kept(row)
    return await reporting.report(site, day, "open" if row is None else row.state)


async def set_cut_over(body: CutOverBody, caller: Caller, now_ms: int) -> CutOverBody:
    """From a day to come on, days begin at another time; Problem cut_over_past: what has begun stays."""
    await sites.site(body.site)
    today = await service.business_day(body.site, now_ms)
    if body.from_day <= today:
        raise Problem("cut_over_past", day=today)
    async with in_transaction():
        await queries.set_cut_over(body.site, body.from_day, body.minutes)
        told = {"from_day": str(body.from_day), "minutes": body.minutes}
        await audit.note(caller, "day.cut_over", body.site, f"site:{body.site}", after=told, now_ms=now_ms)
    return body
