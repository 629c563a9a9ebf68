# SPDX-License-Identifier: Apache-2.0
"""All queries of encoders."""

from pistegate_cloud.encoders.models import Encoder
from pistegate_cloud.errors import Problem


async def encoder(site: int, number: int) -> Encoder:
    """An encoder of a site; Problem unknown_reference when there is none."""
    found = await Encoder.get_or_none(site_id=site, number=number)
    if found is None:
        raise Problem("unknown_reference", what=f"encoder {number} of site {site}")
    return found


async def encoders(site: int | None) -> list[Encoder]:
    """Encoders, of one site or all."""
    query = Encoder.all() if site is None else Encoder.filter(site_id=site)
    return await query.order_by("site_id", "number")


async def trust(encoder: Encoder, trusted: bool) -> None:
    """Whether blank cards may get their keys there."""
    await Encoder.filter(id=encoder.id).update(trusted=trusted)
    encoder.trusted = trusted


async def seen(site: int, number: int, now_ms: int, software: str, state: str) -> bool:
    """Note what an encoder said of itself; whether it is registered."""
    rows = Encoder.filter(site_id=site, number=number)
    return bool(await rows.update(last_seen_ms=now_ms, software=software, state=state))
