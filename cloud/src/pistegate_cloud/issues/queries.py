# SPDX-License-Identifier: Apache-2.0
"""All queries of group issues."""

from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.expressions import F
from tortoise.transactions import in_transaction

from pistegate_cloud.errors import Problem
from pistegate_cloud.issues.models import GroupIssue


async def begin(row: GroupIssue) -> GroupIssue:
    """Keep a new group issue; the one that its order has already, if it has."""
    try:
        async with in_transaction():  # of its own: PostgreSQL answers nothing more in one with a refused row
            await row.save(force_create=True)
    except IntegrityError:
        return await GroupIssue.get(order_id=row.order_id, site_id=row.site_id)
    return row


async def group_issue(number: UUID) -> GroupIssue:
    """One of them; Problem not_found."""
    found = await GroupIssue.get_or_none(id=number)
    if found is None:
        raise Problem("not_found", what=f"group issue {number}")
    return found


async def worked(row: GroupIssue, encoder: int, now_ms: int, *, finished: bool) -> None:
    """A card was written at an encoder."""
    row.encoder, row.worked_ms, row.finished_ms = encoder, now_ms, now_ms if finished else None
    await row.save(update_fields=("encoder", "worked_ms", "finished_ms"))


async def repeated(row: GroupIssue) -> None:
    """A card was laid down twice."""
    await GroupIssue.filter(id=row.id).update(repeats=F("repeats") + 1)
    row.repeats += 1
