# SPDX-License-Identifier: Apache-2.0
"""HTTP API of sites, areas and posts."""

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, field_validator
from tortoise.transactions import in_transaction

from pistegate_cloud.audit.service import note_here
from pistegate_cloud.documents.catalogue import publish_everything
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import AreaNumber, Body, DeviceNumber, Name, Page, SiteFilter, SiteNumber
from pistegate_cloud.services import WithServices, require
from pistegate_cloud.sites import queries
from pistegate_cloud.sites.models import Area, Post, Site
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["sites"])
_read = [Depends(require(Scope.SITES_READ))]
_write = [Depends(require(Scope.SITES_WRITE))]


class SiteBody(Body):
    """A ski site of a group."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"number": 1, "group": 1, "name": "Snow Valley 雪谷", "zone": "Asia/Shanghai"}},
    )

    number: SiteNumber
    group: SiteNumber
    name: Name
    zone: Name

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("not a time zone such as Asia/Shanghai") from error
        return value


class AreaBody(Body):
    """An area of a site."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"site": 1, "number": 0, "name": "Main lift 主缆车"}}
    )

    site: SiteNumber
    number: AreaNumber
    name: Name


class PostBody(Body):
    """A post: the row of lanes at one entrance or lift."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"site": 1, "number": 1, "area": 0, "name": "Main lift 主缆车"}}
    )

    site: SiteNumber
    number: DeviceNumber
    area: AreaNumber
    name: Name


@router.post("/sites", status_code=201, dependencies=_write, responses=documented("already_exists"))
async def add_site(body: SiteBody, services: WithServices) -> SiteBody:
    """Add a site; what concerns its group is told to its devices from now on."""
    site = Site(number=body.number, group_number=body.group, name=body.name, zone=body.zone)
    async with in_transaction():
        await queries.add(site, f"site {body.number}")
        told = body.model_dump()
        await note_here("site.add", body.number, f"site:{body.number}", told, now_ms=services.clock.wall_ms())
    if len(await queries.of_group(body.group)) > 1:
        await publish_everything([body.number], services)
    return body


@router.get("/sites", responses=documented())
async def list_sites(caller: Annotated[Caller, Depends(require(Scope.SITES_READ))]) -> Page[SiteBody]:
    """Every site; who is bound to some sees those."""
    rows = [row for row in await queries.all_sites() if caller.sites is None or row.number in caller.sites]
    return Page(items=[SiteBody(number=r.number, group=r.group_number, name=r.name, zone=r.zone) for r in rows])


@router.post(
    "/areas", status_code=201, dependencies=_write, responses=documented("already_exists", "unknown_reference")
)
async def add_area(body: AreaBody, services: WithServices) -> AreaBody:
    """Add an area to a site."""
    await queries.site(body.site)
    row = Area(site_id=body.site, number=body.number, name=body.name)
    async with in_transaction():
        await queries.add(row, f"area {body.number}")
        subject, now_ms = f"area:{body.site}:{body.number}", services.clock.wall_ms()
        await note_here("area.add", body.site, subject, {"name": body.name}, now_ms=now_ms)
    return body


@router.get("/areas", dependencies=_read, responses=documented())
async def list_areas(site: SiteFilter = None) -> Page[AreaBody]:
    """Areas of one site or of all."""
    return Page(items=[AreaBody(site=r.site_id, number=r.number, name=r.name) for r in await queries.areas(site)])


@router.post(
    "/posts", status_code=201, dependencies=_write, responses=documented("already_exists", "unknown_reference")
)
async def add_post(body: PostBody, services: WithServices) -> PostBody:
    """Add a post to an area."""
    area = await queries.area(body.site, body.area)
    row = Post(site_id=body.site, area=area, number=body.number, name=body.name)
    async with in_transaction():
        await queries.add(row, f"post {body.number}")
        subject, now_ms = f"post:{body.site}:{body.number}", services.clock.wall_ms()
        await note_here("post.add", body.site, subject, {"name": body.name, "area": body.area}, now_ms=now_ms)
    return body


@router.get("/posts", dependencies=_read, responses=documented())
async def list_posts(site: SiteFilter = None) -> Page[PostBody]:
    """Posts of one site or of all."""
    rows = await queries.posts(site)
    return Page(items=[PostBody(site=r.site_id, number=r.number, area=r.area.number, name=r.name) for r in rows])
