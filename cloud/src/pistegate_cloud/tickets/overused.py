# SPDX-License-Identifier: Apache-2.0
"""Tickets used beyond what was sold are denied everywhere, once each: copies and their originals stop alike.

Which it was that paid, a person finds out and allows again. What was found is in the exceptions, and so survives a
crash between finding and denying.
"""

from tortoise.transactions import in_transaction

from pistegate_cloud.documents import service as documents
from pistegate_cloud.exceptions import queries as exceptions
from pistegate_cloud.exceptions.models import ExceptionCase
from pistegate_cloud.services import Services
from pistegate_cloud.tickets import queries, service

FOUND = "double_admission"
_DENIED = "denied"  # in the exception's values, once it was acted upon


async def deny_found(services: Services) -> list[int]:
    """Deny those that were found and not acted upon yet; their numbers."""
    rows = [row for row in await exceptions.of_kind(FOUND) if not row.values.get(_DENIED)]
    known = {ticket.number for ticket in await queries.known([row.ticket for row in rows if row.ticket is not None])}
    found = [(row, row.ticket) for row in rows if row.ticket in known]
    for row, number in found:
        await _deny(row, int(number or 0), services)
    return [int(number or 0) for _, number in found]


async def _deny(row: ExceptionCase, number: int, services: Services) -> None:
    now_ms, key = services.clock.wall_ms(), services.settings.documents
    async with in_transaction():
        await service.lock_sites(await queries.ticket(number))
        ticket = await queries.ticket(number)
        messages = await service.deny(ticket, ticket.revision + 1, "used beyond what was sold", key, now_ms)
        await exceptions.note(row, {_DENIED: True})
    await documents.push_all(messages, services)
