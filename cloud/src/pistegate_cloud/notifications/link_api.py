# SPDX-License-Identifier: Apache-2.0
"""HTTP API of links to ticket pages: made by staff, opened by anybody who has one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict
from tortoise.transactions import in_transaction

from pistegate_cloud.codes import api as codes
from pistegate_cloud.errors import Problem
from pistegate_cloud.notifications import links
from pistegate_cloud.problems import documented
from pistegate_cloud.products import terms
from pistegate_cloud.schemas import Body, TicketNumber
from pistegate_cloud.services import Services, WithServices, require
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.staff.caller import CALLING, Caller
from pistegate_cloud.tickets import queries as tickets
from pistegate_cloud.tickets.models import Ticket
from pistegate_cloud.tokens.service import Scope


async def _unkept(response: Response) -> None:
    """Dependency: nothing on the way keeps a ticket, and no page that it leads to hears of it."""
    response.headers.update({"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"})


router = APIRouter(tags=["links"], dependencies=[Depends(_unkept)])
Token = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{16,64}$")]
Writer = Annotated[Caller, Depends(require(Scope.TICKETS_CODE))]
_OPENING = ("link_unknown", "link_over", "too_many_attempts")


class LinkAnswer(BaseModel):
    """A new link, told this once; `url` is null where cloud.toml has no [notifications]."""

    token: str
    url: str | None


class LinkedTicket(BaseModel):
    """A ticket as its guest sees it. `code`: static or rotating."""

    number: int
    name: dict[str, str]
    holder: str
    valid_from: date
    valid_until: date
    status: str
    party: int
    code: str


class LinkedAnswer(BaseModel):
    """What a link leads to: one ticket, whose code may be asked for, or an order's tickets, to be handed on."""

    kind: str
    site: str
    tickets: list[LinkedTicket]


class ForwardBody(Body):
    """Which ticket of the order to hand on."""

    model_config = ConfigDict(json_schema_extra={"example": {"ticket": 187649984473770}})

    ticket: TicketNumber


@router.post(
    "/tickets/{number}/link", status_code=201, responses=documented("not_found", "link_over", "state_conflict")
)
async def make_link(number: TicketNumber, services: WithServices, caller: Writer) -> LinkAnswer:
    """A new link to the ticket's page, for one person; the former one is over."""
    ticket = await tickets.ticket(number)
    async with in_transaction():
        token = await links.of_ticket(ticket, caller, services.clock.wall_ms())
    return _answer(token, services)


@router.post("/tickets/{number}/link/end", status_code=204, responses=documented("not_found"))
async def end_link(number: TicketNumber, services: WithServices, caller: Writer) -> None:
    """The ticket's link leads nowhere any more; the ticket itself holds."""
    await links.end(await tickets.ticket(number), caller, services.clock.wall_ms())


@router.get("/t/{token}", responses=documented(*_OPENING))
async def open_link(token: Token, request: Request, services: WithServices) -> LinkedAnswer:
    """What the link leads to. Looking starts no clock."""
    async with _opening(token, request, services) as found:
        site = await sites.site(found.link.site_id)
        kind = "ticket" if found.link.ticket_id is not None else "order"
        return LinkedAnswer(kind=kind, site=site.name, tickets=[_ticket(row) for row in found.tickets])


@router.post("/t/{token}/links", status_code=201, responses=documented(*_OPENING, "not_found", "state_conflict"))
async def forward(token: Token, body: ForwardBody, request: Request, services: WithServices) -> LinkAnswer:
    """From an order's list: a link for one person, to be handed on; who had one to this ticket has it no more."""
    async with _opening(token, request, services) as found:
        mine = next((row for row in found.tickets if row.number == body.ticket), None)
        if mine is None or found.link.order_id is None:
            raise Problem("not_found", what=f"ticket {body.ticket}")
        async with in_transaction():
            made = await links.of_ticket(mine, links.guest(found.link), services.clock.wall_ms())
        return _answer(made, services)


@router.post("/t/{token}/code", responses=documented(*_OPENING, "not_found", "ticket_revoked"))
async def give_out(token: Token, request: Request, services: WithServices) -> codes.CodeAnswer:
    """Show the ticket's code from now on, as POST /tickets/{number}/code. A time that begins with the sale begins."""
    async with _opening(token, request, services) as found:
        CALLING.set(links.guest(found.link))
        return await codes.give_out(_only(found), services, links.guest(found.link))


@router.get(
    "/t/{token}/code.png",
    response_class=Response,
    responses={
        **documented(*_OPENING, "not_found", "ticket_revoked", "code_not_issued", "code_rotates"),
        200: {"content": {"image/png": {}}},
    },
)
async def read_png(token: Token, request: Request, services: WithServices) -> Response:
    """The static code as a picture, once it was asked for."""
    async with _opening(token, request, services) as found:
        return await codes.read_png(_only(found), services)


@router.get(
    "/t/{token}/rotating",
    responses=documented(*_OPENING, "not_found", "ticket_revoked", "code_not_issued", "code_is_static", "code_day"),
)
async def read_rotating(token: Token, request: Request, services: WithServices) -> codes.RotatingAnswer:
    """What the guest's page needs to show the changing code, once it was asked for."""
    async with _opening(token, request, services) as found:
        return await codes.read_rotating(_only(found), services, None, 1)


@asynccontextmanager
async def _opening(token: str, request: Request, services: Services) -> AsyncIterator[links.Opened]:
    """What the token leads to. Wrong ones are counted by address; a right one always opens."""
    address, now = request.client.host if request.client else "", services.clock.monotonic()
    try:
        found = await links.opened(token, services.clock.wall_ms())
    except Problem as problem:
        if problem.code != "link_unknown":
            raise
        if not services.link_attempts.allowed(address, now):
            raise Problem("too_many_attempts") from None
        services.link_attempts.failed(address, now)
        raise
    yield found


def _only(found: links.Opened) -> int:
    """The number of the ticket that a link is for; an order's list shows no codes: whoever has it could be anybody."""
    if found.link.ticket_id is None:
        raise Problem("not_found", what="ticket of an order's list: make a link for it first")
    return found.link.ticket_id


def _ticket(row: Ticket) -> LinkedTicket:
    return LinkedTicket(
        number=row.number,
        name=row.product.name,
        holder=row.product.holder,
        valid_from=row.valid_from,
        valid_until=row.last_day,
        status=row.status,
        party=row.product.party,
        code="rotating" if terms.rotates(row.product) else "static",
    )


def _answer(token: str, services: Services) -> LinkAnswer:
    page = services.settings.notifications
    return LinkAnswer(token=token, url=None if page is None else page.ticket_page + token)
