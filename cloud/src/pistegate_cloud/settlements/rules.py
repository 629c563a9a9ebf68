# SPDX-License-Identifier: Apache-2.0
"""What a settlement says and how it is paid: pure. Money in minor units.

A line's `amount` is what the guest owes by it (above 0), gets back (below 0), or 0 where it only tells. Charges are
paid from what the guest hands over now, then from the wallet, then from the deposits; what is left of both goes back.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

CHARGES: Final = ("rental", "flat", "overtime", "damage", "lost")


@dataclass(frozen=True, slots=True)
class Line:
    """One line: the text `settlement.KEY` with `values`. `only_card`: the card alone knows it, no device has told."""

    key: str
    amount: int
    values: Mapping[str, Any] = field(default_factory=dict)
    only_card: bool = False
    kind: str = "told"

    @property
    def is_charge(self) -> bool:
        """Whether it goes into the order."""
        return self.kind in CHARGES


@dataclass(frozen=True, slots=True)
class Held:
    """A deposit that can be used."""

    id: int
    amount: int


@dataclass(frozen=True, slots=True)
class Use:
    """Part of the charges paid from the guest's own money here: `method` wallet or deposit, `reference` its number."""

    method: str
    reference: int
    amount: int


@dataclass(frozen=True, slots=True)
class Plan:
    """How the charges are paid and what goes back; `missing`: what nobody has paid yet."""

    uses: tuple[Use, ...]
    deposits_back: Mapping[int, int]
    wallet_back: int
    missing: int


def owed(lines: Iterable[Line]) -> int:
    """The sum of the charges."""
    return sum(line.amount for line in lines if line.is_charge)


def plan(charges: int, offered: int, wallet: tuple[int, int] | None, deposits: Sequence[Held]) -> Plan:
    """`offered`: handed over now for the charges. `wallet`: (number, what is in it); below 0 it is owed as well."""
    rest = max(0, charges - offered)
    uses = []
    left = 0
    if wallet is not None:
        number, left = wallet
        if part := min(rest, max(0, left)):
            uses.append(Use("wallet", number, part))
            rest, left = rest - part, left - part
    back = {}
    for deposit in deposits:
        part = min(rest, deposit.amount)
        if part:
            uses.append(Use("deposit", deposit.id, part))
            rest -= part
        back[deposit.id] = deposit.amount - part
    return Plan(tuple(uses), back, max(0, left), rest)


def overtime_due(fee: int, paid: int) -> int:
    """What is left to pay of an overtime's fee when some was paid for it before."""
    return max(0, fee - paid)
