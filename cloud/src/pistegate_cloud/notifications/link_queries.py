# SPDX-License-Identifier: Apache-2.0
"""All queries of links to ticket pages."""

from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from pistegate_cloud.errors import Problem
from pistegate_cloud.notifications.models import TicketLink


async def by_digest(digest: str) -> TicketLink | None:
    """The link with this token."""
    return await TicketLink.get_or_none(digest=digest)


async def replace(row: TicketLink, now_ms: int) -> None:
    """Keep a new link in the place of the one before; Problem state_conflict when two are made at once."""
    assert row.live is not None
    await end(row.live, now_ms)
    try:
        async with in_transaction():
            await row.save(force_create=True)
    except IntegrityError:
        raise Problem("state_conflict", noun="link", state="made", event="make") from None


async def end(live: str, now_ms: int) -> None:
    """The link to this leads nowhere any more."""
    await TicketLink.filter(live=live).update(live=None, ended_ms=now_ms)
