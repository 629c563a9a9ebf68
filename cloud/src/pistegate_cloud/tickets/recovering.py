# SPDX-License-Identifier: Apache-2.0
"""Denials that a restored database had lost, and a device had not."""

from collections.abc import Sequence

from pistegate_cloud.tickets import queries
from pistegate_cloud.tickets.service import scope_of


async def adopt_denials(entries: Sequence[tuple[int, int]], why: str, now_ms: int) -> list[tuple[int, int]]:
    """Deny again what is known here and not denied so far, in the caller's transaction; entries of unknown tickets."""
    below = dict(entries)
    for ticket in await queries.known(list(below)):
        wanted = below.pop(ticket.number)
        if await queries.denied_below(ticket) < wanted:
            scope = await scope_of(ticket)
            await queries.deny(ticket, wanted, why, now_ms, scope.number if scope.group else None)
    return sorted(below.items())
