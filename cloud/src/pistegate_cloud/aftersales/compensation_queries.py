# SPDX-License-Identifier: Apache-2.0
"""All queries of compensation."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from tortoise.expressions import Q
from tortoise.functions import Count, Sum

from pistegate_cloud.aftersales.models import CompensatedTicket, Compensation
from pistegate_cloud.errors import Problem
from pistegate_cloud.passages.models import Admission
from pistegate_cloud.suspensions.models import AreaSuspension
from pistegate_cloud.tickets.models import Ticket

_AT_ONCE = 2000


async def through(stop: AreaSuspension, from_ms: int, to_ms: int) -> list[int]:
    """Tickets with which somebody passed into the area in a time."""
    rows = Admission.filter(site_id=stop.site_id, area=stop.area, at_ms__gte=from_ms, at_ms__lt=to_ms, exit=False)
    rows = rows.filter(Q(passed__gt=0) | Q(unknown__gt=0))
    return sorted({int(str(number)) for number in await rows.values_list("ticket", flat=True)})


async def valid(site: int, first: date, last: date) -> list[int]:
    """Tickets of a site that hold on one of some days."""
    until = Q(valid_until__gte=first) | Q(amended_until__gte=first)
    rows = Ticket.filter(until, site_id=site, valid_from__lte=last).exclude(status="revoked")
    return [int(str(number)) for number in await rows.order_by("number").values_list("number", flat=True)]


async def compensated(stop: int) -> set[int]:
    """Tickets that have a compensation for a stop."""
    rows = await CompensatedTicket.filter(suspension_id=stop).values_list("ticket_id", flat=True)
    return {int(str(number)) for number in rows}


async def tickets(numbers: Sequence[int]) -> list[Ticket]:
    """These tickets with product, line and order."""
    found: list[Ticket] = []
    for at in range(0, len(numbers), _AT_ONCE):
        rows = Ticket.filter(number__in=list(numbers[at : at + _AT_ONCE])).order_by("number")
        found += await rows.select_related("product", "line", "order")
    return found


async def add(row: Compensation, items: Sequence[CompensatedTicket]) -> None:
    """Store a draft; IntegrityError when a ticket was taken meanwhile."""
    await row.save(force_create=True)
    await CompensatedTicket.bulk_create(list(items), batch_size=_AT_ONCE)


async def one(number: UUID) -> Compensation:
    """One; Problem not_found."""
    found = await Compensation.get_or_none(id=number)
    if found is None:
        raise Problem("not_found", what=f"compensation {number}")
    return found


async def move(row: Compensation, state: str, **values: Any) -> None:
    """From the state it was read in; Problem state_conflict."""
    if not await Compensation.filter(id=row.id, state=row.state).update(state=state, **values):
        raise Problem("state_conflict", noun="compensation", state=row.state, event=state)
    row.update_from_dict({"state": state, **values})


async def due(row: Compensation, limit: int) -> list[CompensatedTicket]:
    """The next tickets whose turn it is."""
    return await CompensatedTicket.filter(compensation_id=row.id, state="due").order_by("id").limit(limit)


async def claim(item: CompensatedTicket) -> bool:
    """Take a ticket's turn; False when another had it."""
    return bool(await CompensatedTicket.filter(id=item.id, state="due").update(state="done"))


async def pass_over(item: CompensatedTicket, trouble: str) -> None:
    """It gets nothing, and why."""
    await CompensatedTicket.filter(id=item.id).update(state="passed_over", trouble=trouble, amount=0, tax=0)


async def drop_items(row: Compensation) -> None:
    """The tickets of a draft are free for another one."""
    await CompensatedTicket.filter(compensation_id=row.id, state="due").delete()


async def progress(row: Compensation) -> dict[str, tuple[int, int]]:
    """State -> (tickets, minor units)."""
    rows = CompensatedTicket.filter(compensation_id=row.id).annotate(n=Count("id"), money=Sum("amount"))
    found = await rows.group_by("state").values("state", "n", "money")
    return {str(each["state"]): (int(each["n"]), int(each["money"] or 0)) for each in found}
