# SPDX-License-Identifier: Apache-2.0
"""All queries of the audit record, and of answers kept for retries."""

from collections.abc import Collection
from typing import Any

from tortoise.exceptions import IntegrityError

from pistegate_cloud import plain_sql
from pistegate_cloud.audit.models import AuditEntry, KeptReply


async def add(entry: AuditEntry) -> None:
    """Store an entry."""
    await entry.save(force_create=True)


async def page(
    sites: Collection[int] | None,
    after: int,
    limit: int,
    *,
    subject: str | None,
    action: str | None,
    caller: str | None,
    from_ms: int | None,
    until_ms: int | None,
) -> list[AuditEntry]:
    """Entries in the order in which they were made; of these sites only (None: of all, and of none)."""
    rows = AuditEntry.filter(id__gt=after)
    wanted: dict[str, Any] = {
        "site_id__in": None if sites is None else list(sites),
        "subject": subject,
        "action__startswith": action,
        "caller": caller,
        "at_ms__gte": from_ms,
        "at_ms__lt": until_ms,
    }
    rows = rows.filter(**{name: value for name, value in wanted.items() if value is not None})
    return await rows.order_by("id").limit(limit)


async def kept_reply(caller: str, operation: str, key: str) -> KeptReply | None:
    """What was answered to this key of this caller before."""
    asked = "WHERE caller = {} AND operation = {} AND key = {}"
    return next(iter(await plain_sql.rows(KeptReply, asked, caller, operation, key)), None)


async def keep_reply(caller: str, operation: str, key: str, digest: str, answer: dict[str, Any], now_ms: int) -> bool:
    """Keep an answer, in the caller's transaction; False when another request with this key was first."""
    row = KeptReply(caller=caller, operation=operation, key=key, request_digest=digest, answer=answer, at_ms=now_ms)
    try:
        await row.save(force_create=True)
    except IntegrityError:
        return False
    return True
