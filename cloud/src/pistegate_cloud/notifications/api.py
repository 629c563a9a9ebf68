# SPDX-License-Identifier: Apache-2.0
"""HTTP API of messages to guests: what became of them, and sending one again."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from pistegate_cloud.notifications import queries, service
from pistegate_cloud.notifications.models import Notification
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import Limit, SiteFilter, iso
from pistegate_cloud.services import WithServices, require
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["notifications"])
State = Literal["waiting", "sending", "sent", "failed", "given_up"]


class NotificationAnswer(BaseModel):
    """A message; `to_ends`: the last four signs of its address; `trouble`: why it is not sent, or not yet."""

    id: UUID
    site: int
    order: UUID | None
    kind: str
    to_ends: str
    channel: str | None
    state: str
    attempts: int
    trouble: str | None
    created: datetime
    ended: datetime | None


class NotificationPage(BaseModel):
    """Messages, and where the next page begins (`?after=`)."""

    items: list[NotificationAnswer]
    next: UUID | None = None


@router.get("/notifications", dependencies=[Depends(require(Scope.NOTIFICATIONS_READ))], responses=documented())
async def list_notifications(
    site: SiteFilter = None,
    state: State | None = None,
    order: Annotated[UUID | None, Query(description="Only about this order.")] = None,
    after: UUID | None = None,
    limit: Limit = 100,
) -> NotificationPage:
    """Messages, oldest first. `?state=given_up` and `failed` are those that a person may look at."""
    rows = await queries.page(site, state, order, after, limit)
    return NotificationPage(items=[_answer(row) for row in rows], next=rows[-1].id if len(rows) == limit else None)


@router.post("/notifications/{number}/retry", responses=documented("not_found", "state_conflict"))
async def retry(
    number: UUID,
    services: WithServices,
    caller: Annotated[Caller, Depends(require(Scope.NOTIFICATIONS_WRITE))],
) -> NotificationAnswer:
    """Send one again that failed or was given up; where it had arrived after all, the guest gets it twice."""
    return _answer(await service.retry(number, caller, services.clock.wall_ms()))


def _answer(row: Notification) -> NotificationAnswer:
    return NotificationAnswer(
        id=row.id,
        site=row.site_id,
        order=row.order_id,
        kind=row.kind,
        to_ends=row.last4,
        channel=row.channel,
        state=row.state,
        attempts=row.attempts,
        trouble=row.trouble,
        created=iso(row.created_ms),
        ended=None if row.ended_ms is None else iso(row.ended_ms),
    )
