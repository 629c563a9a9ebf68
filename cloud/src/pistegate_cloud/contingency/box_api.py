# SPDX-License-Identifier: Apache-2.0
"""HTTP API of contingency tickets for boxes, which sign their requests with their own key: fetch, tell, be done."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from pistegate_cloud.authority.asking import asking_key
from pistegate_cloud.authority.models import DeviceKey
from pistegate_cloud.contingency import booking, ending, queries
from pistegate_cloud.contingency.making import code
from pistegate_cloud.contingency.models import ContingencyBatch
from pistegate_cloud.contingency.schemas import (
    BoxAnswer,
    BoxBatch,
    BoxOffer,
    BoxTicket,
    BoxTickets,
    DoneAnswer,
    DoneBody,
    SalesAnswer,
    SalesBody,
)
from pistegate_cloud.errors import Problem
from pistegate_cloud.problems import documented
from pistegate_cloud.services import Services, WithServices
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.sites.models import Site
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tokens.service import Scope
from pistegate_protocol.enrolment import device_name
from pistegate_protocol.topics import Device, Role

router = APIRouter(tags=["contingency"])
KEPT_MS = 2 * 86_400_000  # what is over is still told for so long: a box may come back late
_PROBLEMS = ("device_refused", "request_time", "not_found")
After = Annotated[int, Query(ge=0, lt=2**53, description="The last serial that is there.")]
BoxId = Annotated[str, Query(pattern="^[0-9a-f]{16}$", description="Of the box's disk, made with it.")]
Count = Annotated[int, Query(ge=1, le=500)]


@router.get("/contingency/box", responses=documented("device_refused", "request_time"))
async def read_box(request: Request, services: WithServices, box: BoxId) -> BoxAnswer:
    """The batches of the box that asks, without their tickets; and the cloud's time."""
    now_ms = services.clock.wall_ms()
    key = await asking_key(request, now_ms)
    await queries.heard(key.site_id, key.role, key.number, now_ms)
    site = await sites.site(key.site_id)
    rows = await queries.batches_of_box(key.site_id, key.role, key.number, now_ms - KEPT_MS)
    return BoxAnswer(now_ms=now_ms, batches=[_batch(row, site, box) for row in rows])


@router.get("/contingency/box/{batch_id}/tickets", responses=documented(*_PROBLEMS, "contingency_off"))
async def read_tickets(
    batch_id: UUID,
    request: Request,
    response: Response,
    services: WithServices,
    box: BoxId,
    after: After = 0,
    limit: Count = 200,
) -> BoxTickets:
    """A batch's tickets after a serial, in order: a box goes on where the line broke."""
    batch, _ = await _own(batch_id, request, services)
    key = services.settings.issuer
    signable = batch.key_id == key.key_id  # else it is of a key that is no longer the issuer's
    if batch.state != "held" or not signable or not await queries.bind_box(batch, box):
        raise Problem("contingency_off", window=batch.window, day=batch.day)
    response.headers["Cache-Control"] = "no-store"
    rows = await queries.tickets_after(batch.id, after, limit)
    return BoxTickets(
        tickets=[
            BoxTicket(serial=row.serial, number=row.number, product=row.product, code=code(row, key)) for row in rows
        ]
    )


@router.post("/contingency/box/{batch_id}/sales", responses=documented(*_PROBLEMS, *booking.PASSING))
async def tell_sales(batch_id: UUID, body: SalesBody, request: Request, services: WithServices) -> SalesAnswer:
    """Receipts of a box, each booked once however often it is told."""
    batch, caller = await _own(batch_id, request, services)
    states = {}
    for sale in body.sales:
        states[sale.receipt] = (await booking.take(batch, sale, caller, services)).state
    return SalesAnswer(states=states)


@router.post(
    "/contingency/box/{batch_id}/done", responses=documented(*_PROBLEMS, "contingency_missing", "state_conflict")
)
async def tell_done(batch_id: UUID, body: DoneBody, request: Request, services: WithServices) -> DoneAnswer:
    """The box sells no more of a batch, and has told everything: what is left is denied at every gate."""
    batch, caller = await _own(batch_id, request, services)
    return DoneAnswer(state=(await ending.done(batch, body.receipts, body.drawer, caller, services)).state)


async def _own(batch_id: UUID, request: Request, services: Services) -> tuple[ContingencyBatch, Caller]:
    """The batch, if it is of the box that asks; Problem device_refused otherwise."""
    key = await asking_key(request, services.clock.wall_ms())
    batch = await queries.batch(batch_id)
    if (batch.site_id, batch.role, batch.device) != (key.site_id, key.role, key.number):
        raise Problem("device_refused")
    return batch, _caller(key)


def _caller(key: DeviceKey) -> Caller:
    device = Device(key.site_id, Role(key.role), key.number)
    return Caller(
        name=f"{key.role} {key.number}",
        key=f"device:{device_name(device)}",
        scopes=frozenset({Scope.ORDERS_WRITE}),
        sites=frozenset({key.site_id}),
    )


def _batch(row: ContingencyBatch, site: Site, box: str) -> BoxBatch:
    offers = [
        BoxOffer(product=each["product"], name=each["name"], price=each["price"], count=each["count"])
        for each in row.offers
    ]
    return BoxBatch(
        id=row.id,
        window=row.window,
        number=row.number,
        day=row.day,
        state="elsewhere" if row.state == "held" and row.box not in (None, box) else row.state,
        first_serial=row.first_serial,
        last_serial=row.last_serial,
        currency=row.currency,
        zone=site.zone,
        site_name=site.name,
        pin_salt=row.pin_salt,
        pin_hash=row.pin_hash,
        offers=offers,
        digest=row.digest,
        until_ms=row.until_ms,
    )
