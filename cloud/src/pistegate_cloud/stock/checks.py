# SPDX-License-Identifier: Apache-2.0
"""What contradicts what in the stock of days to come: pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from pistegate_cloud.pricing.checks import Finding


@dataclass(frozen=True, slots=True)
class Hours:
    """When tickets of a product hold: windows of minutes after 00:00 (none: all day), and days on which they do not."""

    code: str
    windows: tuple[tuple[int, int], ...] = ()
    off: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A counter and its products; a quota has no `starts`. Minutes after 00:00."""

    code: str
    day: date
    capacity: int
    products: tuple[int, ...]
    channel: str | None = None
    starts: int | None = None
    ends: int | None = None


def of_stock(counters: Iterable[Counted], hours: Mapping[int, Hours]) -> list[Finding]:
    """All of it, day by day."""
    days: dict[date, list[Counted]] = defaultdict(list)
    for counter in counters:
        days[counter.day].append(counter)
    return [finding for day in sorted(days) for finding in _of_day(days[day], hours)]


def _of_day(counters: list[Counted], hours: Mapping[int, Hours]) -> Iterator[Finding]:
    slots = [each for each in counters if each.starts is not None]
    for each in counters:
        for product in each.products:
            if product not in hours:
                yield Finding("stock_product", {"name": each.code, "day": each.day, "product": product})
    for slot in slots:
        yield from _of_slot(slot, hours)
    for quota in (each for each in counters if each.starts is None):
        room = sum(slot.capacity for slot in slots if set(slot.products) & set(quota.products))
        if room and quota.capacity > room:
            told = ", ".join(hours[number].code for number in quota.products if number in hours)
            values = {"name": quota.code, "day": quota.day, "product": told, "quota": quota.capacity, "slots": room}
            yield Finding("quota_above_slots", values)


def _of_slot(slot: Counted, hours: Mapping[int, Hours]) -> Iterator[Finding]:
    starts, ends = slot.starts or 0, slot.ends or 0
    for product in (hours[number] for number in slot.products if number in hours):
        if slot.day in product.off:
            yield Finding("slot_blackout", {"name": slot.code, "day": slot.day, "product": product.code})
        if product.windows and not any(start <= starts and ends <= end for start, end in product.windows):
            values = {"name": slot.code, "day": slot.day, "starts": clock_of(starts), "ends": clock_of(ends)}
            told = ", ".join(f"{clock_of(start)}-{clock_of(end)}" for start, end in product.windows)
            yield Finding("slot_outside", values | {"product": product.code, "windows": told})


def clock_of(minute: int) -> str:
    """A minute after 00:00 as "08:30"; after midnight the hours go on."""
    return f"{minute // 60:02}:{minute % 60:02}"
