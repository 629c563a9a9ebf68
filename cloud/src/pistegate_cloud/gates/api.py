# SPDX-License-Identifier: Apache-2.0
"""HTTP API of gates, tills and handhelds: the devices that tell events. Their numbers are one space per site."""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, model_validator
from tortoise.transactions import in_transaction

from pistegate_cloud.audit.service import note_here
from pistegate_cloud.clocks import queries as clocks
from pistegate_cloud.clocks.models import ClockState
from pistegate_cloud.errors import Problem
from pistegate_cloud.exceptions import queries as exceptions
from pistegate_cloud.gates import queries
from pistegate_cloud.gates.models import Gate
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import Body, DeviceNumber, Name, Page, SiteFilter, SiteNumber, iso
from pistegate_cloud.services import WithServices, require
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["gates"])


class GateBody(Body):
    """A device to add: a gate at its post, or a till or an attendant's handheld (inspect), which stand at none."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"site": 1, "number": 1, "post": 1, "name": "Lane 通道 1", "role": "gate"}},
    )

    site: SiteNumber
    number: DeviceNumber
    post: DeviceNumber | None = None
    name: Name
    role: Literal["gate", "till", "inspect"] = "gate"

    @model_validator(mode="after")
    def _post_fits_role(self) -> "GateBody":
        if (self.post is None) == (self.role == "gate"):
            raise ValueError("a gate stands at a post; a till or a handheld at none")
        return self


class RetireBody(Body):
    """Which device, and whether it goes or comes back."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"site": 1, "number": 2}})

    site: SiteNumber
    number: DeviceNumber
    retired: bool = True


class GateStatus(BaseModel):
    """What the device last said of itself; `alarms`: exceptions about it; `told`: it has told everything up to then.

    `clock`: "trusted: WHY", or "suspect: WHY" while the gate is not sure of its time; null: it has not told.
    """

    last_seen: datetime | None
    told: datetime | None
    retired: datetime | None
    epoch: int | None
    software: str | None
    documents: dict[str, int]
    state: str | None
    clock: str | None
    backlog: int | None
    alarms: int


class GateAnswer(GateBody):
    """A gate and its status."""

    status: GateStatus


@router.post(
    "/gates",
    status_code=201,
    dependencies=[Depends(require(Scope.SITES_WRITE))],
    responses=documented("already_exists", "unknown_reference"),
)
async def add_gate(body: GateBody, services: WithServices) -> GateAnswer:
    """Add a gate to a post, or a till or a handheld to a site."""
    await sites.site(body.site)
    post = await sites.post(body.site, body.post) if body.post is not None else None
    gate = Gate(site_id=body.site, number=body.number, post=post, name=body.name, role=body.role)
    subject, now_ms = f"{body.role}:{body.site}:{body.number}", services.clock.wall_ms()
    async with in_transaction():
        await sites.add(gate, f"{body.role} {body.number}")
        await note_here("gate.add", body.site, subject, {"name": body.name, "post": body.post}, now_ms=now_ms)
    return _answer(gate, 0, None)


@router.post(
    "/gates/retire",
    status_code=204,
    dependencies=[Depends(require(Scope.SITES_WRITE))],
    responses=documented("unknown_reference"),
)
async def retire_gate(body: RetireBody, services: WithServices) -> None:
    """Take a stolen or dismantled device out of use: its messages go into quarantine, and nobody waits for them.

    `retired` false takes it back; what it kept then comes in.
    """
    now_ms = services.clock.wall_ms()
    async with in_transaction():
        if not await queries.retire(body.site, body.number, now_ms if body.retired else None):
            raise Problem("unknown_reference", what=f"gate {body.number} of site {body.site}")
        told = {"retired": body.retired}
        await note_here("gate.retire", body.site, f"gate:{body.site}:{body.number}", told, now_ms=now_ms)


@router.get("/gates", dependencies=[Depends(require(Scope.SITES_READ))], responses=documented())
async def list_gates(site: SiteFilter = None) -> Page[GateAnswer]:
    """Gates, tills and handhelds of one site or of all, with their status."""
    rows = await queries.gates(site)
    alarms = {number: await exceptions.count_by_gate(number) for number in {row.site_id for row in rows}}
    states = await clocks.newest((row.site_id, row.number, row.epoch) for row in rows if row.epoch is not None)
    items = [
        _answer(row, alarms[row.site_id].get(row.number, 0), states.get((row.site_id, row.number, row.epoch or 0)))
        for row in rows
    ]
    return Page(items=items)


def _answer(gate: Gate, alarms: int, clock: ClockState | None) -> GateAnswer:
    status = GateStatus(
        last_seen=iso(gate.last_seen_ms) if gate.last_seen_ms is not None else None,
        told=iso(gate.told_ms) if gate.told_ms is not None else None,
        retired=iso(gate.retired_ms) if gate.retired_ms is not None else None,
        epoch=gate.epoch,
        software=gate.software,
        documents=gate.documents,
        state=gate.state,
        clock=f"{'trusted' if clock.trusted else 'suspect'}: {clock.reason}" if clock is not None else None,
        backlog=gate.backlog,
        alarms=alarms,
    )
    return GateAnswer.model_construct(
        site=gate.site_id,
        number=gate.number,
        post=gate.post.number if gate.post else None,
        name=gate.name,
        role=gate.role,
        status=status,
    )
