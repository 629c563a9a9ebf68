# SPDX-License-Identifier: Apache-2.0
"""Pure: what rights several grants give together, what needs a second person, which passwords are too weak."""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

EVERYTHING: Final = "*"  # in a group's scopes: also those that later releases bring


class Action(StrEnum):
    """What may need a second person above an amount (minor units)."""

    REFUND = "refund"
    FREE = "free"
    DISCOUNT = "discount"
    VOID = "void"
    SIGN_BILL = "sign_bill"


@dataclass(frozen=True, slots=True)
class Limits:
    """Up to which amount each action is done alone (None: any; an action not named: nothing, not even one fen)."""

    alone: Mapping[str, int | None] = field(default_factory=dict)

    def needs_second(self, action: str, amount: int) -> bool:
        """Whether a second person must agree to `amount`; an amount of zero moves nothing and needs nobody."""
        bound = self.alone.get(action, 0)
        return bound is not None and amount > bound

    def within(self, other: "Limits") -> bool:
        """Whether nobody could do more alone by these than by `other`."""
        for action in Action:
            mine, theirs = self.alone.get(action.value, 0), other.alone.get(action.value, 0)
            if theirs is not None and (mine is None or mine > theirs):
                return False
        return True


NO_LIMITS: Final = Limits({action.value: None for action in Action})


@dataclass(frozen=True, slots=True)
class Grant:
    """What one membership gives: scopes and limits at a site (None: at all), there at a window (None: at all)."""

    scopes: frozenset[str]
    site: int | None = None
    window: int | None = None
    limits: Limits = NO_LIMITS

    def gives(self, scope: str) -> bool:
        """Whether `scope` is among them."""
        return scope in self.scopes or EVERYTHING in self.scopes

    def reaches(self, site: int | None, window: int | None) -> bool:
        """Whether it holds at all of a site's window (None: at all of them)."""
        return self.site is None or (self.site == site and self.window in (None, window))


@dataclass(frozen=True, slots=True)
class Rights:
    """What somebody may do of one kind. `windows`: (site, window), with None for all windows of the site."""

    sites: frozenset[int] | None
    windows: frozenset[tuple[int, int | None]] | None
    limits: Limits


def rights(grants: Iterable[Grant], scope: str) -> Rights | None:
    """What these grants give together for `scope`; None: nothing. Of several limits the widest holds."""
    held = [grant for grant in grants if grant.gives(scope)]
    if not held:
        return None
    limits = _widest([grant.limits for grant in held])
    if any(grant.site is None for grant in held):
        return Rights(None, None, limits)
    places = frozenset((grant.site, grant.window) for grant in held if grant.site is not None)
    return Rights(frozenset(site for site, _ in places), places, limits)


def beyond(holder: Iterable[Grant], wanted: Grant) -> str | None:
    """The first thing in `wanted` that the holder has not there themselves; None: nothing, so they may give it."""
    there = [grant for grant in holder if grant.reaches(wanted.site, wanted.window)]
    for scope in sorted(wanted.scopes):
        if not any(EVERYTHING in grant.scopes if scope == EVERYTHING else grant.gives(scope) for grant in there):
            return scope
    if not wanted.limits.within(_widest([grant.limits for grant in there])):
        return "limits"
    return None


def _widest(limits: list[Limits]) -> Limits:
    alone: dict[str, int | None] = {}
    for action in Action:
        bounds = [limit.alone.get(action.value, 0) for limit in limits]
        alone[action.value] = None if None in bounds else max((bound or 0 for bound in bounds), default=0)
    return Limits(alone)


LEAST: Final = 10  # characters; NIST SP 800-63B asks for 8 where nothing else is asked, ASVS 5.0 advises more
_COMMON: Final = (
    *("password", "passw0rd", "qwertyuiop", "1q2w3e4r5t", "iloveyou", "welcome", "letmein", "administrator"),
    *("woaini1314", "pistegate", "snowvalley", "huaxue", "skiresort"),
)


def weak(password: str, login: str, old: str | None = None) -> bool:
    """Whether a password is too short, the login, the old one, a well-known one, or a run or repeat of few signs."""
    low = password.lower()
    core = "".join(sign for sign in low if sign.isalpha())
    if len(password) < LEAST or login.lower() in low or password == old:
        return True
    if core in _COMMON or low in _COMMON or len(set(low)) < 4:
        return True
    steps = [ord(after) - ord(before) for before, after in itertools.pairwise(low)]
    return max(steps.count(step) for step in steps) >= len(low) - 2
