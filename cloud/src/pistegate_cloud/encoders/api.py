# SPDX-License-Identifier: Apache-2.0
"""HTTP API of encoders."""

from datetime import datetime

from fastapi import APIRouter, Depends
from pydantic import ConfigDict
from tortoise.transactions import in_transaction

from pistegate_cloud.audit.service import note_here
from pistegate_cloud.encoders import queries
from pistegate_cloud.encoders.models import Encoder
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import Body, DeviceNumber, Name, Page, SiteFilter, SiteNumber, iso
from pistegate_cloud.services import WithServices, require
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["encoders"])


class EncoderBody(Body):
    """An encoder to add. `trusted`: it stands where blank cards may get their keys, out of reach of guests."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"site": 1, "number": 1, "name": "Window 窗口 1"}}
    )

    site: SiteNumber
    number: DeviceNumber
    name: Name
    trusted: bool = False


class TrustBody(Body):
    """Whether blank cards may get their keys here."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"site": 1, "trusted": True}})

    site: SiteNumber
    trusted: bool


class EncoderAnswer(EncoderBody):
    """An encoder and when it was last heard."""

    last_seen: datetime | None = None
    state: str | None = None


@router.post(
    "/encoders",
    status_code=201,
    dependencies=[Depends(require(Scope.SITES_WRITE))],
    responses=documented("already_exists", "unknown_reference"),
)
async def add_encoder(body: EncoderBody, services: WithServices) -> EncoderAnswer:
    """Add an encoder to a site."""
    await sites.site(body.site)
    row = Encoder(site_id=body.site, number=body.number, name=body.name, trusted=body.trusted)
    told = {"name": body.name, "trusted": body.trusted}
    async with in_transaction():
        await sites.add(row, f"encoder {body.number}")
        await _note("encoder.add", body.site, body.number, told, services)
    return EncoderAnswer(**body.model_dump())


@router.post(
    "/encoders/{number}/trust",
    dependencies=[Depends(require(Scope.SITES_WRITE))],
    responses=documented("unknown_reference"),
)
async def trust_encoder(number: DeviceNumber, body: TrustBody, services: WithServices) -> EncoderAnswer:
    """Say whether an encoder is trusted; it holds for the next card."""
    row = await queries.encoder(body.site, number)
    async with in_transaction():
        await queries.trust(row, body.trusted)
        await _note("encoder.trust", body.site, number, {"trusted": body.trusted}, services)
    return _answer(row)


@router.get("/encoders", dependencies=[Depends(require(Scope.SITES_READ))], responses=documented())
async def list_encoders(site: SiteFilter = None) -> Page[EncoderAnswer]:
    """Encoders of one site or of all."""
    return Page(items=[_answer(row) for row in await queries.encoders(site)])


async def _note(action: str, site: int, number: int, told: dict[str, object], services: WithServices) -> None:
    await note_here(action, site, f"encoder:{site}:{number}", told, now_ms=services.clock.wall_ms())


def _answer(row: Encoder) -> EncoderAnswer:
    return EncoderAnswer(
        site=row.site_id,
        number=row.number,
        name=row.name,
        trusted=row.trusted,
        last_seen=iso(row.last_seen_ms) if row.last_seen_ms is not None else None,
        state=row.state,
    )
