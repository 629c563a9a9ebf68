# SPDX-License-Identifier: Apache-2.0
"""Optional terms of a claim: daily windows, a bank of hours, a clock; and how each of them is packed.

A term is one bit of the claim's `terms` and a few bytes behind its head, in the order of `LAYOUTS`.
"""

from dataclasses import dataclass
from enum import IntEnum

QUARTER = 15  # minutes; windows begin and end on quarter hours
DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class Window:
    """A part of every day of the site: minutes after 00:00 site time, `end` not included; multiples of 15."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Bank:
    """A bank of hours: `minutes` for the whole validity; the first passage of a day draws `minimum` of them at once."""

    minutes: int
    minimum: int = 0


class ClockStart(IntEnum):
    """What starts a ticket's clock; the number is stored."""

    FIRST_PASSAGE = 0
    SALE = 1
    FIXED = 2
    EACH_DAY = 3
    """The first passage of each day: every day has its own clock."""


@dataclass(frozen=True, slots=True)
class ClockTerm:
    """The ticket holds for `minutes` in a row from its start.

    `at` (SALE, FIXED): minutes after 00:00 of `valid_from` as the site's clocks show them, 0..16383. `within` (SALE):
    when the first passage is at most so many minutes after the sale, the clock starts at that passage instead.
    """

    minutes: int
    start: ClockStart = ClockStart.FIRST_PASSAGE
    at: int = 0
    within: int | None = None
