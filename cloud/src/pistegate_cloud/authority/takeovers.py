# SPDX-License-Identifier: Apache-2.0
"""Spares that may stand at a gate's place: allowed ahead of time, by a document, so that it works without the WAN."""

from collections.abc import Iterable

from tortoise.transactions import in_transaction

from pistegate_cloud.audit.service import note_here
from pistegate_cloud.authority.models import PlaceTaken, Takeover
from pistegate_cloud.documents import service as documents
from pistegate_cloud.errors import Problem
from pistegate_cloud.gates import queries as gates
from pistegate_cloud.gates.models import Gate
from pistegate_cloud.settings import SigningKey
from pistegate_protocol.documents import TakeoverList

DAYS_MAX = 400
DAY_MS = 86_400_000
LATE_MS = DAY_MS  # a spare's clock may be so far out, and it may stand there so long after the end of its permission


async def allow(
    site: int, spare: int, of: Iterable[int], days: int, actor: str, key: SigningKey, now_ms: int
) -> dict[int, bytes]:
    """`spare` may stand at each of these gates' places for `days` from now; the message to `push_all`.

    Problem unknown_reference. What it was allowed before is replaced.
    """
    await _gate(site, spare)
    places = [await _gate(site, number) for number in of]
    async with in_transaction():
        await documents.lock([site])
        await Takeover.filter(site_id=site, spare=spare, withdrawn_ms=None).update(withdrawn_ms=now_ms)
        for place in places:
            await Takeover.create(
                site_id=site,
                spare=spare,
                gate=place.number,
                from_ms=now_ms,
                until_ms=now_ms + days * DAY_MS,
                actor=actor,
                created_ms=now_ms,
            )
        told = {"of": [place.number for place in places], "days": days}
        await note_here("device.takeover", site, f"gate:{site}:{spare}", told, now_ms=now_ms)
        return await publish([site], key, now_ms)


async def publish(where: Iterable[int], key: SigningKey, now_ms: int) -> dict[int, bytes]:
    """Tell the devices of these sites, in the caller's transaction."""

    async def entries_of(site: int) -> list[tuple[int, int, int, int, int, list[int]]]:
        allowed = Takeover.filter(site_id=site, withdrawn_ms=None, until_ms__gt=now_ms)
        found = []
        rows = {row.number: row for row in await gates.gates(site)}
        for each in await allowed.order_by("spare", "gate"):
            place = await gates.gate(site, each.gate)
            if place is None or place.post is None:
                continue
            post = [number for number, row in rows.items() if row.post_id == place.post_id]
            numbers = sorted({*post, each.spare})
            found.append((each.spare, each.gate, each.from_ms, each.until_ms, place.post.area.number, numbers))
        return found

    return await documents.publish_for(where, TakeoverList, entries_of, key, now_ms)


async def may_stand(site: int, spare: int, of: int, at_ms: int) -> bool:
    """Whether a spare was allowed that place then, give or take LATE_MS; a withdrawal counts from when it was made."""
    rows = Takeover.filter(
        site_id=site, spare=spare, gate=of, from_ms__lte=at_ms + LATE_MS, until_ms__gt=at_ms - LATE_MS
    )
    return any(row.withdrawn_ms is None or row.withdrawn_ms > at_ms - LATE_MS for row in await rows)


async def stood_at(site: int, gate: int, epoch: int) -> int | None:
    """At whose place this epoch of a spare was."""
    row = await PlaceTaken.filter(site_id=site, gate=gate, epoch=epoch).order_by("-seq").first()
    return None if row is None else row.of


async def standing(site: int | None) -> dict[tuple[int, int], int]:
    """At whose place each gate's newest run stands, by (site, number); those at their own are left out."""
    query = PlaceTaken.all() if site is None else PlaceTaken.filter(site_id=site)
    newest = {(row.site_id, row.gate): row for row in await query.order_by("id")}
    running = {(row.site_id, row.number): row.epoch for row in await gates.gates(site)}
    return {where: row.of for where, row in newest.items() if running.get(where) == row.epoch}


async def _gate(site: int, number: int) -> Gate:
    found = await gates.gate(site, number)
    if found is None or found.post is None:
        raise Problem("unknown_reference", what=f"gate {number} of site {site}")
    return found
