# SPDX-License-Identifier: Apache-2.0
"""What is used of a ticket, as far as the cloud knows: what a card begins with when the ticket is put on it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from pistegate_cloud.passages.models import Admission
from pistegate_cloud.passages.rules import counts
from pistegate_cloud.tickets import queries, service
from pistegate_cloud.tickets.models import CardWrite, Ticket
from pistegate_protocol.events import EVENTS, Admitted, AdmittedV1
from pistegate_protocol.usage import NO_ADMISSION, Usage, decode_counters, decode_counters_v1, decode_usage

_LOOK_BACK: Final = 50  # admissions: more than a card can leave void in a row
_NEVER: Final = datetime(1, 1, 1, tzinfo=UTC)


async def known_usage(ticket: Ticket, claim: bytes) -> Usage:
    """Counters for a new claim of `ticket`: those of its cards' newest admission, or what its last card began with.

    What codes and documents used is not among them: gates know it and add it up themselves, and would count it twice.
    An admission whose card write is in doubt counts. The names are new: the claim's, and no admission.
    """
    found = [*_begun(await queries.writes_of(ticket.number)), *await _admitted(ticket)]
    if not found:
        return Usage(claim=claim)
    newest = max(found, key=lambda usage: (usage.last_entry or _NEVER, usage.used_total))
    return replace(newest, claim=claim, admission=NO_ADMISSION, amended=False)


def _begun(writes: list[CardWrite]) -> Iterator[Usage]:
    return (decode_usage(bytes.fromhex(write.usage)) for write in writes if write.usage is not None)


async def _admitted(ticket: Ticket) -> list[Usage]:
    """The usage that the newest admission of a card left, if there is one that counts."""
    where = await service.sites_of(ticket)
    for admission in await queries.newest_of_cards(where, ticket.number, _LOOK_BACK):
        if counts(admission) and (usage := await _after(admission)):
            return [usage]
    return []


async def _after(admission: Admission) -> Usage | None:
    payload = await queries.event_of(admission)
    match EVENTS.decode(payload) if payload else None:
        case Admitted(claim=claim, counters=counters):
            return decode_counters(counters, claim, bytes.fromhex(admission.name))
        case AdmittedV1(claim=claim, counters=counters):
            return decode_counters_v1(counters, claim, bytes.fromhex(admission.name))
    return None
