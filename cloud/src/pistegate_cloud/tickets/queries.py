# SPDX-License-Identifier: Apache-2.0
"""All queries of tickets."""

import secrets
from collections.abc import Sequence
from datetime import date
from uuid import UUID

from pistegate_cloud.errors import Problem
from pistegate_cloud.passages.models import Admission
from pistegate_cloud.sites.models import Site
from pistegate_cloud.tickets.models import CardWrite, Denial, Ticket


def new_number() -> int:
    """A ticket number: 48 random bits; the primary key refuses the one in 10^14 that repeats."""
    return secrets.randbits(48)


async def add(tickets: Sequence[Ticket]) -> None:
    """Store new tickets."""
    await Ticket.bulk_create(list(tickets))


async def ticket(number: int) -> Ticket:
    """A ticket with its product; Problem not_found."""
    found = await Ticket.get_or_none(number=number).select_related("product")
    if found is None:
        raise Problem("not_found", what=f"ticket {number}")
    return found


async def of_order(order_id: UUID) -> list[Ticket]:
    """Tickets of an order with their products."""
    return await Ticket.filter(order_id=order_id).order_by("line_id", "number").select_related("product")


async def move(ticket: Ticket, status: str, revision: int | None = None) -> None:
    """Move a ticket's status; Problem state_conflict when it is no longer what it was when read."""
    values: dict[str, object] = {"status": status}
    if revision is not None:
        values["revision"] = revision
    if not await Ticket.filter(number=ticket.number, status=ticket.status).update(**values):
        raise Problem("state_conflict", noun="ticket", state=ticket.status, event=status)
    ticket.status = status
    ticket.revision = ticket.revision if revision is None else revision


async def last_write(number: int) -> CardWrite | None:
    """What was last sent to a card for this ticket."""
    return await CardWrite.filter(ticket_id=number).order_by("-id").first()


async def writes_of(number: int) -> list[CardWrite]:
    """Everything sent to cards for this ticket."""
    return await CardWrite.filter(ticket_id=number).order_by("id")


async def add_write(write: CardWrite) -> None:
    """Keep what is about to be sent."""
    await write.save(force_create=True)


async def confirm_write(write: CardWrite, now_ms: int) -> None:
    """The card has answered: it is written."""
    await CardWrite.filter(id=write.id).update(done_ms=now_ms)
    write.done_ms = now_ms


async def is_used(number: int) -> bool:
    """Whether a gate has reported an admission of this ticket."""
    return await Admission.filter(ticket=number).exists()


async def lock_site(site: int) -> None:
    """Wait for other writers of the site's documents, until the transaction ends (SQLite has one writer anyway)."""
    await Site.filter(number=site).select_for_update(no_key=True).values_list("number")


async def deny(ticket: Ticket, below_revision: int, reason: str, now_ms: int) -> None:
    """Deny claims of a ticket below a revision; a later denial replaces an earlier one."""
    row = Denial(
        site_id=ticket.site_id, ticket_id=ticket.number, below_revision=below_revision, reason=reason, at_ms=now_ms
    )
    await Denial.bulk_create(
        [row], on_conflict=("site_id", "ticket_id"), update_fields=("below_revision", "reason", "at_ms")
    )


async def denials(site: int, valid_on: date) -> list[tuple[int, int]]:
    """(ticket, below revision) of a site's denied tickets that are still valid on a day or later."""
    rows = (
        await Denial.filter(site_id=site, ticket__valid_until__gte=valid_on)
        .order_by("ticket_id")
        .values_list("ticket_id", "below_revision")
    )
    return [(int(number), int(below)) for number, below in rows]
