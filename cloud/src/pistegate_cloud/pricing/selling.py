# SPDX-License-Identifier: Apache-2.0
"""Whether a product is sold like that: each refusal is a Problem whose words say what would do."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from pistegate_cloud.errors import Problem
from pistegate_cloud.pricing.holders import is_open, proves
from pistegate_cloud.pricing.lists import HolderClass, Offer, Range, minute_of
from pistegate_cloud.pricing.shapes import Asked
from pistegate_cloud.products.models import Product
from pistegate_cloud.products.terms import last_day


@dataclass(frozen=True, slots=True)
class Day:
    """A visit date: its type (None: the list has none that fits) and the calendars that hold it."""

    type: str | None
    sets: frozenset[int]


def check_date(product: Product, visit: date, day: Day, today: date) -> None:
    """Not in the past, not after the product's last day, not one on which every gate would refuse it.

    A season's ticket may be bought for a day without it: there are others.
    """
    if visit < today:
        raise Problem("visit_date_past", date=visit, today=today)
    if visit > (last := last_day(product, visit)):
        raise Problem("season_over", date=visit, until=last)
    if product.valid_until is None and blackout_of(product) in day.sets:
        raise Problem("not_sold_that_day", product=product.code, date=visit, day_type=day.type or "-")


def blackout_of(product: Product) -> int | None:
    """Number of the calendar of days on which it does not hold."""
    number: int | None = (product.terms or {}).get("blackout")
    return number


def check_offer(product: Product, offer: Offer, line: Asked, day: Day, channel: str, now: datetime) -> None:
    """Where, for which day and when it is sold; `now` in site time."""
    name = product.code
    if offer.channels and channel not in offer.channels:
        raise Problem("not_sold_here", product=name, channel=channel, channels=", ".join(offer.channels))
    if not offer.sold_for(line.visit_date, day.type or ""):
        raise Problem("not_sold_that_day", product=name, date=line.visit_date, day_type=day.type or "-")
    opens = _opens(offer, line.visit_date)
    if opens is not None and now.replace(tzinfo=None) < opens:
        raise Problem("not_sold_yet", product=name, date=line.visit_date, opens=f"{opens:%Y-%m-%d %H:%M}")
    if offer.until is not None and now.date() == line.visit_date and _minute(now) >= minute_of(offer.until):
        raise Problem("not_sold_any_more", product=name, date=line.visit_date, until=offer.until)


def check_holder(product: Product, holder: HolderClass, line: Asked) -> None:
    """What is looked at at the sale was shown, and makes the guest one of the class."""
    if holder.show != "sale" or is_open(holder):
        return
    if line.proof is None:
        raise Problem("proof_needed", product=product.code, wanted=wanted(holder))
    if not proves(holder, line.proof, line.visit_date):
        raise Problem("proof_unsuitable", product=product.code, proof=line.proof, wanted=wanted(holder))


def check_needs(offers: Mapping[int, Offer], quantities: Mapping[date, Counter[int]], codes: Mapping[int, str]) -> None:
    """What must be bought with something else is, for the same day; a companion serves once.

    `quantities`: of each product, the parts of bundles included, by visit date.
    """
    for of_day in quantities.values():
        wanted_of: Counter[int] = Counter()
        for number, quantity in of_day.items():
            for other in offers[number].needs if number in offers else ():
                wanted_of[other] += quantity
                if of_day[other] < wanted_of[other]:
                    raise Problem(
                        "companion_needed",
                        product=codes.get(number, number),
                        other=codes.get(other, other),
                        needed=wanted_of[other],
                        got=of_day[other],
                    )


def free_pieces(asked: Sequence[Asked], offers: Mapping[int, Offer]) -> list[int]:
    """How many pieces of each line go free with what others buy for the same day and slot, in the order of the lines.

    A piece that is bought brings `each` free ones, once, whoever of the lines comes first.
    """
    left: Counter[tuple[int, date, int | None]] = Counter()
    for line in asked:
        left[line.product, line.visit_date, line.slot] += line.quantity
    found = []
    for line in asked:
        free = 0
        with_ = offers[line.product].free_with if line.product in offers else None
        for number in with_.products if with_ else ():
            buyers = (number, line.visit_date, line.slot)
            each = with_.each if with_ else 1
            used = min(left[buyers], -(-(line.quantity - free) // each))
            left[buyers] -= used
            free = min(line.quantity, free + used * each)
        found.append(free)
    return found


def wanted(holder: HolderClass) -> str:
    """Its conditions in the words of proofs: "age:65.., document:disability"."""
    ranges = {"age": holder.age, "born": holder.born, "height": holder.height_cm}
    told = [f"{name}:{_range(each)}" for name, each in ranges.items() if each is not None]
    return ", ".join([*told, *([f"document:{holder.document}"] if holder.document else [])])


def _range(each: Range) -> str:
    return f"{'' if each.from_ is None else each.from_}..{'' if each.to is None else each.to}"


def _opens(offer: Offer, visit: date) -> datetime | None:
    """The first moment of the sale in site time; None: none is set."""
    moments = []
    if offer.eve_from is not None:
        moments.append(datetime.combine(visit - timedelta(days=1), time.fromisoformat(offer.eve_from)))
    if offer.ahead_days is not None:
        moments.append(datetime.combine(visit - timedelta(days=offer.ahead_days), time()))
    return max(moments, default=None)


def _minute(now: datetime) -> int:
    return now.hour * 60 + now.minute
