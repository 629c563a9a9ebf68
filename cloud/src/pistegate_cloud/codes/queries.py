# SPDX-License-Identifier: Apache-2.0
"""All queries of codes."""

from pistegate_cloud.codes.models import CodeIssue


async def issued(ticket: int, revision: int, key_id: int) -> CodeIssue | None:
    """The code given out for a revision under a key, if one was."""
    return await CodeIssue.get_or_none(ticket_id=ticket, revision=revision, key_id=key_id)


async def first(ticket: int) -> CodeIssue | None:
    """The first code ever given out for a ticket."""
    return await CodeIssue.filter(ticket_id=ticket).order_by("at_ms", "id").first()


async def add(row: CodeIssue) -> None:
    """Keep a code; whoever gave it out in the same moment was first."""
    await CodeIssue.bulk_create([row], ignore_conflicts=True)
