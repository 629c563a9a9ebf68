# SPDX-License-Identifier: Apache-2.0
"""HTTP API of exceptions."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from pistegate_cloud.exceptions import queries
from pistegate_cloud.problems import documented, locale_of
from pistegate_cloud.schemas import After, DeviceNumber, Limit, Page, SiteFilter, iso
from pistegate_cloud.services import require
from pistegate_cloud.tokens.service import Scope
from pistegate_protocol.texts import text

router = APIRouter(tags=["exceptions"])


class ExceptionAnswer(BaseModel):
    """Something for a person: `sentence` says what was found and what to do, in the caller's language."""

    id: int
    kind: str
    site: int | None
    gate: int | None
    ticket: int | None
    sentence: str
    values: dict[str, Any]
    times: int
    first: datetime
    last: datetime


@router.get("/exceptions", dependencies=[Depends(require(Scope.PASSAGES_READ))], responses=documented())
async def list_exceptions(
    request: Request,
    site: SiteFilter = None,
    gate: Annotated[DeviceNumber | None, Query()] = None,
    after: After = 0,
    limit: Limit = 100,
) -> Page[ExceptionAnswer]:
    """What a person must look at: forks, quarantined and inapplicable messages, identity conflicts, overuse."""
    rows = await queries.page(site, gate, after, limit)
    locale = locale_of(request)
    items = [
        ExceptionAnswer(
            id=row.id,
            kind=row.kind,
            site=row.site,
            gate=row.gate,
            ticket=row.ticket,
            sentence=text(f"exception.{row.kind}", locale, **{"site": row.site, "gate": row.gate} | row.values),
            values=row.values,
            times=row.times,
            first=iso(row.first_ms),
            last=iso(row.last_ms),
        )
        for row in rows
    ]
    return Page(items=items, next=items[-1].id if len(items) == limit else None)
