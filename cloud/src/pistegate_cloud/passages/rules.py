# SPDX-License-Identifier: Apache-2.0
"""What events mean for admissions: pure. Settling what gates left open, and finding tickets used beyond their claim."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol, TypeVar

from pistegate_protocol.signing import MediumKind

UNSETTLED = ("card_unconfirmed", "interrupted")
_CARD = f"{MediumKind.CARD:02x}"  # what a card's medium begins with, in hex


class Tap(Protocol):
    """An admission, as far as the rules below look at it."""

    name: str
    prev: str
    ticket: int
    claim: str
    medium: str
    at_ms: int
    day: date
    charged: int
    state: str
    settled: str | None


T = TypeVar("T", bound=Tap)


def settlement(admission: Tap, others: Iterable[Tap]) -> str | None:
    """Whether `admission`, whose commit is in doubt, was "charged" or "void"; None: nothing tells yet.

    Another admission of the same card names it as `prev`: it was written. A later one has its `prev`: it was not.
    Of any other medium the admission itself is the charge: each gate keeps what codes used by itself.
    """
    if not of_card(admission) or admission.state not in UNSETTLED or admission.settled is not None:
        return None
    same = [
        o for o in others if o.name != admission.name and (o.medium, o.claim) == (admission.medium, admission.claim)
    ]
    if any(other.prev == admission.name for other in same):
        return "charged"
    if any(other.prev == admission.prev and other.at_ms >= admission.at_ms for other in same):
        return "void"
    return None


def of_card(admission: Tap) -> bool:
    """Whether its medium was a card."""
    return admission.medium.startswith(_CARD)


def counts(admission: Tap) -> bool:
    """Whether an admission's charge counts: it was written, or is not known not to be."""
    return admission.state != "card_void" and admission.settled != "void"


def is_written(admission: Tap) -> bool:
    """Whether it is known that an admission was written to a card."""
    return of_card(admission) and counts(admission) and admission.state not in (*UNSETTLED, "open")


def state_of(admission: Tap) -> tuple[str, str]:
    """Which state of which medium it followed."""
    return admission.medium, admission.prev


def by_ticket(admissions: Iterable[T]) -> dict[int, list[T]]:
    """In their order, ticket by ticket."""
    found: dict[int, list[T]] = defaultdict(list)
    for admission in admissions:
        found[admission.ticket].append(admission)
    return found


@dataclass(frozen=True, slots=True)
class Allowance:
    """Entries of a whole party; None: unlimited."""

    per_day: int | None
    total: int | None

    @property
    def limited(self) -> bool:
        """Whether it can be exceeded."""
        return self.per_day is not None or self.total is not None


def overuse(charges: Sequence[tuple[date, int]], allowance: Allowance) -> str | None:
    """Which limit, "day" or "total", a ticket's charges (day, persons) exceed; None when neither."""
    by_day: dict[date, int] = defaultdict(int)
    for day, persons in charges:
        by_day[day] += persons
    if allowance.per_day is not None and any(used > allowance.per_day for used in by_day.values()):
        return "day"
    if allowance.total is not None and sum(by_day.values()) > allowance.total:
        return "total"
    return None


def twins(admissions: Sequence[T]) -> list[tuple[T, T]]:
    """Pairs of admissions that were both written over the same `prev` of one card: its memory was turned back."""
    first: dict[tuple[str, str, str], T] = {}
    found = []
    for admission in sorted(admissions, key=lambda tap: tap.at_ms):
        if not is_written(admission):
            continue
        key = (admission.medium, admission.claim, admission.prev)
        if key in first:
            found.append((first[key], admission))
        first.setdefault(key, admission)
    return found
