# SPDX-License-Identifier: Apache-2.0
"""HTTP API of encoders."""

from datetime import datetime

from fastapi import APIRouter, Depends
from pydantic import ConfigDict

from pistegate_cloud.encoders import queries
from pistegate_cloud.encoders.models import Encoder
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import Body, DeviceNumber, Name, Page, SiteFilter, SiteNumber, iso
from pistegate_cloud.services import require
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["encoders"])


class EncoderBody(Body):
    """An encoder to add."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"site": 1, "number": 1, "name": "Window 窗口 1"}}
    )

    site: SiteNumber
    number: DeviceNumber
    name: Name


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
async def add_encoder(body: EncoderBody) -> EncoderAnswer:
    """Add an encoder to a site."""
    await sites.site(body.site)
    await sites.add(Encoder(site_id=body.site, number=body.number, name=body.name), f"encoder {body.number}")
    return EncoderAnswer(**body.model_dump())


@router.get("/encoders", dependencies=[Depends(require(Scope.SITES_READ))], responses=documented())
async def list_encoders(site: SiteFilter = None) -> Page[EncoderAnswer]:
    """Encoders of one site or of all."""
    items = [
        EncoderAnswer(
            site=row.site_id,
            number=row.number,
            name=row.name,
            last_seen=iso(row.last_seen_ms) if row.last_seen_ms is not None else None,
            state=row.state,
        )
        for row in await queries.encoders(site)
    ]
    return Page(items=items)
