# SPDX-License-Identifier: Apache-2.0
"""What other media of a ticket used, as far as it limits an admission here and now. Pure.

Persons, days and minutes are sums. A round, and the persons inside, are not: whoever is admitted counts on from what
is known of everybody, so that the same persons stand in the counters of several media. Of a round the most that is
known holds; of the persons inside what the latest passage left.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from pistegate_protocol.usage import Usage

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Round:
    """Persons of the party who are in since its round began, or inside where they are tracked; the entry before."""

    persons: int = 0
    last_entry: datetime | None = None
    last_gate: int = 0


@dataclass(frozen=True, slots=True)
class Others:
    """Sums over the other media: persons `total` and `on_day`, days, minutes drawn; `started`: the earliest clock.

    `today`: those of them that count this day.
    """

    total: int = 0
    on_day: int = 0
    days: int = 0
    bank_used: int = 0
    started: datetime | None = None
    today: tuple[Usage, ...] = ()


NOBODY = Others()


def on_this_day(usage: Usage, today: int) -> bool:
    """Whether the day that `usage` counts is that of number `today`.

    A gate whose clock is ahead may have begun tomorrow already: go on counting there, or the seconds around midnight
    would give the day's entries anew at each gate. Further ahead, its clock was wrong: that is not counted.
    """
    return 0 <= usage.day - today <= 1


def others(parts: Iterable[Usage], today: int, *, each_day: bool) -> Others:
    """Their sums on the day of number `today`; `each_day`: every day has its own clock."""
    parts = tuple(parts)
    now = tuple(usage for usage in parts if on_this_day(usage, today))
    running = [usage for usage in now if usage.used_on_day] if each_day else parts
    starts = [usage.started for usage in running if usage.started is not None]
    return Others(
        total=sum(usage.used_total for usage in parts),
        on_day=sum(usage.used_on_day for usage in now),
        days=sum(usage.days_used for usage in parts),
        bank_used=sum(usage.bank_used for usage in parts),
        started=min(starts, default=None),
        today=now,
    )


def round_of(usages: Iterable[Usage]) -> Round:
    """Of those whose round goes on: the most persons that one of them knows of, and the newest entry."""
    usages = tuple(usages)
    return replace(inside(usages), persons=max((usage.in_round for usage in usages), default=0))


def inside(usages: Iterable[Usage]) -> Round:
    """Of those of this day: the persons inside as the latest passage left them."""
    usages = tuple(usages)
    if not usages:
        return Round()
    latest = latest_of(usages)
    return Round(latest.in_round, latest.last_entry, latest.last_gate)


def latest_of(usages: Iterable[Usage]) -> Usage:
    """The one with the newest entry; of two at once, the one that knows of more persons."""
    return max(usages, key=lambda usage: (usage.last_entry or _NEVER, usage.in_round))
