# SPDX-License-Identifier: Apache-2.0
"""HTTP API of bindings."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from pistegate_cloud.bindings import queries, service
from pistegate_cloud.bindings.schemas import (
    BindBody,
    BindingAnswer,
    FindBody,
    LookAnswer,
    ReasonBody,
    RevealAnswer,
    answer,
    kind_name,
)
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import Page, TicketNumber, iso
from pistegate_cloud.services import WithServices, require
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["bindings"])
BindingNumber = Annotated[int, Path(ge=1, le=2**62)]
Reader = Annotated[Caller, Depends(require(Scope.BINDINGS_READ))]
Writer = Annotated[Caller, Depends(require(Scope.BINDINGS_WRITE))]
Revealer = Annotated[Caller, Depends(require(Scope.BINDINGS_REVEAL))]


@router.post(
    "/bindings",
    status_code=201,
    responses=documented(
        "not_found",
        "bindings_off",
        "binding_kind_off",
        "identity_wrong",
        "party_bound",
        "ticket_revoked",
        "visit_date_past",
    ),
)
async def bind(body: BindBody, services: WithServices, caller: Writer) -> BindingAnswer:
    """Bind a ticket to an identity document 实名制; of a party, to one per person. Repeating changes nothing."""
    who = service.Who(caller.name, body.entered)
    return answer(await service.bind(body.ticket, body.document.identity(), who, services))


@router.get("/bindings", dependencies=[Depends(require(Scope.BINDINGS_READ))], responses=documented())
async def list_bindings(ticket: Annotated[TicketNumber, Query()]) -> Page[BindingAnswer]:
    """The bindings that a ticket has or had."""
    return Page(items=[answer(row) for row in await queries.of_ticket(ticket)])


@router.post("/bindings/find", responses=documented("unknown_reference", "bindings_off", "identity_wrong"))
async def find(body: FindBody, services: WithServices, caller: Reader) -> Page[BindingAnswer]:
    """The tickets bound to a document at a site or its group: for window, rental and tills. It is put on record."""
    rows = await service.find(body.site, body.document.identity(), caller.name, services)
    return Page(items=[answer(row) for row in rows])


@router.post("/bindings/{number}/withdraw", responses=documented("not_found", "bindings_off"))
async def withdraw(number: BindingNumber, body: ReasonBody, services: WithServices, caller: Writer) -> BindingAnswer:
    """The document opens no lane any more; the ticket itself stays good on its other media."""
    return answer(await service.withdraw(number, body.reason, caller.name, services))


@router.post(
    "/bindings/{number}/reveal",
    responses=documented("not_found", "bindings_off", "number_not_kept", "number_unreadable"),
)
async def reveal(number: BindingNumber, body: ReasonBody, services: WithServices, caller: Revealer) -> RevealAnswer:
    """The number of a document, where numbers are kept: to who must be shown it by law. It is put on record."""
    found = await service.reveal(number, body.reason, caller.name, services)
    return RevealAnswer(kind=kind_name(found.kind), number=found.number)


@router.get(
    "/bindings/{number}/looks",
    dependencies=[Depends(require(Scope.BINDINGS_REVEAL))],
    responses=documented("not_found"),
)
async def looks(number: BindingNumber) -> Page[LookAnswer]:
    """Who bound, withdrew or saw it."""
    await queries.one(number)
    rows = await queries.looks_at(number)
    return Page(
        items=[LookAnswer(action=row.action, by=row.actor, detail=row.detail, at=iso(row.at_ms)) for row in rows]
    )
