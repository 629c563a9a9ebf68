# SPDX-License-Identifier: Apache-2.0
"""Pure: what rights several grants give together, and what needs a second person."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


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


NO_LIMITS = Limits({action.value: None for action in Action})


@dataclass(frozen=True, slots=True)
class Grant:
    """What one membership gives: scopes and limits at a site (None: at all), at a window (None: at all)."""

    scopes: frozenset[str]
    site: int | None
    window: int | None
    limits: Limits


@dataclass(frozen=True, slots=True)
class Rights:
    """What somebody may do of one kind. `windows`: (site, window), with None for all windows of the site."""

    sites: frozenset[int] | None
    windows: frozenset[tuple[int, int | None]] | None
    limits: Limits


def rights(grants: Iterable[Grant], scope: str) -> Rights | None:
    """What these grants give together for `scope`; None: nothing. Of several limits the widest holds."""
    held = [grant for grant in grants if scope in grant.scopes]
    if not held:
        return None
    limits = _widest([grant.limits for grant in held])
    if any(grant.site is None for grant in held):
        return Rights(None, None, limits)
    places = frozenset((grant.site, grant.window) for grant in held if grant.site is not None)
    return Rights(frozenset(site for site, _ in places), places, limits)


def _widest(limits: list[Limits]) -> Limits:
    alone: dict[str, int | None] = {}
    for action in Action:
        bounds = [limit.alone.get(action.value, 0) for limit in limits]
        alone[action.value] = None if None in bounds else max(bound or 0 for bound in bounds)
    return Limits(alone)
