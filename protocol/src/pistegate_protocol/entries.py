# SPDX-License-Identifier: Apache-2.0
"""How many entries are left, and how they are counted; a day counts from its first charged passage. Pure."""

from dataclasses import replace

from pistegate_protocol.claims import ENTRIES_MAX, ON_DAY_MAX, Claim
from pistegate_protocol.usage import Usage
from pistegate_protocol.views import View


def left(entries: int | None, claim: Claim, used: int) -> int:
    """Entries left of the party, in persons. Unlimited ones end where the counter does: a card cannot count on."""
    allowed = ENTRIES_MAX if entries is None else entries * claim.party
    return max(0, allowed - used)


def left_today(view: View, on_day: int) -> int:
    """Entries left of the day. Where days are counted, unlimited ones stay at the end of their counter."""
    if view.claim.entries_per_day is None:
        return ENTRIES_MAX if view.claim.days is not None else left(None, view.claim, on_day)
    return left(view.claim.entries_per_day, view.claim, on_day + view.others.on_day)


def left_total(view: View, used: int) -> int:
    """Entries left in total, once this medium has used `used`."""
    elsewhere = 0 if view.claim.entries_total is None else view.others.total
    return left(view.claim.entries_total, view.claim, used + elsewhere)


def persons(view: View) -> int:
    """How many may enter now: the rest of the party's round, its batch and what is left."""
    claim = view.claim
    return min(
        claim.party - view.in_round,
        claim.batch or claim.party,
        left_total(view, view.usage.used_total),
        left_today(view, view.on_day),
    )


def counted(view: View, charged: int) -> Usage:
    """The usage with `charged` persons more."""
    claim, usage = view.claim, view.usage
    new_day = claim.days is not None and charged > 0 and not view.begun
    return replace(
        usage,
        used_total=usage.used_total + charged,
        used_on_day=min(ENTRIES_MAX if claim.days is None else ON_DAY_MAX, view.on_day + charged),
        days_used=usage.days_used + new_day,
    )
