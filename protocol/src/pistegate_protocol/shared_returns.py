# SPDX-License-Identifier: Apache-2.0
"""Persons given back to a ticket that has several media (returns.py tells the same of one). Pure.

Each medium's `returns` are the persons given back to it, so that together they are those that the ticket has met. They
come off the media that were used on the day of return first, the one that was presented before the others. What comes
off the others holds for this decision only: it is theirs to keep when they are presented.
"""

from dataclasses import replace

from pistegate_protocol.amendments import Amendment
from pistegate_protocol.claims import Claim, day_number
from pistegate_protocol.others import latest_of
from pistegate_protocol.returns import RETURNS_AT_ONCE, RETURNS_MODULUS, as_new, counter_ended
from pistegate_protocol.usage import Usage


def shared_back(
    claim: Claim, usage: Usage, parts: tuple[Usage, ...], amendment: Amendment
) -> tuple[Usage, tuple[Usage, ...]]:
    """`usage` and its other media after the returns of `amendment` that none of them has met yet."""
    media = [usage, *parts]
    persons = (amendment.returns - sum(each.returns for each in media)) % RETURNS_MODULUS
    if not 0 < persons <= RETURNS_AT_ONCE:
        return usage, parts
    day = None if amendment.return_day is None else day_number(amendment.return_day)
    media = _taken(claim, media, persons, day)
    return media[0], tuple(media[1:])


def _taken(claim: Claim, media: list[Usage], persons: int, day: int | None) -> list[Usage]:
    of_day = [place for place, usage in enumerate(media) if usage.day == day and usage.used_on_day]
    rest = persons
    for place in (*of_day, *range(len(media))):
        media[place], rest = _less(claim, media[place], rest, day)
    if not any(usage.used_total for usage in media):
        return [as_new(usage) for usage in media]
    for place in of_day:
        media[place] = replace(media[place], in_round=max(0, media[place].in_round - persons))
    if not of_day or any(media[place].used_on_day for place in of_day):
        return media
    return _day_given_back(media, of_day)


def _less(claim: Claim, usage: Usage, persons: int, day: int | None) -> tuple[Usage, int]:
    """`usage` with up to `persons` less, and how many are still to be taken."""
    used = usage.used_total
    if usage.day == day and usage.used_on_day:
        used = min(used, usage.used_on_day)
    taken = min(persons, used)
    less = replace(usage, used_total=usage.used_total - taken, returns=(usage.returns + taken) % RETURNS_MODULUS)
    if usage.day == day and not counter_ended(claim, usage):
        less = replace(less, used_on_day=max(0, less.used_on_day - taken))
    return less, persons - taken


def _day_given_back(media: list[Usage], of_day: list[int]) -> list[Usage]:
    """Nothing is left of the day: it does not count, and the minutes drawn ahead for it go back into the bank."""
    ahead, days = latest_of(media[place] for place in of_day).bank_ahead, 1
    for place, usage in enumerate(media):
        minutes, day = min(ahead, usage.bank_used), min(days, usage.days_used)
        media[place] = replace(usage, bank_used=usage.bank_used - minutes, days_used=usage.days_used - day)
        ahead, days = ahead - minutes, days - day
    for place in of_day:
        media[place] = replace(media[place], bank_ahead=0)
    return media
