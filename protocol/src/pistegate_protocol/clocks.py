# SPDX-License-Identifier: Apache-2.0
"""How long a ticket holds once its time runs: a clock, or minutes drawn from a bank of hours. Pure.

Everything is reckoned in whole minutes (instants.py), so that rounding never adds up: a clock that a passage starts
begins with the next whole minute, and a bank draws the minutes between the whole minutes of two passages. Minutes in
which the ticket's area is suspended with clocks paused do not run.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from pistegate_protocol.claim_terms import DAY_MINUTES, ClockStart, ClockTerm
from pistegate_protocol.instants import MINUTE, minute_from, minute_of
from pistegate_protocol.suspensions import Pause, minute_after, paused_minutes
from pistegate_protocol.usage import AHEAD_MAX, BANK_MAX

Paused = tuple[Pause, ...]


@dataclass(frozen=True, slots=True)
class Clock:
    """A ticket's clock at a minute: `start` and `end` of it (None: nobody can tell yet), `beyond` minutes past the end.

    `runs`: its start is known without this passage. `waits`: it has a fixed start, which is still to come. `kept`: its
    start depends on a passage, so that the usage must keep it.
    """

    start: int
    end: int | None
    beyond: int | None
    runs: bool
    waits: bool
    kept: bool


@dataclass(frozen=True, slots=True)
class Drawn:
    """Minutes drawn from a bank, `ahead` of them for time that has not run yet."""

    used: int
    ahead: int

    @property
    def run(self) -> int:
        """Minutes that have run: what decides whether any are left."""
        return self.used - self.ahead


def site_minute(day: date, minutes: int, zone: tzinfo) -> int:
    """The minute at which the site's clocks show `minutes` after 00:00 of `day` (beyond 24 h: of the days after).

    Where they show it twice, the first; where they leave it out, the first minute after.
    """
    days, minute = divmod(minutes, DAY_MINUTES)
    shown = datetime.combine(day + timedelta(days=days), time(minute // 60, minute % 60), tzinfo=zone)
    at = shown.astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) == shown.replace(tzinfo=None):
        return minute_of(at)
    while (at - MINUTE).astimezone(zone).replace(tzinfo=None) >= shown.replace(tzinfo=None):
        at -= MINUTE
    return minute_of(at)


def clock_at(
    term: ClockTerm, first_day: date, started: datetime | None, now: datetime, zone: tzinfo, extra: int, paused: Paused
) -> Clock:
    """The clock as it is if its ticket passes at `now`; `started`: what the usage keeps, `extra`: its extension."""
    kept = term.start not in (ClockStart.SALE, ClockStart.FIXED) or term.within is not None
    minute = minute_of(now)
    start = minute_of(started) if kept and started else _start(term, first_day, now, zone, paused)
    running = minute - start - paused_minutes(paused, start, minute)
    length = term.minutes + extra
    return Clock(
        start=max(1, start),  # a usage has no place for an earlier one
        end=minute_after(paused, start, length),
        beyond=running - length if running >= length else None,
        runs=not kept or started is not None,
        waits=term.start is ClockStart.FIXED and minute < start,
        kept=kept,
    )


def _start(term: ClockTerm, first_day: date, now: datetime, zone: tzinfo, paused: Paused) -> int:
    if term.start in (ClockStart.FIRST_PASSAGE, ClockStart.EACH_DAY):
        return minute_from(now)
    told = site_minute(first_day, term.at, zone)
    if term.within is None:
        return told
    waited = minute_of(now) - told - paused_minutes(paused, told, minute_of(now))
    # A gate whose clock is behind the window's is told of a sale in the future.
    return max(told, minute_from(now)) if waited <= term.within else told


def draw_first(minimum: int, used: int, total: int) -> Drawn:
    """The first passage of a day: its minimum, ahead of the time that it is for, as far as the bank still has it."""
    ahead = max(0, min(minimum, min(BANK_MAX, total) - used))
    return Drawn(used + ahead, ahead)


def draw_since(drawn: Drawn, last: datetime, now: datetime, paused: Iterable[Pause]) -> Drawn:
    """A later passage: the minutes since the last one, as far as they were not drawn ahead.

    Where a gate's clock is behind that of the last one, the minutes that it goes back are drawn ahead: they were
    counted, and are going to run once more.
    """
    since, until = minute_of(last), minute_of(now)
    minutes = until - since - paused_minutes(paused, since, until)
    beyond = max(0, minutes - drawn.ahead)
    return Drawn(min(BANK_MAX, drawn.used + beyond), min(AHEAD_MAX, max(0, drawn.ahead - minutes)))
