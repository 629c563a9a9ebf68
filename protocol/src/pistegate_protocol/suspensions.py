# SPDX-License-Identifier: Apache-2.0
"""An area is closed for a time (wind, a lift that stands still), and clocks of tickets may stand still with it.

Minutes here are whole ones (instants.py). A pause is rounded outwards to them, for the guest: whatever a pause
is asked about, adjoining spans then add up without rounding anew.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter

from pistegate_protocol.instants import minute_from, minute_of

Pause = tuple[int, int | None]
"""From a minute to another (not included); None: it goes on."""


@dataclass(frozen=True, slots=True)
class Suspension:
    """`area` admits nobody from `start` to `end` (aware; None: until further notice).

    `clocks_paused`: meanwhile no time runs for tickets that hold in that area.
    """

    area: int
    start: datetime
    end: datetime | None = None
    clocks_paused: bool = False

    def closes(self, area: int, now: datetime) -> bool:
        """Whether `area` is closed at `now`."""
        return self.area == area and self.start <= now and (self.end is None or now < self.end)


def pauses(suspensions: Iterable[Suspension], areas: frozenset[int]) -> tuple[Pause, ...]:
    """When no time runs for a ticket that holds in `areas`: while one of them is suspended, clocks paused. In order."""
    found: list[Pause] = [
        (minute_of(each.start), None if each.end is None else minute_from(each.end))
        for each in suspensions
        if each.clocks_paused and each.area in areas and (each.end is None or each.start < each.end)
    ]
    merged: list[Pause] = []
    for start, end in sorted(found, key=itemgetter(0)):
        before = merged[-1][1] if merged else start - 1
        if before is None:
            break
        if start > before:
            merged.append((start, end))
        elif end is None or end > before:
            merged[-1] = merged[-1][0], end
    return tuple(merged)


def paused_minutes(paused: Iterable[Pause], since: int, until: int) -> int:
    """Minutes from `since` to `until` in which no time ran; 0 where `until` is the earlier one."""
    total = 0
    for start, end in paused:
        total += max(0, min(until, until if end is None else end) - max(since, start))
    return total


def minute_after(paused: Iterable[Pause], since: int, running: int) -> int | None:
    """The minute at which `running` minutes have run since `since`; None while nobody can tell (a pause goes on)."""
    at = since + running
    for start, end in paused:
        if start >= at:
            break
        if end is None:
            return None
        at += max(0, end - max(since, start))
    return at
