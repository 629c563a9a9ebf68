# SPDX-License-Identifier: Apache-2.0
"""HTTP API of codes: a bearer's code is as good as the ticket, so all of it has a scope of its own."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel

from pistegate_cloud.codes import images, service
from pistegate_cloud.codes.printing import print_pdf, print_together
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import Day, TicketNumber, iso
from pistegate_cloud.services import WithServices, require
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tokens.service import Scope
from pistegate_protocol.instants import at_minute
from pistegate_protocol.rotating import EARLY_S, LATE_S, PERIOD_S

router = APIRouter(tags=["codes"])
_NO_STORE = {"Cache-Control": "no-store"}
_PROBLEMS = ("not_found", "ticket_revoked", "code_not_issued")


async def _unkept(response: Response) -> None:
    """Dependency: no proxy keeps a ticket."""
    response.headers.update(_NO_STORE)


_MAY = [Depends(require(Scope.TICKETS_CODE)), Depends(_unkept)]


class CodeAnswer(BaseModel):
    """A ticket's code. `text`: what its QR code says, digits only; null where it rotates."""

    ticket: int
    kind: Literal["static", "rotating"]
    revision: int
    text: str | None
    issued: datetime


class SheetAnswer(BaseModel):
    """A day's chain, bytes in hex: the page shows period k of `start_minute` by hashing `seed` steps - 1 - k times."""

    day: date
    start: datetime
    start_minute: int
    steps: int
    seed: str
    body: str
    signature: str


class RotatingAnswer(BaseModel):
    """What a phone's page needs. `now` (ms since 1970): it sets its clock by it. `text`: the code of this moment, for
    comparing with its own; null when no sheet covers it. A gate takes a code from `early_s` before its period to
    `late_s` after its beginning.
    """

    ticket: int
    revision: int
    now: int
    period_s: int
    early_s: int
    late_s: int
    text: str | None
    sheets: list[SheetAnswer]


@router.post(
    "/tickets/{number}/code", dependencies=[Depends(_unkept)], responses=documented("not_found", "ticket_revoked")
)
async def give_out(
    number: TicketNumber,
    services: WithServices,
    caller: Annotated[Caller, Depends(require(Scope.TICKETS_CODE))],
) -> CodeAnswer:
    """Give the ticket out as a code. Repeat it as often as you like: it is the same code."""
    key = services.settings.issuer
    return _answer(await service.issue(number, caller.name, key, services.clock.wall_ms()))


@router.get("/tickets/{number}/code", dependencies=_MAY, responses=documented(*_PROBLEMS))
async def read_code(number: TicketNumber, services: WithServices) -> CodeAnswer:
    """The code as it was given out."""
    return _answer(await service.issued(number, services.settings.issuer))


@router.get("/tickets/{number}/code/rotating", dependencies=_MAY, responses=documented(*_PROBLEMS, "code_is_static"))
async def read_rotating(
    number: TicketNumber,
    services: WithServices,
    day: Annotated[Day | None, Query(description="The first day; today, if left out.")] = None,
    days: Annotated[int, Query(ge=1, le=8)] = 1,
) -> RotatingAnswer:
    """What a phone's page needs to show the changing code, without a network, for some days from today."""
    key, now_ms = services.settings.issuer, services.clock.wall_ms()
    found = await service.issued(number, key)
    sheets = await service.sheets(number, day, days, key, now_ms)
    return RotatingAnswer(
        ticket=number,
        revision=found.issue.revision,
        now=now_ms,
        period_s=PERIOD_S,
        early_s=EARLY_S,
        late_s=LATE_S,
        text=service.shown_at(sheets, now_ms),
        sheets=[_sheet(sheet) for sheet in sheets],
    )


@router.get(
    "/tickets/{number}/code.png",
    dependencies=_MAY,
    response_class=Response,
    responses={**documented(*_PROBLEMS, "code_rotates"), 200: {"content": {"image/png": {}}}},
)
async def read_png(number: TicketNumber, services: WithServices) -> Response:
    """The static code as a picture, for a message."""
    _, text = await service.printable(number, services.settings.issuer)
    return Response(images.png(text), media_type="image/png", headers=_NO_STORE)


@router.get(
    "/tickets/{number}/code.svg",
    dependencies=_MAY,
    response_class=Response,
    responses={**documented(*_PROBLEMS, "code_rotates"), 200: {"content": {"image/svg+xml": {}}}},
)
async def read_svg(number: TicketNumber, services: WithServices) -> Response:
    """The static code as a drawing, for a web page."""
    _, text = await service.printable(number, services.settings.issuer)
    return Response(images.svg(text), media_type="image/svg+xml", headers=_NO_STORE)


@router.get(
    "/tickets/{number}/code.pdf",
    dependencies=_MAY,
    response_class=Response,
    responses={**documented(*_PROBLEMS, "code_rotates"), 200: {"content": {"application/pdf": {}}}},
)
async def read_pdf(number: TicketNumber, services: WithServices) -> Response:
    """The static code as a page to print, with words in both languages."""
    ticket, text = await service.printable(number, services.settings.issuer)
    page = await print_pdf(ticket, text, services.settings.print)
    return Response(page, media_type="application/pdf", headers=_NO_STORE)


@router.post(
    "/orders/{order_id}/codes.pdf",
    dependencies=[Depends(_unkept)],
    response_class=Response,
    responses={**documented("not_found", "code_rotates"), 200: {"content": {"application/pdf": {}}}},
)
async def print_order(
    order_id: UUID,
    services: WithServices,
    caller: Annotated[Caller, Depends(require(Scope.TICKETS_CODE))],
) -> Response:
    """Give every ticket of an order out as a static code, on one print 合并打印: a page each. Again, the same."""
    given = await service.of_order(order_id, caller.name, services.settings.issuer, services.clock.wall_ms())
    page = await print_together(given, services.settings.print)
    return Response(page, media_type="application/pdf", headers=_NO_STORE)


def _answer(found: service.Issued) -> CodeAnswer:
    return CodeAnswer(
        ticket=found.ticket.number,
        kind="rotating" if found.rotating else "static",
        revision=found.issue.revision,
        text=found.text,
        issued=iso(found.issue.at_ms),
    )


def _sheet(sheet: service.DaySheet) -> SheetAnswer:
    return SheetAnswer(
        day=sheet.day,
        start=at_minute(sheet.sheet.start),
        start_minute=sheet.sheet.start,
        steps=sheet.sheet.steps,
        seed=sheet.sheet.seed.hex(),
        body=sheet.sheet.body.hex(),
        signature=sheet.sheet.signature.hex(),
    )
