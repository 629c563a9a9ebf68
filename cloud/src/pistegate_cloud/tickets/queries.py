# SPDX-License-Identifier: Apache-2.0
"""All queries of tickets."""

import secrets
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final
from uuid import UUID

from tortoise.expressions import Q

from pistegate_cloud.contingency import queries as contingency
from pistegate_cloud.errors import Problem
from pistegate_cloud.ingest.models import RawEvent
from pistegate_cloud.passages.models import Admission
from pistegate_cloud.tickets.models import CardWrite, Denial, Ticket
from pistegate_protocol.events import Stream
from pistegate_protocol.signing import MediumKind

_REMEMBERED = 400  # admissions looked through for a card's 16 records, those of other cards of its tickets included
_AT_ONCE: Final = 2000  # numbers of one query; SQLite takes 32,766 values


def new_number() -> int:
    """A ticket number: 48 random bits; the primary key refuses the one in 10^14 that repeats."""
    return secrets.randbits(48)


async def add(tickets: Sequence[Ticket]) -> None:
    """Store new tickets."""
    await Ticket.bulk_create(list(tickets))


async def lock(numbers: Iterable[int]) -> None:
    """Keep others who judge the use of these tickets waiting until the caller's transaction ends.

    On SQLite there is nobody else: transactions come one after the other.
    """
    await Ticket.filter(number__in=set(numbers)).order_by("number").only("number").select_for_update(no_key=True)


async def ticket(number: int) -> Ticket:
    """A ticket with its product; Problem not_found."""
    found = await Ticket.get_or_none(number=number).select_related("product")
    if found is None:
        raise Problem("not_found", what=f"ticket {number}")
    return found


async def known(numbers: Sequence[int]) -> list[Ticket]:
    """Those of these tickets that are sold here, with their products."""
    found: list[Ticket] = []
    for at in range(0, len(numbers), _AT_ONCE):
        found += await Ticket.filter(number__in=list(numbers[at : at + _AT_ONCE])).select_related("product")
    return found


async def denied_below(ticket: Ticket) -> int:
    """Claims of a ticket below this revision are denied; 0: none is."""
    row = await Denial.get_or_none(site_id=ticket.site_id, ticket_id=ticket.number)
    return 0 if row is None else row.below_revision


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


async def amend_end(ticket: Ticket, last: date | None) -> None:
    """Keep the last day that an amendment gives a ticket."""
    await Ticket.filter(number=ticket.number).update(amended_until=last)
    ticket.amended_until = last


async def first_write(number: int) -> CardWrite | None:
    """What was first sent to a card for this ticket."""
    return await CardWrite.filter(ticket_id=number).order_by("id").first()


async def last_write(number: int) -> CardWrite | None:
    """What was last sent to a card for this ticket."""
    return await CardWrite.filter(ticket_id=number).order_by("-id").first()


async def last_sent_to(uid: str) -> list[Ticket]:
    """Tickets that were put on this card, for certain or maybe, and on no other card since."""
    numbers = await numbers_sent_to(uid)
    found = await Ticket.filter(number__in=numbers, status__in=("issuing", "issued")).select_related("product")
    last = await last_uid_by_ticket(numbers)
    return [ticket for ticket in found if last.get(ticket.number) == uid]


async def numbers_sent_to(uid: str) -> list[int]:
    """Numbers of all tickets that were ever sent to a card."""
    rows = await CardWrite.filter(uid=uid).order_by("ticket_id").distinct().values_list("ticket_id", flat=True)
    return [int(str(number)) for number in rows]


async def last_uids(numbers: Sequence[int]) -> list[str]:
    """The cards that these tickets were last sent to."""
    return sorted(set((await last_uid_by_ticket(numbers)).values()))


async def last_uid_by_ticket(numbers: Sequence[int]) -> dict[int, str]:
    """The card that each of these tickets was last sent to, by ticket."""
    return {number: write.uid for number, write in (await _last_writes(numbers)).items()}


async def _last_writes(numbers: Sequence[int]) -> dict[int, CardWrite]:
    rows = await CardWrite.filter(ticket_id__in=list(numbers)).order_by("id")
    return {row.ticket_id: row for row in rows}


async def numbers_of_orders(orders: Sequence[UUID]) -> list[int]:
    """Numbers of the tickets of some orders."""
    rows = await Ticket.filter(order_id__in=list(orders)).order_by("number").values_list("number", flat=True)
    return [int(str(number)) for number in rows]


async def reported(sites: Sequence[int], numbers: Sequence[int], names: Sequence[str]) -> set[str]:
    """Of admission names as cards remember them (first bytes, hex), those that gates have told of these tickets."""
    found = Admission.filter(site_id__in=list(sites), ticket__in=list(numbers))
    newest = found.order_by("-at_ms").limit(_REMEMBERED)
    known = [str(name) for name in await newest.values_list("name", flat=True)]
    return {name for name in names if any(full.startswith(name) for full in known)}


async def writes_of(number: int) -> list[CardWrite]:
    """Everything sent to cards for this ticket."""
    return await CardWrite.filter(ticket_id=number).order_by("id")


async def add_write(write: CardWrite) -> None:
    """Keep what is about to be sent."""
    await write.save(force_create=True)


async def confirm_write(write: CardWrite, counter: int | None, now_ms: int) -> None:
    """The card has answered: it is written; `counter`: its transaction counter after it."""
    await CardWrite.filter(id=write.id).update(done_ms=now_ms, counter=counter)
    write.done_ms, write.counter = now_ms, counter


async def newest_of_cards(sites: Sequence[int], number: int, limit: int) -> list[Admission]:
    """The newest admissions of a ticket's cards at the sites where it holds, newest first."""
    found = Admission.filter(site_id__in=list(sites), ticket=number)  # the index begins with the site
    found = found.filter(medium__startswith=f"{MediumKind.CARD:02x}")
    return await found.order_by("-at_ms", "-id").limit(limit)


async def event_of(admission: Admission) -> bytes | None:
    """The gate's own event of an admission."""
    found = await RawEvent.get_or_none(
        site=admission.site_id,
        gate=admission.gate,
        stream=Stream.LEDGER,
        epoch=admission.epoch,
        seq=admission.seq,
    )
    return bytes(found.payload) if found else None


async def deny(ticket: Ticket, below_revision: int, reason: str, now_ms: int, group: int | None) -> None:
    """Deny claims of a ticket below a revision, at its site or its group; a later denial replaces an earlier one."""
    row = Denial(
        site_id=ticket.site_id,
        ticket_id=ticket.number,
        group_number=group,
        below_revision=below_revision,
        reason=reason,
        at_ms=now_ms,
    )
    await Denial.bulk_create(
        [row],
        on_conflict=("site_id", "ticket_id"),
        update_fields=("group_number", "below_revision", "reason", "at_ms"),
    )


async def undeny(ticket: Ticket) -> None:
    """The ticket's current revision holds again; earlier ones stay denied."""
    rows = Denial.filter(site_id=ticket.site_id, ticket_id=ticket.number)
    if ticket.revision:
        await rows.update(below_revision=ticket.revision)
    else:
        await rows.delete()


async def denials(site: int, group: int, valid_on: date, newest: int | None = None) -> list[tuple[int, int]]:
    """(ticket, below revision) of the denied tickets of a site and its group that are valid on a day or later.

    In order of ticket; `newest`: only so many, those denied last.
    """
    valid = Q(ticket__valid_until__gte=valid_on) | Q(ticket__amended_until__gte=valid_on)
    rows = Denial.filter(Q(site_id=site) | Q(group_number=group), valid)
    if newest is not None:
        rows = rows.order_by("-at_ms", "-id").limit(newest)
    found = await rows.values_list("ticket_id", "below_revision")
    unsold = await contingency.denied(site, group, valid_on)  # 应急票 that nobody bought have no rows of their own
    return sorted([*((int(number), int(below)) for number, below in found), *unsold])
