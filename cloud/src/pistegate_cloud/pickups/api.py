# SPDX-License-Identifier: Apache-2.0
"""HTTP API of pick-up, and of a whole order given out as codes."""

from collections.abc import Sequence
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from pistegate_cloud.codes import batch
from pistegate_cloud.codes.batch import Given
from pistegate_cloud.pickups import service
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import Body, SiteNumber
from pistegate_cloud.services import WithServices, require
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["pick-up"])
_NO_STORE = {"Cache-Control": "no-store"}
_Giver = Annotated[Caller, Depends(require(Scope.TICKETS_CODE))]


class PickUpBody(Body):
    """`code`, or the order's `number` with the last four digits of the phone that the guest gave."""

    model_config = ConfigDict(
        extra="forbid",
        hide_input_in_errors=True,
        json_schema_extra={"example": {"site": 1, "code": "7QWE-4RTY-8PAS-DFGH"}},
    )

    site: SiteNumber
    code: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{8,40}$")] | None = None
    number: UUID | None = None
    phone_last: Annotated[str, Field(pattern=r"^[0-9]{4}$")] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.code is None) == (self.number is None) or (self.number is None) != (self.phone_last is None):
            raise ValueError("name code, or number with phone_last")
        return self


class PickupCode(BaseModel):
    """Told once."""

    order: UUID
    code: str


class GivenCode(BaseModel):
    """A ticket as a code; `text` null where it rotates."""

    ticket: int
    revision: int
    text: str | None


class GivenOrder(BaseModel):
    """The tickets of an order that hold."""

    order: UUID
    tickets: list[GivenCode]


@router.post("/orders/{order_id}/pickup-code", status_code=201, responses=documented("not_found", "pickup_unknown"))
async def make_code(order_id: UUID, services: WithServices, caller: _Giver, response: Response) -> PickupCode:
    """A new pick-up code for a paid order; the one before it holds no longer."""
    response.headers.update(_NO_STORE)
    return PickupCode(order=order_id, code=await service.make(order_id, caller, services))


@router.post("/pickups", responses=documented("pickup_unknown", "too_many_attempts"))
async def pick_up(body: PickUpBody, services: WithServices, caller: _Giver, response: Response) -> GivenOrder:
    """Pick-up 取票: the order's tickets as codes to print. Again, they are the same."""
    response.headers.update(_NO_STORE)
    if body.code is not None:
        order, given = await service.by_code(body.site, body.code, caller, services)
    else:
        assert body.number is not None
        order, given = await service.by_number(body.site, body.number, body.phone_last or "", caller, services)
    return _answer(order.id, given)


@router.post("/orders/{order_id}/codes", responses=documented("not_found"))
async def give_out(order_id: UUID, services: WithServices, caller: _Giver, response: Response) -> GivenOrder:
    """Give every ticket of an order out as a code, such as a group's 300. After any failure repeat it: the same."""
    response.headers.update(_NO_STORE)
    key, now_ms = services.settings.issuer, services.clock.wall_ms()
    return _answer(order_id, await batch.of_order(order_id, caller.name, key, now_ms))


def _answer(order_id: UUID, given: Sequence[Given]) -> GivenOrder:
    tickets = [GivenCode(ticket=one.ticket.number, revision=one.ticket.revision, text=one.text) for one in given]
    return GivenOrder(order=order_id, tickets=tickets)
