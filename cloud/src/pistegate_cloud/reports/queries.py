# SPDX-License-Identifier: Apache-2.0
"""All queries of reports: sums in the database, never rows in memory beyond one day's distinct tickets."""

from collections.abc import Sequence
from datetime import date
from typing import Final
from uuid import UUID

from tortoise.functions import Count, Sum

from pistegate_cloud.orders.models import Order, OrderLine
from pistegate_cloud.passages.models import Admission, Override, Refusal
from pistegate_cloud.sites.models import Post
from pistegate_cloud.tickets.models import Ticket

SOLD: Final = ("paid", "part_refunded", "refunded")  # states.ORDER: what was sold, whatever came back later
_AT_ONCE: Final = 500  # orders of one query


def _number(value: object) -> int:
    return 0 if value is None else int(str(value))


async def rides(site: int, day: date) -> list[tuple[int, int, int, int]]:
    """(post, hour, ticket, persons passed) of a day; who goes out again is no ride."""
    rows = await (
        Admission.filter(site_id=site, day=day, passed__gt=0, exit=False)
        .annotate(persons=Sum("passed"))
        .group_by("post", "hour", "ticket")
        .values_list("post", "hour", "ticket", "persons")
    )
    return [(int(post), int(hour), int(ticket), _number(persons)) for post, hour, ticket, persons in rows]


async def parties(site: int, tickets: set[int]) -> dict[int, int]:
    """Party size by ticket; unknown tickets are left out."""
    found: dict[int, int] = {}
    numbers = sorted(tickets)
    for start in range(0, len(numbers), 500):
        rows = await Ticket.filter(site_id=site, number__in=numbers[start : start + 500]).values_list(
            "number", "product__party"
        )
        found |= {int(number): int(party) for number, party in rows}
    return found


async def post_names(site: int) -> dict[int, str]:
    """Name by post number."""
    return {row.number: row.name for row in await Post.filter(site_id=site)}


async def sales(site: int, day: date) -> list[tuple[str, str, str, int, int]]:
    """(product code, channel, currency, tickets, amount) of a day."""
    rows = await (
        OrderLine.filter(site_id=site, order__day=day, order__status__in=SOLD)
        .annotate(tickets=Sum("quantity"), money=Sum("amount"))
        .group_by("product__code", "kind", "order__channel", "order__currency")
        .values_list("product__code", "kind", "order__channel", "order__currency", "tickets", "money")
    )
    return sorted(
        (str(code or kind), str(channel), str(currency), _number(tickets), _number(money))
        for code, kind, channel, currency, tickets, money in rows
    )


async def sold_by(orders: Sequence[UUID]) -> dict[tuple[str, str, str, str, str], tuple[int, int, int]]:
    """(product code or kind, kind, department, channel, currency) -> (pieces, amount, tax) of some orders."""
    found: dict[tuple[str, str, str, str, str], tuple[int, int, int]] = {}
    by = ("product__code", "kind", "department", "order__channel", "order__currency")
    for start in range(0, len(orders), _AT_ONCE):
        rows = OrderLine.filter(order_id__in=list(orders[start : start + _AT_ONCE]))
        sums = rows.annotate(p=Sum("quantity"), m=Sum("amount"), t=Sum("tax")).group_by(*by)
        for code, kind, department, channel, currency, *figures in await sums.values_list(*by, "p", "m", "t"):
            key = (str(code or kind), str(kind), str(department), str(channel), str(currency))
            before = found.get(key, (0, 0, 0))
            found[key] = (
                before[0] + _number(figures[0]), before[1] + _number(figures[1]), before[2] + _number(figures[2]),
            )  # fmt: skip
    return found


async def outcomes(site: int, day: date | None) -> list[tuple[str, int, int, int]]:
    """(state, admissions, persons passed, persons unknown)."""
    query = Admission.filter(site_id=site) if day is None else Admission.filter(site_id=site, day=day)
    rows = await (
        query.annotate(times=Count("id"), persons=Sum("passed"), maybe=Sum("unknown"))
        .group_by("state")
        .values_list("state", "times", "persons", "maybe")
    )
    return [(str(state), _number(times), _number(persons), _number(maybe)) for state, times, persons, maybe in rows]


async def settled_and_reoffers(site: int, day: date | None) -> tuple[int, int]:
    """Admissions that were settled, and that were re-offers."""
    query = Admission.filter(site_id=site) if day is None else Admission.filter(site_id=site, day=day)
    return await query.filter(settled__not_isnull=True).count(), await query.filter(reoffer_of__not_isnull=True).count()


async def overridden(site: int, day: date | None) -> int:
    """Persons who went through on an attendant's word; `day` None: ever."""
    query = Override.filter(site_id=site) if day is None else Override.filter(site_id=site, day=day)
    [(entries, exits)] = await query.annotate(e=Sum("entries"), x=Sum("exits")).values_list("e", "x")
    return _number(entries) + _number(exits)


async def refusals(site: int, day: date | None) -> dict[str, int]:
    """Times by reason."""
    query = Refusal.filter(site_id=site) if day is None else Refusal.filter(site_id=site, day=day)
    rows = await query.annotate(total=Sum("times")).group_by("reason").values_list("reason", "total")
    return {str(reason): _number(total) for reason, total in rows}


async def sold(site: int, day: date | None) -> tuple[int, int, int]:
    """Paid orders, their tickets, their amount."""
    query = Order.filter(site_id=site, status__in=SOLD)
    lines = OrderLine.filter(site_id=site, order__status__in=SOLD, kind="ticket")
    if day is not None:
        query, lines = query.filter(day=day), lines.filter(order__day=day)
    amount = await query.annotate(money=Sum("total")).values_list("money", flat=True)
    tickets = await lines.annotate(total=Sum("quantity")).values_list("total", flat=True)
    return await query.count(), sum(map(_number, tickets)), sum(map(_number, amount))
