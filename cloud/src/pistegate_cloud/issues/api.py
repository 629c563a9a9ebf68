# SPDX-License-Identifier: Apache-2.0
"""HTTP API of group issues."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict

from pistegate_cloud.cards.desk import Desk
from pistegate_cloud.issues import queries, service
from pistegate_cloud.issues.service import Progress
from pistegate_cloud.orders.idempotency import AnsweredMeanwhile, Repeatable
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import Body, DeviceNumber, SiteNumber, WaitMs, iso
from pistegate_cloud.services import IdempotencyKey, WithServices, require
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tickets.api import ISSUE_PROBLEMS, IssueAnswer, issue_answer
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["group issues"])
_Issuer = Annotated[Caller, Depends(require(Scope.TICKETS_ISSUE))]


class GroupIssueBody(Body):
    """The order whose tickets go on cards."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"order": "01900000-0000-7000-8000-000000000000"}}
    )

    order: UUID


class NextCardBody(Body):
    """The encoder where the next card lies; `site`: the encoder's, where it is not the order's (tickets of a group)."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"encoder": 1}})

    encoder: DeviceNumber
    site: SiteNumber | None = None
    wait_ms: WaitMs = 5000


class Unconfirmed(BaseModel):
    """A ticket whose card left before it answered: lay that card down again, or leave it for the end."""

    ticket: int
    uid: str


class GroupIssueAnswer(BaseModel):
    """`issued` of `total` tickets are on cards; `next`: the ticket for the next card, null when finished.

    `repeats`: cards laid down twice.
    """

    id: UUID
    order: UUID
    site: int
    total: int
    issued: int
    next: int | None
    unconfirmed: list[Unconfirmed]
    repeats: int
    begun: datetime
    worked: datetime
    finished: datetime | None


class NextCardAnswer(BaseModel):
    """The ticket just put on a card, and how far it is."""

    card: IssueAnswer
    progress: GroupIssueAnswer


@router.post("/group-issues", status_code=201, responses=documented("not_found"))
async def begin(body: GroupIssueBody, services: WithServices, caller: _Issuer) -> GroupIssueAnswer:
    """Begin to put an order's tickets on cards; an order that was begun before goes on where it was."""
    return _answer(await service.begin(body.order, caller.name, services))


@router.get(
    "/group-issues/{number}",
    dependencies=[Depends(require(Scope.TICKETS_READ))],
    responses=documented("not_found"),
)
async def read_group_issue(number: UUID) -> GroupIssueAnswer:
    """How far it is."""
    return _answer(await service.progress(await queries.group_issue(number)))


@router.post(
    "/group-issues/{number}/cards", responses=documented(*ISSUE_PROBLEMS, "card_laid_twice", "group_issue_finished")
)
async def next_card(
    number: UUID, body: NextCardBody, services: WithServices, caller: _Issuer, idempotency_key: IdempotencyKey = None
) -> NextCardAnswer:
    """Put the next ticket on the card at the encoder. After a failure repeat it, with this card or with another."""
    request = Repeatable.of(caller, f"group issue {number}", idempotency_key, body)
    kept = await request.answered()
    if kept is not None:
        return NextCardAnswer.model_validate(kept)
    row = await queries.group_issue(number)
    desk = Desk(row.site_id if body.site is None else body.site, body.encoder, body.wait_ms, caller.name)
    done = await service.next_card(row, desk, services)
    answer = NextCardAnswer(card=issue_answer(done), progress=_answer(await service.progress(row)))
    try:
        await request.keep(answer, services.clock.wall_ms())
    except AnsweredMeanwhile:
        return NextCardAnswer.model_validate(await request.answered())
    return answer


def _answer(progress: Progress) -> GroupIssueAnswer:
    row = progress.row
    return GroupIssueAnswer(
        id=row.id,
        order=row.order_id,
        site=row.site_id,
        total=progress.total,
        issued=progress.issued,
        next=progress.next,
        unconfirmed=[Unconfirmed(ticket=ticket, uid=uid) for ticket, uid in progress.unconfirmed.items()],
        repeats=row.repeats,
        begun=iso(row.created_ms),
        worked=iso(row.worked_ms),
        finished=iso(row.finished_ms) if row.finished_ms is not None else None,
    )
