# SPDX-License-Identifier: Apache-2.0
"""HTTP API of providers' bills: what was read, what differs, and what a person says of it."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict
from tortoise.transactions import in_transaction

from pistegate_cloud.audit import service as audit
from pistegate_cloud.errors import Problem
from pistegate_cloud.payments import bill_queries as queries
from pistegate_cloud.payments.models import BillFinding
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import After, Body, Limit, Page, Reason, SiteFilter, iso
from pistegate_cloud.services import WithServices, require
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["payments"])


class BillAnswer(BaseModel):
    """A day's bill. `findings`: how many of its `lines`, or of ours, differ."""

    number: int
    provider: str
    day: date
    lines: int
    findings: int
    at: datetime


class FindingAnswer(BaseModel):
    """One difference. `kind`: payments.bills.Difference; amounts in minor units, refunds negative.

    `site`: None for money of no payment of ours.
    """

    number: int
    site: int | None
    provider: str
    day: date
    kind: str
    payment: str
    refund: str | None
    billed: int
    held: int
    settled_by: str | None
    words: str | None


class ExplainBody(Body):
    """What it was."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"words": "paid twice, the second one was given back"}}
    )

    words: Reason


@router.get("/provider-bills", dependencies=[Depends(require(Scope.PAYMENTS_READ))], responses=documented())
async def list_bills(after: After = 0, limit: Limit = 100) -> Page[BillAnswer]:
    """Bills that were read and compared, the oldest first."""
    items = [
        BillAnswer(
            number=row.id,
            provider=row.provider,
            day=row.day,
            lines=row.lines,
            findings=row.findings,
            at=iso(row.at_ms),
        )
        for row in await queries.bills(after, limit)
    ]
    return Page(items=items, next=items[-1].number if len(items) == limit else None)


@router.get("/bill-findings", dependencies=[Depends(require(Scope.PAYMENTS_READ))], responses=documented())
async def list_findings(
    site: SiteFilter = None,
    attention: Annotated[bool, Query(description="Only those that nobody has explained.")] = False,
    after: After = 0,
    limit: Limit = 100,
) -> Page[FindingAnswer]:
    """Differences between bills and our books, the oldest first."""
    items = [_finding(row) for row in await queries.findings(site, attention, after, limit)]
    return Page(items=items, next=items[-1].number if len(items) == limit else None)


@router.post("/bill-findings/{finding}/explain", responses=documented("not_found", "state_conflict", "site_needed"))
async def explain(
    finding: Annotated[int, Path(ge=1, le=2**62)],
    body: ExplainBody,
    services: WithServices,
    caller: Annotated[Caller, Depends(require(Scope.PAYMENTS_SETTLE))],
) -> FindingAnswer:
    """Say what it was; the books are put right by what made them wrong, not here."""
    row = await queries.finding(finding)
    if row.site_id is None and caller.sites is not None:  # money of no payment of ours: nobody's site
        raise Problem("site_needed")
    now_ms = services.clock.wall_ms()
    async with in_transaction():
        if not await queries.explain(finding, caller.name, body.words, now_ms):
            raise Problem("state_conflict", noun="bill finding", state="explained", event="explain")
        told = {"words": body.words}
        await audit.note(caller, "bill.explain", row.site_id, f"bill-finding:{finding}", after=told, now_ms=now_ms)
    return _finding(await queries.finding(finding))


def _finding(row: BillFinding) -> FindingAnswer:
    return FindingAnswer(
        number=row.id,
        site=row.site_id,
        provider=row.bill.provider,
        day=row.bill.day,
        kind=row.kind,
        payment=row.payment,
        refund=row.refund,
        billed=row.billed,
        held=row.held,
        settled_by=row.settled_by,
        words=row.words,
    )
