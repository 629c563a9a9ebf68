# SPDX-License-Identifier: Apache-2.0
"""All queries of pick-up codes."""

from uuid import UUID

from tortoise.expressions import F

from pistegate_cloud.orders.models import Order
from pistegate_cloud.pickups.models import Pickup


async def replace(row: Pickup) -> None:
    """Keep an order's newest code; the one before it holds no longer."""
    await Pickup.bulk_create([row], on_conflict=("order_id",), update_fields=("digest", "actor", "created_ms"))


async def by_digest(site: int, digest: str) -> Order | None:
    """The order of a code at a site."""
    row = await Pickup.get_or_none(site_id=site, digest=digest).select_related("order")
    return None if row is None else row.order


async def by_number(site: int, number: UUID) -> Order | None:
    """An order of a site by its number."""
    return await Order.get_or_none(id=number, site_id=site)


async def picked(order_id: UUID, now_ms: int) -> None:
    """Count that an order was picked up, where it has a code."""
    await Pickup.filter(order_id=order_id).update(picked_ms=now_ms, times=F("times") + 1)
