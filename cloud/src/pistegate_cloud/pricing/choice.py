# SPDX-License-Identifier: Apache-2.0
"""Which price holds: pure. The most specific row that fits; the order is written here and nowhere else.

A row that names a member level beats one that names none; among equals, one that names a channel; then one of a
season, the shorter season first; then weekdays; then a time of day; then day types. `overlaps` finds two rows of equal
rank that fit the same sale, which a published list has none of: so there is one price or none.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations

from pistegate_cloud.pricing.lists import WEEKDAYS, Content, DayType, Row, Season

_LONG = 1_000_000  # days; longer than any season


@dataclass(frozen=True, slots=True)
class Sale:
    """What a price depends on. `minute` of the day of the slot's start or of the sale; None: neither is known."""

    day: date
    day_type: str
    minute: int | None
    channel: str
    level: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A row, and its place in the list."""

    index: int
    row: Row


def day_type(day: date, types: Sequence[DayType], sets: Iterable[int]) -> str | None:
    """The type of a day that the calendars `sets` hold, by number; None: no type fits."""
    held = set(sets)
    for each in types:
        every = not each.weekdays and not each.sets
        fits = every or WEEKDAYS[day.weekday()] in each.weekdays or not held.isdisjoint(each.sets)
        if fits and held.isdisjoint(each.except_):
            return each.code
    return None


class Prices:
    """The rows of a list, ready to be asked."""

    def __init__(self, content: Content) -> None:
        self._seasons = {season.code: season for season in content.seasons}
        self._rows: Mapping[int, list[Found]] = _by_product(content.rows)

    def has(self, product: int) -> bool:
        """Whether any row is of this product; else its own price holds."""
        return product in self._rows

    def of(self, product: int) -> list[Found]:
        """Its rows."""
        return list(self._rows.get(product, ()))

    def choose(self, product: int, sale: Sale) -> Found | None:
        """The row that holds; None: a hole."""
        fitting = [found for found in self._rows.get(product, ()) if fits(found.row, sale, self._seasons)]
        return max(fitting, key=lambda found: (rank(found.row, self._seasons), -found.index), default=None)

    def overlaps(self) -> Iterator[tuple[Found, Found]]:
        """Pairs of rows of equal rank that fit one and the same sale."""
        for rows in self._rows.values():
            ranked: dict[object, list[Found]] = defaultdict(list)
            for found in rows:
                ranked[rank(found.row, self._seasons), found.row.channel, found.row.level].append(found)
            for equals in ranked.values():
                yield from (pair for pair in combinations(equals, 2) if _meet(pair[0].row, pair[1].row, self._seasons))


def rank(row: Row, seasons: Mapping[str, Season]) -> tuple[int, ...]:
    """The higher, the more specific."""
    season = seasons.get(row.season) if row.season else None
    return (
        row.level is not None,
        row.channel is not None,
        _LONG - season.days if season else 0,
        bool(row.weekdays),
        row.times is not None,
        bool(row.day_types),
    )


def fits(row: Row, sale: Sale, seasons: Mapping[str, Season]) -> bool:
    """Whether a row holds for a sale. A season that the list does not have fits nothing."""
    if row.season is not None:
        season = seasons.get(row.season)
        if season is None or not season.from_ <= sale.day <= season.to:
            return False
    return (
        (row.level is None or row.level == sale.level)
        and (row.channel is None or row.channel == sale.channel)
        and (not row.weekdays or WEEKDAYS[sale.day.weekday()] in row.weekdays)
        and (row.times is None or (sale.minute is not None and sale.minute in row.times.minutes))
        and (not row.day_types or sale.day_type in row.day_types)
    )


def _meet(one: Row, other: Row, seasons: Mapping[str, Season]) -> bool:
    """Whether a sale could fit both; of equal rank they name the same things, and here the same channel and level."""
    return (
        _share(one.weekdays, other.weekdays)
        and _share(one.day_types, other.day_types)
        and _at_once(one, other)
        and _same_days(one, other, seasons)
    )


def _share(one: Sequence[str], other: Sequence[str]) -> bool:
    return not one or not other or not set(one).isdisjoint(other)


def _at_once(one: Row, other: Row) -> bool:
    if one.times is None or other.times is None:
        return True
    a, b = one.times.minutes, other.times.minutes
    return max(a.start, b.start) < min(a.stop, b.stop)


def _same_days(one: Row, other: Row, seasons: Mapping[str, Season]) -> bool:
    a, b = seasons.get(one.season or ""), seasons.get(other.season or "")
    if a is None or b is None:
        return one.season is None and other.season is None
    return max(a.from_, b.from_) <= min(a.to, b.to)


def _by_product(rows: Iterable[Row]) -> dict[int, list[Found]]:
    found: dict[int, list[Found]] = defaultdict(list)
    for index, row in enumerate(rows):
        found[row.product].append(Found(index, row))
    return dict(found)
