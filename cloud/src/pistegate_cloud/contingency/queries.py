# SPDX-License-Identifier: Apache-2.0
"""All queries of contingency tickets."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.expressions import F, Q
from tortoise.functions import Count

from pistegate_cloud.contingency.models import (
    ContingencyBatch,
    ContingencySale,
    ContingencyTicket,
    ContingencyWindow,
)
from pistegate_cloud.errors import Problem
from pistegate_cloud.passages.models import Admission
from pistegate_cloud.shifts.models import Shift
from pistegate_cloud.states import CONTINGENCY_BATCH, CONTINGENCY_SALE, CONTINGENCY_TICKET

_AT_ONCE = 500  # numbers of one query


async def window(site: int, number: int) -> ContingencyWindow:
    """A window with contingency tickets; Problem not_found."""
    found = await ContingencyWindow.get_or_none(site_id=site, window=number)
    if found is None:
        raise Problem("not_found", what=f"contingency tickets of window {number} of site {site}")
    return found


async def windows(site: int | None = None, *, active: bool = False) -> list[ContingencyWindow]:
    """Windows with contingency tickets."""
    query = ContingencyWindow.all() if site is None else ContingencyWindow.filter(site_id=site)
    query = query.filter(active=True) if active else query
    return await query.order_by("site_id", "window")


async def put_window(row: ContingencyWindow) -> None:
    """Keep how a window is set up; its series goes on."""
    await ContingencyWindow.bulk_create(
        [row],
        on_conflict=("site_id", "window"),
        update_fields=("role", "device", "pin_salt", "pin_hash", "offers", "active", "changed_ms"),
    )


async def heard(site: int, role: str, device: int, now_ms: int) -> None:
    """A box has asked."""
    await ContingencyWindow.filter(site_id=site, role=role, device=device).update(heard_ms=now_ms)


async def draw_serials(row: ContingencyWindow, count: int) -> bool:
    """Take the next `count` serials of a window, and the next number of a batch; False: somebody else did."""
    same = ContingencyWindow.filter(id=row.id, next_serial=row.next_serial, batches=row.batches)
    return bool(await same.update(next_serial=F("next_serial") + count, batches=F("batches") + 1))


async def add_batch(batch: ContingencyBatch, tickets: Sequence[ContingencyTicket]) -> None:
    """Keep a new batch with its tickets."""
    await batch.save(force_create=True)
    await ContingencyTicket.bulk_create(list(tickets), batch_size=500)


async def batch(number: UUID) -> ContingencyBatch:
    """A batch; Problem not_found."""
    found = await ContingencyBatch.get_or_none(id=number)
    if found is None:
        raise Problem("not_found", what=f"contingency batch {number}")
    return found


async def has_batch(site: int, window: int, day: date) -> bool:
    """Whether a window has tickets for a day that its box may still sell."""
    return await ContingencyBatch.exists(site_id=site, window=window, day=day, state="held")


async def batches_of_box(site: int, role: str, device: int, since_ms: int) -> list[ContingencyBatch]:
    """Everything that a box must know of: whatever was not over by then, and what it has not closed yet."""
    mine = ContingencyBatch.filter(site_id=site, role=role, device=device)
    return await mine.filter(Q(until_ms__gt=since_ms) | Q(state="held")).order_by("day", "number")


async def batches(site: int | None, since: date) -> list[ContingencyBatch]:
    """Batches for a day and later, and older ones that are still open, newest last."""
    query = ContingencyBatch.filter(Q(day__gte=since) | Q(state="held"))
    query = query if site is None else query.filter(site_id=site)
    return await query.order_by("site_id", "window", "number")


async def end_batch(batch: ContingencyBatch, event: str, **values: Any) -> None:
    """Move a batch; Problem state_conflict where it is no longer what it was when read."""
    state = CONTINGENCY_BATCH.after(batch.state, event)
    if not await ContingencyBatch.filter(id=batch.id, state=batch.state).update(state=state, **values):
        raise Problem("state_conflict", noun="contingency batch", state=batch.state, event=event)
    await batch.refresh_from_db()


async def bind_box(batch: ContingencyBatch, box: str) -> bool:
    """Whether the batch's tickets are this box's: the first one that asks for them has them, for good."""
    if batch.box is None:
        await ContingencyBatch.filter(id=batch.id, box=None).update(box=box)
        await batch.refresh_from_db(["box"])
    return batch.box == box


async def tickets_after(batch: UUID, serial: int, limit: int) -> list[ContingencyTicket]:
    """A batch's tickets after a serial, in order."""
    return await ContingencyTicket.filter(batch_id=batch, serial__gt=serial).order_by("serial").limit(limit)


async def by_serial(batch: UUID, serials: Sequence[int]) -> list[ContingencyTicket]:
    """Those of these tickets that are in the batch, in order of serial."""
    return await ContingencyTicket.filter(batch_id=batch, serial__in=list(serials)).order_by("serial")


async def move_tickets(tickets: Sequence[ContingencyTicket], event: str, receipt: int | None = None) -> None:
    """Move these tickets by the table; Problem state_conflict when one is no longer what it was when read."""
    for state in sorted({ticket.state for ticket in tickets}):
        numbers = [ticket.number for ticket in tickets if ticket.state == state]
        after = CONTINGENCY_TICKET.after(state, event)
        moved = await ContingencyTicket.filter(number__in=numbers, state=state).update(state=after, receipt=receipt)
        if moved != len(numbers):
            raise Problem("state_conflict", noun="contingency ticket", state=state, event=event)


async def move_unsold(batch: UUID, event: str) -> None:
    """Move every ticket of a batch that nobody bought, as far as anybody knows."""
    await ContingencyTicket.filter(batch_id=batch, state="held").update(state=CONTINGENCY_TICKET.after("held", event))


async def unsold_by_product(batch: UUID) -> dict[int, int]:
    """How many tickets of each product of a batch are held."""
    rows = ContingencyTicket.filter(batch_id=batch, state="held").annotate(count=Count("number"))
    return {int(p): int(n) for p, n in await rows.group_by("product").values_list("product", "count")}


async def denied(site: int, group: int, valid_on: date) -> list[tuple[int, int]]:
    """(ticket, below revision) of unsold tickets for a day or later that no gate of a site may take."""
    unsold = ContingencyTicket.filter(Q(site_id=site) | Q(group_number=group), state="unsold_denied", day__gte=valid_on)
    return [(int(str(number)), 1) for number in await unsold.values_list("number", flat=True)]


async def states_of(tickets: Collection[int]) -> dict[int, str]:
    """Those of these tickets that are contingency tickets, with their states."""
    if not tickets:
        return {}
    rows = ContingencyTicket.filter(number__in=list(tickets))
    return {int(number): str(state) for number, state in await rows.values_list("number", "state")}


async def admitted_unsold(batch: UUID) -> list[tuple[int, int]]:
    """(ticket, gate) of tickets that nobody bought, as far as anybody knows, and a gate let in all the same."""
    numbers = await ContingencyTicket.filter(batch_id=batch, state="held").values_list("number", flat=True)
    found: dict[int, int] = {}
    for at in range(0, len(numbers), _AT_ONCE):
        rows = Admission.filter(ticket__in=[int(str(number)) for number in numbers[at : at + _AT_ONCE]])
        found |= {int(ticket): int(gate) for ticket, gate in await rows.values_list("ticket", "gate")}
    return sorted(found.items())


async def counts(batches: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
    """Tickets of batches by state."""
    found: dict[UUID, dict[str, int]] = {}
    rows = ContingencyTicket.filter(batch_id__in=list(batches)).annotate(count=Count("number"))
    for batch, state, count in await rows.group_by("batch_id", "state").values_list("batch_id", "state", "count"):
        found.setdefault(batch, {})[state] = count
    return found


async def sale(batch: UUID, receipt: int) -> ContingencySale | None:
    """A receipt, if its box told it."""
    return await ContingencySale.get_or_none(batch_id=batch, receipt=receipt)


async def sale_by_id(number: int) -> ContingencySale:
    """A receipt; Problem not_found."""
    found = await ContingencySale.get_or_none(id=number)
    if found is None:
        raise Problem("not_found", what=f"contingency sale {number}")
    return found


async def add_sale(row: ContingencySale) -> bool:
    """Keep a receipt; False: it is there already."""
    try:
        await row.save(force_create=True)
    except IntegrityError:
        return False
    return True


async def end_sale(row: ContingencySale, event: str, **values: Any) -> None:
    """Move a receipt by the table."""
    state = CONTINGENCY_SALE.after(row.state, event)
    if not await ContingencySale.filter(id=row.id, state=row.state).update(state=state, **values):
        raise Problem("state_conflict", noun="contingency sale", state=row.state, event=event)
    row.state = state


async def mark_trouble(row: ContingencySale, trouble: str, note: str | None = None) -> None:
    """A person must look at a receipt, whatever became of it."""
    await ContingencySale.filter(id=row.id).update(trouble=trouble, note=note)
    row.trouble, row.note = trouble, note


async def settle(row: ContingencySale, note: str) -> None:
    """A person has looked at it; Problem state_conflict where nothing was odd, or it was said before."""
    state = CONTINGENCY_SALE.after(row.state, "settle") if row.state == "trouble" else row.state
    waiting = ContingencySale.filter(id=row.id, state=row.state, trouble__not_isnull=True, note=None)
    if not await waiting.update(state=state, note=note):
        raise Problem("state_conflict", noun="contingency sale", state=row.state, event="settle")
    row.state, row.note = state, note


async def receipts_of(batches: Sequence[UUID]) -> dict[UUID, list[ContingencySale]]:
    """What boxes told, by batch, in order of receipt."""
    found: dict[UUID, list[ContingencySale]] = {}
    for row in await ContingencySale.filter(batch_id__in=list(batches)).order_by("batch_id", "receipt"):
        found.setdefault(row.batch_id, []).append(row)
    return found


async def troubles(site: int | None, after: int, limit: int) -> list[ContingencySale]:
    """Receipts that a person must look at, oldest first."""
    query = ContingencySale.filter(trouble__not_isnull=True, note=None, id__gt=after)
    query = query if site is None else query.filter(site_id=site)
    return await query.order_by("id").limit(limit).select_related("batch")


async def shift_at(site: int, window: int, at_ms: int) -> Shift | None:
    """The shift that a window's sale belongs to: that of its time if it is still open, else the one now, if any.

    One whose drawer was counted takes no more: what was expected has been told.
    """
    open_now = Shift.filter(site_id=site, window=window, state="open").order_by("-opened_ms")
    return await open_now.filter(opened_ms__lte=at_ms).first() or await open_now.first()
