# SPDX-License-Identifier: Apache-2.0
"""All queries of price lists and quotes."""

from uuid import UUID

from tortoise.exceptions import IntegrityError

from pistegate_cloud import plain_sql
from pistegate_cloud.errors import Problem
from pistegate_cloud.pricing.models import PriceList, Quote


async def at(site: int, now_ms: int) -> UUID | None:
    """The list that holds at a site at that moment."""
    asked = "site_id = {} AND from_ms <= {} ORDER BY from_ms DESC, version DESC LIMIT 1"
    found = await plain_sql.values(PriceList, ("id",), asked, site, now_ms)
    return UUID(str(found[0]["id"])) if found else None


async def one(list_id: UUID) -> PriceList:
    """A list; Problem not_found."""
    found = await PriceList.get_or_none(id=list_id)
    if found is None:
        raise Problem("not_found", what=f"price list {list_id}")
    return found


async def newest(site: int) -> PriceList | None:
    """The list of a site that was published last."""
    return await PriceList.filter(site_id=site).order_by("-version").first()


async def lists(site: int | None) -> list[PriceList]:
    """Lists without their content, newest first."""
    query = PriceList.all() if site is None else PriceList.filter(site_id=site)
    names = ("id", "site_id", "version", "from_ms", "note", "actor", "published_ms")
    return await query.order_by("site_id", "-version").only(*names)


async def add_version(row: PriceList) -> None:
    """Store a list under the next version of its site; Problem already_exists when another got that at once."""
    last = await newest(row.site_id)
    row.version = last.version + 1 if last else 1
    try:
        await row.save(force_create=True)
    except IntegrityError:
        raise Problem("already_exists", what=f"price list {row.version} of site {row.site_id}") from None


async def add(row: Quote) -> None:
    """Store a quote."""
    await row.save(force_create=True)


async def quote(quote_id: UUID) -> Quote:
    """A quote; Problem unknown_reference."""
    found = await Quote.get_or_none(id=quote_id)
    if found is None:
        raise Problem("unknown_reference", what=f"quote {quote_id}")
    return found


async def forget_quotes(site: int, before_ms: int) -> None:
    """Delete a site's quotes that ended before."""
    await Quote.filter(site_id=site, until_ms__lt=before_ms).delete()
