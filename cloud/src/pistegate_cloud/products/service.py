# SPDX-License-Identifier: Apache-2.0
"""Adding products: what a claim cannot tell, or a gate could not check, is refused before anything is sold."""

from tortoise.transactions import in_transaction

from pistegate_cloud.audit.service import note
from pistegate_cloud.calendars import queries as calendars
from pistegate_cloud.errors import Problem
from pistegate_cloud.products.models import Product
from pistegate_cloud.products.schemas import ProductBody
from pistegate_cloud.products.terms import check
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.sites.models import Site
from pistegate_cloud.staff.caller import Caller
from pistegate_protocol.claims import Scope


def scope_of(product: Product, site: Site) -> Scope:
    """Where claims of a product of `site` hold."""
    return Scope(site.group_number, group=True) if product.scope == "group" else Scope(site.number)


async def add(body: ProductBody, caller: Caller, now_ms: int) -> Product:
    """Add a product; Problem when it exists, names what does not, or its claims cannot be told."""
    site = await sites.site(body.site)
    known = {area.number for area in await sites.areas(body.site)}
    unknown = sorted(set(body.areas) - known)
    if unknown:
        raise Problem("unknown_reference", what=f"area {unknown[0]} of site {body.site}")
    values = body.model_dump(exclude={"site", "terms"}, by_alias=True)
    terms = body.terms.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    product = Product(site_id=body.site, terms=terms or None, **values)
    if body.kind == "ticket":
        check(product, scope_of(product, site))
    await _check_blackout(body, site)
    async with in_transaction():
        await sites.add(product, f"product {body.number} or code {body.code}")
        told = body.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        await note(caller, "products.add", body.site, f"product:{body.number}", after=told, now_ms=now_ms)
    return product


async def _check_blackout(body: ProductBody, site: Site) -> None:
    """Problem unless the calendar that the product names is known at every gate where its claims hold."""
    number = body.terms.blackout
    if number is None:
        return
    visible = {row.number: row for row in await calendars.visible(site.number, site.group_number)}
    if number not in visible:
        raise Problem("unknown_reference", what=f"calendar {number} at site {site.number}")
    if body.scope == "group" and visible[number].group_number is None:
        raise Problem("unknown_reference", what=f"calendar {number} of the whole group {site.group_number}")
