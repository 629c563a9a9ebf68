# SPDX-License-Identifier: Apache-2.0
"""All queries of gates."""

from collections.abc import Iterable, Sequence

from tortoise.expressions import F, Q
from tortoise.transactions import in_transaction

from pistegate_cloud.authority.queries import changed
from pistegate_cloud.gates.models import Gate
from pistegate_cloud.ingest.models import EventChain
from pistegate_protocol.events import Stream
from pistegate_protocol.topics import Device, Role

TELLING = (Role.GATE, Role.TILL)  # roles that change cards; a handheld only reads them


async def gate(site: int, number: int) -> Gate | None:
    """A gate, or another device that tells events, with its post and area."""
    return await Gate.get_or_none(site_id=site, number=number).select_related("post__area")


async def gates(site: int | None) -> list[Gate]:
    """Gates with their posts, of one site or all."""
    query = Gate.all() if site is None else Gate.filter(site_id=site)
    return await query.order_by("site_id", "number").select_related("post")


async def devices(site: int) -> list[Device]:
    """Addresses of all devices of a site that use documents."""
    rows = await Gate.filter(site_id=site, retired_ms=None).values_list("role", "number")
    return [Device(site, Role(str(role)), int(str(number))) for role, number in rows]


async def forget_hellos() -> None:
    """Of a restored database: nobody was heard by it, and what devices have now may be newer than what it knows."""
    await Gate.all().update(last_seen_ms=None)


async def told(site: int) -> list[tuple[Device, int | None, dict[str, int]]]:
    """All devices of a site that use documents: when each said hello last, and which versions it had then."""
    rows = await Gate.filter(site_id=site, retired_ms=None)
    return [(Device(site, Role(row.role), row.number), row.last_seen_ms, dict(row.documents)) for row in rows]


async def registered(addresses: Iterable[tuple[int, int]]) -> dict[tuple[int, int], tuple[Role, bool]]:
    """By (site, number): the role of a device, and whether it is retired; unregistered ones are left out."""
    wanted = set(addresses)
    rows = await Gate.filter(
        site_id__in={site for site, _ in wanted}, number__in={number for _, number in wanted}
    ).values_list("site_id", "number", "role", "retired_ms")
    return {
        (int(site), int(number)): (Role(role), retired is not None)
        for site, number, role, retired in rows
        if (site, number) in wanted
    }


async def untold(group: int) -> dict[tuple[int, int], int]:
    """Until when each device of a group that changes cards has told everything, by (site, number); 0: never.

    A device whose stored events are not applied yet counts as never: what it told is not in the books.
    """
    rows = await Gate.filter(site__group_number=group, retired_ms=None, role__in=TELLING).values_list(
        "site_id", "number", "told_ms"
    )
    told = {(int(site), int(number)): int(at or 0) for site, number, at in rows}
    behind = await EventChain.filter(
        site__in={site for site, _ in told}, stream=Stream.LEDGER, applied_seq__lt=F("seq")
    ).values_list("site", "gate")
    return told | {(int(site), int(number)): 0 for site, number in behind if (site, number) in told}


async def in_touch(sites: Sequence[int], since_ms: int) -> tuple[int, int]:
    """Gates at some sites that were heard since then, and those that were not."""
    rows = Gate.filter(site_id__in=list(sites), role=Role.GATE, retired_ms=None)
    heard = await rows.filter(last_seen_ms__gte=since_ms).count()
    return heard, await rows.count() - heard


async def retire(site: int, number: int, at_ms: int | None) -> bool:
    """Take a device out of use, or back (None); whether there is such a device."""
    async with in_transaction():
        await changed()
        return bool(await Gate.filter(site_id=site, number=number).update(retired_ms=at_ms))


async def save_status(gate: Gate) -> None:
    """Store the status fields; `told_ms` never goes back."""
    fields = ("last_seen_ms", "epoch", "recent_epochs", "software", "documents", "state", "backlog")
    await gate.save(update_fields=fields)
    if gate.told_ms is not None:
        later = Gate.filter(Q(told_ms=None) | Q(told_ms__lt=gate.told_ms), id=gate.id)
        await later.update(told_ms=gate.told_ms)
