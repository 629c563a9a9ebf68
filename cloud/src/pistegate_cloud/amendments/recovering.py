# SPDX-License-Identifier: Apache-2.0
"""Amendments that a restored database had lost, and a device had not: they hold, so the next one goes on from them."""

from collections.abc import Sequence

from pistegate_cloud.amendments import queries
from pistegate_cloud.amendments.models import TicketAmendment
from pistegate_cloud.amendments.rules import Change
from pistegate_cloud.amendments.service import as_sold
from pistegate_cloud.services import Services
from pistegate_cloud.tickets import queries as tickets
from pistegate_cloud.tickets.models import Ticket
from pistegate_cloud.tickets.service import scope_of
from pistegate_protocol.amendments import Amendment, AmendmentRefused, open_amendment
from pistegate_protocol.errors import CodecError
from pistegate_protocol.signing import KeyRing


async def adopt(signed: Sequence[bytes], why: str, services: Services) -> list[bytes]:
    """Store those of known tickets that are newer than what is stored, in the caller's transaction; the others."""
    issuer = services.settings.issuer
    ring = KeyRing({issuer.key_id: issuer.load().public_key().public_bytes_raw()})
    found: dict[int, tuple[Amendment, bytes]] = {}
    left = []
    for each in signed:
        try:
            amendment = open_amendment(each, ring)
            found[amendment.ticket] = amendment, each
        except (AmendmentRefused, CodecError):
            left.append(each)  # of an issuer's key before this one: it goes on being told as it is
    for ticket in await tickets.known(list(found)):
        amendment, each = found.pop(ticket.number)
        last = await queries.newest(ticket.number)
        if last is None or last.number < amendment.number:
            await queries.add(await _row(ticket, amendment, each, why, services.clock.wall_ms()))
            await tickets.amend_end(ticket, amendment.valid_until)
    return left + [each for _, each in found.values()]


async def _row(ticket: Ticket, amendment: Amendment, signed: bytes, why: str, now_ms: int) -> TicketAmendment:
    scope = await scope_of(ticket)
    return TicketAmendment(
        site_id=ticket.site_id,
        ticket_id=ticket.number,
        group_number=scope.number if scope.group else None,
        number=amendment.number,
        change=Change.RECOVERED.value,
        valid_until=amendment.valid_until,
        areas=None if amendment.areas is None else sorted(amendment.areas),
        hold=amendment.hold,
        extra_minutes=amendment.extra_minutes,
        returns=amendment.returns,
        return_day=amendment.return_day,
        holds_until=amendment.valid_until or as_sold(ticket).valid_until,
        newest=True,
        key_id=amendment.key_id,
        signed=signed.hex(),
        reason=why,
        actor="restore",
        at_ms=now_ms,
    )
