# SPDX-License-Identifier: Apache-2.0
"""The other side of a day's figures: orders, payments, deposits, shifts, passages."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from tortoise.functions import Sum

from pistegate_cloud.days.models import Recognition, RevenuePart
from pistegate_cloud.deposits.models import Deposit
from pistegate_cloud.orders.models import Order, OrderLine, Payment
from pistegate_cloud.passages.models import Admission
from pistegate_cloud.shifts.models import Shift

_AT_ONCE: Final = 500  # orders of one query


async def totals_of(orders: Sequence[UUID]) -> dict[str, int]:
    """Currency -> what some orders cost."""
    found: dict[str, int] = {}
    for chunk in _chunks(orders):
        rows = Order.filter(id__in=chunk).annotate(money=Sum("total")).group_by("currency")
        _add(found, await rows.values_list("currency", "money"))
    return found


async def taxes_of(orders: Sequence[UUID]) -> dict[str, int]:
    """Currency -> the tax inside what some orders cost."""
    found: dict[str, int] = {}
    for chunk in _chunks(orders):
        rows = OrderLine.filter(order_id__in=chunk).annotate(money=Sum("tax")).group_by("order__currency")
        _add(found, await rows.values_list("order__currency", "money"))
    return found


async def paid_for(orders: Sequence[UUID]) -> dict[str, int]:
    """Currency -> what some orders were paid with."""
    found: dict[str, int] = {}
    for chunk in _chunks(orders):
        rows = Payment.filter(order_id__in=chunk, state="done").annotate(money=Sum("amount")).group_by("currency")
        _add(found, await rows.values_list("currency", "money"))
    return found


async def owed_by(site: int) -> dict[str, int]:
    """Currency -> what a site owes for what was sold and is not used."""
    sums = RevenuePart.filter(site_id=site, open=True).annotate(n=Sum("net"), r=Sum("recognised"), g=Sum("given_back"))
    rows = await sums.group_by("currency").values_list("currency", "n", "r", "g")
    return {str(currency): int(net) - int(earned) - int(given) for currency, net, earned, given in rows}


async def deposits_held(site: int) -> dict[str, int]:
    """Currency -> deposits that are still here."""
    sums = Deposit.filter(site_id=site, wallet_id=None).annotate(a=Sum("amount"), s=Sum("spent"), r=Sum("returned"))
    rows = await sums.group_by("currency").values_list("currency", "a", "s", "r")
    return {str(currency): int(amount) - int(spent) - int(back) for currency, amount, spent, back in rows}


async def over_short(site: int, from_ms: int, to_ms: int) -> dict[str, int]:
    """Currency -> cash over (above zero) and short of the shifts that were closed between two moments."""
    rows = Shift.filter(site_id=site, closed_ms__gte=from_ms, closed_ms__lt=to_ms, over_short__not_isnull=True)
    found: dict[str, int] = {}
    _add(found, await rows.annotate(money=Sum("over_short")).group_by("currency").values_list("currency", "money"))
    return found


async def shifts_open(site: int, before_ms: int) -> bool:
    """Whether a shift that began before a moment is not closed."""
    return await Shift.filter(site_id=site, opened_ms__lt=before_ms, closed_ms=None).exists()


async def rides(site: int, from_ms: int, to_ms: int) -> list[tuple[int, int]]:
    """(ticket, persons passed) at a site from one moment to before another; who goes out again is no ride."""
    rows = Admission.filter(site_id=site, at_ms__gte=from_ms, at_ms__lt=to_ms, passed__gt=0, exit=False)
    sums = await rows.annotate(persons=Sum("passed")).group_by("ticket").values_list("ticket", "persons")
    return [(int(ticket), int(persons)) for ticket, persons in sums]


async def recognised_for(site: int, day: date) -> list[tuple[int, date, str, int]]:
    """(ticket or 0, day of posting, currency, amount) of what was recognised for an operating day."""
    rows = Recognition.filter(site_id=site, operating_day=day)
    found = await rows.values_list("part__ticket", "transaction__day", "part__currency", "amount")
    return [(int(row[0]), row[1], str(row[2]), int(row[3])) for row in found]


def _chunks(orders: Sequence[UUID]) -> Iterator[list[UUID]]:
    for start in range(0, len(orders), _AT_ONCE):
        yield list(orders[start : start + _AT_ONCE])


def _add(found: dict[str, int], rows: Iterable[tuple[Any, ...]]) -> None:
    for currency, money in rows:
        found[str(currency)] = found.get(str(currency), 0) + int(money or 0)
