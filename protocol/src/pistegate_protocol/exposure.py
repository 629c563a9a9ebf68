# SPDX-License-Identifier: Apache-2.0
"""How many persons a ticket can let in at most while gates do not hear each other (promise P5). Pure.

Gates that hear each other, at once, are one *group*; a gate that hears no other is a group of one. At most:

    allowance x (isolated groups + separately carried media)

A card is separately carried: it brings its own count along, so that it is good for one allowance wherever it is shown,
however many groups there are. Codes, documents and fingers count nothing themselves; they point to what the gates of a
group have counted, so that any number of them, copies included, is good for one allowance in each group. They are what
the groups are counted for: a ticket that is on a card alone gives the same in any number of groups. Within a group
card and code share one usage as soon as the gates know of it. That the card was used at another gate of the group may
be known late, so the card counts beside the groups and not among them. At a single gate it is known at once: there a
card and a code let in one allowance together, although the formula says two.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pistegate_protocol.claims import Claim


@dataclass(frozen=True, slots=True)
class Allowance:
    """Persons that were paid for, on one day and in total; None: the ticket does not limit them."""

    day: int | None
    total: int | None


@dataclass(frozen=True, slots=True)
class Carried:
    """What a ticket is on: `cards` that may be shown (one lost and not yet refused everywhere is one of them).

    `pointers`: codes, documents or fingers too, however many.
    """

    cards: int
    pointers: bool

    def times(self, groups: int) -> int:
        """How often the allowance can be used at most, in so many isolated groups."""
        return self.cards + (groups if self.pointers else 0)


def allowance(*, party: int, per_day: int | None, total: int | None, days: int | None) -> Allowance:
    """Of a product's terms: entries of each person per day and in total, days of an N-of-M ticket."""
    limits = [total, None if days is None or per_day is None else days * per_day]
    whole = min((limit for limit in limits if limit is not None), default=None)
    daily = min((limit for limit in (per_day, whole) if limit is not None), default=None)
    return Allowance(*(None if limit is None else limit * party for limit in (daily, whole)))


def allowance_of(claim: Claim) -> Allowance:
    """What was sold."""
    return allowance(party=claim.party, per_day=claim.entries_per_day, total=claim.entries_total, days=claim.days)


def at_most(sold: Allowance, carried: Carried, groups: int) -> Allowance:
    """Persons that the ticket lets in at most, on one day and in total; None: there is no such number."""
    times = carried.times(groups)
    return Allowance(*(None if persons is None else persons * times for persons in (sold.day, sold.total)))


def groups_of(heard: int, silent: int, *, hub: bool) -> int:
    """Isolated groups of a site: `heard` gates are in touch, `silent` ones are not heard of; at least one.

    Only a hub tells gates of each other at once: without one each gate is a group of its own.
    """
    return max(1, silent + (min(heard, 1) if hub else heard))


def summed(tickets: Iterable[tuple[Allowance, int, int]], groups: int) -> tuple[int, int]:
    """Of tickets sold alike: (allowance, cards, tickets with pointers): persons of a day at most; those without limit.

    The second figure counts media, not persons: a ticket without a limit has no number of persons.
    """
    persons = unlimited = 0
    for sold, cards, pointing in tickets:
        times = cards + pointing * groups
        if sold.day is None:
            unlimited += cards + pointing
        else:
            persons += sold.day * times
    return persons, unlimited
