# SPDX-License-Identifier: Apache-2.0
"""HTTP API of passages."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from pistegate_cloud.clocks import queries as clocks
from pistegate_cloud.passages import queries
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import After, DeviceNumber, Limit, Page, SiteFilter, TicketNumber, iso
from pistegate_cloud.services import require
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["passages"])


class PassageAnswer(BaseModel):
    """`persons` went through on one admission (its `name` in hex); `unknown` more may have. `exit`: out of the area.

    `clock_suspect`: the gate was not sure of its time then; `at` as far as is known now.
    """

    id: int
    site: int
    gate: int
    post: int
    area: int
    epoch: int
    seq: int
    admission: str
    ticket: int
    medium: str
    persons: int
    unknown: int
    reoffer: bool
    exit: bool
    overtime: bool
    outcome: str
    at: datetime
    clock_suspect: bool


class OverrideAnswer(BaseModel):
    """A lane in an attendant's hands: it began (nobody counted yet), or `entries` and `exits` more went through.

    `number` with `epoch` and `gate` names one override. `medium` and `ticket`: the staff card; null for the key switch.
    """

    id: int
    site: int
    gate: int
    post: int
    epoch: int
    number: int
    kind: str
    entries: int
    exits: int
    medium: str | None
    ticket: int | None
    why: str
    at: datetime


@router.get("/passages", dependencies=[Depends(require(Scope.PASSAGES_READ))], responses=documented())
async def list_passages(
    site: SiteFilter = None,
    day: Annotated[date | None, Query(description="Day in site zone.")] = None,
    gate: Annotated[DeviceNumber | None, Query()] = None,
    ticket: Annotated[TicketNumber | None, Query()] = None,
    after: After = 0,
    limit: Limit = 100,
) -> Page[PassageAnswer]:
    """Passages in the order in which they were applied."""
    rows = await queries.page(site, day, gate, ticket, after, limit)
    doubted = await clocks.doubted(((row.site_id, row.gate, row.epoch), row.seq) for row in rows)
    items = [
        PassageAnswer(
            id=row.id,
            site=row.site_id,
            gate=row.gate,
            post=row.post,
            area=row.area,
            epoch=row.epoch,
            seq=row.seq,
            admission=row.name,
            ticket=row.ticket,
            medium=row.medium,
            persons=row.passed,
            unknown=row.unknown,
            reoffer=row.reoffer_of is not None,
            exit=row.exit,
            overtime=row.overtime,
            outcome=row.state,
            at=iso(row.at_ms),
            clock_suspect=((row.site_id, row.gate, row.epoch), row.seq) in doubted,
        )
        for row in rows
    ]
    return Page(items=items, next=items[-1].id if len(items) == limit else None)


@router.get("/overrides", dependencies=[Depends(require(Scope.PASSAGES_READ))], responses=documented())
async def list_overrides(
    site: SiteFilter = None,
    day: Annotated[date | None, Query(description="Day in site zone.")] = None,
    gate: Annotated[DeviceNumber | None, Query()] = None,
    after: After = 0,
    limit: Limit = 100,
) -> Page[OverrideAnswer]:
    """Who went through lanes on an attendant's word, by whom it was given and why, in the order of applying."""
    rows = await queries.overrides(site, day, gate, after, limit)
    items = [
        OverrideAnswer(
            id=row.id,
            site=row.site_id,
            gate=row.gate,
            post=row.post,
            epoch=row.epoch,
            number=row.number,
            kind=row.kind,
            entries=row.entries,
            exits=row.exits,
            medium=row.medium,
            ticket=row.ticket,
            why=row.why,
            at=iso(row.at_ms),
        )
        for row in rows
    ]
    return Page(items=items, next=items[-1].id if len(items) == limit else None)
