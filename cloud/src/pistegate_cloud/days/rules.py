# SPDX-License-Identifier: Apache-2.0
"""Which business day a moment belongs to, and where what belongs to a closed day is posted."""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo

CUT_OVER_MAX = 12 * 60  # minutes after midnight; a day that begins in the afternoon is another day
_DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def cut_over_of(day: date, cut_overs: Sequence[tuple[date, int]]) -> int:
    """Minutes after midnight at which a day begins, by (from day, minutes) in order of day; 0 before the first."""
    minutes = 0
    for from_day, given in cut_overs:
        if from_day <= day:
            minutes = given
    return minutes


def business_day(at_ms: int, zone: tzinfo, cut_overs: Sequence[tuple[date, int]]) -> date:
    """The business day of a moment: the last one that had begun by the clock on the wall."""
    local = (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(zone)
    begun = local.hour * 60 + local.minute >= cut_over_of(local.date(), cut_overs)
    return local.date() if begun else local.date() - _DAY


def first_open(day: date, shut: Collection[date]) -> date:
    """`day`, or the first one after it that is not among `shut`."""
    while day in shut:
        day += _DAY
    return day


def begins(day: date, zone: tzinfo, cut_overs: Sequence[tuple[date, int]]) -> datetime:
    """When a business day begins."""
    minutes = cut_over_of(day, cut_overs)
    return datetime(day.year, day.month, day.day, *divmod(minutes, 60), tzinfo=zone).astimezone(UTC)
