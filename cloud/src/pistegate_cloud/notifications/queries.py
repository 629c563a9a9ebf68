# SPDX-License-Identifier: Apache-2.0
"""All queries of messages to guests. A row moves only from the state in which it was read."""

from typing import Any
from uuid import UUID

from tortoise.expressions import F

from pistegate_cloud.errors import Problem
from pistegate_cloud.notifications.models import Notification

OPEN = ("waiting", "sending")
_WIPED: dict[str, Any] = {"to": None, "values": None, "body": None}


async def add(row: Notification) -> None:
    """Put a new message into the outbox."""
    await row.save(force_create=True)


async def one(number: UUID) -> Notification:
    """A message; Problem not_found."""
    found = await Notification.get_or_none(id=number)
    if found is None:
        raise Problem("not_found", what=f"notification {number}")
    return found


async def due(now_ms: int, limit: int) -> list[Notification]:
    """Messages to send now, or whose sender did not come back; the longest waiting first."""
    return await Notification.filter(state__in=OPEN, due_ms__lte=now_ms).order_by("due_ms").limit(limit)


async def claim(row: Notification, state: str, until_ms: int, now_ms: int) -> bool:
    """Take it for sending until then; False when another has."""
    tried_ms = row.tried_ms or now_ms
    mine = Notification.filter(id=row.id, state=row.state, due_ms=row.due_ms, attempts=row.attempts)
    if not await mine.update(state=state, due_ms=until_ms, tried_ms=tried_ms, attempts=F("attempts") + 1):
        return False
    row.state, row.due_ms, row.attempts, row.tried_ms = state, until_ms, row.attempts + 1, tried_ms
    return True


async def move(row: Notification, state: str, *, wipe: bool = False, **values: Any) -> bool:
    """Change a message from what was read; False when it has moved meanwhile. `wipe`: nothing personal is left."""
    values |= _WIPED if wipe else {}
    mine = Notification.filter(id=row.id, state=row.state, attempts=row.attempts)
    return bool(await mine.update(state=state, **values))


async def keep_body(row: Notification, body: bytes, channel: str) -> None:
    """Keep what is sent, so that every attempt sends the same."""
    await Notification.filter(id=row.id).update(body=body, channel=channel)
    row.body, row.channel = body, channel


async def wipe_ended(before_ms: int, limit: int) -> int:
    """Forget whom messages that ended long ago were for; how many."""
    ended = Notification.filter(ended_ms__lt=before_ms, to__isnull=False)
    numbers = await ended.limit(limit).values_list("id", flat=True)
    return int(await Notification.filter(id__in=list(numbers)).update(**_WIPED)) if numbers else 0


async def of_order(order: UUID) -> list[Notification]:
    """Messages about an order."""
    return await Notification.filter(order_id=order).order_by("id")


async def page(site: int | None, state: str | None, order: UUID | None, after: UUID | None, limit: int) -> Any:
    """Messages in order of id, which grows with time."""
    given = {"site_id": site, "state": state, "order_id": order, "id__gt": after}
    wanted = {name: value for name, value in given.items() if value is not None}
    return await Notification.filter(**wanted).order_by("id").limit(limit)
