# SPDX-License-Identifier: Apache-2.0
"""Which days a blackout set holds: pure. And dates from CSV."""

import csv
import io
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

HORIZON = timedelta(days=400)  # how far ahead weekdays are worked out: a season and the next one's beginning
BEFORE = timedelta(days=2)  # past days that are still told: gates' clocks and zones differ
NOTE_MAX = 80  # characters
_HEADER: Final = ("date", "note")


@dataclass(frozen=True, slots=True)
class Rule:
    """Every one of `weekdays` (0 Monday .. 6 Sunday) except the own dates of some sets, and also those of others."""

    weekdays: frozenset[int] = frozenset()
    also: frozenset[int] = frozenset()
    excepted: frozenset[int] = frozenset()


def days_of(own: Collection[date], rule: Rule, dates: Mapping[int, Collection[date]], today: date) -> list[date]:
    """The days of a set from just before `today` to the horizon; `dates`: own dates of the sets that the rule names.

    A set's own dates always count, then those of `also`; weekdays only where no excepted set has the day.
    """
    first, last = today - BEFORE, today + HORIZON
    excepted = {day for number in rule.excepted for day in dates.get(number, ())}
    span = ((first + timedelta(days=offset)) for offset in range((last - first).days + 1))
    days = {day for day in span if day.weekday() in rule.weekdays and day not in excepted}
    days |= {day for number in rule.also for day in dates.get(number, ())}
    return sorted(day for day in days | set(own) if first <= day <= last)


def holds(own: Collection[date], rule: Rule, dates: Mapping[int, Collection[date]], day: date) -> bool:
    """Whether a set has this day, as `days_of` has it."""
    if day in own or any(day in dates.get(number, ()) for number in rule.also):
        return True
    return day.weekday() in rule.weekdays and not any(day in dates.get(number, ()) for number in rule.excepted)


class BadCsv(ValueError):
    """A line that is no date and note; the message names the line."""


def dates_of_csv(text: str) -> dict[date, str]:
    """Date -> note, from lines such as `2026-02-17,春节`; a first line `date,note` is a header. BadCsv otherwise."""
    found: dict[date, str] = {}
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if not any(cells) or (not found and tuple(cells[: len(_HEADER)]) in (_HEADER, _HEADER[:1])):
                continue
            year, month, day = cells[0].replace("/", "-").split("-")  # spreadsheets write 2026/2/17
            found[date(int(year), int(month), int(day))] = " ".join(cells[1:])[:NOTE_MAX].replace("\x00", "")
    except (ValueError, csv.Error) as error:
        raise BadCsv(f"line {reader.line_num}: {error}; expected a date such as 2026-02-17, then a note") from error
    return found
