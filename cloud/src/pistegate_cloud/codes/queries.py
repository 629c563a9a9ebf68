# SPDX-License-Identifier: Apache-2.0
"""All queries of codes."""

from collections.abc import Sequence

from pistegate_cloud.bindings.models import Binding
from pistegate_cloud.codes.models import CodeIssue
from pistegate_cloud.tickets.models import CardWrite


async def issued(ticket: int, revision: int, key_id: int) -> CodeIssue | None:
    """The code given out for a revision under a key, if one was."""
    return await CodeIssue.get_or_none(ticket_id=ticket, revision=revision, key_id=key_id)


async def first(ticket: int) -> CodeIssue | None:
    """The first code ever given out for a ticket."""
    return await CodeIssue.filter(ticket_id=ticket).order_by("at_ms", "id").first()


async def add(row: CodeIssue) -> None:
    """Keep a code; whoever gave it out in the same moment was first."""
    await CodeIssue.bulk_create([row], ignore_conflicts=True)


async def add_all(rows: Sequence[CodeIssue]) -> None:
    """Keep many; those that somebody gave out in the same moment stay as they are."""
    await CodeIssue.bulk_create(list(rows), ignore_conflicts=True)


async def of_tickets(numbers: Sequence[int], key_id: int) -> dict[tuple[int, int], CodeIssue]:
    """(ticket, revision) -> its code under a key."""
    rows = await CodeIssue.filter(ticket_id__in=list(numbers), key_id=key_id)
    return {(int(row.ticket_id), row.revision): row for row in rows}


async def first_on_media(numbers: Sequence[int]) -> dict[int, int]:
    """Ticket -> when it was first put on a card, a code or a document (ms); those that never were are left out."""
    wanted, found = list(numbers), dict[int, int]()
    cards = await CardWrite.filter(ticket_id__in=wanted).values_list("ticket_id", "sent_ms")
    codes = await CodeIssue.filter(ticket_id__in=wanted).values_list("ticket_id", "at_ms")
    bound = await Binding.filter(ticket_id__in=wanted).values_list("ticket_id", "created_ms")
    for ticket, at in [*cards, *codes, *bound]:
        found[int(ticket)] = min(int(at), found.get(int(ticket), int(at)))
    return found
