# SPDX-License-Identifier: Apache-2.0
"""HTTP API of tickets."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from pistegate_cloud.cards.desk import DESK_PROBLEMS, USABLE_PROBLEMS, Desk
from pistegate_cloud.orders.idempotency import AnsweredMeanwhile, Repeatable
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import Body, DeviceNumber, Hub, Reason, SiteNumber, TicketNumber, WaitMs, iso
from pistegate_cloud.services import IdempotencyKey, WithServices, require
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tickets import exposure, issuing, queries, service
from pistegate_cloud.tickets.models import CardWrite, Ticket
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["tickets"])

ISSUE_PROBLEMS = (
    *DESK_PROBLEMS,
    *USABLE_PROBLEMS,
    "not_found",
    "card_holds_ticket",
    "card_not_blank",
    "wrong_site",
    "ticket_revoked",
    "ticket_issued",
    "ticket_reissues_exhausted",
    "document_full",
    "request_in_progress",
    "idempotency_key_reused",
)


class IssueBody(Body):
    """Which encoder the card lies on, and how long to wait for it.

    `site`: of the encoder, where it is not the ticket's (tickets of a group). `give_up`: a ticket that the card holds
    and may lose.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"encoder": 1, "wait_ms": 5000}})

    encoder: DeviceNumber
    site: SiteNumber | None = None
    wait_ms: WaitMs = 5000
    give_up: TicketNumber | None = None


class IssueAnswer(BaseModel):
    """A ticket now on a card: `uid` and `claim` (its digest) in hex, `round_trips` of the relay."""

    ticket: int
    status: str
    uid: str
    revision: int
    claim: str
    round_trips: int


class RevokeBody(Body):
    """Why."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"reason": "reported stolen"}})

    reason: Reason


class CardAnswer(BaseModel):
    """A card that a ticket was sent to; `written` null: the card never confirmed."""

    uid: str
    encoder: int
    revision: int
    claim: str
    sent: datetime
    written: datetime | None


class TicketAnswer(BaseModel):
    """A ticket; `valid_until` as it was sold, `last_day` as amended."""

    number: int
    site: int
    order: UUID
    product: int
    status: str
    revision: int
    valid_from: date
    valid_until: date
    last_day: date
    cards: list[CardAnswer]


class ExposureAnswer(BaseModel):
    """Persons at most: allowance x (isolated groups, where there are pointers, + cards); null: without limit."""

    ticket: int
    allowance_day: int | None = Field(description="Persons that were paid for, on one day.")
    allowance_total: int | None
    cards: int = Field(description="Cards that may be shown with it, each with a count of its own.")
    pointers: bool = Field(description="Whether a code, document or finger lets in: counted by the gates.")
    gates: int = Field(description="Gates in touch, where the ticket holds.")
    silent: int = Field(description="Gates not heard of for two minutes.")
    groups: int = Field(description="Groups of gates that do not hear each other.")
    most_day: int | None
    most_total: int | None


@router.post("/tickets/{number}/issue", responses=documented(*ISSUE_PROBLEMS))
async def issue(
    number: TicketNumber,
    body: IssueBody,
    services: WithServices,
    caller: Annotated[Caller, Depends(require(Scope.TICKETS_ISSUE))],
    idempotency_key: IdempotencyKey = None,
) -> IssueAnswer:
    """Write the ticket to the card on an encoder. Repeat it after any failure: it is completed, never doubled."""
    request = Repeatable.of(caller, f"issue {number}", idempotency_key, body)
    kept = await request.answered()
    if kept is not None:
        return IssueAnswer.model_validate(kept)
    site = (await queries.ticket(number)).site_id if body.site is None else body.site
    desk = Desk(site, body.encoder, body.wait_ms, caller.name)
    done = await issuing.issue(number, desk, services, body.give_up)
    answer = issue_answer(done)
    try:
        await request.keep(answer, services.clock.wall_ms())
    except AnsweredMeanwhile:
        return IssueAnswer.model_validate(await request.answered())
    return answer


@router.get("/tickets/{number}", dependencies=[Depends(require(Scope.TICKETS_READ))], responses=documented("not_found"))
async def read_ticket(number: TicketNumber) -> TicketAnswer:
    """One ticket and the cards it was sent to."""
    return _answer(await queries.ticket(number), await queries.writes_of(number))


@router.get(
    "/tickets/{number}/exposure", dependencies=[Depends(require(Scope.TICKETS_READ))], responses=documented("not_found")
)
async def read_exposure(number: TicketNumber, services: WithServices, hub: Hub = False) -> ExposureAnswer:
    """How many persons the ticket lets in at most while gates do not hear each other."""
    found = await exposure.of_ticket(await queries.ticket(number), services.clock.wall_ms(), hub=hub)
    return ExposureAnswer(
        ticket=number,
        allowance_day=found.sold.day,
        allowance_total=found.sold.total,
        cards=found.carried.cards,
        pointers=found.carried.pointers,
        gates=found.groups.heard,
        silent=found.groups.silent,
        groups=found.groups.isolated,
        most_day=found.most.day,
        most_total=found.most.total,
    )


@router.post(
    "/tickets/{number}/revoke",
    dependencies=[Depends(require(Scope.TICKETS_REVOKE))],
    responses=documented("not_found", "state_conflict", "document_full"),
)
async def revoke(number: TicketNumber, body: RevokeBody, services: WithServices) -> TicketAnswer:
    """Revoke a ticket: every gate of the site is told at once, and refuses it from then on."""
    ticket = await service.revoke(number, body.reason, services)
    return _answer(ticket, await queries.writes_of(number))


@router.post(
    "/tickets/{number}/allow",
    dependencies=[Depends(require(Scope.TICKETS_REVOKE))],
    responses=documented("not_found", "state_conflict", "document_full"),
)
async def allow(number: TicketNumber, services: WithServices) -> TicketAnswer:
    """A ticket that was denied and not revoked (used beyond what was sold, say) holds again at every gate."""
    ticket = await service.allow(number, services)
    return _answer(ticket, await queries.writes_of(number))


def issue_answer(done: issuing.Issued) -> IssueAnswer:
    """As JSON."""
    return IssueAnswer(
        ticket=done.ticket.number,
        status=done.ticket.status,
        uid=done.write.uid,
        revision=done.write.revision,
        claim=done.write.claim_digest,
        round_trips=done.round_trips,
    )


def _answer(ticket: Ticket, writes: list[CardWrite]) -> TicketAnswer:
    return TicketAnswer(
        number=ticket.number,
        site=ticket.site_id,
        order=ticket.order_id,
        product=ticket.product.number,
        status=ticket.status,
        revision=ticket.revision,
        valid_from=ticket.valid_from,
        valid_until=ticket.valid_until,
        last_day=ticket.last_day,
        cards=[
            CardAnswer(
                uid=write.uid,
                encoder=write.encoder,
                revision=write.revision,
                claim=write.claim_digest,
                sent=iso(write.sent_ms),
                written=iso(write.done_ms) if write.done_ms is not None else None,
            )
            for write in writes
        ],
    )
