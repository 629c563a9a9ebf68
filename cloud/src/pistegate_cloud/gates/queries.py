# SPDX-License-Identifier: Apache-2.0
"""All queries of gates."""

from pistegate_cloud.gates.models import Gate
from pistegate_protocol.topics import Device, Role


async def gate(site: int, number: int) -> Gate | None:
    """A gate with its post and area."""
    return await Gate.get_or_none(site_id=site, number=number).select_related("post__area")


async def gates(site: int | None) -> list[Gate]:
    """Gates with their posts, of one site or all."""
    query = Gate.all() if site is None else Gate.filter(site_id=site)
    return await query.order_by("site_id", "number").select_related("post")


async def devices(site: int) -> list[Device]:
    """Addresses of all devices of a site that use documents."""
    numbers = await Gate.filter(site_id=site).values_list("number", flat=True)
    return [Device(site, Role.GATE, int(str(number))) for number in numbers]


async def save_status(gate: Gate) -> None:
    """Store the status fields."""
    fields = ("last_seen_ms", "epoch", "recent_epochs", "software", "documents", "state", "backlog")
    await gate.save(update_fields=fields)
