# SPDX-License-Identifier: Apache-2.0
"""All queries of sites, areas and posts."""

from zoneinfo import ZoneInfo

from tortoise.exceptions import IntegrityError
from tortoise.models import Model

from pistegate_cloud import plain_sql
from pistegate_cloud.errors import Problem
from pistegate_cloud.sites.models import Area, Post, Site


async def add(row: Model, what: str) -> None:
    """Store a new row; Problem already_exists naming `what` when its number is taken."""
    try:
        await row.save(force_create=True)
    except IntegrityError:
        raise Problem("already_exists", what=what) from None


async def site(number: int) -> Site:
    """A site; Problem unknown_reference when there is none."""
    found = await plain_sql.rows(Site, "WHERE number = {}", number)
    if not found:
        raise Problem("unknown_reference", what=f"site {number}")
    return found[0]


async def zone(number: int) -> ZoneInfo:
    """The time zone of a site."""
    return ZoneInfo((await site(number)).zone)


async def area(site_number: int, number: int) -> Area:
    """An area of a site; Problem unknown_reference when there is none."""
    found = await Area.get_or_none(site_id=site_number, number=number)
    if found is None:
        raise Problem("unknown_reference", what=f"area {number} of site {site_number}")
    return found


async def post(site_number: int, number: int) -> Post:
    """A post of a site; Problem unknown_reference when there is none."""
    found = await Post.get_or_none(site_id=site_number, number=number).select_related("area")
    if found is None:
        raise Problem("unknown_reference", what=f"post {number} of site {site_number}")
    return found


async def all_sites() -> list[Site]:
    """Every site."""
    return await Site.all().order_by("number")


async def of_group(group: int) -> list[int]:
    """Numbers of the sites of a group."""
    return [
        int(str(n)) for n in await Site.filter(group_number=group).order_by("number").values_list("number", flat=True)
    ]


async def areas(site_number: int | None) -> list[Area]:
    """Areas, of one site or all."""
    query = Area.all() if site_number is None else Area.filter(site_id=site_number)
    return await query.order_by("site_id", "number")


async def posts(site_number: int | None) -> list[Post]:
    """Posts with their areas, of one site or all."""
    query = Post.all() if site_number is None else Post.filter(site_id=site_number)
    return await query.order_by("site_id", "number").prefetch_related("area")
