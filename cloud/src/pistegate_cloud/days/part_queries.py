# SPDX-License-Identifier: Apache-2.0
"""Queries of what is owed for what was sold, and of the passages that earn it."""

from collections.abc import Sequence
from datetime import date
from typing import Final
from uuid import UUID

from tortoise.expressions import Q
from tortoise.functions import Sum

from pistegate_cloud.days.models import BookMark, Recognition, RevenuePart
from pistegate_cloud.ledger.models import Posting
from pistegate_cloud.orders.models import OrderLine
from pistegate_cloud.passages.models import Admission
from pistegate_cloud.tickets.models import Ticket

SALES: Final = ("sale", "contingency_sale")


# How far jobs have read


async def mark(name: str) -> BookMark:
    """How far a job has read; a new one begins at the beginning."""
    found, _ = await BookMark.get_or_create(name=name)
    return found


async def save_mark(row: BookMark) -> None:
    """Keep how far it has read."""
    await row.save(update_fields=("sure", "newest", "at_ms"))


async def sold_after(number: int, limit: int) -> list[tuple[int, UUID]]:
    """(posting, order) of sales that left something owed, in order, after a posting."""
    rows = Posting.filter(id__gt=number, account__code__startswith="deferred:", transaction__kind__in=SALES)
    return [
        (int(row[0]), UUID(str(row[1])))
        for row in await rows.order_by("id").limit(limit).values_list("id", "transaction__order_id")
        if row[1] is not None
    ]


async def passages_after(number: int, limit: int) -> list[tuple[int, int]]:
    """(admission, ticket), in order, after an admission."""
    rows = Admission.filter(id__gt=number).order_by("id").limit(limit)
    return [(int(row[0]), int(row[1])) for row in await rows.values_list("id", "ticket")]


# Parts of revenue


async def lines_of(orders: Sequence[UUID]) -> list[OrderLine]:
    """Lines of some orders, with their orders."""
    return await OrderLine.filter(order_id__in=list(orders), amount__gt=0).order_by("id").select_related("order")


async def tickets_of(lines: Sequence[int]) -> list[Ticket]:
    """Tickets of some lines."""
    return await Ticket.filter(line_id__in=list(lines)).order_by("number")


async def add_parts(parts: Sequence[RevenuePart]) -> None:
    """Keep what is owed, where it is not kept already."""
    await RevenuePart.bulk_create(list(parts), ignore_conflicts=True)


async def parts_of_line(line: int) -> list[RevenuePart]:
    """All parts of a line."""
    return await RevenuePart.filter(line_id=line).order_by("id")


async def open_parts(tickets: Sequence[int]) -> list[RevenuePart]:
    """Parts of some tickets that are not wholly earned."""
    return await RevenuePart.filter(ticket__in=list(tickets), open=True).order_by("order_id", "id")


async def overdue(site: int, day: date, after: int, limit: int) -> list[RevenuePart]:
    """Open parts of a site whose last day was before `day`, in order, after one."""
    rows = RevenuePart.filter(site_id=site, open=True, until__lt=day, id__gt=after)
    return await rows.order_by("id").limit(limit)


async def owed(lines: Sequence[int]) -> dict[int, int]:
    """Line -> what of it is neither earned nor given back."""
    rows = RevenuePart.filter(line_id__in=list(lines))
    sums = rows.annotate(n=Sum("net"), r=Sum("recognised"), g=Sum("given_back")).group_by("line_id")
    found = await sums.values_list("line_id", "n", "r", "g")
    return {int(line): int(net) - int(recognised) - int(given) for line, net, recognised, given in found}


async def move_part(part: RevenuePart, *, recognised: int = 0, given_back: int = 0) -> bool:
    """Add to what is earned or given back of a part as it was read; False: somebody else was there first."""
    new, gone = part.recognised + recognised, part.given_back + given_back
    as_read = RevenuePart.filter(id=part.id, recognised=part.recognised, given_back=part.given_back)
    if not await as_read.update(recognised=new, given_back=gone, open=new + gone < part.net):
        return False
    part.recognised, part.given_back, part.open = new, gone, new + gone < part.net
    return True


async def set_until(part: RevenuePart, day: date) -> None:
    """A ticket's last day has moved."""
    await RevenuePart.filter(id=part.id).update(until=day)


async def recognised(parts: Sequence[int]) -> dict[int, dict[date, int]]:
    """Part -> operating day -> what was recognised by use."""
    rows = Recognition.filter(part_id__in=list(parts), kind="use")
    found: dict[int, dict[date, int]] = {}
    sums = rows.annotate(total=Sum("amount")).group_by("part_id", "operating_day")
    for part, day, total in await sums.values_list("part_id", "operating_day", "total"):
        found.setdefault(int(part), {})[day] = int(total)
    return found


async def add_recognitions(rows: Sequence[Recognition]) -> None:
    """Keep what was recognised, and by which transaction."""
    await Recognition.bulk_create(list(rows))


async def sold_tickets(numbers: Sequence[int]) -> dict[int, Ticket]:
    """Tickets with their products."""
    return {row.number: row for row in await Ticket.filter(number__in=list(numbers)).select_related("product")}


async def uses(numbers: Sequence[int]) -> list[tuple[int, int, int, int]]:
    """(ticket, site, ms, entries charged) of passages that count: somebody passed, or may have."""
    passed = Q(passed__gt=0) | Q(unknown__gt=0)
    written = Q(settled=None) | Q(settled__not="void")  # as passages.rules.counts
    rows = Admission.filter(passed, written, ticket__in=list(numbers), exit=False).exclude(state="card_void")
    found = await rows.values_list("ticket", "site_id", "at_ms", "charged")
    return [(int(row[0]), int(row[1]), int(row[2]), int(row[3])) for row in found]


async def tickets_through(site: int, from_ms: int, to_ms: int) -> list[int]:
    """Tickets with an admission at a site from one moment to before another."""
    rows = Admission.filter(site_id=site, at_ms__gte=from_ms, at_ms__lt=to_ms)
    return sorted({int(str(number)) for number in await rows.distinct().values_list("ticket", flat=True)})
