# SPDX-License-Identifier: Apache-2.0
"""When what was sold is earned 收入确认: pure. Amounts are minor units, net of tax.

The rule, by what a ticket is:

- one day or one clock of at most a day (session, hours, day): all of it on its first passage, whatever the party;
- N of M days: one Nth on each day on which it is used;
- so many entries over several days: each day the entries that were charged, of all that were sold;
- several days in a row, a season, a bank of hours: on each day on which it is used, all up to the share of its days
  that have gone by with that day (a day on which nobody came is earned with the next use);
- whatever is left on the day after its last day: all of it, by expiry;
- a line without tickets (rental, coach, meal): at the end of its visit date;
- shares are of what is earned so far, rounded once: parts of a ticket sum to the share of the whole, to the fen.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from pistegate_cloud.pricing.rules import split

Way = Literal["once", "days", "entries", "linear"]


@dataclass(frozen=True, slots=True)
class Terms:
    """What was sold: `first` to `last` day of validity, and `of`: days or entries that were sold, where they count."""

    way: Way
    first: date
    last: date
    of: int = 1


def way_of(*, first: date, last: date, days: int | None, entries: int | None, session: bool = False) -> Terms:
    """How a ticket is earned; `days`: N of M, `entries`: of the whole party, over all its days. `session`: one clock
    of at most a day, whenever it begins.
    """
    if last <= first or session:
        return Terms("once", first, last)
    if days is not None:
        return Terms("days", first, last, days)
    return Terms("linear", first, last) if entries is None else Terms("entries", first, last, entries)


def earned(net: int, terms: Terms, uses: Iterable[tuple[date, int]]) -> dict[date, int]:
    """What each day of use earned, of `net`; `uses`: (operating day, entries charged) of the passages that count."""
    by_day: dict[date, int] = defaultdict(int)
    for day, charged in uses:
        by_day[day] += charged
    found, before, entries = {}, 0, 0
    for count, day in enumerate(sorted(by_day), 1):
        entries += by_day[day]
        so_far = max(before, _part(net, terms, day, count, entries))
        found[day] = so_far - before
        before = so_far
    return found


def _part(net: int, terms: Terms, day: date, days: int, entries: int) -> int:
    """What is earned by the end of a day of use: the `days`th, with `entries` charged by then."""
    if terms.way == "once":
        return net
    if terms.way == "linear":
        done, of = (day - terms.first).days + 1, (terms.last - terms.first).days + 1
    else:
        done, of = (days if terms.way == "days" else entries), terms.of
    return net * min(max(done, 0), of) // of


def due(target: Mapping[date, int], posted: Mapping[date, int], room: int) -> dict[date, int]:
    """What is to be posted for each day, given what was: never more than is earned in all, nor than `room`.

    A day that a late gate adds gets its own share; one that only moves shares between days posted already moves
    nothing: a closed day stays, and the sum is right.
    """
    left = min(room, sum(target.values()) - sum(posted.values()))
    found = {}
    for day in sorted(target):
        part = min(left, target[day] - posted.get(day, 0))
        if part > 0:
            found[day] = part
            left -= part
    return found


def shared(shares: Sequence[Mapping[str, object]] | None, before: int, after: int) -> list[tuple[int | None, str, int]]:
    """(site or None: our own, department or "": the line's, amount) of what is earned from `before` to `after`."""
    if not shares:
        return [(None, "", after - before)]
    weights = [int(str(share["bp"])) for share in shares]
    parts = zip(shares, split(after, weights), split(before, weights), strict=True)
    return [(_site(share), str(share.get("department") or ""), new - old) for share, new, old in parts if new != old]


def _site(share: Mapping[str, object]) -> int | None:
    site = share.get("site")
    return None if site is None else int(str(site))
