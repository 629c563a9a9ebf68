# SPDX-License-Identifier: Apache-2.0
"""What of an order an e-invoice 数电票 says: pure. Amounts in minor units, tax inside them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pistegate_cloud.ledger.landing import LANDS
from pistegate_cloud.pricing.rules import tax_of

_INVOICED: Final = ("deferred", "revenue")  # what is revenue of ours; the guest's own and another's money is not


@dataclass(frozen=True, slots=True)
class Sold:
    """A line of an order, as far as an invoice looks at it; `refunded` of `amount` went back."""

    kind: str
    words: str
    quantity: int
    amount: int
    tax_bp: int
    passthrough: bool = False
    refunded_quantity: int = 0
    refunded: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an invoice: `amount` gross, `tax` of it at `tax_bp` basis points."""

    words: str
    quantity: int
    amount: int
    tax_bp: int
    tax: int


def lines_of(sold: Iterable[Sold]) -> list[Line]:
    """What is invoiced of an order: revenue of ours that the guest still has."""
    found = []
    for line in sold:
        amount = line.amount - line.refunded
        if amount > 0 and not line.passthrough and LANDS.get(line.kind) in _INVOICED:
            quantity = max(1, line.quantity - line.refunded_quantity)
            found.append(Line(line.words, quantity, amount, line.tax_bp, tax_of(amount, line.tax_bp)))
    return found


def red(lines: Iterable[Line]) -> list[Line]:
    """The red letter 红字 of an invoice: every line with its amounts negative."""
    return [Line(line.words, -line.quantity, -line.amount, line.tax_bp, -line.tax) for line in lines]


def by_rate(lines: Iterable[Line]) -> dict[int, tuple[int, int]]:
    """Tax rate in basis points -> (gross, tax)."""
    found: dict[int, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for line in lines:
        gross, tax = found[line.tax_bp]
        found[line.tax_bp] = (gross + line.amount, tax + line.tax)
    return dict(found)
