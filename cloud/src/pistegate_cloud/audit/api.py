# SPDX-License-Identifier: Apache-2.0
"""HTTP API of the audit record: searched, never changed."""

import json
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, StringConstraints

from pistegate_cloud.audit import queries
from pistegate_cloud.audit.models import AuditEntry
from pistegate_cloud.problems import documented, locale_of
from pistegate_cloud.reports import csv
from pistegate_cloud.schemas import After, Limit, Page, SiteFilter, iso
from pistegate_cloud.services import require
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["audit"])
_Text = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"^[^\x00]*$")]
_Short = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[^\x00]*$")]  # as they are kept
_COLUMNS = ("number", "at", "site", "actor", "caller", "action", "subject", "before", "after")


class AuditAnswer(BaseModel):
    """One deed. `caller`: key of who did it; `before`, `after`: what changed."""

    number: int
    at: datetime
    site: int | None
    actor: str
    caller: str
    action: str
    subject: str
    before: Any
    after: Any


@router.get(
    "/audit",
    response_model=Page[AuditAnswer],
    responses=documented("site_not_allowed") | {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def search(
    request: Request,
    caller: Annotated[Caller, Depends(require(Scope.AUDIT_READ))],
    site: SiteFilter = None,
    subject: Annotated[_Text | None, Query(description="Such as order:UUID.")] = None,
    action: Annotated[_Short | None, Query(description="Or how it begins, such as order.")] = None,
    who: Annotated[_Short | None, Query(description="Key of the caller, such as user:7.")] = None,
    since: Annotated[AwareDatetime | None, Query()] = None,
    until: Annotated[AwareDatetime | None, Query()] = None,
    after: After = 0,
    limit: Limit = 100,
    format: Annotated[Literal["json", "csv"] | None, Query(description="Else the Accept header decides.")] = None,
) -> Page[AuditAnswer] | Response:
    """Who did what, in the order in which it was done; who is bound to sites sees what was done at them."""
    if site is not None:
        caller.at(site)
    rows = await queries.page(
        caller.sites if site is None else {site},
        after,
        limit,
        subject=subject,
        action=action,
        caller=who,
        from_ms=_ms(since),
        until_ms=_ms(until),
    )
    items = [_answer(row) for row in rows]
    if csv.wants_csv(request, format):
        cells = [[_cell(getattr(item, column)) for column in _COLUMNS] for item in items]
        return csv.answer("audit", _COLUMNS, cells, locale_of(request))
    return Page(items=items, next=items[-1].number if len(items) == limit else None)


def _answer(row: AuditEntry) -> AuditAnswer:
    return AuditAnswer(
        number=row.id,
        at=iso(row.at_ms),
        site=row.site_id,
        actor=row.actor,
        caller=row.caller,
        action=row.action,
        subject=row.subject,
        before=row.before,
        after=row.after,
    )


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def _ms(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp() * 1000)
