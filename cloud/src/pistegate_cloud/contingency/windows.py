# SPDX-License-Identifier: Apache-2.0
"""Windows that may sell contingency tickets: their box, their PIN, and how many of what."""

import asyncio
import secrets

from tortoise.transactions import in_transaction

from pistegate_cloud.audit import service as audit
from pistegate_cloud.contingency import queries, rules
from pistegate_cloud.contingency.models import ContingencyWindow
from pistegate_cloud.contingency.schemas import WindowBody
from pistegate_cloud.errors import Problem
from pistegate_cloud.products import queries as products
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.staff.caller import Caller
from pistegate_protocol.contingency import SALT_BYTES, pin_hash


async def put(site: int, window: int, body: WindowBody, caller: Caller, now_ms: int) -> ContingencyWindow:
    """Set a window up, or change it; batches that were made stay as they are. Without `pin` the one before holds."""
    await sites.site(site)
    wanted = {offer.product: offer.count for offer in body.offers}
    unknown = sorted(wanted.keys() - (await products.by_number(site, set(wanted))).keys())
    if unknown:
        raise Problem("unknown_reference", what=f"product {unknown[0]} of site {site}")
    if sum(wanted.values()) > rules.TICKETS_MAX:
        raise Problem("amount_too_large", tickets=rules.TICKETS_MAX)
    salt, digest = await _pin(site, window, body.pin)
    row = ContingencyWindow(
        site_id=site,
        window=window,
        role=body.role,
        device=body.device,
        pin_salt=salt,
        pin_hash=digest,
        offers=[[product, count] for product, count in sorted(wanted.items())],
        active=body.active,
        next_serial=1,
        batches=0,
        changed_ms=now_ms,
    )
    after = body.model_dump(mode="json", exclude={"pin"}) | {"new_pin": body.pin is not None}
    async with in_transaction():
        await queries.put_window(row)
        await audit.note(caller, "contingency.window", site, f"window:{window}", after=after, now_ms=now_ms)
    return await queries.window(site, window)


async def _pin(site: int, window: int, pin: str | None) -> tuple[str, str]:
    if pin is None:
        before = await queries.window(site, window)
        return before.pin_salt, before.pin_hash
    salt = secrets.token_bytes(SALT_BYTES)
    return salt.hex(), (await asyncio.to_thread(pin_hash, pin, salt)).hex()
