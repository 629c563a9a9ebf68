# SPDX-License-Identifier: Apache-2.0
"""HTTP API of gates."""

from datetime import datetime

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict

from pistegate_cloud.exceptions import queries as exceptions
from pistegate_cloud.gates import queries
from pistegate_cloud.gates.models import Gate
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import Body, DeviceNumber, Name, Page, SiteFilter, SiteNumber, iso
from pistegate_cloud.services import require
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["gates"])


class GateBody(Body):
    """A gate to add at a post."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"site": 1, "number": 1, "post": 1, "name": "Lane 通道 1"}}
    )

    site: SiteNumber
    number: DeviceNumber
    post: DeviceNumber
    name: Name


class GateStatus(BaseModel):
    """What the gate last said of itself; `alarms`: exceptions about it."""

    last_seen: datetime | None
    epoch: int | None
    software: str | None
    documents: dict[str, int]
    state: str | None
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
async def add_gate(body: GateBody) -> GateAnswer:
    """Add a gate to a post."""
    post = await sites.post(body.site, body.post)
    gate = Gate(site_id=body.site, number=body.number, post=post, name=body.name)
    await sites.add(gate, f"gate {body.number}")
    return _answer(gate, body.post, 0)


@router.get("/gates", dependencies=[Depends(require(Scope.SITES_READ))], responses=documented())
async def list_gates(site: SiteFilter = None) -> Page[GateAnswer]:
    """Gates of one site or of all, with their status."""
    rows = await queries.gates(site)
    alarms = {number: await exceptions.count_by_gate(number) for number in {row.site_id for row in rows}}
    return Page(items=[_answer(row, row.post.number, alarms[row.site_id].get(row.number, 0)) for row in rows])


def _answer(gate: Gate, post: int, alarms: int) -> GateAnswer:
    status = GateStatus(
        last_seen=iso(gate.last_seen_ms) if gate.last_seen_ms is not None else None,
        epoch=gate.epoch,
        software=gate.software,
        documents=gate.documents,
        state=gate.state,
        backlog=gate.backlog,
        alarms=alarms,
    )
    return GateAnswer(site=gate.site_id, number=gate.number, post=post, name=gate.name, status=status)
