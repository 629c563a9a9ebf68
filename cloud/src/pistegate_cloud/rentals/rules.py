# SPDX-License-Identifier: Apache-2.0
"""What equipment costs: the clock of a card's turn, its fee, damage by a price list. Pure; money in minor units.

rules.md C: the clock runs from the first piece (of some kinds) taken to the last returned, some minutes are free, and
the fee follows from the recorded time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pistegate_protocol.rental import RentalKind

_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Span:
    """One kind of equipment of a turn, ms; None: not taken, or not returned, as far as anybody knows."""

    kind: RentalKind
    taken_ms: int | None
    returned_ms: int | None


@dataclass(frozen=True, slots=True)
class Tier:
    """Up to so many minutes, this fee."""

    up_to: int
    fee: int


@dataclass(frozen=True, slots=True)
class Tariff:
    """`starts`: the kinds whose taking starts the clock, empty: any. Up to `free` minutes cost nothing.

    `deduct`: the free minutes are taken off a longer time too. Beyond the last tier: its fee, and `step_fee` for each
    `step` minutes begun (0: nothing more).
    """

    starts: frozenset[RentalKind] = frozenset()
    free: int = 0
    deduct: bool = False
    tiers: tuple[Tier, ...] = ()
    step: int = 0
    step_fee: int = 0


@dataclass(frozen=True, slots=True)
class ClockFee:
    """A fee and where it comes from: `up_to` minutes of the tier (None: no tier), and `steps` beyond the last."""

    minutes: int
    fee: int
    up_to: int | None = None
    steps: int = 0


@dataclass(frozen=True, slots=True)
class Damage:
    """One line of the price list of damages; `kind` None: of any equipment."""

    code: str
    price: int
    kind: RentalKind | None = None
    name: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a site asks for equipment. `flat`: once for a kind that was taken. `once`: a kind once in a guest's turn."""

    currency: str
    clock: Tariff = Tariff()
    flat: Mapping[RentalKind, int] = field(default_factory=dict)
    damages: tuple[Damage, ...] = ()
    once: bool = False
    tax_bp: int = 0
    department: str = "rental"


def clock_of(spans: Iterable[Span], tariff: Tariff, last_ms: int | None) -> tuple[int, int] | None:
    """(from, to) of the clock in ms; None: it never started. `last_ms`: when the card says that the last came back."""
    spans = list(spans)
    starting = [s.taken_ms for s in spans if s.taken_ms is not None and (not tariff.starts or s.kind in tariff.starts)]
    if not starting:
        return None
    since = min(starting)
    until = max([since, last_ms or 0, *(s.returned_ms for s in spans if s.returned_ms is not None)])
    return since, until


def clock_fee(since_ms: int, until_ms: int, tariff: Tariff) -> ClockFee:
    """The fee for a recorded time; only whole minutes count."""
    minutes = max(0, until_ms - since_ms) // _MINUTE_MS
    if minutes <= tariff.free or not tariff.tiers:
        return ClockFee(minutes, 0)
    charged = minutes - tariff.free if tariff.deduct else minutes
    for tier in tariff.tiers:
        if charged <= tier.up_to:
            return ClockFee(minutes, tier.fee, tier.up_to)
    last = tariff.tiers[-1]
    steps = -(-(charged - last.up_to) // tariff.step) if tariff.step else 0
    return ClockFee(minutes, last.fee + steps * tariff.step_fee, last.up_to, steps)


def damage_of(terms: Terms, kind: RentalKind, code: str) -> Damage | None:
    """The line for this damage of this kind; one for the kind comes before one for any equipment."""
    found = [each for each in terms.damages if each.code == code and each.kind in (kind, None)]
    return min(found, key=lambda each: each.kind is None, default=None)


def terms_of(currency: str, data: Mapping[str, Any]) -> Terms:
    """Terms as they are kept (schemas.TermsBody)."""
    clock = data.get("clock") or {}
    beyond = clock.get("beyond") or {}
    return Terms(
        currency=currency,
        clock=Tariff(
            starts=frozenset(_kind(name) for name in clock.get("starts", ())),
            free=clock.get("free", 0),
            deduct=clock.get("deduct", False),
            tiers=tuple(Tier(tier["up_to"], tier["fee"]) for tier in clock.get("tiers", ())),
            step=beyond.get("each", 0),
            step_fee=beyond.get("fee", 0),
        ),
        flat={_kind(name): fee for name, fee in data.get("flat", {}).items()},
        damages=tuple(
            Damage(each["code"], each["price"], _kind(each["kind"]) if each.get("kind") else None, each["name"])
            for each in data.get("damages", ())
        ),
        once=data.get("once", False),
        tax_bp=data.get("tax_bp", 0),
        department=data.get("department", "rental"),
    )


def _kind(name: str) -> RentalKind:
    return RentalKind[name.upper()]
