# SPDX-License-Identifier: Apache-2.0
"""All queries of products."""

from pistegate_cloud import plain_sql
from pistegate_cloud.products.models import Product


async def products(site: int | None) -> list[Product]:
    """Products, of one site or all."""
    query = Product.all() if site is None else Product.filter(site_id=site)
    return await query.order_by("site_id", "number")


async def by_number(site: int, numbers: set[int]) -> dict[int, Product]:
    """Products of a site by number."""
    rows = await plain_sql.rows(Product, "WHERE site_id = {} AND number IN ({})", site, numbers)
    return {row.number: row for row in rows}
