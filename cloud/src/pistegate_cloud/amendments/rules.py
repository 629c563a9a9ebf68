# SPDX-License-Identifier: Apache-2.0
"""What amendments say, and who may be given back: pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Final, Protocol, TypeVar

from pistegate_cloud.errors import Problem
from pistegate_protocol.returns import RETURNS_AT_ONCE

EXTRA_MAX: Final = 0xFFFF  # minutes; amendments carry them in 16 bits
NUMBER_MAX: Final = 255  # of amendments of one ticket; they carry it in 8 bits
PENDING_MAX: Final = RETURNS_AT_ONCE  # persons given back that no card has taken yet


class Change(StrEnum):
    """What one amendment changes; stored."""

    EXTEND = "extend"
    AREAS = "areas"
    HOLD = "hold"
    UNHOLD = "unhold"
    RETURN = "return"
    RECOVERED = "recovered"
    """Of a restored database: a device still had what was lost here; it may be several at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amended:
    """All that holds by amendment of a ticket (protocol Amendment, unsigned); None and 0: as sold."""

    valid_until: date | None = None
    areas: frozenset[int] | None = None
    hold: bool = False
    extra_minutes: int = 0
    returns: int = 0
    return_day: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AsSold:
    """What amendments start from. `timed`: the ticket has a clock or a bank of hours."""

    valid_until: date
    areas: frozenset[int]
    timed: bool


def extended(held: Amended, sold: AsSold, until: date | None, minutes: int) -> Amended:
    """Longer: to a later last day, by more minutes, or both; Problem when that is no extension."""
    if until is None and minutes == 0:
        raise Problem("extension_empty")
    if until is not None and until <= (held.valid_until or sold.valid_until):
        raise Problem("extension_not_later", until=held.valid_until or sold.valid_until)
    if minutes and not sold.timed:
        raise Problem("extension_without_clock")
    extra = held.extra_minutes + minutes
    if extra > EXTRA_MAX:
        raise Problem("extension_too_long", minutes=extra, limit=EXTRA_MAX)
    return replace(held, valid_until=until or held.valid_until, extra_minutes=extra)


def with_areas(held: Amended, sold: AsSold, added: Iterable[int]) -> Amended:
    """Valid in more areas; Problem when it is so already."""
    areas = held.areas if held.areas is not None else sold.areas
    if areas >= frozenset(added):
        raise Problem("areas_held_already")
    return replace(held, areas=areas | frozenset(added))


def held_back(held: Amended, hold: bool) -> Amended:
    """On hold, or no longer; Problem when it is so already."""
    if held.hold == hold:
        state, event = ("on hold", "hold") if hold else ("not on hold", "unhold")
        raise Problem("state_conflict", noun="ticket", state=state, event=event)
    return replace(held, hold=hold)


@dataclass(frozen=True, slots=True)
class Given:
    """A return: `total` persons given back with it, those of `day` last."""

    total: int
    day: date


def with_return(held: Amended, persons: int, day: date, before: Sequence[Given], taken: int) -> Amended:
    """`persons` charged on `day` are given back; `taken`: how many of those `before` a card has taken already."""
    total = held.returns + persons
    if total - taken > PENDING_MAX:
        raise Problem("returns_pending", limit=PENDING_MAX)
    days = {given.day for given in before if given.total > taken} | {day}
    return replace(held, returns=total, return_day=day if len(days) == 1 else None)


class Tap(Protocol):
    """An admission, as far as the rules below look at it."""

    name: str
    reoffer_of: str | None
    n: int
    charged: int
    state: str
    settled: str | None
    passed: int
    unknown: int


T = TypeVar("T", bound=Tap)


def chain(first: T, admissions: Iterable[T]) -> list[T]:
    """An admission, its re-offers, and theirs: all of them concern the same persons."""
    found, names = [first], {first.name}
    rest = [tap for tap in admissions if tap.reoffer_of is not None]
    while more := [tap for tap in rest if tap.reoffer_of in names and tap.name not in names]:
        found += more
        names |= {tap.name for tap in more}
    return found


def unpassed(taps: Sequence[Tap]) -> int:
    """How many charged persons of a chain nobody saw pass, surely; Problem return_unknown while that is not known."""
    first = taps[0]
    in_doubt = ("card_unconfirmed", "interrupted")
    if any(tap.state == "open" for tap in taps) or (first.state in in_doubt and first.settled is None):
        raise Problem("return_unknown")
    if first.state == "card_void" or first.settled == "void":
        return 0
    gone = sum(tap.passed + tap.unknown for tap in taps)
    return max(0, min(first.charged, first.n - gone))
